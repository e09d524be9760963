"""Charge lines as columns, and what they come to."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from grouper.demo.hospital.catalogue import items

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.demo.hospital.world import Array

UNMARKED = -1


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines, one place a line.

    Attributes:
        stay: place of the stay.
        time: second since 1970.
        item: place of the item.
        quantity: whole units; negative for a refund.
        mark: number of what was planted, or :data:`UNMARKED`.
    """

    stay: Array
    time: Array
    item: Array
    quantity: Array
    mark: Array

    def __len__(self) -> int:
        return len(self.stay)

    def take(self, places: Array) -> Lines:
        """Some of the lines, by place or by a mask."""
        return Lines(*(getattr(self, field.name)[places] for field in fields(self)))

    def ordered(self) -> Lines:
        """The lines by stay and time."""
        return self.take(np.lexsort((self.mark, self.item, self.time, self.stay)))

    def numbers(self) -> Array:
        """The number of each line within its stay, from 1; the lines have to be in order."""
        place = np.arange(len(self))
        starts = (
            np.flatnonzero(np.r_[True, self.stay[1:] != self.stay[:-1]]) if len(self) else place
        )
        sizes = np.diff(np.r_[starts, len(self)])
        return place - np.repeat(starts, sizes) + 1

    def amount(self) -> Array:
        """Fen of each line."""
        found: Array = items().price[self.item] * self.quantity
        return found


def lines_of(
    stay: Array, time: Array, item: Array | int, quantity: Array | int, mark: Array | int = UNMARKED
) -> Lines:
    """Lines from columns; a single number stands for all of them."""
    count = len(stay)
    wide = (np.broadcast_to(np.asarray(v, np.int64), count) for v in (item, quantity, mark))
    return Lines(np.asarray(stay, np.int64), np.asarray(time, np.int64), *wide)


def chained(parts: Sequence[Lines]) -> Lines:
    """Lines one after the other."""
    return Lines(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Lines)))


@dataclass(frozen=True, slots=True)
class Sums:
    """What stays come to, in fen: the total, own, above limits, first shares, and within scope."""

    total: Array
    own: Array
    above: Array
    first: Array
    scope: Array


def sums(lines: Lines, stays: int) -> Sums:
    """Add up lines by stay, exactly.

    Args:
        lines: lines of any order.
        stays: how many stays there are.
    """
    parts = items().split(lines.item, lines.quantity)
    total, own, above, first = (_added(lines.stay, part, stays) for part in parts)
    return Sums(total, own, above, first, total - own - above - first)


def _added(stay: Array, values: Array, stays: int) -> Array:
    found = np.zeros(stays, np.int64)
    np.add.at(found, stay, values)
    return found
