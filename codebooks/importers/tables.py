"""A rectangle of cells into the rows of one table: the header by its text, then row by row."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codebooks.book import RULE_TABLES
from codebooks.errors import Where
from codebooks.importers.cells import CellError, CellReader, Reading, is_blank
from codebooks.importers.extent import column_letter
from codebooks.importers.layout import layout
from codebooks.importers.report import TableRead

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from codebooks.importers.container import Sheet
    from codebooks.importers.layout import SheetLayout
    from codebooks.importers.notes import Notes

_Field = tuple[str, int, dict[str, Reading]]
"""A field, its index in a row, and what its cells' texts were read as."""

OPTIONAL = frozenset({"kind"})
"""Fields that say a second time what another says."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The data rows of one table and where its fields stand.

    Attributes:
        table: key of the table.
        where: its file and sheet.
        header_row: 1-based.
        columns: index into a row and shown label of each field.
        rows: 1-based row number and cells.
    """

    table: str
    where: Where
    header_row: int
    columns: Mapping[str, tuple[int, str]]
    rows: Iterable[tuple[int, Sequence[object]]]

    def at(self, row: int | None, field: str | None = None) -> Where:
        """A place in it."""
        column = self.columns[field][1] if field else None
        return Where(self.where.file, self.where.sheet, row, column)


def fold_label(cell: object) -> str:
    """A header's or sheet's text for comparing: width and case folded, no blanks."""
    if not isinstance(cell, str):
        return ""
    folded = unicodedata.normalize("NFKC", cell).replace("_x000D_", "").replace("\u200b", "")
    return "".join(folded.replace("\ufeff", "").split()).upper()


def find_header(sheet: Sheet, spec: SheetLayout, notes: Notes) -> Grid | None:
    """Find the header of a sheet by its texts in the first rows; never by position.

    Returns:
        The grid below the header; None, with an error noted, when it is not all there.
    """
    where = Where(sheet=sheet.name)
    if all(is_blank(cell) for row in sheet.rows for cell in row):
        notes.error("IMPORT_SHEET_EMPTY", where)
        return None
    best: dict[str, list[int]] = {}
    at = 0
    for number, row in enumerate(sheet.rows[: layout().header_rows]):
        labels: dict[str, list[int]] = {}
        for index, cell in enumerate(row):
            labels.setdefault(fold_label(cell), []).append(index)
        found = {
            field: hits
            for field, aliases in spec.columns.items()
            if (hits := [i for alias in aliases for i in labels.get(fold_label(alias), [])])
        }
        if len(found) > len(best):
            best, at = found, number
    if not best:
        expected = "、".join(aliases[0] for aliases in spec.columns.values())
        notes.error("IMPORT_HEADER", where, rows=layout().header_rows, expected=expected)
        return None
    return _grid(sheet, spec, notes, best, at)


def _grid(
    sheet: Sheet, spec: SheetLayout, notes: Notes, found: Mapping[str, list[int]], at: int
) -> Grid | None:
    header_row = sheet.first_row + at
    where = Where(sheet=sheet.name, row=header_row)
    sound = True
    for field, aliases in spec.columns.items():
        hits = found.get(field, [])
        if len(hits) > 1:
            letters = ", ".join(column_letter(sheet.first_column + i) for i in hits)
            notes.error("IMPORT_COLUMN_TWICE", where, column=aliases[0], letters=letters)
            sound = False
        elif not hits and field not in OPTIONAL:
            notes.error("IMPORT_COLUMN", where, column=" / ".join(aliases))
            sound = False
    if not sound:
        return None
    labels = {
        field: (i, f"{column_letter(sheet.first_column + i)} {fold_label(sheet.rows[at][i])}")
        for field, (i,) in found.items()
    }
    rows = enumerate(sheet.rows[at + 1 :], header_row + 1)
    return Grid(spec.table, Where(sheet=sheet.name), header_row, labels, rows)


def read_table(
    grid: Grid, cells: CellReader, notes: Notes
) -> tuple[list[dict[str, Any]], TableRead]:
    """Read the rows of a grid; a row with an unreadable cell is left out, its cells noted.

    Args:
        grid: what was found.
        cells: reads single cells.
        notes: takes the findings.

    Returns:
        Rows as :func:`codebooks.book.make_book` takes them, and the account of the reading.
    """
    rows: list[dict[str, Any]] = []
    # Set ids and codes stand in thousands of rows: each spelling is read once.
    fields: list[_Field] = [(field, index, {}) for field, (index, _) in grid.columns.items()]
    numbered = grid.table in RULE_TABLES
    empty = True
    for number, row in grid.rows:
        if all(map(is_blank, row)):
            notes.mended("blank_row")
            continue
        empty = False
        values = _read_row(grid, number, row, fields, cells, notes)
        if values is not None and _fits(grid, number, values, notes):
            if numbered:
                values["source_row"] = number
            rows.append(values)
    if empty and grid.table not in layout().list_tables:
        notes.error("IMPORT_TABLE_EMPTY", grid.at(None))
    shown = {field: label for field, (_, label) in grid.columns.items()}
    place = grid.where.sheet or grid.where.file or ""
    return rows, TableRead(grid.table, place, grid.header_row, shown, len(rows))


def _read_row(
    grid: Grid,
    number: int,
    row: Sequence[object],
    fields: Sequence[_Field],
    cells: CellReader,
    notes: Notes,
) -> dict[str, Any] | None:
    """The values of one row; None when some cell could not be read."""
    values: dict[str, Any] = {}
    for field, index, known in fields:
        cell = row[index] if index < len(row) else ""
        reading = known.get(cell) if isinstance(cell, str) else None
        if reading is None:
            try:
                reading = cells.read(field, cell)
            except CellError as error:
                notes.error(error.code, grid.at(number, field), **error.params)
                continue
            if isinstance(cell, str):
                known[cell] = reading
        values[field] = reading.value
        if reading.mend:
            notes.mended(reading.mend)
        if reading.doubt:
            notes.warning(reading.doubt, grid.at(number, field), found=str(cell)[:40])
    return values if len(values) == len(fields) else None


def _fits(grid: Grid, number: int, values: dict[str, Any], notes: Notes) -> bool:
    """What the cells of a row must be to each other; whether the row is kept."""
    if values.get("exclusion") == "":
        if grid.table != "cc":
            notes.error("IMPORT_CELL_EMPTY", grid.at(number, "exclusion"))
            return False
        notes.warning("IMPORT_EXCLUSION_BLANK", grid.at(number, "exclusion"), code=values["code"])
    kind = values.pop("kind", "")
    if kind and not values["set_id"].startswith(kind):
        place = grid.at(number, "kind")
        notes.warning("IMPORT_SET_KIND", place, found=kind, set=values["set_id"])
    return True
