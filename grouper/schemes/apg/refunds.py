"""Refund lines of one visit: they cancel their originals, and what they cannot cancel is reported.

A refund has a negative amount or quantity. It cancels the first line of the same item with exactly
its amount; after those, a refund without an amount cancels the first line with its quantity. What
is left of refunds lessens the amounts of the item's lines, from the first on.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from codebooks.folding import fold_code
from grouper.schemes.apg.words import Action, Why

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.schemes.apg.answer import Part

ZERO = Decimal(0)


def is_refund(part: Part) -> bool:
    """Whether a line is a refund."""
    return any(value is not None and value < ZERO for value in (part.amount, part.quantity))


def cancel(lines: Sequence[Part]) -> None:
    """Close the refunds and what they cancel; lessen the amounts of what they cancel in part."""
    of_item: dict[str, list[Part]] = {}
    for part in lines:
        of_item.setdefault(_item(part), []).append(part)
    for parts in of_item.values():
        refunds = [part for part in parts if is_refund(part)]
        originals = [part for part in parts if not is_refund(part)]
        for refund in sorted(refunds, key=lambda part: not part.amount):
            original = next((o for o in originals if o.open and _alike(refund, o)), None)
            if original is not None:
                original.close(Action.CANCELLED, Why.REFUNDED)
                refund.close(Action.CANCELLED, Why.REFUND)
        _lessen([r for r in refunds if r.open], [o for o in originals if o.open and o.amount])


def _lessen(refunds: Sequence[Part], originals: Sequence[Part]) -> None:
    waiting = list(originals)
    for refund in refunds:
        left = abs(refund.amount or ZERO)
        stated = left > ZERO
        while left and waiting:
            original = waiting[0]
            taken = min(left, original.amount or ZERO)
            left -= taken
            original.amount = (original.amount or ZERO) - taken
            if not original.amount:
                original.close(Action.CANCELLED, Why.REFUNDED)
                waiting.pop(0)
        if stated and not left:
            refund.close(Action.CANCELLED, Why.REFUND)
        else:
            refund.close(Action.REPORTED, Why.REFUND_UNMATCHED)


def _item(part: Part) -> str:
    """What refund and original must have in common."""
    return fold_code(part.code or part.name or part.fate.line_class)


def _alike(refund: Part, original: Part) -> bool:
    if refund.amount:
        return original.amount == abs(refund.amount)
    return original.quantity is not None and original.quantity == abs(refund.quantity or ZERO)
