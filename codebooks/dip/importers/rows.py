"""One row of a sheet of the official workbook into one row of a book's table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from codebooks.dip.checks import PLACE
from codebooks.dip.grammar import parse_keys, parse_procedures
from codebooks.dip.national import canonical, catalogue_row, excluded_procedure
from codebooks.errors import CodebookError
from codebooks.importers.cells import CellError, CellReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.dip.importers.header import Columns
    from codebooks.dip.layout import SheetLayout
    from codebooks.errors import Where

_READER = CellReader(strict=True)
_NUMBER = re.compile(r"0*[1-9][0-9]{0,8}", re.ASCII)


def make_row(
    spec: SheetLayout, cells: Mapping[str, str], columns: Columns, number: int
) -> dict[str, Any]:
    """A row of the table that the sheet fills.

    Args:
        spec: of the sheet.
        cells: the row's texts by field.
        columns: where they stand.
        number: the row's number.

    Raises:
        CodebookError: with the place of the cell: ``IMPORT_CELL_EMPTY``, ``DIP_CATEGORY``,
            ``DIP_GROUP_NUMBER``, ``IMPORT_CODE``, or as the expressions in it.
    """

    def at(field: str) -> Where:
        return columns.place(number, field)

    for field in ("group", "code", "diagnosis"):
        if field in cells and not cells[field]:
            raise CodebookError("IMPORT_CELL_EMPTY", at(field))
    if "group" in cells and not _NUMBER.fullmatch(cells["group"]):
        raise CodebookError("DIP_GROUP_NUMBER", at("group"), found=cells["group"][:40])
    if spec.table == "groups":
        category = cells["category"].upper()
        if category not in ("", spec.section):
            raise CodebookError(
                "DIP_CATEGORY", at("category"), found=category[:40], wanted=spec.section
            )
        row = catalogue_row(spec.section, spec.detail, {**cells, "group": _number(cells)}, at)
        return {**row, "source_row": number, PLACE: at("group")}
    if spec.table == "primary_care":
        return _primary_care(cells, at)
    code = _code(cells["code"], at("code"))
    if spec.table == "excluded_procedures":
        row = dict(excluded_procedure(code, cells["words"], at("words")))
        return {**row, PLACE: at("code")}
    return {"code": code, "name": cells["name"], PLACE: at("code")}


def _number(cells: Mapping[str, str]) -> str:
    return str(int(cells["group"]))


def _primary_care(cells: Mapping[str, str], at: Any) -> dict[str, Any]:  # noqa: ANN401 -- the place of a field
    diagnosis, procedure = canonical(cells["diagnosis"]), canonical(cells["procedure"])
    parse_keys(diagnosis, at("diagnosis"))
    parse_procedures(procedure, at("procedure"))
    return {
        "group": _number(cells),
        "diagnosis": diagnosis,
        "diagnosis_name": cells["diagnosis_name"],
        "procedure": procedure,
        "procedure_name": cells["procedure_name"],
    }


def _code(text: str, where: Where) -> str:
    try:
        return str(_READER.code(text).value)
    except CellError as error:
        raise CodebookError(error.code, where, **error.params) from None
