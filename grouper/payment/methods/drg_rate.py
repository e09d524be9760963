"""DRG by rate: payment = RW × rate × hospital factor.

Source: the payment formula of Harbin and most cities that pay DRG by a rate
(``codebooks/data/policies/harbin/drg_rate.yaml``).
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from grouper.payment.block import Outcomes, because, no_reasons
from grouper.payment.exact import plain
from grouper.payment.fixed import Fixed
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band, Outcome

if TYPE_CHECKING:
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block

_WEIGHTS, _RATE, _FACTOR = "drg_rate.weights", "drg_rate.rate", "drg_rate.hospital_factor"


class DrgRate:
    """DRG by rate."""

    name = "drg_rate"
    section = "drg_rate"

    def price(self, asked: Asked) -> Outcome:
        """Price one case; see :class:`grouper.payment.methods.Method`."""
        rate, factor = asked.value(_RATE), asked.value(_FACTOR)
        money = asked.rounding("money")
        weight = asked.cell(_WEIGHTS, asked.grouping.group, "weight")
        if weight is None:
            return Outcome(reason=PayReason.GROUP_WITHOUT_WEIGHT)
        exact = Fraction(weight.number) * Fraction(rate.number) * Fraction(factor.number)
        line = asked.sheet.add(
            "standard", exact, rounding=money, weight=weight, rate=rate, hospital_factor=factor
        )
        return Outcome(
            amount=money.of(line.number),
            unit_weight=plain(weight.number),
            points=plain(weight.number),
            point_value=plain(rate.number),
            band=Band.NORMAL,
        )

    def price_block(self, block: Block) -> Outcomes:
        """Price many cases; see :class:`grouper.payment.methods.Method`."""
        rate, factor = block.value(_RATE).number, block.value(_FACTOR).number
        money = block.rounding("money")
        weight, known = block.cells(_WEIGHTS, block.columns.words("group"), "weight")
        reasons = no_reasons(len(block))
        because(reasons, ~known, PayReason.GROUP_WITHOUT_WEIGHT)
        band = no_reasons(len(block))
        band[:] = Band.NORMAL
        return Outcomes(
            amount=(weight * rate * factor).rounded(money),
            reasons=reasons,
            unit_weight=weight,
            points=weight,
            point_value=Fixed.same(rate, len(block)),
            band=band,
        )


METHOD = DrgRate()
