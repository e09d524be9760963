"""Refunds cancel their charges, and lines that cannot be judged as they are are set aside.

The reading is that of :mod:`grouper.audit.refunds` and :mod:`grouper.audit.portion`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.audit.order.lines import Entry

_FIRST, _LAST = -(1 << 62), 1 << 62


@dataclass(frozen=True, slots=True)
class Standing:
    """The lines of a case ready to be judged.

    Attributes:
        every: as they came.
        kept: those that stand after refunds, with what is left of them.
        odd: what is wrong, and the lines (after refunds) of which it is.
    """

    every: Sequence[Entry]
    kept: Sequence[Entry]
    odd: Sequence[tuple[str, Sequence[Entry]]]


def standing(every: Sequence[Entry]) -> Standing:
    """Make lines ready."""
    net = _cancelled(every)
    kept: list[Entry] = []
    odd: dict[str, list[Entry]] = {}
    for line, left in zip(every, net, strict=True):
        against = _against(line, left)
        if not against and (left.quantity > 0 or not line.counted):
            kept.append(left)
        for name, is_so in (
            ("refund_alone", left.quantity < 0 and not against),
            ("no_time", line.second is None),
            ("no_item", line.item is None),
            ("no_quantity", not line.counted),
            ("no_amount", not line.priced),
            ("sign", against),
        ):
            if is_so:
                odd.setdefault(name, []).append(left)
    return Standing(every, kept, tuple(odd.items()))


def _against(line: Entry, left: Entry) -> bool:
    """Whether quantity and amount have opposite signs."""
    if not line.counted:
        return line.amount < 0
    if line.quantity == 0:
        return line.amount != 0
    return left.quantity * left.amount < 0


def _cancelled(every: Sequence[Entry]) -> Sequence[Entry]:
    refunded = {line.item for line in every if _is_refund(line)}
    if not refunded:
        return every
    near = [
        place
        for place, line in enumerate(every)
        if line.item in refunded and (_is_refund(line) or _is_charge(line))
    ]
    left = {place: every[place].quantity for place in near}
    for item in refunded:
        own = [place for place in near if every[place].item == item]
        own.sort(key=lambda place: _when(every[place]))
        _settle(own, left)
    net = list(every)
    for place in near:
        line = every[place]
        if left[place] != line.quantity:
            amount = _part(line.amount, left[place], line.quantity)
            net[place] = replace(line, quantity=left[place], amount=amount)
    return net


def _is_refund(line: Entry) -> bool:
    return line.quantity < 0 and line.amount <= 0


def _is_charge(line: Entry) -> bool:
    return line.quantity > 0 and line.amount >= 0


def _when(line: Entry) -> tuple[int, ...]:
    """A charge without a time is older than all, a refund without one is the last."""
    refund = _is_refund(line)
    second = line.second
    if second is None:
        second = _LAST if refund else _FIRST
    return second, refund, line.amount, line.quantity, line.line


def _settle(order: list[int], left: dict[int, int]) -> None:
    """Charges on a pile, each refund from its top."""
    pile: list[int] = []
    for place in order:
        if left[place] > 0:
            pile.append(place)
            continue
        while pile and left[place] < 0:
            taken = min(left[pile[-1]], -left[place])
            left[pile[-1]] -= taken
            left[place] += taken
            if left[pile[-1]] == 0:
                pile.pop()


def _part(amount: int, left: int, whole: int) -> int:
    """The same part of an amount, half up; a refund's stays below nought."""
    sign = -1 if amount < 0 else 1
    return sign * ((2 * abs(amount) * abs(left) + abs(whole)) // (2 * abs(whole)))
