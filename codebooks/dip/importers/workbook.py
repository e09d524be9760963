"""The official workbook of DIP 3.0 (.xlsx): its ten sheets into the tables of a book."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codebooks.dip.importers.cells import text_of
from codebooks.dip.importers.header import Columns, best_header, is_empty, labels_of, match_labels
from codebooks.dip.importers.numbers import hold_numbers
from codebooks.dip.importers.rows import make_row
from codebooks.dip.layout import SheetLayout, workbook_layout
from codebooks.errors import CodebookError, Where
from codebooks.importers.cells import CellError, is_blank
from codebooks.importers.extent import column_letter
from codebooks.importers.report import TableRead
from codebooks.importers.tables import fold_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from codebooks.dip.importers.sheets import File
    from codebooks.importers.container import Sheet
    from codebooks.importers.notes import Notes

Tables = dict[str, list[dict[str, Any]]]


def is_official(sheets: Iterable[str]) -> bool:
    """Whether the sheets' names are, for the most part, those of the official workbook."""
    names = [fold_label(name) for name in sheets]
    marks = [[fold_label(m) for m in spec.marks] for spec in workbook_layout().sheets]
    hits = sum(any(mark in name for name in names for mark in known) for known in marks)
    return hits * 2 > len(marks)


def read_workbook(file: File, notes: Notes) -> tuple[Tables, list[TableRead]]:
    """Read every sheet; what cannot be read is noted as an error with its place.

    Returns:
        The rows of each table, groups in the order of their numbers, and the account of the
        reading.

    Raises:
        CodebookError: ``IMPORT_CORRUPT``, ``IMPORT_TOO_LARGE``.
    """
    tables: Tables = {}
    accounts: list[TableRead] = []
    names = {name: fold_label(name) for name in file.sheets}
    for spec in workbook_layout().sheets:
        marks = [fold_label(mark) for mark in spec.marks]
        found = [name for name, folded in names.items() if any(m in folded for m in marks)]
        if len(found) != 1:
            wanted = " / ".join(spec.marks)
            where = Where(file.name, found[0] if found else wanted)
            code = "IMPORT_SHEET_TWICE" if found else "IMPORT_SHEET"
            notes.error(code, where, name=wanted, names=", ".join(found))
            continue
        rows, account = _read_sheet(file.sheet(found[0]), file.where(found[0]), spec, notes)
        tables.setdefault(spec.table, []).extend(rows)
        accounts += account
    taken = {account.place for account in accounts}
    for name in names:
        if name not in taken:
            notes.note("IMPORT_SHEET_IGNORED", file.where(name))
    hold_numbers(tables, notes)
    return tables, accounts


def _read_sheet(
    sheet: Sheet, where: Where, spec: SheetLayout, notes: Notes
) -> tuple[list[dict[str, Any]], list[TableRead]]:
    if is_empty(sheet):
        notes.error("IMPORT_SHEET_EMPTY", where)
        return [], []
    columns = _find_columns(sheet, where, spec, notes)
    if columns is None:
        return [], []
    rows: list[dict[str, Any]] = []
    first = columns.number(columns.header_row)
    shown = {field: columns.shown(field) for field in columns.at}
    for number, row in columns.rows():
        if all(map(is_blank, row)):
            notes.mended("blank_row")
            continue
        if _is_remark(row):
            notes.note("DIP_REMARK", columns.place(number), found=_first_text(row)[:60])
            continue
        if (moved := _nested(columns, number, row)) is not None:
            columns = moved
            continue
        try:
            cells = _cells(columns, number, row, notes)
            if cells is not None:
                rows.append(make_row(spec, cells, columns, number))
        except CodebookError as error:
            notes.error(error.code, error.where, **error.params)
    if not rows:
        notes.error("IMPORT_TABLE_EMPTY", where)
    return rows, [TableRead(spec.table, sheet.name, first, shown, len(rows))]


def _find_columns(sheet: Sheet, where: Where, spec: SheetLayout, notes: Notes) -> Columns | None:
    """By the header when it has every column; else by their order, which it may not contradict."""
    limit = workbook_layout().header_rows
    index, found = best_header(sheet, limit, spec.columns)
    labels = labels_of(sheet, index) if index >= 0 else []
    if len(found) == len(spec.columns) and all(len(hits) == 1 for hits in found.values()):
        return Columns(sheet, where, index, {f: hits[0] for f, hits in found.items()}, labels)
    order = {field: place for place, field in enumerate(spec.columns)}
    columns = Columns(sheet, where, _last_header_row(sheet, order, limit), order, labels)
    if columns.header_row < 0:
        expected = "、".join(texts[0] for texts in spec.columns.values())
        notes.error("IMPORT_HEADER", where, rows=limit, expected=expected)
        return None
    sound = True
    fields = list(order)
    for field, hits in found.items():
        for hit in hits:
            stands = fields[hit] if hit < len(fields) else ""
            if stands != field and hit not in found.get(stands, ()):
                letter = column_letter(sheet.first_column + hit)
                place = Where(where.file, where.sheet, columns.number(index), letter)
                wanted = spec.columns[stands][0] if stands else ""
                notes.error("DIP_COLUMN_MOVED", place, column=wanted, found=labels[hit])
                sound = False
    if sound:
        shown = "、".join(columns.shown(field) for field in order)
        notes.note("DIP_COLUMNS_BY_ORDER", where, columns=shown)
    return columns if sound else None


def _last_header_row(sheet: Sheet, order: dict[str, int], limit: int) -> int:
    """The row above the first one that holds a number or a code where one must stand."""
    field = "group" if "group" in order else "code"
    for index, row in enumerate(sheet.rows[: limit + 1]):
        cell = row[order[field]] if order[field] < len(row) else ""
        text = str(cell).strip()
        whole = isinstance(cell, (int, float)) or text.isdecimal()
        if whole if field == "group" else text[1:3].isdecimal():
            return index - 1
    return -1


def _nested(columns: Columns, number: int, row: Sequence[object]) -> Columns | None:
    """The columns below a second header inside the sheet; None when the row is none."""
    index = number - columns.sheet.first_row
    found = match_labels(columns.sheet, index, workbook_layout().nested)
    if fold_label(columns.cell(row, "group")) not in {
        fold_label(text) for text in workbook_layout().nested["group"]
    }:
        return None
    moved = {field: hits[0] for field, hits in found.items() if field != "group"}
    # A column keeps its field unless the second header gives it another.
    kept = {f: i for f, i in columns.at.items() if i not in moved.values()}
    labels = [fold_label(cell) for cell in row]
    return Columns(columns.sheet, columns.where, columns.header_row, kept | moved, labels)


def _cells(
    columns: Columns, number: int, row: Sequence[object], notes: Notes
) -> dict[str, str] | None:
    """The texts of a row by field; None, with errors noted, when a cell cannot be read."""
    cells: dict[str, str] = {}
    for field in columns.at:
        try:
            cells[field] = text_of(field, columns.cell(row, field))
        except CellError as error:
            notes.error(error.code, columns.place(number, field), **error.params)
    return cells if len(cells) == len(columns.at) else None


def _first_text(row: Sequence[object]) -> str:
    return next((str(cell).strip() for cell in row if not is_blank(cell)), "")


def _is_remark(row: Sequence[object]) -> bool:
    """Whether a row holds one text alone that begins as remarks do."""
    texts = {str(cell).strip() for cell in row if not is_blank(cell)}
    return len(texts) == 1 and texts.pop().startswith(workbook_layout().remarks)
