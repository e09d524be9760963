"""From the rows that were read to a book and a report: what both layouts have in common."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from codebooks import storage
from codebooks.book import RULE_TABLES, TABLES, is_fallback, make_book
from codebooks.errors import Where
from codebooks.importers.layout import exclusion_supplements, layout, published_counts
from codebooks.importers.options import AUTO, NONE
from codebooks.importers.report import CountLine, ImportReport, ImportResult, TableRead
from codebooks.registry import registry

if TYPE_CHECKING:
    from codebooks.book import BookCard, SchemeBook
    from codebooks.importers.notes import Notes
    from codebooks.importers.options import ImportOptions
    from codebooks.importers.report import RuleCheck


@dataclass(slots=True)
class Draft:
    """What was read of one file or folder.

    Attributes:
        layout: ``workbook`` or ``folder``.
        sha256: of what was read.
        card: the new book's card.
        rows: rows by table.
        tables: the account of each table's reading.
    """

    layout: str
    sha256: str
    card: BookCard
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    tables: list[TableRead] = field(default_factory=list)


def finish(
    draft: Draft, options: ImportOptions, notes: Notes, check: RuleCheck | None
) -> ImportResult:
    """Make the book, hold it against the published counts, check its rules, and report.

    The rules are checked only when everything could be read: what follows from rows that are
    missing would hide why they are missing.
    """
    counts = _hold_counts(draft, notes)
    book: SchemeBook | None = None
    if not notes.refused:
        _count_moved(draft, notes)
        _add_supplements(draft, options, notes)
        _add_lists(draft, options, notes)
        _order_scopes(draft)
        book = make_book(draft.card, draft.rows)
        _count_folded(draft, book, notes)
        if check is not None:
            notes.take(check(book))
    if book is None or notes.refused:
        return ImportResult(None, _report(draft, notes, counts, None))
    return ImportResult(book, _report(draft, notes, counts, book.content_hash()))


def _report(
    draft: Draft, notes: Notes, counts: tuple[CountLine, ...], content: str | None
) -> ImportReport:
    return ImportReport(
        file=notes.file,
        sha256=draft.sha256,
        layout=draft.layout,
        card=draft.card,
        tables=tuple(draft.tables),
        counts=counts,
        mends=dict(notes.mends),
        findings=tuple(notes.findings),
        omitted=dict(notes.omitted),
        content_sha256=content,
        same_as=twins(content) if content else (),
        refused=notes.refused,
    )


def twins(content: str) -> tuple[str, ...]:
    """The ids of known schemes whose content has this hash."""
    known = registry().folders.items()
    hashes = {id_: storage.read_manifest(folder).get("content_sha256") for id_, folder in known}
    return tuple(sorted(id_ for id_, found in hashes.items() if found == content))


def leave_out_nothing(draft: Draft, notes: Notes) -> None:
    """Leave out the rows of "no group" (``0000``), which the update of the workbook has.

    They say what the engine answers anyway, and the first edition has none. A row that carries a
    rule is no such row and stays.
    """
    left_out = 0
    for table, code in layout().nothing.items():
        rows = draft.rows.get(table, [])
        kept = [row for row in rows if row[table] != code or row["rule"]]
        left_out += len(rows) - len(kept)
        draft.rows[table] = kept
    if left_out:
        notes.mended("nothing_row", left_out)
        code = layout().nothing["mdc"]
        notes.note("IMPORT_NOTHING_ROWS", Where(), count=left_out, group=code)


def _hold_counts(draft: Draft, notes: Notes) -> tuple[CountLine, ...]:
    published = published_counts()
    binding = published.counts if draft.card.region == published.region else {}
    lines = tuple(
        CountLine(key, read, binding.get(key)) for key, read in _count(draft.rows).items()
    )
    differing = sum(not line.agrees for line in lines)
    if differing:
        notes.warning("IMPORT_COUNTS", Where(), count=differing, scheme=published.scheme)
    return lines


def _count(rows: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
    def of(table: str) -> list[dict[str, Any]]:
        return rows.get(table, [])

    levels = Counter(row["level"] for row in of("cc"))
    return {
        "mdc": len(of("mdc")),
        "adrg": len(of("adrg")),
        "adrg_named": sum(bool(row["name"]) for row in of("adrg")),
        "drg": len(of("drg")),
        "drg_named": sum(bool(row["name"]) for row in of("drg")),
        "set_rows": len(of("sets")),
        "sets": len({row["set_id"] for row in of("sets")}),
        "cc": len(of("cc")),
        **{f"cc_{level.lower()}": levels[level] for level in layout().levels},
        "exclusion_rows": len(of("exclusions")),
        "exclusion_tables": len({row["exclusion"] for row in of("exclusions")}),
    }


def _count_moved(draft: Draft, notes: Notes) -> None:
    """Count the fallback rows that the sheet places before others of their scope."""
    parents = {"mdc": (), "adrg": ("mdc",), "drg": ("mdc", "adrg")}
    last = float("inf")
    for table in RULE_TABLES:
        highest: dict[tuple[str, ...], float] = {}
        fallbacks: list[tuple[tuple[str, ...], float]] = []
        for row in draft.rows.get(table, []):
            scope = tuple(row[parent] for parent in parents[table])
            sort = last if row["sort"] is None else row["sort"]
            if is_fallback(table, row):
                fallbacks.append((scope, sort))
            else:
                highest[scope] = max(sort, highest.get(scope, -last))
        moved = sum(sort < highest.get(scope, -last) for scope, sort in fallbacks)
        notes.mended("fallback_moved", moved)


def _order_scopes(draft: Draft) -> None:
    """Let the groups stand in the order of their parents, as a book's rows stand in evaluation.

    The sheets list the categories of ADRG and DRG by their letters.
    """
    for table, parent in (("adrg", "mdc"), ("drg", "adrg")):
        above = make_book(draft.card, {parent: draft.rows[parent]}).rows(parent)
        place = {(row["mdc"], row[parent]): number for number, row in enumerate(above)}
        draft.rows[table].sort(key=lambda row: place.get((row["mdc"], row[parent]), len(place)))


def _add_supplements(draft: Draft, options: ImportOptions, notes: Notes) -> None:
    if not options.supplements:
        return
    rows = draft.rows.setdefault("exclusions", [])
    present = {(row["exclusion"], row["principal_code"]) for row in rows}
    tables = {exclusion for exclusion, _ in present}
    for exclusion, code in exclusion_supplements():
        if exclusion not in tables:
            notes.error("IMPORT_SUPPLEMENT", Where(), exclusion=exclusion, code=code)
        elif (exclusion, code) not in present:
            rows.append({"exclusion": exclusion, "principal_code": code})
            notes.mended("supplement")


def _add_lists(draft: Draft, options: ImportOptions, notes: Notes) -> None:
    """Take the lists that the workbook does not have from the book that was named.

    Raises:
        CodebookError: ``SCHEME_UNKNOWN``.
    """
    own = [table for table in layout().list_tables if table in draft.rows]
    source = options.lists_from
    if source == AUTO:
        source = layout().lists_book if draft.layout == "workbook" else NONE
    if own:
        if options.lists_from not in (AUTO, NONE):
            notes.error("IMPORT_LISTS_TWICE", Where(), book=source, tables=", ".join(own))
        elif options.lists_from == NONE:
            for table in own:
                del draft.rows[table]
            notes.note("IMPORT_LISTS_NONE", Where())
        return
    if source == NONE:
        notes.note("IMPORT_LISTS_NONE", Where())
        return
    book = registry().book(source)
    for table in layout().list_tables:
        draft.rows[table] = book.rows(table)
    sizes = {table: len(draft.rows[table]) for table in layout().list_tables}
    notes.note("IMPORT_LISTS_TAKEN", Where(), book=source, **sizes)


def _count_folded(draft: Draft, book: SchemeBook, notes: Notes) -> None:
    for table in TABLES:
        if table not in RULE_TABLES:
            folded = len(draft.rows.get(table, [])) - book.tables[table].num_rows
            notes.mended(f"duplicate_{table}", folded)
