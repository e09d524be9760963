"""What an import reports: what it read, mended and refuses; as text and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from codebooks.errors import Where
from codebooks.findings import Finding, Severity
from codebooks.messages import text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codebooks.book import BookCard, SchemeBook

    RuleCheck = Callable[[SchemeBook], list[Finding]]
    """The check of a book's rules, which lives above this package and is handed in."""


@dataclass(frozen=True, slots=True)
class TableRead:
    """Where a table was found and how many rows of it were read.

    Attributes:
        table: key of the table.
        place: name of the sheet or of the file.
        header_row: 1-based row of the header.
        columns: each field's column, as ``B ADRG编码`` in a workbook.
        rows: data rows that were read whole.
    """

    table: str
    place: str
    header_row: int
    columns: Mapping[str, str]
    rows: int


@dataclass(frozen=True, slots=True)
class CountLine:
    """One count against the published one, None where nothing is published."""

    key: str
    read: int
    published: int | None

    @property
    def agrees(self) -> bool:
        """Whether it is the published count, or none is published."""
        return self.published is None or self.read == self.published


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The report of one import.

    Attributes:
        file: name of the file or folder.
        sha256: of the file, or of a folder's files with their names.
        layout: ``workbook`` or ``folder``.
        card: the card of the new book.
        tables: where each table was found.
        counts: what was read against the published counts.
        mends: what was mended, by kind.
        findings: errors, warnings and notes.
        omitted: findings beyond those kept, by code.
        content_sha256: of the book; None when the import is refused.
        same_as: ids of known schemes with the same content.
        refused: whether an error refuses the import.
    """

    file: str
    sha256: str
    layout: str
    card: BookCard
    tables: tuple[TableRead, ...]
    counts: tuple[CountLine, ...]
    mends: Mapping[str, int]
    findings: tuple[Finding, ...]
    omitted: Mapping[str, int]
    content_sha256: str | None
    same_as: tuple[str, ...]
    refused: bool
    severities: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        counted = Counter(finding.severity.value for finding in self.findings)
        object.__setattr__(self, "severities", {s.value: counted[s.value] for s in Severity})

    def to_text(self, lang: str | None = None) -> str:
        """The report in words, one language."""
        return "\n".join(_lines(self, lang)) + "\n"

    def to_json(self, lang: str | None = None) -> dict[str, Any]:
        """The report as plain values; findings carry their words in one language."""
        return {
            "file": self.file,
            "sha256": self.sha256,
            "layout": self.layout,
            "refused": self.refused,
            "card": self.card.to_json(),
            "content_sha256": self.content_sha256,
            "same_as": list(self.same_as),
            "tables": [asdict(table) for table in self.tables],
            "counts": [{**asdict(line), "agrees": line.agrees} for line in self.counts],
            "mends": dict(self.mends),
            "findings": [_finding_json(finding, lang) for finding in self.findings],
            "omitted": dict(self.omitted),
        }


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The book, None when the import is refused, and the report."""

    book: SchemeBook | None
    report: ImportReport


def _finding_json(finding: Finding, lang: str | None) -> dict[str, Any]:
    place = {s: v for s in Where.__slots__ if (v := getattr(finding.where, s)) is not None}
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "where": place,
        "text": finding.describe(lang),
    }


def _lines(report: ImportReport, lang: str | None) -> list[str]:
    def say(key: str, **params: object) -> str:
        return text(f"import.{key}", lang, **params)

    card = report.card
    end = card.valid_to.isoformat() if card.valid_to else say("open_end")
    lines = [
        say("title", file=report.file, layout=say(f"layout.{report.layout}")),
        say("sha256", sha256=report.sha256),
        say("card", id=card.id, region=card.region, valid_from=card.valid_from, valid_to=end),
        "",
        say("heading.tables"),
    ]
    lines += [
        say(
            "table",
            table=say(f"table_name.{table.table}"),
            place=table.place,
            row=table.header_row,
            rows=table.rows,
        )
        for table in report.tables
    ]
    lines += ["", say("heading.counts")]
    for line in report.counts:
        name = say(f"count.{line.key}")
        if line.published is None:
            lines.append(say("count_line.alone", name=name, read=line.read))
        else:
            kind = "equal" if line.agrees else "different"
            words = say(f"count_line.{kind}", name=name, read=line.read, published=line.published)
            lines.append(words)
    lines += ["", say("heading.mends")]
    lines += [
        say("mend_line", what=say(f"mend.{kind}"), count=count)
        for kind, count in sorted(report.mends.items())
    ] or [say("nothing")]
    lines += ["", say("heading.findings", **report.severities)]
    order = list(Severity)
    ranked = sorted(report.findings, key=lambda finding: order.index(finding.severity))
    lines += [f"- {finding.describe(lang)}" for finding in ranked]
    lines += [
        say("omitted", code=code, count=count) for code, count in sorted(report.omitted.items())
    ]
    lines += ["", *_outcome(report, say)]
    return lines


def _outcome(report: ImportReport, say: Callable[..., str]) -> list[str]:
    if report.refused:
        return [say("refused")]
    lines = [say("content", sha256=report.content_sha256)]
    if report.same_as:
        lines.append(say("same_as", ids=", ".join(report.same_as)))
    return lines
