"""By item: what was charged is paid, within the policy's scope.

The hospital is due the cost within scope; what lies outside the patient pays in full beside it. A
case whose total is not the sum of its parts or lines is not priced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.block import Outcomes, because, no_reasons
from grouper.payment.eligible import eligible, eligible_block
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band, Outcome

if TYPE_CHECKING:
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block

_BASIS = "by_item.basis"
_TOTAL = "total"


class ByItem:
    """By item."""

    name = "by_item"
    section = "by_item"

    def price(self, asked: Asked) -> Outcome:
        """Price one case; see :class:`grouper.payment.methods.Method`."""
        basis, money = asked.value(_BASIS), asked.rounding("money")
        found = eligible(asked)
        cost = found.cost
        if basis.value == _TOTAL:
            reason = _unless_scope(found.reason)
            cost = asked.case.total_cost
            if reason is None and cost is None:
                reason = PayReason.COST_MISSING
        else:
            reason = found.reason
        if reason is not None or cost is None:
            return Outcome(reason=reason)
        line = asked.sheet.add("standard", cost, rounding=money, cost=cost, basis=basis)
        return Outcome(amount=money.of(line.number), band=Band.NORMAL)

    def price_block(self, block: Block) -> Outcomes:
        """Price many cases; see :class:`grouper.payment.methods.Method`."""
        basis, money = block.value(_BASIS), block.rounding("money")
        cost, reasons = eligible_block(block)
        if basis.value == _TOTAL:
            cost, known = block.columns.fixed("total_cost")
            reasons[_is(reasons, PayReason.SCOPE_MISSING)] = None
            because(reasons, ~known, PayReason.COST_MISSING)
        band = no_reasons(len(block))
        band[:] = Band.NORMAL
        return Outcomes(amount=cost.rounded(money), reasons=reasons, band=band)


def _unless_scope(reason: str | None) -> str | None:
    # Of the total as a whole it does not matter which part lies within scope.
    return None if reason == PayReason.SCOPE_MISSING else reason


def _is(
    reasons: np.ndarray[tuple[int], np.dtype[np.object_]], code: str
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([one == code for one in reasons], np.bool_)


METHOD = ByItem()
