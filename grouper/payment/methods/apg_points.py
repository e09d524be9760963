"""APG points: points = weight of the visit × scale × hospital factor; payment = points × point value.

The weight of the visit is Σ weight × share over what the scheme pays of it (``docs/APG.md``). Source:
the published APG arithmetic (payment = base × Σ weight × share), in points as Jinhua pays visits.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.block import Outcomes, because, no_reasons
from grouper.payment.exact import plain
from grouper.payment.methods._paid import Paying, words_of
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band, Outcome

if TYPE_CHECKING:
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block

_TOPIC = "apg_points"
_SCALE = f"{_TOPIC}.scale"


class ApgPoints:
    """APG points."""

    name = _TOPIC
    section = _TOPIC

    def price(self, asked: Asked) -> Outcome:
        """Price one visit; see :class:`grouper.payment.methods.Method`."""
        scale, paying = asked.value(_SCALE), Paying.of(asked, _TOPIC)
        weight = asked.grouping.weight
        if weight is None:
            return Outcome(reason=PayReason.GROUP_WITHOUT_WEIGHT)
        if weight <= 0:
            return Outcome(reason=PayReason.VISIT_NOT_PAYABLE)
        _write_parts(asked)
        whole = asked.sheet.add("weight", weight, unit="", weight=weight)
        exact = whole.number * Fraction(scale.number) * Fraction(paying.factor.number)
        points = asked.sheet.add(
            "points",
            exact,
            unit="points",
            rounding=paying.points,
            weight=whole,
            scale=scale,
            hospital_factor=paying.factor,
        )
        amount = paying.amount(asked, points)
        return Outcome(
            amount=paying.money.of(amount.number),
            fund=paying.fund(asked, amount),
            unit_weight=plain(weight),
            points=plain(points.number),
            point_value=plain(paying.point_value.number),
            band=Band.NORMAL,
        )

    def price_block(self, block: Block) -> Outcomes:
        """Price many visits; see :class:`grouper.payment.methods.Method`."""
        scale, paying = block.value(_SCALE).number, Paying.of(block, _TOPIC)
        weight, known = block.columns.fixed("weight")
        reasons = no_reasons(len(block))
        because(reasons, ~known, PayReason.GROUP_WITHOUT_WEIGHT)
        because(reasons, np.asarray(~weight.above(0), np.bool_), PayReason.VISIT_NOT_PAYABLE)
        points = (weight * scale * paying.factor.number).rounded(paying.points)
        amount = paying.amounts(points)
        return Outcomes(
            amount=amount,
            reasons=reasons,
            fund=paying.funds(amount),
            unit_weight=weight,
            points=points,
            point_value=paying.values(len(block)),
            band=words_of(Band.NORMAL, len(block)),
        )


def _write_parts(asked: Asked) -> None:
    """A line for each part of the visit that adds to its weight."""
    for part in asked.grouping.parts:
        if part.weight is None or part.share is None:
            continue
        exact = plain(Fraction(part.weight) * Fraction(part.share))
        asked.sheet.add(
            "part",
            exact,
            unit="",
            group=part.group or "-",
            group_weight=Decimal(part.weight),
            share=Decimal(part.share),
        )


METHOD = ApgPoints()
