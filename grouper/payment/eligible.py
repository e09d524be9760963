"""The cost of a case within the policy's scope, and whether its costs add up; scalar and vectorised.

Stated as such; or what is left of the total without the three parts outside (what the catalogue does
not hold, what is above a price limit, the first share of class B items); or out of the charge lines, as
the patient's share reads them. Nothing is filled in: a part that is not stated is not nought.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.block import because, lacking, no_reasons
from grouper.payment.checks import lines_total, lines_totals
from grouper.payment.reasons import PayReason
from grouper.payment.share.costs import OUTSIDE, scope_of_lines
from grouper.payment.share.costs_block import placed, scope_of_lines_block
from grouper.payment.share.parts import FEN
from grouper.payment.share.rules import catalogue_of

if TYPE_CHECKING:
    from decimal import Decimal

    from numpy.typing import NDArray

    from grouper.payment.asked import Asked
    from grouper.payment.block import Block
    from grouper.payment.fixed import Fixed

_COSTS = ("total_cost", "scope_cost", *OUTSIDE)


@dataclass(frozen=True, slots=True)
class Eligible:
    """The cost within scope, in yuan, or the reason why it is not known."""

    cost: Decimal | None = None
    reason: str | None = None


def eligible(asked: Asked) -> Eligible:
    """The cost of one case within scope.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``: no tolerance.
    """
    catalogue = catalogue_of(asked)
    tolerance = Fraction(catalogue.tolerance)
    case = asked.case
    if any((getattr(case, name) or 0) < 0 for name in _COSTS):
        return Eligible(reason=PayReason.COST_NEGATIVE)
    total, scope, lines = case.total_cost, case.scope_cost, lines_total(case)
    stated = [getattr(case, name) for name in OUTSIDE]
    outside = sum((Fraction(one) for one in stated if one is not None), Fraction(0))
    whole = all(one is not None for one in stated)
    if total is not None and lines is not None and abs(Fraction(total) - lines) > tolerance:
        return Eligible(reason=PayReason.COST_MISMATCH)
    if scope is not None:
        over = Fraction(scope) + outside - Fraction(total) if total is not None else Fraction(0)
        if over > tolerance or (whole and -over > tolerance):
            return Eligible(reason=PayReason.COST_MISMATCH)
        return Eligible(scope)
    if total is None or not whole:
        found = scope_of_lines(case, catalogue)
        return Eligible(reason=found.reason) if found.reason else Eligible(FEN.of(found.scope))
    if outside > total:
        return Eligible(reason=PayReason.COST_MISMATCH)
    return Eligible(total - sum(stated))


def eligible_block(block: Block) -> tuple[Fixed, NDArray[np.object_]]:
    """As :func:`eligible` for a block: the costs, and the reasons where there is none.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``: no tolerance.
    """
    catalogue = catalogue_of(block)
    tolerance = catalogue.tolerance
    costs = {name: block.columns.fixed(name) for name in _COSTS}
    reasons = no_reasons(len(block))
    negative = np.zeros(len(block), np.bool_)
    for numbers, _ in costs.values():
        negative |= numbers.less(0)
    (total, has_total), (scope, has_scope) = costs["total_cost"], costs["scope_cost"]
    lines, has_lines = lines_totals(block)
    apart = (total - lines).above(tolerance) | (lines - total).above(tolerance)
    outside = costs[OUTSIDE[0]][0] + costs[OUTSIDE[1]][0] + costs[OUTSIDE[2]][0]
    whole = np.logical_and.reduce([costs[name][1] for name in OUTSIDE])
    over = (scope + outside - total).above(tolerance)
    under = whole & (total - scope - outside).above(tolerance)
    because(reasons, negative, PayReason.COST_NEGATIVE)
    because(reasons, has_total & has_lines & apart, PayReason.COST_MISMATCH)
    because(reasons, has_scope & has_total & (over | under), PayReason.COST_MISMATCH)
    of_lines = ~has_scope & (~has_total | ~whole)
    because(reasons, ~has_scope & ~of_lines & outside.above(total), PayReason.COST_MISMATCH)
    found = scope.where(has_scope, total - outside)
    places = np.flatnonzero(of_lines & lacking(reasons))
    if not len(places):
        return found, reasons
    rows = places if block.columns.rows is None else block.columns.rows[places]
    parted = scope_of_lines_block(block.columns.some(rows), catalogue)
    reasons[places] = parted.reasons
    return placed(found, places, parted.scope), reasons
