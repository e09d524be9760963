"""DIP by score for many cases at once; the figures are those of the scalar way."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.block import Outcomes, because, lacking, no_reasons
from grouper.payment.fixed import Fixed
from grouper.payment.methods._deviation import NATIONAL, number
from grouper.payment.methods._dip_terms import Terms
from grouper.payment.methods._paid import put, words_of
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.payment.block import Block


def price_block(block: Block) -> Outcomes:
    """Price many cases; see :class:`grouper.payment.methods.Method`."""
    terms, columns, count = Terms.of(block), block.columns, len(block)
    groups = columns.words("group")
    score, scored = columns.fixed("weight")
    given, fallen = terms.fallbacks(groups, "score")
    share, by_cost = terms.fallbacks(groups, "cost_share")
    by_cost = by_cost & ~scored & ~fallen
    score = score.where(scored, given) if fallen.any() else score
    scored = scored | fallen
    cost, stated = columns.fixed("total_cost")
    reference = terms.deviation.reference
    deviating = reference is not None
    reasons = no_reasons(count)
    because(reasons, ~by_cost & ~(scored & score.above(0)), PayReason.GROUP_WITHOUT_WEIGHT)
    because(reasons, (by_cost | deviating) & ~stated, PayReason.COST_MISSING)
    because(reasons, (by_cost | deviating) & cost.less(0), PayReason.COST_NEGATIVE)
    if reference is not None and reference.number == 0:
        because(reasons, ~by_cost, PayReason.GROUP_WITHOUT_WEIGHT)
    paying = terms.paying
    factor = terms.factors(columns.words("group_kind"), groups)
    points = (score * factor).rounded(paying.points)
    bands = _Bands.of(terms, cost, score, ~by_cost & lacking(reasons))
    for some, numerator in bands.points(terms, cost, score, factor):
        points = put(points, some, numerator.over(number(reference), paying.points))
    amount = paying.amounts(points)
    low = np.flatnonzero(bands.low) if terms.deviation.low_by_cost else np.array([], np.int64)
    fallback = np.flatnonzero(by_cost)
    for some, due in ((low, cost.take(low)), (fallback, (cost * share).take(fallback))):
        if len(some):
            money = due.rounded(paying.money)
            amount = put(amount, some, money)
            points = put(points, some, money.over(paying.point_value.number, paying.points))
    return Outcomes(
        amount=amount,
        reasons=reasons,
        fund=paying.funds(amount),
        unit_weight=score,
        points=points,
        point_value=paying.values(count),
        band=bands.words(),
        review=bands.review,
        stated={"unit_weight": scored},
    )


@dataclass(frozen=True, slots=True)
class _Bands:
    """Where a case is low, high, above the last limit, and a candidate for review."""

    low: NDArray[np.bool_]
    high: NDArray[np.bool_]
    upper: NDArray[np.bool_]
    review: NDArray[np.bool_]

    @classmethod
    def of(cls, terms: Terms, cost: Fixed, score: Fixed, meant: NDArray[np.bool_]) -> _Bands:
        """The bands of the cases that are meant; the others are in none."""
        rule, none = terms.deviation, np.zeros(len(cost), np.bool_)
        if rule.reference is None or rule.low is None or rule.low_inclusive is None:
            return cls(none, none, none, none)
        standard = score * rule.reference.number
        low_at = standard * rule.low.number
        low = cost.less(low_at)
        if rule.low_inclusive.value:
            low = low | ~cost.above(low_at)
        high = ~low & cost.above(standard * number(rule.high))
        upper = review = none
        if rule.upper is not None:
            upper = high & cost.above(standard * rule.upper.number)
        if rule.review is not None:
            review = cost.above(standard * rule.review.number)
        return cls(low & meant, high & ~upper & meant, upper & meant, review & meant)

    def points(
        self, terms: Terms, cost: Fixed, score: Fixed, factor: Fixed
    ) -> list[tuple[NDArray[np.int64], Fixed]]:
        """The points, times the point value of the year before, of cases that earn others."""
        rule = terms.deviation
        reference, limit = number(rule.reference), number(rule.high)
        found = []
        low = np.flatnonzero(self.low)
        if len(low) and not rule.low_by_cost:
            worth = cost.take(low)
            found.append((low, worth * factor.take(low) if rule.low_factored else worth))
        high = np.flatnonzero(self.high)
        if len(high) and rule.pays_high:
            own, standard = factor.take(high), score.take(high) * reference
            added: Fixed | Decimal = own if rule.high_added is None else rule.high_added.number
            if rule.rule.value == NATIONAL:
                added = Decimal(1)
            kept = Fixed.same(0, len(high)) + added - limit
            worth = cost.take(high) + standard * kept
            found.append((high, worth * own if rule.high_factored else worth))
        return found

    def words(self) -> NDArray[np.object_]:
        """The band of each case."""
        found = words_of(Band.NORMAL, len(self.low))
        found[self.low], found[self.high], found[self.upper] = Band.LOW, Band.HIGH, Band.CAPPED
        return found
