"""Cells of an APG file as the values of a column, by the column's Arrow type."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import pyarrow as pa

from codebooks.importers.cells import CellError, is_blank

if TYPE_CHECKING:
    from codebooks.importers.container import Cell

_SHOWN = 40
_LARGEST = 2**31 - 1


def read_cell(cell: Cell, kind: pa.DataType) -> str | int | Decimal | date | None:
    """The value of a cell; a blank text is empty, any other blank None.

    Raises:
        CellError: ``IMPORT_CELL_NUMBER`` (a code as a number may have lost its zeros),
            ``IMPORT_CELL_KIND``, ``APG_CELL_NUMBER``, ``APG_CELL_DAY``.
    """
    if is_blank(cell):
        return "" if pa.types.is_string(kind) else None
    if pa.types.is_string(kind):
        return _text(cell)
    if pa.types.is_date(kind):
        return _day(cell)
    number = _number(cell)
    if pa.types.is_integer(kind):
        # The size first: of a number with more digits than decimals reckon with no rest is told.
        if abs(number) > _LARGEST or number % 1:
            raise CellError("APG_CELL_NUMBER", found=_shown(cell))
        return int(number)
    whole = kind.precision - kind.scale
    if abs(number) >= Decimal(10) ** whole or number != round(number, kind.scale):
        raise CellError("APG_CELL_NUMBER", found=_shown(cell))
    return number


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        raise CellError("IMPORT_CELL_NUMBER", found=str(cell))
    raise CellError("IMPORT_CELL_KIND", found=_shown(cell))


def _number(cell: Cell) -> Decimal:
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        raise CellError("APG_CELL_NUMBER", found=_shown(cell))
    try:
        # The shortest text of a workbook's number is what was typed.
        number = Decimal(str(cell).strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > _SHOWN:
        raise CellError("APG_CELL_NUMBER", found=_shown(cell))
    return number


def _day(cell: Cell) -> date:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    try:
        return date.fromisoformat(str(cell).strip())
    except ValueError:
        raise CellError("APG_CELL_DAY", found=_shown(cell)) from None


def _shown(cell: Cell) -> str:
    return str(cell)[:_SHOWN]
