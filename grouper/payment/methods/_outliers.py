"""Stays that cost much less or much more than their group: the limits that a policy sets.

A limit is a multiple of what the group costs in the mean (DRG by points) or is paid (DRG by rate). The
upper one may depend on the size of the group: its base points or its RW. A limit that the policy
does not give is not in force.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.payment.asked import rows_of
from grouper.payment.fixed import Fixed
from grouper.payment.sheet import TableCell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codebooks.policies.policy import Value
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block


@dataclass(frozen=True, slots=True)
class Outliers:
    """What a policy says of outliers.

    Attributes:
        low: a lesser multiple makes a low outlier; None: not in force.
        high: the table of limits by size, above which a stay is a high outlier; None: not in force.
        share: what part of the excess is paid; None: all of it.
        review: a greater multiple makes a candidate for individual review (特病单议); None: none.
    """

    low: Value | None
    high: Value | None
    share: Value | None
    review: Value | None

    @classmethod
    def of(cls, asked: Asked | Block, topic: str) -> Outliers:
        """The values of a topic for a case, or for a block of cases."""
        names = ("low_limit", "high_limits", "high_share", "review_ratio")
        return cls(*(asked.find(f"{topic}.{name}") for name in names))

    @property
    def by_cost(self) -> bool:
        """Whether how a stay is paid depends on what it cost."""
        return self.low is not None or self.high is not None

    @property
    def part(self) -> Value | Decimal:
        """The part of the excess that is paid."""
        return Decimal(1) if self.share is None else self.share

    @property
    def part_number(self) -> Decimal:
        """The part of the excess as a number."""
        return Decimal(1) if self.share is None else self.share.number

    def is_low(self, ratio: Fraction) -> bool:
        """Whether a multiple is that of a low outlier."""
        return self.low is not None and ratio < Fraction(self.low.number)

    def limit(self, size: Decimal) -> TableCell | None:
        """The upper limit for a group of some size; None: there is none."""
        if self.high is None:
            return None
        reached = [row for row in rows_of(self.high).values() if row["at_least"] <= size]
        if not reached:
            return None
        row = max(reached, key=lambda one: one["at_least"])
        return TableCell(self.high, str(row["at_least"]), row["limit"])

    def is_review(self, ratio: Fraction) -> bool:
        """Whether a multiple makes a candidate for individual review."""
        return self.review is not None and ratio > Fraction(self.review.number)

    def lows(self, cost: Fixed, mean: Fixed) -> NDArray[np.bool_]:
        """Where a cost is that of a low outlier."""
        if self.low is None:
            return np.zeros(len(cost), np.bool_)
        return cost.less(mean * self.low.number)

    def limits(self, size: Fixed) -> tuple[Fixed, NDArray[np.bool_]]:
        """The upper limit for each size, and where there is one."""
        rows = [] if self.high is None else sorted(self.high.value, key=_least)
        found = Fixed.same(0, len(size))
        known = np.zeros(len(size), np.bool_)
        for row in rows:
            below = size.less(row["at_least"])
            found = found.where(below, row["limit"])
            known |= ~below
        return found, known

    def reviews(self, cost: Fixed, mean: Fixed) -> NDArray[np.bool_]:
        """Where a cost makes a candidate for individual review."""
        if self.review is None:
            return np.zeros(len(cost), np.bool_)
        return cost.above(mean * self.review.number)


def _least(row: dict[str, Any]) -> Decimal:
    least: Decimal = row["at_least"]
    return least


def gathered(count: int, parts: Sequence[tuple[NDArray[np.int64], Fixed]], places: int) -> Fixed:
    """Numbers of some cases each, put together; nought where no part has a case.

    Args:
        count: of all cases.
        parts: which cases, and their numbers with at most so many places.
        places: of the result.
    """
    found = [(rows, numbers.at(places).units) for rows, numbers in parts]
    wide = any(units.dtype == object for _, units in found)
    every = np.zeros(count, object if wide else np.int64)
    for rows, units in found:
        every[rows] = units
    return Fixed(every, places)
