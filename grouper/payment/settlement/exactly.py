"""Decimal sums without a lost digit: Python's own context keeps 28 digits only."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_EXACT = Context(prec=120, traps=[InvalidOperation, Inexact])
NONE = Decimal("0.00")


def total(values: Iterable[Decimal]) -> Decimal:
    """The exact sum of decimals; ``0.00`` of none."""
    found = NONE
    for value in values:
        found = _EXACT.add(found, value)
    return found


def minus(left: Decimal, right: Decimal) -> Decimal:
    """The exact difference of two decimals."""
    return _EXACT.subtract(left, right)
