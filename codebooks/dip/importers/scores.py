"""A city's score table joined to the groups of the national catalogue.

The national file holds no scores: a city sends the number of each group with its score and mean
cost, and its comprehensive groups, which are local, with their codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codebooks.dip.checks import PLACE, place_of
from codebooks.dip.city import COMPREHENSIVE, NUMBERS, decimal_of, whole_of
from codebooks.dip.importers.city import make_row
from codebooks.dip.importers.table import find_table, read_lines
from codebooks.errors import CodebookError
from codebooks.importers.report import TableRead

if TYPE_CHECKING:
    from codebooks.dip.importers.header import Columns
    from codebooks.dip.importers.options import DipOptions
    from codebooks.dip.importers.sheets import File
    from codebooks.dip.importers.table import Line
    from codebooks.importers.notes import Notes

Row = dict[str, Any]

REQUIRED = (("group",), ("score", "mean_cost"))


def join_scores(
    file: File, groups: list[Row], options: DipOptions, notes: Notes
) -> tuple[list[Row], TableRead | None]:
    """Put the figures of a score table on the groups.

    Errors: ``DIP_SCORE_GROUP`` (no group of that number), ``DIP_CONFLICT`` (a group twice with
    other figures). A group without a row keeps no score; how many they are is a warning,
    ``DIP_SCORES_PART``.

    Args:
        file: the opened table.
        groups: rows of the table ``groups``.
        options: given columns and sheet.
        notes: takes the findings.

    Returns:
        The groups with their figures, local comprehensive groups after them, and the account of
        the reading.

    Raises:
        CodebookError: as :func:`codebooks.dip.importers.table.find_table`.
    """
    columns = find_table(file, options, REQUIRED, notes)
    if columns is None:
        return groups, None
    known = {row["group"]: row for row in groups}
    scored: dict[str, Row] = {}
    local: list[Row] = []
    read = 0
    for line in read_lines(columns, notes):
        read += 1
        try:
            _take(line, columns, options, known, scored, local, notes)
        except CodebookError as error:
            notes.error(error.code, error.where, **error.params)
    missing = len(known) - len(scored)
    if missing:
        notes.warning("DIP_SCORES_PART", columns.where, count=missing, groups=len(known))
    rows = [{**row, **scored.get(row["group"], {})} for row in groups]
    rows += [{**row, "sort": len(rows) + place} for place, row in enumerate(local, 1)]
    shown = {field: columns.shown(field) for field in columns.at}
    place = columns.where.sheet or file.name
    header_row = columns.number(columns.header_row)
    return rows, TableRead("scores", place, header_row, shown, read)


def _take(
    line: Line,
    columns: Columns,
    options: DipOptions,
    known: dict[str, Row],
    scored: dict[str, Row],
    local: list[Row],
    notes: Notes,
) -> None:
    place = columns.place(line.number, "group")
    number = line.cells["group"]
    if not number:
        raise CodebookError("IMPORT_CELL_EMPTY", place)
    if number.isascii() and number.isdecimal():
        number = number.lstrip("0")
    if number in known:
        figures: Row = {
            column: decimal_of(column, line.cells[column], columns.place(line.number, column))
            for column in NUMBERS
        }
        figures["cases"] = whole_of(line.cells["cases"], columns.place(line.number, "cases"))
        figures[PLACE] = place
        other = scored.setdefault(number, figures)
        if other is figures:
            return
        if all(other[column] == figures[column] for column in NUMBERS):
            notes.mended("dip_repeat")
        else:
            notes.error("DIP_CONFLICT", place, group=number, other=place_of(other).row)
        return
    if ":" not in number and "：" not in number:
        raise CodebookError("DIP_SCORE_GROUP", place, group=number[:60])
    row = make_row(line, columns, options)
    if row["section"] != COMPREHENSIVE:
        raise CodebookError("DIP_SCORE_GROUP", place, group=number[:60])
    local.append(row)
