"""What a policy says of DIP by score beside deviating cases: factors, and cases outside the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.asked import rows_of
from grouper.payment.block import looked_up
from grouper.payment.fixed import Fixed
from grouper.payment.methods._deviation import Deviation
from grouper.payment.methods._paid import Paying
from grouper.payment.sheet import Input, TableCell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from codebooks.policies.policy import Value
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block
    from grouper.payment.columns import Words

TOPIC = "dip_score"


@dataclass(frozen=True, slots=True)
class Terms:
    """The values of the topic for a case, or for a block of cases.

    Attributes:
        paying: point value, hospital factor and roundings.
        deviation: of deviating cases.
        group_factors: table of factors by group; None: there is none.
        same_kinds: kinds of groups that take no hospital factor.
        same_groups: table of groups that take none.
        fallback: table of groups outside the catalogue.
    """

    paying: Paying
    deviation: Deviation
    group_factors: Value | None
    same_kinds: Value | None
    same_groups: Value | None
    fallback: Value | None

    @classmethod
    def of(cls, asked: Asked | Block) -> Terms:
        """The values of the topic.

        Raises:
            PolicyError: ``POLICY_VALUE_MISSING``.
        """
        return cls(
            Paying.of(asked, TOPIC),
            Deviation.of(asked),
            asked.find(f"{TOPIC}.group_factors"),
            asked.find(f"{TOPIC}.same_score_kinds"),
            asked.find(f"{TOPIC}.same_score_groups"),
            asked.find(f"{TOPIC}.fallback"),
        )

    def same_score(self, kind: str | None, group: str | None) -> Input | None:
        """What says that a group takes no hospital factor; None: it takes one."""
        if self.same_kinds is not None and kind in self.same_kinds.value:
            return Input("listed", kind or "", self.same_kinds)
        if self.same_groups is not None and group in rows_of(self.same_groups):
            return Input("listed", group or "", self.same_groups, group or "")
        return None

    def factor(self, group: str | None) -> Value | TableCell:
        """The hospital factor of a group that takes one."""
        if self.group_factors is not None:
            row = rows_of(self.group_factors).get(group or "")
            if row is not None:
                return TableCell(self.group_factors, group or "", row["factor"])
        return self.paying.factor

    def fallen(self, group: str | None, column: str) -> TableCell | None:
        """A cell of the table of groups outside the catalogue; None where it has none."""
        if self.fallback is None:
            return None
        found = rows_of(self.fallback).get(group or "", {}).get(column)
        return None if found is None else TableCell(self.fallback, group or "", found)

    def factors(self, kinds: Words, groups: Words) -> Fixed:
        """The hospital factor of each case; 1 where its group takes none."""
        count = len(groups.codes)
        factors = Fixed.same(self.paying.factor.number, count)
        if self.group_factors is not None:
            own, known = looked_up(self.group_factors, groups, "factor")
            factors = own.where(known, factors)
        same = np.zeros(count, np.bool_)
        if self.same_kinds is not None:
            same |= kinds.among(self.same_kinds.value)
        if self.same_groups is not None:
            same |= groups.among(tuple(rows_of(self.same_groups)))
        return Fixed.same(1, count).where(same, factors) if same.any() else factors

    def fallbacks(self, groups: Words, column: str) -> tuple[Fixed, NDArray[np.bool_]]:
        """:meth:`fallen` for each case, and where there is one."""
        if self.fallback is None:
            count = len(groups.codes)
            return Fixed.same(0, count), np.zeros(count, np.bool_)
        return looked_up(self.fallback, groups, column)
