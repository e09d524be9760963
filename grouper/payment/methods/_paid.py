"""From points to money, for the methods that pay points at a point value.

The amount is points × point value, rounded once; where the policy names the fund's share, the fund
pays that share of the amount.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.fixed import Fixed

if TYPE_CHECKING:
    from decimal import Decimal

    from numpy.typing import NDArray

    from codebooks.policies.policy import Value
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block
    from grouper.payment.exact import Rounding
    from grouper.payment.sheet import Line


@dataclass(frozen=True, slots=True)
class Paying:
    """What the policy says of points and money.

    Attributes:
        point_value: yuan a point.
        factor: of the hospital.
        fund_share: the share of the amount that the fund pays; None: what the patient does not.
        points, money: their roundings.
    """

    point_value: Value
    factor: Value
    fund_share: Value | None
    points: Rounding
    money: Rounding

    @classmethod
    def of(cls, asked: Asked | Block, topic: str) -> Paying:
        """The values of a topic for a case, or for a block of cases.

        Raises:
            PolicyError: ``POLICY_VALUE_MISSING``.
        """
        return cls(
            asked.value(f"{topic}.point_value"),
            asked.value(f"{topic}.hospital_factor"),
            asked.find(f"{topic}.fund_share"),
            asked.rounding("points"),
            asked.rounding("money"),
        )

    def amount(self, asked: Asked, points: Line) -> Line:
        """The line of the amount: points × point value."""
        exact = points.number * Fraction(self.point_value.number)
        return asked.sheet.add(
            "standard", exact, rounding=self.money, points=points, point_value=self.point_value
        )

    def fund(self, asked: Asked, amount: Line) -> Decimal | None:
        """What the fund pays of an amount, with its line; None where the policy does not say."""
        if self.fund_share is None:
            return None
        exact = amount.number * Fraction(self.fund_share.number)
        line = asked.sheet.add(
            "fund", exact, rounding=self.money, standard=amount, fund_share=self.fund_share
        )
        return self.money.of(line.number)

    def amounts(self, points: Fixed) -> Fixed:
        """:meth:`amount` of many cases."""
        return (points * self.point_value.number).rounded(self.money)

    def funds(self, amounts: Fixed) -> Fixed | None:
        """:meth:`fund` of many cases."""
        if self.fund_share is None:
            return None
        return (amounts * self.fund_share.number).rounded(self.money)

    def values(self, count: int) -> Fixed:
        """The point value of each of so many cases."""
        return Fixed.same(self.point_value.number, count)


def words_of(word: str, count: int) -> NDArray[np.object_]:
    """One word for each of so many cases."""
    return np.full(count, word, object)


def put(numbers: Fixed, rows: NDArray[np.int64], others: Fixed) -> Fixed:
    """Numbers with others, of the same places, in some rows."""
    wide = object in (numbers.units.dtype, others.units.dtype)
    units = numbers.units.astype(object) if wide else numbers.units.copy()
    units[rows] = others.units
    return Fixed(units, numbers.places)
