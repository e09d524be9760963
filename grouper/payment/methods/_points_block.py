"""DRG by points for many cases: quotients of exact numbers, rounded once; see ``drg_points``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.block import Outcomes, because, no_reasons
from grouper.payment.fixed import Fixed
from grouper.payment.methods._outliers import gathered
from grouper.payment.methods._points_terms import FACTORS, GROUPS, Terms
from grouper.payment.reasons import PayReason, PayWarning
from grouper.payment.result import Band

if TYPE_CHECKING:
    from decimal import Decimal

    from numpy.typing import NDArray

    from grouper.payment.block import Block


def price_block(block: Block) -> Outcomes:
    """Price the cases of a block; see :class:`grouper.payment.methods.Method`.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
    """
    terms = Terms.of(block)
    stays = _Stays.of(block, terms)
    reduced, unknown = _readmissions(block, terms)
    count = len(block)
    parts = []
    for rows, above, below in stays.quotients():
        part = above
        if terms.readmission is not None:
            part = (above * terms.readmission.share.number).where(reduced[rows], above)
        parts.append((rows, part.over(below, terms.points)))
    points = gathered(count, parts, terms.points.places)
    band = stays.band.copy()
    band[reduced] = Band.READMISSION
    return Outcomes(
        amount=(points * terms.point_value.number).rounded(terms.money),
        reasons=stays.reasons,
        unit_weight=stays.day_points.where(stays.by_day, stays.base),
        points=points,
        point_value=Fixed.same(terms.point_value.number, count),
        band=band,
        review=stays.costed & terms.outliers.reviews(stays.cost, stays.mean),
        warnings=[(PayWarning.HISTORY_MISSING, unknown)] if unknown.any() else [],
    )


def _readmissions(block: Block, terms: Terms) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which stays the rule on a return touches, and of which that is not known."""
    rule = terms.readmission
    if rule is None:
        none = np.zeros(len(block), np.bool_)
        return none, none
    days, known = block.columns.whole(rule.column)
    touched = known & (days >= 0) & (days <= int(rule.days.value))
    if rule.exempt_codes:
        touched &= ~block.columns.first("dx").among(rule.exempt_codes, prefix=True)
    return touched, ~known


@dataclass(slots=True)
class _Stays:
    """The stays of a block, told apart by how they earn points.

    Attributes:
        by_day: of a bed-day group. Others are ``partial`` (incomplete, or low outliers),
            ``capped`` those of them that earn at most the base points, ``high`` or neither.
        costed: whose cost can be held against the group's mean.
        above, below: of the cost factor, as a quotient.
        days: that are paid.
    """

    terms: Terms
    reasons: NDArray[np.object_]
    band: NDArray[np.object_]
    by_day: NDArray[np.bool_]
    base: Fixed
    day_points: Fixed
    mean: Fixed
    cost: Fixed
    costed: NDArray[np.bool_]
    partial: NDArray[np.bool_]
    capped: NDArray[np.bool_]
    high: NDArray[np.bool_]
    limit: Fixed
    above: Fixed
    below: Fixed
    days: Fixed

    @classmethod
    def of(cls, block: Block, terms: Terms) -> _Stays:
        groups, reasons = block.columns.words("group"), no_reasons(len(block))
        base, has_base = _cells(block, GROUPS, "base_points")
        mean, has_mean = _cells(block, GROUPS, "mean_cost")
        day_points, has_days_points = _cells(block, GROUPS, "bed_day_points")
        by_day = groups.among(terms.bed_day_groups)
        because(
            reasons, ~np.where(by_day, has_days_points, has_base), PayReason.GROUP_WITHOUT_WEIGHT
        )
        los, told = block.columns.whole("los")
        days = np.maximum(los, int(terms.least_days.value))
        no_days = ~told | (los < 0) | (days == 0)
        because(reasons, by_day & no_days, PayReason.DAYS_MISSING)
        cost, stated = block.columns.fixed("total_cost")
        by_way = block.columns.words("discharge_way").among(terms.incomplete_ways)
        needed = ~by_day & (by_way | terms.by_cost)
        because(reasons, needed & ~stated, PayReason.COST_MISSING)
        because(reasons, needed & ~has_mean, PayReason.GROUP_MEAN_MISSING)
        costed = ~by_day & stated & has_mean
        incomplete = costed & (by_way | _less(cost, mean, terms))
        low = costed & ~incomplete & terms.outliers.lows(cost, mean)
        above, below, divided = _factors(block, terms, mean)
        whole = ~by_day & ~incomplete & ~low
        because(reasons, whole & divided & ~has_mean, PayReason.GROUP_MEAN_MISSING)
        limit, limited = terms.outliers.limits(base)
        high = costed & whole & limited & cost.above(mean * limit)
        band = no_reasons(len(block))
        band[:] = Band.NORMAL
        for where, one in (
            (incomplete, Band.INCOMPLETE),
            (low, Band.LOW),
            (high, Band.HIGH),
            (by_day, Band.BED_DAY),
        ):
            band[where] = one
        return cls(
            terms=terms,
            reasons=reasons,
            band=band,
            by_day=by_day,
            base=base,
            day_points=day_points,
            mean=mean,
            cost=cost,
            costed=costed,
            partial=incomplete | low,
            capped=incomplete,
            high=high,
            limit=limit,
            above=above,
            below=below,
            days=Fixed(days, 0),
        )

    def quotients(self) -> list[tuple[NDArray[np.int64], Fixed, Fixed]]:
        """The points of each kind of stay: which cases, and their points as quotients."""
        rows = np.flatnonzero(self.by_day)
        earned = self.day_points.take(rows) * self.days.take(rows)
        found = [(rows, earned, Fixed.same(1, len(rows)))]
        rows = np.flatnonzero(self.partial)
        base, mean = self.base.take(rows), self.mean.take(rows)
        spent = self.cost.take(rows)
        spent = spent.minimum(mean).where(self.capped[rows], spent)
        found.append((rows, base * spent, mean))
        rows = np.flatnonzero(~self.by_day & ~self.partial & ~self.high)
        found.append((rows, self.base.take(rows) * self.above.take(rows), self.below.take(rows)))
        rows = np.flatnonzero(self.high)
        base, mean = self.base.take(rows), self.mean.take(rows)
        excess = (self.cost.take(rows) - self.limit.take(rows) * mean) * self._part
        below = self.below.take(rows)
        earned = base * (self.above.take(rows) * mean + excess * below)
        found.append((rows, earned, below * mean))
        return found

    @property
    def _part(self) -> Decimal:
        return self.terms.outliers.part_number


def _cells(block: Block, path: str, column: str) -> tuple[Fixed, NDArray[np.bool_]]:
    """Numbers of the case's group, and where there is one that is not nought."""
    numbers, known = block.cells(path, block.columns.words("group"), column)
    return numbers, known & numbers.above(0)


def _less(cost: Fixed, mean: Fixed, terms: Terms) -> NDArray[np.bool_]:
    """Whose cost alone makes the stay incomplete."""
    if terms.below is None:
        return np.zeros(len(cost), np.bool_)
    return cost.less(mean * terms.below.number)


def _factors(block: Block, terms: Terms, mean: Fixed) -> tuple[Fixed, Fixed, NDArray[np.bool_]]:
    """Cost factors as quotients, and where the divisor is the group's mean cost."""
    stated, has_stated = _cells(block, FACTORS, "factor")
    own, has_own = _cells(block, FACTORS, "hospital_mean")
    divided = has_own & ~has_stated
    default = Fixed.same(terms.default_factor.number, len(block))
    above = stated.where(has_stated, own.where(has_own, default))
    return above, mean.where(divided, 1), divided
