"""Global budget: a case is paid by item within the hospital's yearly budget.

The figure of a case is what it takes from the budget; what the fund owes for the year is settled in
:mod:`grouper.payment.budget`, which is why the case carries a warning. A hospital whose share of the
fund's spending is below the policy's is exempt and is paid by item.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.methods.by_item import METHOD as BY_ITEM
from grouper.payment.reasons import PayWarning

if TYPE_CHECKING:
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block, Outcomes
    from grouper.payment.result import Outcome

_EXEMPT, _SHARE = "global_budget.exempt_below_share", "global_budget.spending_share"


class GlobalBudget:
    """Global budget."""

    name = "global_budget"
    section = "global_budget"

    def price(self, asked: Asked) -> Outcome:
        """Price one case; see :class:`grouper.payment.methods.Method`."""
        limit, share = asked.find(_EXEMPT), asked.find(_SHARE)
        if limit is not None and share is not None:
            word = "exempt" if share.number < limit.number else "within"
            asked.sheet.say("place", word, spending_share=share, exempt_below_share=limit)
        outcome = BY_ITEM.price(asked)
        if outcome.reason is not None or exempt(asked):
            return outcome
        return replace(outcome, warnings=(*outcome.warnings, PayWarning.BUDGET))

    def price_block(self, block: Block) -> Outcomes:
        """Price many cases; see :class:`grouper.payment.methods.Method`."""
        marked = not exempt(block)
        outcomes = BY_ITEM.price_block(block)
        if marked:
            priced = np.array([one is None for one in outcomes.reasons], np.bool_)
            outcomes.warnings.append((PayWarning.BUDGET, priced))
        return outcomes


def exempt(asked: Asked | Block) -> bool:
    """Whether a hospital is so small that it stands outside the budget, as far as the policy says."""
    limit, share = asked.find(_EXEMPT), asked.find(_SHARE)
    return limit is not None and share is not None and share.number < limit.number


METHOD = GlobalBudget()
