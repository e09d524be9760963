"""Transitions: which final group came of what was known, from the coarse clues to the fine ones.

Each table corrects the answer of the coarser one before it, as if that were so many stays
(``strength``): a smoothed back-off, as language models use it (MacKay and Peto, 1995). The bare answer
of the grouper comes in by the chance that it stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.groups.clues import BUCKET, UNSEEN
from grouper.forecast.groups.counts import Counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.groups.clues import Clues, Numbers

_SEEN = 2


@dataclass(frozen=True, slots=True)
class Lesson:
    """Rows that transitions are counted from.

    Attributes:
        numbers: the clues of the rows.
        bare: the group of the grouper's bare answer.
        final: the group that came.
        stay: number of the stay.
    """

    numbers: Numbers
    bare: NDArray[np.int64]
    final: NDArray[np.int64]
    stay: NDArray[np.int64]

    def take(self, rows: NDArray[Any]) -> Lesson:
        """Some rows."""
        numbers = {name: values[rows] for name, values in self.numbers.items()}
        return Lesson(numbers, self.bare[rows], self.final[rows], self.stay[rows])

    def weights(self) -> NDArray[np.float64]:
        """Of the rows, so that a stay counts once in each bucket of days."""
        width = int(self.numbers[BUCKET].max(initial=0)) + 1
        _, cell, sizes = np.unique(
            self.stay * width + self.numbers[BUCKET], return_inverse=True, return_counts=True
        )
        found: NDArray[np.float64] = 1.0 / sizes[cell]
        return found


@dataclass(frozen=True, slots=True)
class Candidates:
    """The groups that are weighed for rows; the first is the grouper's bare answer.

    Attributes:
        group: [rows, candidates] −1 fills up.
        prior: [rows, candidates] chance by the transitions.
        share: [rows, candidates, tables] share of the candidate among what came of the row's key;
            NaN where the key is new.
        weight: [rows, tables] stays behind the key.
        stays: [rows] chance that the bare answer stays.
    """

    group: NDArray[np.int64]
    prior: NDArray[np.float64]
    share: NDArray[np.float64]
    weight: NDArray[np.float64]
    stays: NDArray[np.float64]

    def take(self, rows: NDArray[Any]) -> Candidates:
        """Some rows."""
        return Candidates(
            self.group[rows],
            self.prior[rows],
            self.share[rows],
            self.weight[rows],
            self.stays[rows],
        )

    @property
    def left(self) -> NDArray[np.float64]:
        """[rows] what the transitions leave to groups that are no candidates."""
        found: NDArray[np.float64] = np.clip(1.0 - self.prior.sum(axis=1), 0.0, 1.0)
        return found


@dataclass(frozen=True, slots=True)
class Transitions:
    """Counted transitions.

    Attributes:
        how: the settings (``data/groups.toml``).
        clues: the words of the keys.
        tables: by name, from the coarse to the fine.
        stays: how often the bare answer stayed (group 1) or did not (0).
        sizes: [groups] stays of each final group.
    """

    how: Mapping[str, Any]
    clues: Clues
    tables: Mapping[str, Counts]
    stays: Counts
    sizes: NDArray[np.float64]

    @classmethod
    def counted(
        cls, how: Mapping[str, Any], clues: Clues, lesson: Lesson, groups: int
    ) -> Transitions:
        """Count the transitions of rows.

        Args:
            how: the settings.
            clues: the words.
            lesson: the rows.
            groups: how many groups there are.
        """
        weight = lesson.weights()
        tables = {
            one["name"]: Counts.counted(
                clues.keys(lesson.numbers, one["keys"]), lesson.final, weight, groups
            )
            for one in how["table"]
        }
        _, first = np.unique(lesson.stay, return_index=True)
        sizes = np.bincount(lesson.final[first], minlength=groups).astype(np.float64)
        same = lesson.bare == lesson.final
        # A group is new to a row where no other stay ended in it.
        seen = sizes[lesson.bare] - same > 0
        keys = _SEEN * clues.keys(lesson.numbers, how["stays"]["keys"]) + seen
        stays = Counts.counted(keys, same.astype(np.int64), weight, 2)
        return cls(how, clues, tables, stays, sizes)

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return len(self.sizes)

    def candidates(self, numbers: Numbers, bare: NDArray[np.int64]) -> Candidates:
        """The groups to weigh for rows.

        Args:
            numbers: the clues of the rows.
            bare: the group of the bare answer; one that the model does not know has a number beyond its own.
        """
        places = {
            one["name"]: self.tables[one["name"]].places(self.clues.keys(numbers, one["keys"]))
            for one in self.how["table"]
        }
        pool = self._pool(places, bare)
        filled = pool >= 0
        row, column = np.nonzero(filled)
        group = pool[row, column]
        chance, shares, stays = self._chances(numbers, places, bare, row, group)
        prior = np.full(pool.shape, -1.0)
        prior[row, column] = chance
        rank = prior.copy()
        rank[pool == bare[:, None]] = 2.0
        most = min(int(self.how["candidates"]["count"]), pool.shape[1])
        best = np.argsort(-rank, axis=1, kind="stable")[:, :most]
        rows = np.arange(len(pool))[:, None]
        table = np.full((*pool.shape, len(shares)), np.nan)
        table[row, column] = np.column_stack(shares) if shares else np.zeros((len(row), 0))
        weight = [self.tables[name].weight(place) for name, place in places.items()]
        return Candidates(
            pool[rows, best],
            np.maximum(prior[rows, best], 0.0),
            table[rows, best],
            np.column_stack(weight),
            stays,
        )

    def _pool(
        self, places: Mapping[str, NDArray[np.int64]], bare: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """[rows, …] all groups that any key names, ascending; −1 fills up."""
        most = int(self.how["candidates"]["pool"])
        rows = len(bare)
        told = [self.tables[name].best(place, most) for name, place in places.items()]
        # What is most frequent of all stands in for rows without a key.
        common = np.argsort(-self.sizes, kind="stable")[: most if self.groups else 0]
        common = common[self.sizes[common] > 0]
        bound = max(self.groups, int(bare.max(initial=0)) + 1)
        lost = np.flatnonzero(np.all([place == UNSEEN for place in places.values()], axis=0))
        owner = [np.arange(rows), *(o for o, _ in told), np.repeat(lost, len(common))]
        group = [bare, *(g for _, g in told), np.tile(common, len(lost))]
        pairs = np.unique(np.concatenate(owner) * bound + np.concatenate(group))
        row = pairs // bound
        sizes = np.bincount(row, minlength=rows)
        within = np.arange(len(pairs)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        pool = np.full((rows, int(sizes.max(initial=1))), -1, np.int64)
        pool[row, within] = pairs % bound
        return pool

    def _chances(
        self,
        numbers: Numbers,
        places: Mapping[str, NDArray[np.int64]],
        bare: NDArray[np.int64],
        row: NDArray[np.int64],
        group: NDArray[np.int64],
    ) -> tuple[NDArray[np.float64], list[NDArray[np.float64]], NDArray[np.float64]]:
        """The chance of each pair of row and group, its share in each table, and of rows that the bare answer stays."""
        own = group < self.groups
        size = np.where(own, np.append(self.sizes, 0.0)[np.where(own, group, 0)], 0.0)
        # Half a stay for every group, and for one that is not known.
        chance = (size + 0.5) / (self.sizes.sum() + 0.5 * (self.groups + 1))
        stays = self.chance_of_stay(numbers, bare)
        shares = []
        for one in self.how["table"]:
            name = one["name"]
            if name == self.how["stays"]["before"]:
                # All of the rest is the others'; what they had of the bare answer goes with it.
                chance = (1.0 - stays[row]) * chance + stays[row] * (group == bare[row])
            table, place = self.tables[name], places[name][row]
            count, total = table.of_group(place, group), table.weight(place)
            chance = (count + one["strength"] * chance) / (total + one["strength"])
            known = place != UNSEEN
            shares.append(np.where(known, count / np.where(known, total, 1.0), np.nan))
        return chance, shares, stays

    def chance_of_stay(self, numbers: Numbers, bare: NDArray[np.int64]) -> NDArray[np.float64]:
        """[rows] how often the bare answer stayed the final one, by its keys."""
        own = bare < self.groups
        seen = np.where(own, np.append(self.sizes, 0.0)[np.where(own, bare, 0)], 0.0) > 0
        key = _SEEN * self.clues.keys(numbers, self.how["stays"]["keys"])
        place = self.stays.places(np.where(key < 0, UNSEEN, key + seen))
        ones = np.ones(len(place), np.int64)
        strength = float(self.how["stays"]["strength"])
        same, total = self.stays.of_group(place, ones), self.stays.weight(place)
        overall = self.stays.count[self.stays.group == 1].sum() / max(self.stays.total.sum(), 1e-9)
        found: NDArray[np.float64] = (same + strength * overall) / (total + strength)
        statuses = self.clues.places["status"]
        never = [UNSEEN, *(statuses.get(word, UNSEEN) for word in self.how["stays"]["never"])]
        found[np.isin(numbers["status"], never)] = 0.0
        return found
