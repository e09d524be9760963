"""One cell of a DIP file as text: numbers only where a column may hold them."""

from __future__ import annotations

from decimal import Decimal

from codebooks.folding import fold_rule
from codebooks.importers.cells import CellError

NUMERIC = frozenset({"group", "score", "mean_cost", "mean_los", "cost_cv", "cases"})
"""Columns whose cells may be numbers; elsewhere a number has lost its zeros (``17.4100``)."""


def text_of(field: str, cell: object) -> str:
    """The text of a cell, its white space folded; empty when the cell is.

    Raises:
        CellError: ``IMPORT_CELL_NUMBER`` for a number where a text must stand,
            ``IMPORT_CELL_KIND`` for a date or a truth value, ``DIP_NUMBER`` for what is no
            finite number.
    """
    if cell is None:
        return ""
    if isinstance(cell, str):
        # A list of codes may be broken into lines; the break is no blank inside a code.
        return fold_rule(cell)
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        raise CellError("IMPORT_CELL_KIND", found=str(cell)[:40])
    if field not in NUMERIC:
        raise CellError("IMPORT_CELL_NUMBER", found=str(cell))
    if cell - cell != 0:  # infinite, or not a number
        raise CellError("DIP_NUMBER", found=str(cell))
    if cell % 1 == 0:
        return str(int(cell))
    return format(Decimal(str(cell)), "f")
