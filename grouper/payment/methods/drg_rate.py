"""DRG by rate: payment = RW × rate × hospital factor; outliers where the policy sets limits.

A low outlier is paid what it cost; a high one the standard and a share of what it cost above the
limit. Source: the payment formula of Harbin and most cities that pay DRG by a rate
(``codebooks/data/policies/harbin/drg_rate.yaml``); limits are each region's own.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.block import Outcomes, because, no_reasons
from grouper.payment.exact import plain
from grouper.payment.fixed import Fixed
from grouper.payment.methods._outliers import Outliers, gathered
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band, Outcome

if TYPE_CHECKING:
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block
    from grouper.payment.exact import Rounding
    from grouper.payment.sheet import Line, TableCell

_TOPIC = "drg_rate"
_WEIGHTS, _RATE, _FACTOR = f"{_TOPIC}.weights", f"{_TOPIC}.rate", f"{_TOPIC}.hospital_factor"


class DrgRate:
    """DRG by rate."""

    name = _TOPIC
    section = _TOPIC

    def price(self, asked: Asked) -> Outcome:
        """Price one case; see :class:`grouper.payment.methods.Method`."""
        rate, factor = asked.value(_RATE), asked.value(_FACTOR)
        money, outliers = asked.rounding("money"), Outliers.of(asked, _TOPIC)
        weight = asked.cell(_WEIGHTS, asked.grouping.group, "weight")
        if weight is None or weight.number == 0:
            return Outcome(reason=PayReason.GROUP_WITHOUT_WEIGHT)
        if outliers.by_cost and asked.case.total_cost is None:
            return Outcome(reason=PayReason.COST_MISSING)
        standard = Fraction(weight.number) * Fraction(rate.number) * Fraction(factor.number)
        cost = asked.case.total_cost
        # A standard of nought (a rate of nought) has no multiples.
        ratio = None if cost is None or not standard else Fraction(cost) / standard
        limit = outliers.limit(weight.number)
        band = _band(outliers, limit, ratio)
        line = asked.sheet.add(
            "standard",
            standard,
            rounding=money if band is Band.NORMAL else None,
            weight=weight,
            rate=rate,
            hospital_factor=factor,
        )
        if band is not Band.NORMAL:
            line = _outlier(asked, outliers, limit, line, money)
        return Outcome(
            amount=money.of(line.number),
            unit_weight=plain(weight.number),
            points=plain(weight.number),
            point_value=plain(rate.number),
            band=band,
            review=ratio is not None and outliers.is_review(ratio),
        )

    def price_block(self, block: Block) -> Outcomes:
        """Price many cases; see :class:`grouper.payment.methods.Method`."""
        rate, factor = block.value(_RATE).number, block.value(_FACTOR).number
        money, outliers = block.rounding("money"), Outliers.of(block, _TOPIC)
        weight, known = block.cells(_WEIGHTS, block.columns.words("group"), "weight")
        reasons = no_reasons(len(block))
        because(reasons, ~(known & weight.above(0)), PayReason.GROUP_WITHOUT_WEIGHT)
        cost, stated = block.columns.fixed("total_cost")
        if outliers.by_cost:
            because(reasons, ~stated, PayReason.COST_MISSING)
        standard = weight * rate * factor
        judged = stated & standard.above(0)
        limit, limited = outliers.limits(weight)
        low = judged & outliers.lows(cost, standard)
        high = judged & ~low & limited & cost.above(standard * limit)
        cheap, dear, rest = (np.flatnonzero(one) for one in (low, high, ~low & ~high))
        due, spent = standard.take(dear), cost.take(dear)
        above = (spent - due * limit.take(dear)) * outliers.part_number
        parts = [(cheap, cost.take(cheap)), (dear, due + above), (rest, standard.take(rest))]
        band = no_reasons(len(block))
        band[:] = Band.NORMAL
        band[low], band[high] = Band.LOW, Band.HIGH
        amounts = [(rows, numbers.rounded(money)) for rows, numbers in parts]
        return Outcomes(
            amount=gathered(len(block), amounts, money.places),
            reasons=reasons,
            unit_weight=weight,
            points=weight,
            point_value=Fixed.same(rate, len(block)),
            band=band,
            review=judged & outliers.reviews(cost, standard),
        )


def _band(outliers: Outliers, limit: TableCell | None, ratio: Fraction | None) -> Band:
    if ratio is None:
        return Band.NORMAL
    if outliers.is_low(ratio):
        return Band.LOW
    return Band.HIGH if limit is not None and ratio > Fraction(limit.number) else Band.NORMAL


def _outlier(
    asked: Asked, outliers: Outliers, limit: TableCell | None, standard: Line, money: Rounding
) -> Line:
    """The line of a stay that lies outside the limits."""
    cost = Fraction(asked.case.total_cost or 0)
    ratio = asked.sheet.add("ratio", cost / standard.number, unit="", cost=cost, standard=standard)
    if limit is None or outliers.is_low(ratio.number):
        asked.sheet.say("band", "low", ratio=ratio, limit=outliers.low)
        return asked.sheet.add("low", cost, rounding=money, cost=cost)
    asked.sheet.say("band", "high", ratio=ratio, limit=limit)
    excess = cost - Fraction(limit.number) * standard.number
    return asked.sheet.add(
        "high",
        standard.number + excess * Fraction(outliers.part_number),
        rounding=money,
        standard=standard,
        cost=cost,
        limit=limit,
        share=outliers.part,
    )


METHOD = DrgRate()
