"""What a check of a codebook or an import has to report, in the same words everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from codebooks.errors import Where
from codebooks.messages import text

if TYPE_CHECKING:
    from collections.abc import Mapping


class Severity(StrEnum):
    """How much a finding weighs: an error refuses the book, the rest is for the reader."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; its words stand in the catalogues under ``finding.<CODE>``."""

    code: str
    severity: Severity
    where: Where = field(default_factory=Where)
    params: Mapping[str, object] = field(default_factory=dict)

    def describe(self, lang: str | None = None) -> str:
        """Severity, code, place and words on one line."""
        what = text(f"finding.{self.code}", lang, **self.params)
        place = self.where.describe(lang)
        severity = text(f"severity.{self.severity}", lang)
        return text(
            "finding.layout", lang, severity=severity, code=self.code, place=place, what=what
        )
