"""Import of a regional outpatient scheme, or of parts of one onto a scheme that is at hand.

Tables that the source does not hold are taken from the base scheme, so that a hospital's own
weights are imported as one file. Dated weights join those of the base: a row of the base ends where
a new one of its group begins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from codebooks.apg.cells import read_cell
from codebooks.apg.checks import check_apg
from codebooks.apg.layout import apg_layout
from codebooks.apg.sources import CARD, RawScheme, RawTable, read_source
from codebooks.book import SchemeBook, table_book
from codebooks.errors import CodebookError, Where
from codebooks.forms.apg import TABLES
from codebooks.importers.assemble import twins
from codebooks.importers.cells import CellError, is_blank
from codebooks.importers.notes import Notes
from codebooks.importers.options import ImportOptions, make_card
from codebooks.importers.report import CountLine, ImportReport, ImportResult, TableRead
from codebooks.messages import text
from codebooks.registry import registry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from codebooks.book import BookCard

FAMILY = "apg"
_INHERITED = ("family", "kinds", "diagnosis_code_set", "procedure_code_set", "options")
Rows = list[dict[str, Any]]


@dataclass(slots=True)
class _Read:
    """The rows of one table and the place of each."""

    rows: Rows
    places: list[Where]


def import_apg(
    path: Path, options: ImportOptions | None = None, base: str | None = None
) -> ImportResult:
    """Read a folder of tables, a workbook or one table; nothing is written.

    Args:
        path: a folder with ``scheme.json`` and CSV files, an .xlsx file, or one CSV file.
        options: go before the folder's card; ``id`` and ``valid_from`` are needed in one of them.
        base: id of the scheme whose tables are taken where the source has none; by default the
            ``base`` of the folder's card, if it names one.

    Returns:
        The book and the report; no book when the report has an error.

    Raises:
        CodebookError: the source cannot be opened (see :func:`codebooks.apg.sources.read_source`),
            ``SCHEME_UNKNOWN`` or ``APG_BASE`` for the base, or an option is not usable (see
            :func:`codebooks.importers.options.make_card`).
    """
    options = options or ImportOptions()
    notes = Notes(path.name)
    raw = read_source(path, notes)
    named = raw.card.pop("base", None)
    below = _base(base or named)
    card = _card(raw, options, below, path.name)
    read = {table: _read_table(found, notes) for table, found in raw.tables.items()}
    rows = _joined(read, below, notes)
    book: SchemeBook | None = None
    if not notes.refused:
        book = table_book(card, rows)
        places = {table: found.places for table, found in read.items()}
        if below is not None and "weights" in places:
            del places["weights"]  # the rows of the base stand among them
        notes.take(check_apg(book, places))
    content = None if notes.refused or book is None else book.content_hash()
    report = ImportReport(
        file=notes.file,
        sha256=raw.sha256,
        layout=raw.layout,
        card=card,
        tables=tuple(
            _account(table, raw.tables[table], len(of.rows)) for table, of in read.items()
        ),
        counts=tuple(CountLine(f"apg_{table}", len(rows[table]), None) for table in TABLES),
        mends=dict(notes.mends),
        findings=tuple(notes.findings),
        omitted=dict(notes.omitted),
        content_sha256=content,
        same_as=twins(content) if content else (),
        refused=notes.refused,
    )
    return ImportResult(book if content else None, report)


def _base(named: object) -> SchemeBook | None:
    if named is None:
        return None
    book = registry().book(str(named))
    if book.card.family != FAMILY:
        found = book.card.family
        raise CodebookError("APG_BASE", Where(column="base"), id=named, found=found)
    return book


def _card(raw: RawScheme, options: ImportOptions, below: SchemeBook | None, file: str) -> BookCard:
    inherited = {}
    if below is not None:
        plain = below.card.to_json()
        inherited = {name: plain[name] for name in (*_INHERITED, "region")}
    given = {
        **apg_layout().defaults,
        "standing": text("apg.standing"),
        "source": file,
        **inherited,
        **raw.card,
    }
    where = Where(file=CARD)
    if given.get("family") != FAMILY:
        raise CodebookError("IMPORT_CARD", where, reason=str(given.get("family")))
    card = make_card(options, given, where)
    source = text("import.source", None, source=card.source, sha256=raw.sha256)
    if below is not None:
        source = text("apg.on_base", None, source=source, base=below.card.id)
    return replace(card, source=source)


def _read_table(found: RawTable, notes: Notes) -> _Read:
    """The rows of a table; one with a cell that cannot be read is left out, its cells noted."""
    schema = TABLES[found.table]
    read = _Read([], [])
    for number, cells in found.rows:
        if all(map(is_blank, cells)):
            continue
        where = Where(found.where.file, found.where.sheet, number)
        row: dict[str, Any] = {}
        for column in schema:
            at = found.columns.get(column.name)
            cell = cells[at] if at is not None and at < len(cells) else ""
            try:
                row[column.name] = read_cell(cell, column.type)
            except CellError as error:
                place = Where(where.file, where.sheet, number, column.name)
                notes.error(error.code, place, **error.params)
        if len(row) == len(schema):
            read.rows.append(row)
            read.places.append(where)
    return read


def _joined(read: dict[str, _Read], below: SchemeBook | None, notes: Notes) -> dict[str, Rows]:
    """The rows of all tables, those of the base where the source has none."""
    rows: dict[str, Rows] = {}
    for table in TABLES:
        if table in read:
            rows[table] = read[table].rows
        elif below is not None:
            rows[table] = below.rows(table)
            where = Where(sheet=table)
            notes.note("APG_TABLE_TAKEN", where, base=below.card.id, count=len(rows[table]))
        else:
            rows[table] = []
            notes.note("APG_TABLE_ABSENT", Where(sheet=table))
    if below is not None and "weights" in read:
        kept = kept_weights(below.rows("weights"), rows["weights"])
        known = {row["group"] for row in rows["groups"]}
        kept = [row for row in kept if row["group"] in known]
        rows["weights"] = [*kept, *rows["weights"]]
        if kept:
            notes.note("APG_WEIGHTS_KEPT", Where(sheet="weights"), count=len(kept))
    return rows


def kept_weights(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> Rows:
    """The old weights that stay beside new ones: up to the day on which a new one begins.

    Args:
        old: rows of the base.
        new: rows of the source; one without ``valid_from`` leaves nothing of its group.
    """
    begins: dict[str, date] = {}
    for row in new:
        start = row["valid_from"] or date.min
        begins[row["group"]] = min(start, begins.get(row["group"], date.max))
    kept = []
    for row in old:
        end = begins.get(row["group"], date.max)
        if (row["valid_from"] or date.min) < end:
            until = min(row["valid_to"] or date.max, end)
            kept.append({**row, "valid_to": None if until == date.max else until})
    return kept


def _account(table: str, found: RawTable, rows: int) -> TableRead:
    place = found.where.sheet or found.where.file or ""
    shown = {name: str(index + 1) for name, index in found.columns.items()}
    return TableRead(f"apg_{table}", place, found.header_row, shown, rows)
