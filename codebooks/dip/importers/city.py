"""A city's DIP catalogue (.xlsx or CSV) into a book."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from codebooks.dip.checks import PLACE
from codebooks.dip.city import COMPREHENSIVE, CORE, city_row
from codebooks.dip.group_code import group_code, parts_of
from codebooks.dip.importers.table import find_table, read_lines
from codebooks.dip.layout import city_layout
from codebooks.errors import CodebookError
from codebooks.folding import fold_code
from codebooks.importers.report import TableRead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.dip.importers.header import Columns
    from codebooks.dip.importers.options import DipOptions
    from codebooks.dip.importers.sheets import File
    from codebooks.dip.importers.table import Line
    from codebooks.errors import Where
    from codebooks.importers.notes import Notes

_CATEGORY = 3
"""Characters of a category."""

REQUIRED = (("group", "diagnosis"), ("score", "mean_cost"))
"""Of each of these fields a catalogue needs one."""


def read_city(
    file: File, options: DipOptions, notes: Notes
) -> tuple[list[dict[str, Any]], TableRead | None]:
    """Read the groups of a city's catalogue; what cannot be read is noted with its place.

    Returns:
        Rows of the table ``groups`` that carry their place, and the account of the reading.

    Raises:
        CodebookError: as :func:`codebooks.dip.importers.table.find_table`.
    """
    columns = find_table(file, options, REQUIRED, notes)
    if columns is None:
        return [], None
    rows: list[dict[str, Any]] = []
    for line in read_lines(columns, notes):
        try:
            row = make_row(line, columns, options)
        except CodebookError as error:
            notes.error(error.code, error.where, **error.params)
        else:
            rows.append({**row, "sort": len(rows) + 1})
    if not rows and not notes.refused:
        notes.error("IMPORT_TABLE_EMPTY", columns.where)
    shown = {field: columns.shown(field) for field in columns.at}
    place = columns.where.sheet or file.name
    header_row = columns.number(columns.header_row)
    return rows, TableRead("groups", place, header_row, shown, len(rows))


def make_row(line: Line, columns: Columns, options: DipOptions) -> dict[str, Any]:
    """One group.

    A bureau gives the code, or the diagnosis and procedures, or both; what is missing is taken
    from the other. The code that is written is kept as it is.

    Raises:
        CodebookError: with the place of the cell: ``IMPORT_CELL_EMPTY``, ``DIP_KIND``,
            ``DIP_TREATMENT_KIND``, ``DIP_COMPREHENSIVE`` (a comprehensive group without a
            treatment, or with procedures), or as the expressions and numbers in it.
    """

    def at(field: str) -> Where:
        return columns.place(line.number, field)

    cells = dict(line.cells)
    for field in ("procedure", "related"):
        cells[field] = options.read_comma(cells[field])
    written = cells.pop("kind")
    section = _word(city_layout().sections, written, "DIP_KIND", at("kind"))
    cells["treatment"] = _word(
        city_layout().treatments, cells["treatment"], "DIP_TREATMENT_KIND", at("treatment")
    )
    if not cells["diagnosis"]:
        if not cells["group"]:
            raise CodebookError(
                "IMPORT_CELL_EMPTY", at("group" if "group" in columns.at else "diagnosis")
            )
        cells |= {k: v for k, v in parts_of(cells["group"], at("group")).items() if not cells[k]}
    elif cells["group"] and not cells["treatment"]:
        cells["treatment"] = _suffix(cells["group"])
    section = section or _section(cells)
    if section == COMPREHENSIVE:
        if not cells["treatment"] or cells["procedure"] or cells["related"]:
            raise CodebookError("DIP_COMPREHENSIVE", at("treatment"), group=cells["group"][:60])
    else:
        # There it says what the procedures are; the procedures themselves say that.
        cells["treatment"] = ""
    cells["group"] = cells["group"] or group_code(cells)
    return {**city_row(cells, section, at), "source_row": line.number, PLACE: at("group")}


def _section(cells: Mapping[str, str]) -> str:
    """The section of a row that names none: a category and a treatment are comprehensive."""
    category = len(fold_code(cells["diagnosis"])) == _CATEGORY
    return COMPREHENSIVE if cells["treatment"] and not cells["procedure"] and category else CORE


def _suffix(code: str) -> str:
    return city_layout().suffixes.get(code.rpartition(":")[2].strip().upper(), "")


def _word(known: Mapping[str, tuple[str, ...]], words: str, code: str, where: Where) -> str:
    """What a cell's words mean; empty for an empty cell.

    Raises:
        CodebookError: ``code`` when they are none that is known.
    """
    if not words:
        return ""
    for meaning, patterns in known.items():
        if any(re.search(pattern, words, re.IGNORECASE) for pattern in patterns):
            return meaning
    listed = ", ".join(known)
    raise CodebookError(code, where, found=words[:40], known=listed)
