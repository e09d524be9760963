"""What priced cases come to at another point value, exactly.

An amount that is points × point value, rounded, is reckoned anew from the points. Any other that has
a point value (with a hospital factor, a payment ratio) moves in proportion to it. One without a
point value stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.payment.columns import Columns
from grouper.payment.fixed import Fixed

if TYPE_CHECKING:
    from decimal import Decimal

    from numpy.typing import NDArray

    from grouper.payment.exact import Rounding


@dataclass(frozen=True, slots=True)
class Pointed:
    """The cases of a table with their points.

    Attributes:
        points, value, amount: of each case.
        plain: where the amount is points × value, rounded.
        moved: where it is not, and there is a point value above nought all the same.
    """

    points: Fixed
    value: Fixed
    amount: Fixed
    plain: NDArray[np.bool_]
    moved: NDArray[np.bool_]

    @classmethod
    def of(cls, table: pa.Table, money: Rounding) -> Pointed:
        """Read ``points``, ``point_value`` and ``amount``; a case without one of them stays."""
        columns = Columns(_batch(table))
        (points, has_points), (value, has_value), (amount, has_amount) = (
            columns.fixed(name) for name in ("points", "point_value", "amount")
        )
        points, value = short(points), short(value)
        same = ~((points * value).rounded(money) - amount).above(0)
        same &= ~(amount - (points * value).rounded(money)).above(0)
        good = has_value & has_amount & value.above(0)
        plain = good & has_points & same
        return cls(points, value, amount, plain, good & ~plain)

    def at(self, value: Fixed, money: Rounding) -> Fixed:
        """The amount of each case at another point value, rounded once."""
        value = short(value)
        anew = (self.points * value).rounded(money)
        scaled = (self.amount * value).over(self.value, money)
        return anew.where(self.plain, scaled.where(self.moved, self.amount))

    def total(self, rows: NDArray[np.bool_], value: Decimal) -> Fraction:
        """The sum over some cases at one point value, not rounded case by case."""
        found = Fraction(value) * _sum(self.points, rows & self.plain)
        for one in np.unique(self.value.units[rows & self.moved]).tolist():
            at = rows & self.moved & (self.value.units == one)
            priced = Fraction(int(one), 10**self.value.places)
            found += _sum(self.amount, at) * Fraction(value) / priced
        return found + _sum(self.amount, rows & ~self.plain & ~self.moved)


def short(numbers: Fixed) -> Fixed:
    """The same numbers without the places that are nought in all of them."""
    units, places = numbers.units, numbers.places
    while places and not np.any(units % 10):
        units, places = units // 10, places - 1
    return Fixed(units, places)


def _sum(numbers: Fixed, rows: NDArray[np.bool_]) -> Fraction:
    return Fraction(sum(numbers.units[rows].tolist()), 10**numbers.places)


def _batch(table: pa.Table) -> pa.RecordBatch:
    table = table.select(["points", "point_value", "amount"])
    batches = table.combine_chunks().to_batches()
    if batches:
        return batches[0]
    return pa.RecordBatch.from_pylist([], schema=table.schema)
