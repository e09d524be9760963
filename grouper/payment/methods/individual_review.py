"""Individual review (特病单议): cases that no group fits, until the review has been granted.

Reckoned from what the case cost: a share of it, or points = cost ÷ mean cost of the area × points of
a stay of mean cost. Every such case is named as a candidate; the amount is an estimate until then.
Source: the points method of Jinhua, Zhejiang (``codebooks/data/policies/jinhua/individual_review.yaml``).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.block import Outcomes, because, no_reasons
from grouper.payment.exact import plain
from grouper.payment.fixed import Fixed
from grouper.payment.reasons import PayReason
from grouper.payment.result import Outcome

if TYPE_CHECKING:
    from codebooks.policies.policy import Value
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block
    from grouper.payment.exact import Rounding

_TOPIC = "individual_review"
_MEAN, _SCALE, _POINT = "drg_points.mean_cost", "drg_points.scale", "drg_points.point_value"
_FIELDS = {
    "scope": ("scope_cost", PayReason.SCOPE_MISSING),
    "total": ("total_cost", PayReason.COST_MISSING),
}


@dataclass(frozen=True, slots=True)
class _Points:
    """What points are reckoned from: mean cost of the area, points of such a stay, yuan a point."""

    mean: Value
    scale: Value
    value: Value


@dataclass(frozen=True, slots=True)
class _Terms:
    """What the policy says: which cost, and the share of it that is paid or how it makes points."""

    base: Value
    by: Value | _Points
    points: Rounding
    money: Rounding

    @classmethod
    def of(cls, asked: Asked | Block) -> _Terms:
        by_points = asked.value(f"{_TOPIC}.way").value == "points"
        base = asked.value(f"{_TOPIC}.base")
        by: Value | _Points
        if by_points:
            by = _Points(asked.value(_MEAN), asked.value(_SCALE), asked.value(_POINT))
        else:
            by = asked.value(f"{_TOPIC}.cost_share")
        return cls(base, by, asked.rounding("points"), asked.rounding("money"))

    @property
    def field(self) -> tuple[str, PayReason]:
        """The case's field of the cost, and the reason where it states none."""
        return _FIELDS[str(self.base.value)]


class IndividualReview:
    """Individual review."""

    name = _TOPIC
    section = _TOPIC

    def price(self, asked: Asked) -> Outcome:
        """Price one case; see :class:`grouper.payment.methods.Method`."""
        terms = _Terms.of(asked)
        field, missing = terms.field
        stated = getattr(asked.case, field)
        if stated is None:
            return Outcome(reason=missing)
        if stated < 0:
            return Outcome(reason=PayReason.COST_NEGATIVE)
        cost, add, money = Fraction(stated), asked.sheet.add, terms.money
        if not isinstance(terms.by, _Points):
            exact = cost * Fraction(terms.by.number)
            line = add("cost", exact, rounding=money, cost=cost, cost_share=terms.by)
            return Outcome(amount=money.of(line.number), review=True)
        mean, scale, value = terms.by.mean, terms.by.scale, terms.by.value
        exact = cost * Fraction(scale.number) / Fraction(mean.number)
        points = add(
            "points",
            exact,
            unit="points",
            rounding=terms.points,
            cost=cost,
            mean_cost=mean,
            scale=scale,
        )
        due = points.number * Fraction(value.number)
        line = add("standard", due, rounding=money, points=points, point_value=value)
        return Outcome(
            amount=money.of(line.number),
            points=plain(points.number),
            point_value=plain(value.number),
            review=True,
        )

    def price_block(self, block: Block) -> Outcomes:
        """Price many cases; see :class:`grouper.payment.methods.Method`."""
        terms, count = _Terms.of(block), len(block)
        field, missing = terms.field
        cost, stated = block.columns.fixed(field)
        reasons = no_reasons(count)
        because(reasons, ~stated, missing)
        because(reasons, cost.less(0), PayReason.COST_NEGATIVE)
        review = np.ones(count, np.bool_)
        if not isinstance(terms.by, _Points):
            paid = (cost * terms.by.number).rounded(terms.money)
            return Outcomes(amount=paid, reasons=reasons, review=review)
        points = (cost * terms.by.scale.number).over(terms.by.mean.number, terms.points)
        value = terms.by.value.number
        return Outcomes(
            amount=(points * value).rounded(terms.money),
            reasons=reasons,
            points=points,
            point_value=Fixed.same(value, count),
            review=review,
        )


METHOD = IndividualReview()
