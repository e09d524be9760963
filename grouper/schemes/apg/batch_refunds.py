"""Refunds of a whole batch at once; the rule stands in :mod:`grouper.schemes.apg.refunds`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from codebooks.folding import fold_code
from grouper.schemes.apg.numbering import numbers_of_groups, ranks, sums_before

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.schemes.apg.line_columns import LineColumns

_BOTH = 2
"""Sides of a match."""


@dataclass(frozen=True, slots=True)
class Refunds:
    """What refunds do to the lines: masks by line, and the amounts that are left, in cents."""

    refund: NDArray[np.bool_]
    cancelled: NDArray[np.bool_]
    reported: NDArray[np.bool_]
    amount: NDArray[np.int64]


def find_refunds(lines: LineColumns) -> Refunds:
    """Find refunds, what they cancel and what they leave."""
    amount = lines.amount.value.copy()
    refund = (amount < 0) | (lines.quantity.value < 0)
    cancelled, reported = np.zeros_like(refund), np.zeros_like(refund)
    if not refund.any():
        return Refunds(refund, cancelled, reported, amount)
    concerned = np.zeros(len(lines.start) - 1, np.bool_)
    concerned[lines.visit[refund]] = True
    at = np.flatnonzero(concerned[lines.visit])
    work = _Work(lines, at, refund[at])
    work.match(work.size != 0, work.size, work.amount_known)
    work.match(work.size == 0, work.count, work.quantity_known)
    work.lessen()
    cancelled[at], amount[at] = work.gone, work.left
    reported[at] = work.refund & ~work.gone
    return Refunds(refund, cancelled, reported, amount)


class _Work:
    """The lines of the visits that have refunds; ``size`` and ``count`` are without sign."""

    def __init__(
        self, lines: LineColumns, at: NDArray[np.int64], refund: NDArray[np.bool_]
    ) -> None:
        self.refund = refund
        self.left = lines.amount.value[at]
        self.size, self.count = np.abs(self.left), np.abs(lines.quantity.value[at])
        self.amount_known = ~lines.amount.missing[at]
        self.quantity_known = ~lines.quantity.missing[at]
        self.item = numbers_of_groups(lines.visit[at], _items(lines, at))
        self.gone = np.zeros(len(at), np.bool_)

    def match(
        self, asking: NDArray[np.bool_], value: NDArray[np.int64], known: NDArray[np.bool_]
    ) -> None:
        """Let the n-th refund of an item and value cancel its n-th open line."""
        refunds = np.flatnonzero(self.refund & asking & ~self.gone)
        originals = np.flatnonzero(~self.refund & known & ~self.gone)
        both = np.concatenate((refunds, originals))
        side = np.repeat([0, 1], [len(refunds), len(originals)])
        key = numbers_of_groups(self.item[both], value[both])
        rank = ranks(key, side)
        # A pair is a refund and a line with the same key and rank.
        pair = numbers_of_groups(key, rank)
        matched = np.bincount(pair) == _BOTH
        self.gone[both[matched[pair]]] = True

    def lessen(self) -> None:
        """Let what is left of refunds lessen the lines of their item, from the first on."""
        refunds = np.flatnonzero(self.refund & ~self.gone & (self.size != 0))
        originals = np.flatnonzero(~self.refund & ~self.gone & (self.left > 0))
        count = int(self.item.max(initial=0)) + 1
        back, paid = np.zeros(count, np.int64), np.zeros(count, np.int64)
        np.add.at(back, self.item[refunds], self.size[refunds])
        np.add.at(paid, self.item[originals], self.left[originals])
        before = sums_before(self.size[refunds], self.item[refunds])
        whole = before + self.size[refunds] <= paid[self.item[refunds]]
        taken = np.minimum(back, paid)[self.item[originals]]
        taken -= sums_before(self.left[originals], self.item[originals])
        self.left[originals] -= np.clip(taken, 0, self.left[originals])
        self.gone[refunds[whole]] = True
        self.gone[originals[self.left[originals] == 0]] = True


def _items(lines: LineColumns, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for what refund and original must have in common."""
    items, names, classes = lines.item, lines.name, lines.line_class
    places = zip(items.place[at], names.place[at], classes.place[at], strict=True)
    numbers: dict[str, int] = {}
    found = []
    for item, name, line_class in places:
        text = (item >= 0 and items.distinct[item]) or (name >= 0 and names.distinct[name])
        text = text or (line_class >= 0 and classes.distinct[line_class].strip()) or ""
        found.append(numbers.setdefault(fold_code(text), len(numbers)))
    return np.array(found, np.int64)
