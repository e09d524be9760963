"""A bureau's table: its sheet, its header, and the texts of its rows by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from codebooks.dip.importers.cells import text_of
from codebooks.dip.importers.header import Columns, labels_of, match_labels
from codebooks.dip.importers.remembered import named, recall
from codebooks.dip.layout import city_layout
from codebooks.errors import CodebookError, Where
from codebooks.importers.cells import CellError, is_blank
from codebooks.importers.extent import column_letter
from codebooks.importers.tables import fold_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from codebooks.dip.importers.options import DipOptions
    from codebooks.dip.importers.sheets import File
    from codebooks.importers.notes import Notes


Found = dict[str, list[int]]
"""The columns of each field that the header has."""


class Line(NamedTuple):
    """One row: its number and its texts by field, empty for fields without a column."""

    number: int
    cells: Mapping[str, str]


def find_table(
    file: File, options: DipOptions, required: Sequence[Sequence[str]], notes: Notes
) -> Columns | None:
    """Find the sheet and the columns of a bureau's table.

    What is given goes before what is remembered for this header, that before the texts that are
    known for a field.

    Args:
        file: the opened file.
        options: sheet and given columns.
        required: of each of these lists of fields one must have a column.
        notes: takes the findings.

    Returns:
        The columns; None, with an error noted, when the header is not all there.

    Raises:
        CodebookError: ``DIP_SHEET_UNKNOWN``, ``DIP_FIELD_UNKNOWN`` (a given field),
            ``DIP_COLUMNS_FILE``, ``IMPORT_CORRUPT``, ``IMPORT_TOO_LARGE``.
    """
    for field in options.columns:
        if field not in city_layout().columns:
            known = ", ".join(city_layout().columns)
            raise CodebookError(
                "DIP_FIELD_UNKNOWN", Where(file=file.name), found=field, known=known
            )
    if options.sheet is not None and options.sheet not in file.sheets:
        known = ", ".join(file.sheets)
        raise CodebookError(
            "DIP_SHEET_UNKNOWN", Where(file=file.name), found=options.sheet, known=known
        )
    names = [options.sheet] if options.sheet is not None else file.sheets
    tables = [table for name in names if (table := _columns(file, name, options)) is not None]
    if not tables:
        expected = "、".join(city_layout().labels[fields[0]] for fields in required)
        rows = city_layout().header_rows
        notes.error("IMPORT_HEADER", Where(file=file.name), rows=rows, expected=expected)
        return None
    columns, found = max(tables, key=lambda table: len(table[1]))
    return columns if _sound(columns, found, options, required, notes) else None


def read_lines(columns: Columns, notes: Notes) -> Iterator[Line]:
    """The rows below the header; one with an unreadable cell is left out, its cells noted.

    Blank rows are passed over, a row that repeats the header too.
    """
    blanks = city_layout().blanks
    header = [fold_label(cell) for cell in columns.sheet.rows[columns.header_row]]
    for number, row in columns.rows():
        if all(map(is_blank, row)):
            notes.mended("blank_row")
            continue
        if [fold_label(cell) for cell in row] == header:
            notes.mended("dip_header_row")
            continue
        if not columns.sheet.name and len(row) != len(header):
            where = columns.place(number)
            notes.error("IMPORT_ROW_WIDTH", where, found=len(row), wanted=len(header))
            continue
        cells = dict.fromkeys(city_layout().columns, "")
        sound = True
        for field in columns.at:
            try:
                text = text_of(field, columns.cell(row, field))
            except CellError as error:
                notes.error(error.code, columns.place(number, field), **error.params)
                sound = False
            else:
                cells[field] = "" if text in blanks else text
        if sound:
            yield Line(number, cells)


def header_texts(columns: Columns) -> list[str]:
    """The header's own texts, by which a mapping is remembered."""
    return _texts(columns.sheet.rows[columns.header_row])


def _columns(file: File, name: str, options: DipOptions) -> tuple[Columns, Found] | None:
    """The columns of a sheet by the best of its first rows; None when no text of it is known."""
    sheet = file.sheet(name)
    best: tuple[int, Found] = (-1, {})
    for index in range(min(city_layout().header_rows, len(sheet.rows))):
        own = named(_texts(sheet.rows[index]), options.columns)
        texts = {**city_layout().columns, **{field: (label,) for field, label in own.items()}}
        found = match_labels(sheet, index, texts)
        # A column that was named for one field is no other's by the texts that are known.
        taken = {i: field for field in own for i in found.get(field, [])}
        for field in list(found):
            found[field] = [i for i in found[field] if taken.get(i, field) == field]
        found = {field: hits for field, hits in found.items() if hits}
        if len(found) > len(best[1]):
            best = index, found
    index, found = best
    if index < 0:
        return None
    at = {field: hits[0] for field, hits in found.items()}
    return Columns(sheet, file.where(name), index, at, labels_of(sheet, index)), found


def _sound(
    columns: Columns,
    found: Found,
    options: DipOptions,
    required: Sequence[Sequence[str]],
    notes: Notes,
) -> bool:
    """Whether every needed column is there, and each once; what is not is noted."""
    where = columns.place(columns.number(columns.header_row))
    known = city_layout().columns
    sound = True
    for field, hits in found.items():
        if len(hits) > 1:
            letters = ", ".join(column_letter(columns.sheet.first_column + i) for i in hits)
            notes.error("IMPORT_COLUMN_TWICE", where, column=known[field][0], letters=letters)
            sound = False
    for field, label in options.columns.items():
        if field not in found:
            notes.error("IMPORT_COLUMN", where, column=label)
            sound = False
    for fields in required:
        if not any(field in found for field in fields):
            names = " / ".join(known[field][0] for field in fields)
            notes.error("IMPORT_COLUMN", where, column=names)
            sound = False
    unread = set(range(len(columns.labels))) - set(columns.at.values())
    ignored = "、".join(columns.labels[i] for i in sorted(unread) if columns.labels[i])
    if ignored:
        notes.note("IMPORT_COLUMN_IGNORED", where, columns=ignored[:200])
    if recall(header_texts(columns)):
        notes.note("DIP_COLUMNS_REMEMBERED", where)
    return sound


def _texts(row: Sequence[object]) -> list[str]:
    return [str(cell) for cell in row if not is_blank(cell)]
