"""Refunds cancel their charges before any rule looks at them.

A refund is a line whose quantity is below nought and whose amount is not above it. It cancels charges of the same item of the same
case that are not later than it: the newest first, wholly or in part. A charge without a time is
older than all, a refund without one is the last. What a refund has left has no charge to cancel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from grouper.audit.lines import NO_TIME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.audit.lines import Lines

_LAST = 1 << 62


def cancelled(lines: Lines) -> Lines:
    """The lines with the quantities and amounts that refunds leave of them.

    A line that is wholly cancelled has the quantity nought, and so has a refund that found all its
    charges; of a charge cancelled in part the same part of its amount is left, rounded half up to
    the fen.
    """
    quantity, amount = lines.quantity, lines.amount
    refund = (quantity < 0) & (amount <= 0)
    charge = (quantity > 0) & (amount >= 0)
    if not refund.any():
        return lines
    touched = np.zeros(int(lines.case.max()) + 1, bool)
    touched[lines.case[refund]] = True
    near = np.flatnonzero(touched[lines.case] & (refund | charge))
    key = (lines.case[near].astype(np.int64) << 32) + lines.item[near]
    wanted = np.unique(key[refund[near]])
    near = near[np.isin(key, wanted)]
    second = np.where((lines.second[near] == NO_TIME) & refund[near], _LAST, lines.second[near])
    order = np.lexsort(
        (
            lines.line[near],
            quantity[near],
            amount[near],
            refund[near],
            second,
            lines.item[near],
            lines.case[near],
        )
    )
    near = near[order]
    quantity, amount = quantity.copy(), amount.copy()
    _settle(near, lines, quantity)
    part = near[(quantity[near] != lines.quantity[near]) & (quantity[near] != 0)]
    for place in part.tolist():
        amount[place] = _part(
            int(lines.amount[place]), int(quantity[place]), int(lines.quantity[place])
        )
    amount[near[quantity[near] == 0]] = 0
    return lines.with_net(quantity, amount)


def _settle(order: NDArray[np.int64], lines: Lines, quantity: NDArray[np.int64]) -> None:
    """Walk the lines of each case and item by time, charges on a pile, refunds from its top."""
    keys = zip(lines.case[order].tolist(), lines.item[order].tolist(), strict=True)
    last: tuple[int, int] | None = None
    pile: list[int] = []
    for place, key in zip(order.tolist(), keys, strict=True):
        if key != last:
            last, pile = key, []
        left = int(quantity[place])
        if left > 0:
            pile.append(place)
            continue
        while pile and left < 0:
            top = pile[-1]
            there = int(quantity[top])
            taken = min(there, -left)
            quantity[top] = there - taken
            left += taken
            if taken == there:
                pile.pop()
        quantity[place] = left


def _part(amount: int, left: int, whole: int) -> int:
    """The same part of an amount, half up; a refund's stays below nought."""
    sign = -1 if amount < 0 else 1
    return sign * ((2 * abs(amount) * abs(left) + abs(whole)) // (2 * abs(whole)))
