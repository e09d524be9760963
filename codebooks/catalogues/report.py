"""What an import of a catalogue reports: as text and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from codebooks.errors import Where
from codebooks.findings import Finding, Severity
from codebooks.messages import text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from codebooks.importers.report import TableRead


@dataclass(frozen=True, slots=True)
class CatalogueReport:
    """The report of one import, or of a check.

    Attributes:
        kind: of the catalogue.
        file: its name; empty for a check of what is installed.
        sha256: of its bytes; empty likewise.
        source: where it comes from.
        valid_from: from when it is in force; of a check the day that was asked about.
        whole: whether it is the whole list.
        tables: where rows stood.
        rows: rows that were read.
        left_out: rows that were not.
        faults: why, by code of the finding.
        mends: what was mended, by kind.
        findings: errors, warnings and notes.
        omitted: findings beyond those kept, by code.
        changes: what changes against the list in force, by sort; None: it was not asked.
        refused: whether the file is refused as a whole.
    """

    kind: str
    file: str
    sha256: str
    source: str
    valid_from: date
    whole: bool
    tables: tuple[TableRead, ...]
    rows: int
    left_out: int
    faults: Mapping[str, int]
    mends: Mapping[str, int]
    findings: tuple[Finding, ...]
    omitted: Mapping[str, int]
    changes: Mapping[str, int] | None
    refused: bool
    severities: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        counted = Counter(finding.severity.value for finding in self.findings)
        object.__setattr__(self, "severities", {s.value: counted[s.value] for s in Severity})

    def to_json(self, lang: str | None = None) -> dict[str, Any]:
        """As plain values; findings carry their words in one language."""
        return {
            "kind": self.kind,
            "file": self.file,
            "sha256": self.sha256,
            "source": self.source,
            "valid_from": self.valid_from.isoformat(),
            "whole": self.whole,
            "refused": self.refused,
            "rows": self.rows,
            "left_out": self.left_out,
            "faults": dict(self.faults),
            "tables": [asdict(table) for table in self.tables],
            "mends": dict(self.mends),
            "findings": [_plain(finding, lang) for finding in self.findings],
            "omitted": dict(self.omitted),
            "changes": None if self.changes is None else dict(self.changes),
        }

    def to_text(self, lang: str | None = None) -> str:
        """In words, one language."""
        lines = _heading(self, lang)
        lines += _tables(self, lang)
        if self.mends:
            lines += ["", text("import.heading.mends", lang)]
            lines += [
                text("import.mend_line", lang, what=text(f"import.mend.{kind}", lang), count=count)
                for kind, count in sorted(self.mends.items())
            ]
        lines += ["", text("import.heading.findings", lang, **self.severities)]
        order = list(Severity)
        ranked = sorted(self.findings, key=lambda finding: order.index(finding.severity))
        lines += [f"- {finding.describe(lang)}" for finding in ranked]
        lines += [
            text("import.omitted", lang, code=code, count=count)
            for code, count in sorted(self.omitted.items())
        ]
        if self.refused:
            lines += ["", text("import.refused", lang)]
        return "\n".join(lines) + "\n"


def kind_words(kind: str, lang: str | None = None) -> str:
    """A kind of catalogue in words."""
    return text(f"catalogue.kind.{kind}", lang)


def change_words(changes: Mapping[str, int], lang: str | None = None) -> str:
    """Counts of changes in words."""
    told = [text(f"catalogue.changed.{sort}", lang, count=n) for sort, n in changes.items()]
    return text("catalogue.separator", lang).join(told) or text("catalogue.unchanged", lang)


def _heading(report: CatalogueReport, lang: str | None) -> list[str]:
    kind = kind_words(report.kind, lang)
    if not report.file:
        return [text("catalogue.checked", lang, kind=kind, day=report.valid_from)]
    extent = text(f"catalogue.extent.{'whole' if report.whole else 'changes'}", lang)
    return [
        text("catalogue.title", lang, kind=kind, file=report.file),
        text("import.sha256", lang, sha256=report.sha256),
        text("catalogue.source", lang, source=report.source),
        text("catalogue.from", lang, day=report.valid_from, extent=extent),
    ]


def _tables(report: CatalogueReport, lang: str | None) -> list[str]:
    if not report.file:
        return [text("catalogue.rows_checked", lang, rows=report.rows)]
    kind = kind_words(report.kind, lang)
    lines = ["", text("import.heading.tables", lang)]
    for table in report.tables:
        place, row = table.place, table.header_row
        lines.append(text("import.table", lang, table=kind, place=place, row=row, rows=table.rows))
        columns = text("catalogue.separator", lang).join(
            f"{text(f'catalogue.field.{name}', lang)} = {column}"
            for name, column in table.columns.items()
        )
        lines.append(text("catalogue.columns", lang, columns=columns))
    lines.append(text("catalogue.rows", lang, rows=report.rows, left_out=report.left_out))
    if report.changes is not None:
        told = change_words(report.changes, lang)
        lines.append(text("catalogue.against", lang, changes=told))
    return lines


def _plain(finding: Finding, lang: str | None) -> dict[str, Any]:
    place = {s: v for s in Where.__slots__ if (v := getattr(finding.where, s)) is not None}
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "where": place,
        "params": {
            name: value if isinstance(value, int) else str(value)
            for name, value in finding.params.items()
        },
        "text": finding.describe(lang),
    }
