"""What a run did, counted while it ran."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from codebooks.messages import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from grouper.case.issues import Issue

_TOP = 10


@dataclass(slots=True)
class Summary:
    """Counts of a run; :meth:`lines` puts them into words.

    ``rejects`` and ``warnings`` count issues by reason, ``file_issues`` concern the file as a
    whole.
    """

    output: Path
    rejects_file: Path
    rows: int = 0
    seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    schemes: Counter[str] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    mdcs: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    file_issues: list[Issue] = field(default_factory=list)

    def add(self, results: pa.RecordBatch, issues: pa.Table) -> None:
        """Count one batch."""
        self.rows += results.num_rows
        for column, counter in (
            ("status", self.statuses),
            ("scheme", self.schemes),
            ("group", self.groups),
            ("mdc", self.mdcs),
        ):
            _count(results.column(results.schema.get_field_index(column)), counter)
        counted = issues.group_by(["severity", "reason"]).aggregate([([], "count_all")])
        for row in counted.to_pylist():
            counter = self.rejects if row["severity"] == "reject" else self.warnings
            counter[row["reason"]] += row["count_all"]

    @property
    def rate(self) -> float:
        """Cases per second."""
        return self.rows / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, object]:
        """The counts as plain values."""
        return {
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
            "cases_per_second": round(self.rate),
            "statuses": dict(sorted(self.statuses.items())),
            "schemes": dict(sorted(self.schemes.items())),
            "groups": len(self.groups),
            "rejects": dict(sorted(self.rejects.items())),
            "warnings": dict(sorted(self.warnings.items())),
            "file_issues": [issue.reason for issue in self.file_issues],
            "output": self.output.name,
            "rejects_file": self.rejects_file.name,
        }

    def lines(self, lang: str | None = None) -> Iterator[str]:
        """The summary as lines of text."""

        def say(key: str, **params: object) -> str:
            return text(f"summary.{key}", lang, **params)

        yield say("title", rows=f"{self.rows:,}", output=self.output.name)
        yield say("rate", seconds=f"{self.seconds:.2f}", rate=f"{self.rate:,.0f}")
        for status, count in _ranked(self.statuses):
            share = f"{count / self.rows:.1%}"
            yield say("count", what=text(f"status.{status}", lang), count=f"{count:,}", share=share)
        yield say("schemes", found=_joined(self.schemes))
        # Only some families have major categories.
        groups = f"{len(self.groups):,}"
        if self.mdcs:
            yield say("groups", groups=groups, mdcs=len(self.mdcs))
        else:
            yield say("groups_alone", groups=groups)
        for title, counter in (("rejects", self.rejects), ("warnings", self.warnings)):
            if counter:
                yield say(title)
                for reason, count in _ranked(counter):
                    words = text(f"reason.{reason}", lang)
                    yield say("reason", reason=reason, words=words, count=f"{count:,}")
        for issue in self.file_issues:
            yield issue.describe(lang)
        yield say("files", output=self.output.name, rejects=self.rejects_file.name)


def _count(column: pa.DictionaryArray, counter: Counter[str]) -> None:
    indices = column.indices
    valid = indices.drop_null().to_numpy(zero_copy_only=False)
    counts = np.bincount(valid, minlength=len(column.dictionary)) if len(valid) else ()
    for word, count in zip(column.dictionary.to_pylist(), counts, strict=False):
        if count:
            counter[word] += int(count)


def _ranked(counter: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def _joined(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in _ranked(counter)[:_TOP]) or "—"
