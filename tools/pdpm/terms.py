"""Conditions in their short written form, as rows of the book's table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_TERM = re.compile(r"(\w+)(?: (in|<=|>=) ([\d|]+))?")
_TEST = {"in": "in", "<=": "le", ">=": "ge", None: "holds"}


def condition_rows(
    condition: str, name: str, name_en: str, alternatives: Iterable[str], standing: str
) -> list[dict[str, Any]]:
    """The rows of one condition: ``A in 1|2 & SCORE <= 5`` is one alternative of two terms."""
    rows = []
    for number, alternative in enumerate(alternatives, 1):
        for term in alternative.split(" & "):
            found = _TERM.fullmatch(term.strip())
            if found is None:
                msg = f"{condition}: {term}"
                raise ValueError(msg)
            subject, test, value = found.groups()
            rows.append(
                {
                    "condition": condition,
                    "name": name,
                    "name_en": name_en,
                    "alternative": number,
                    "subject": subject,
                    "test": _TEST[test],
                    "value": value or "",
                    "standing": standing,
                }
            )
    return rows
