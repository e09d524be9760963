"""How often which group came of which key: a sparse table that is asked for many rows at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.groups.clues import UNSEEN

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts by key and group.

    Attributes:
        keys: ascending.
        starts: [keys + 1] where each key's entries begin; they end where the next one's begin.
        group: of each entry; within a key the most frequent first, of equals the lowest number.
        count: of each entry: stays, or parts of them.
        total: of each key.
        pair: ``key's place · groups + group`` of each entry, ascending.
        of_pair: the count of each such pair.
        groups: how many groups there are.
    """

    keys: NDArray[np.int64]
    starts: NDArray[np.int64]
    group: NDArray[np.int64]
    count: NDArray[np.float64]
    total: NDArray[np.float64]
    pair: NDArray[np.int64]
    of_pair: NDArray[np.float64]
    groups: int

    @classmethod
    def counted(
        cls,
        key: NDArray[np.int64],
        group: NDArray[np.int64],
        weight: NDArray[np.float64],
        groups: int,
    ) -> Counts:
        """Count rows; those whose key is not known are left out.

        Args:
            key: [rows].
            group: [rows] what came.
            weight: [rows].
            groups: how many groups there are.
        """
        some = key != UNSEEN
        keys, place = np.unique(key[some], return_inverse=True)
        pair, entry = np.unique(place * groups + group[some], return_inverse=True)
        count = np.bincount(entry, weight[some], len(pair)).astype(np.float64)
        return cls.of(keys, pair // max(groups, 1), pair % max(groups, 1), count, groups)

    @classmethod
    def of(
        cls,
        keys: NDArray[np.int64],
        place: NDArray[np.int64],
        group: NDArray[np.int64],
        count: NDArray[np.float64],
        groups: int,
    ) -> Counts:
        """A table of its entries, which are ordered by key and group.

        Args:
            keys: ascending.
            place: of each entry's key.
            group: of each entry.
            count: of each entry.
            groups: how many groups there are.
        """
        order = np.lexsort((group, -count, place))
        starts = np.searchsorted(place, np.arange(len(keys) + 1))
        total = np.bincount(place, count, len(keys)).astype(np.float64)
        pair = place * groups + group
        return cls(keys, starts, group[order], count[order], total, pair, count, groups)

    def places(self, key: NDArray[np.int64]) -> NDArray[np.int64]:
        """The place of each key; :data:`UNSEEN` where it was not counted."""
        if not len(self.keys):
            return np.full(len(key), UNSEEN, np.int64)
        found = np.minimum(np.searchsorted(self.keys, key), len(self.keys) - 1)
        return np.where(self.keys[found] == key, found, UNSEEN)

    def best(
        self, place: NDArray[np.int64], most: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The most frequent groups of each row: numbers of the rows, and groups."""
        some = np.flatnonzero(place != UNSEEN)
        first = self.starts[place[some]]
        sizes = np.minimum(self.starts[place[some] + 1] - first, most)
        owner = np.repeat(some, sizes)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return owner, self.group[np.repeat(first, sizes) + within]

    def weight(self, place: NDArray[np.int64]) -> NDArray[np.float64]:
        """How much each key was counted; nought where it was not."""
        return _at(self.total, place, place != UNSEEN)

    def of_group(self, place: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.float64]:
        """How often a group came of a key; nought where it did not."""
        known = (place != UNSEEN) & (group < self.groups)
        if not len(self.pair):
            return np.zeros(len(place))
        pair = np.where(known, place * self.groups + group, UNSEEN)
        found = np.minimum(np.searchsorted(self.pair, pair), len(self.pair) - 1)
        return _at(self.of_pair, found, known & (self.pair[found] == pair))


def _at(
    values: NDArray[np.float64], place: NDArray[np.int64], some: NDArray[Any]
) -> NDArray[np.float64]:
    found = np.zeros(len(place))
    found[some] = values[place[some]]
    return found
