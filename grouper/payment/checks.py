"""What must hold of a case's costs before it is priced, scalar and vectorised."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from grouper.payment.reasons import PayReason, PayWarning

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from grouper.case.record import Case
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block
    from grouper.payment.fixed import Fixed

_TOLERANCE = "general.total_tolerance"


def lines_total(case: Case) -> Fraction | None:
    """The sum of a case's charge lines; None without any amount."""
    amounts = [Fraction(one) for one in case.line_amount if one is not None]
    return sum(amounts, Fraction(0)) if amounts else None


def cost_reason(case: Case) -> str | None:
    """Why the costs of a case cannot be used: a negative total."""
    cost, total = case.total_cost, lines_total(case)
    if (cost is not None and cost < 0) or (total is not None and total < 0):
        return PayReason.COST_NEGATIVE
    return None


def cost_warnings(asked: Asked) -> tuple[str, ...]:
    """What is to be known of the costs: none stated, or lines that do not add up to the total."""
    tolerance = asked.value(_TOLERANCE).number
    cost, total = asked.case.total_cost, lines_total(asked.case)
    if cost is None:
        return (PayWarning.COST_MISSING,)
    if total is not None and abs(Fraction(cost) - total) > tolerance:
        return (PayWarning.COST_MISMATCH,)
    return ()


def lines_totals(block: Block) -> tuple[Fixed, NDArray[np.bool_]]:
    """:func:`lines_total` of each case of a block, and where there is one."""
    return block.columns.sums("line_amount")


def cost_checks(
    block: Block,
) -> tuple[NDArray[np.bool_], list[tuple[str, NDArray[np.bool_]]]]:
    """As :func:`cost_reason` and :func:`cost_warnings` for a block.

    Returns:
        Where a total is negative, and the warnings with where they hold.
    """
    tolerance = block.value(_TOLERANCE).number
    cost, known = block.columns.fixed("total_cost")
    total, lined = lines_totals(block)
    negative = (known & cost.less(0)) | (lined & total.less(0))
    apart = (cost - total).above(tolerance) | (total - cost).above(tolerance)
    return negative, [
        (PayWarning.COST_MISSING, ~known),
        (PayWarning.COST_MISMATCH, known & lined & apart),
    ]
