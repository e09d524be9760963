"""What finished stays of a group were like: cost, stay and typical course by day.

Costs are kept per unit of the group's weight, where the scheme gives one (the score of a DIP group is
the region's mean cost of it in points), so that a rare group's cost follows from its weight and its
neighbours. Each level is drawn towards the one above it, group → ADRG → MDC → all, the more the
fewer stays it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.levels import ADRG, ALL, GROUP, LEVELS, MDC
from grouper.forecast.lines import CLASSES
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.snapshot import Snapshots

_CASES, _WEIGHT, _COST, _LOG, _SQUARE, _STAY = range(6)
_RUNNING, _LEFT, _DAYS, _CHARGED = range(4)
_KEPT = (GROUP, ADRG, MDC)


@dataclass(frozen=True, slots=True)
class Facts:
    """What finished stays add to a history; one row a stay, or a row for each of some snapshots.

    Attributes:
        sums: [rows, 6] one, log weight, cost per weight, its logarithm, its square, days of stay.
        days: [rows, days of the history, 4] whether the stay ran then, and if so: cost left per
            weight, days left, charged per weight.
    """

    sums: NDArray[np.float64]
    days: NDArray[np.float64]

    def take(self, rows: NDArray[np.int64]) -> Facts:
        """Some rows."""
        return Facts(self.sums[rows], self.days[rows])


@dataclass(frozen=True, slots=True)
class Typical:
    """What is typical of rows; arrays of one length, costs in yuan.

    Attributes:
        log_cost: mean logarithm of the final cost.
        spread: standard deviation of it.
        cost: mean final cost.
        los: mean days of stay.
        left: cost to come, given that the stay runs at the end of the day.
        days_left: days to come, likewise.
        charged: what running stays had been charged by the end of the day.
        running: share of stays that still ran.
        cases: finished stays of the group itself.
        basis: place in ``LEVELS`` of the narrowest level with enough stays.
        basis_cases: its finished stays.
    """

    log_cost: NDArray[np.float64]
    spread: NDArray[np.float64]
    cost: NDArray[np.float64]
    los: NDArray[np.float64]
    left: NDArray[np.float64]
    days_left: NDArray[np.float64]
    charged: NDArray[np.float64]
    running: NDArray[np.float64]
    cases: NDArray[np.float64]
    basis: NDArray[np.int64]
    basis_cases: NDArray[np.int64]


@dataclass(frozen=True)
class Tally:
    """The sums of one level: rows as ``names``, and a last one of nought for what is not there."""

    names: tuple[str, ...]
    sums: NDArray[np.float64]
    days: NDArray[np.float64]

    @classmethod
    def of(cls, words: Any, facts: Facts) -> Tally:  # noqa: ANN401 -- texts, listed or as an array
        """Sum facts by the words of their level."""
        names, place = np.unique(np.asarray(words, str), return_inverse=True)
        size = len(names) + 1
        return cls(
            tuple(names.tolist()), _added(place, facts.sums, size), _added(place, facts.days, size)
        )

    def places(self, words: Sequence[str]) -> NDArray[np.int64]:
        """The rows of words; the last one for a word that is not known."""
        known, none = self._known, len(self.names)
        return np.array([known.get(word, none) for word in words], np.int64)

    @cached_property
    def _known(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}


@dataclass(frozen=True, slots=True)
class History:
    """Sums of finished stays by group, ADRG and MDC.

    Attributes:
        levels: by the name of the level; ``all`` has the one word ``""``.
    """

    levels: Mapping[str, Tally]

    @classmethod
    def of(cls, facts: Facts, words: Mapping[str, Any]) -> History:
        """Sum facts.

        Args:
            facts: of finished stays.
            words: their groups, ADRGs and MDCs by level.
        """
        tallies = {level: Tally.of(words[level], facts) for level in _KEPT}
        everyone = Tally.of([""] * len(facts.sums), facts)
        return cls(tallies | {ALL: everyone})

    def places(self, words: Mapping[str, Sequence[str]]) -> NDArray[np.int64]:
        """[rows, levels] rows of the tallies, narrowest level first."""
        found = [self.levels[level].places(words[level]) for level in _KEPT]
        return np.column_stack([*found, np.zeros(len(found[0]), np.int64)])

    def typical(
        self,
        places: NDArray[np.int64],
        log_weight: NDArray[np.float64],
        day: NDArray[np.int64],
        own: Facts | None = None,
    ) -> Typical:
        """What is typical of rows.

        Args:
            places: as :meth:`places` gives them; the last row of a tally: not known at that level.
            log_weight: logarithm of the weight of the row's group; NaN: that of its neighbours.
            day: of the stay.
            own: what the row's own stay added; it is taken off (training rows).
        """
        plan = toml("amounts.toml")["history"]
        at = day_places(day)
        row = np.arange(len(day))
        size = len(day)
        weight = np.zeros(size)
        mean, log, variance, los = np.zeros(size), np.zeros(size), np.ones(size), np.ones(size)
        course = np.zeros((size, 4))
        basis, cases = np.full(size, len(LEVELS) - 1), np.zeros(size)
        for number in reversed(range(len(LEVELS))):
            tally = self.levels[LEVELS[number]]
            sums = tally.sums[places[:, number]]
            days = tally.days[places[:, number], at]
            if own is not None:
                # A stay is only ever in the sums of its own group.
                known = (places[:, number] < len(tally.names))[:, None]
                sums = np.maximum(sums - own.sums * known, [0.0, *[-np.inf] * 3, 0.0, 0.0])
                days = np.maximum(days - own.days[row, at] * known, 0.0)
            widest = number == len(LEVELS) - 1
            count, pull = sums[:, _CASES], 1e-9 if widest else float(plan["pull"])
            whole = count + pull
            weight = (sums[:, _WEIGHT] + pull * weight) / whole
            mean_above = mean
            mean = (sums[:, _COST] + pull * mean) / whole
            away = sums[:, _SQUARE] - sums[:, _LOG] ** 2 / np.maximum(count, 1.0)
            variance = (np.maximum(away, 0.0) + pull * variance) / whole
            log = (sums[:, _LOG] + pull * log) / whole
            los_above = los
            los = (sums[:, _STAY] + pull * los) / whole
            # The course of the level above, in the proportions of this one.
            by_cost = mean / np.where(mean_above > 0, mean_above, 1.0)
            by_stay = los / np.where(los_above > 0, los_above, 1.0)
            scale = np.column_stack([np.ones(size), by_cost, by_stay, by_cost])
            few = 1e-9 if widest else float(plan["pull_days"])
            ran = days[:, _RUNNING]
            share = np.divide(ran, count, out=np.zeros(size), where=count > 0)
            drawn = (days + few * scale * course) / (ran + few)[:, None]
            drawn[:, _RUNNING] = (share * count + few * course[:, _RUNNING]) / (count + few)
            course = drawn
            enough = (count >= plan["least_cases"]) | widest
            basis = np.where(enough, number, basis)
            cases = np.where(enough, count, cases)
        own_cases = self.levels[GROUP].sums[places[:, 0], _CASES]
        own_cases = own_cases - (0.0 if own is None else own.sums[:, _CASES])
        log_weight = np.where(np.isnan(log_weight), weight, log_weight)
        unit = np.exp(log_weight)
        return Typical(
            log + log_weight,
            np.sqrt(np.maximum(variance, 1e-6)),
            mean * unit,
            los,
            course[:, _LEFT] * unit,
            course[:, _DAYS],
            course[:, _CHARGED] * unit,
            course[:, _RUNNING],
            np.maximum(own_cases, 0.0),
            basis.astype(np.int64),
            cases.astype(np.int64),
        )


def day_places(day: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of days in the history: of the last kept day that is not later."""
    kept = np.array(toml("amounts.toml")["history"]["days"], np.int64)
    return np.clip(np.searchsorted(kept, day, side="right") - 1, 0, len(kept) - 1)


def facts_of(
    snapshots: Snapshots,
    stays: NDArray[np.int64],
    cost: NDArray[np.float64],
    log_weight: NDArray[np.float64],
) -> Facts:
    """What finished stays add to a history.

    Args:
        snapshots: of the courses in which the stays are.
        stays: their numbers.
        cost: final cost in yuan, above nought.
        log_weight: of the weight of their final groups.
    """
    courses, grid = snapshots.courses, snapshots.grid
    los = courses.los[stays]
    last = np.where(courses.end[stays] > courses.start[stays], los, 0)
    charged = grid.sums[:, : CLASSES + 1].sum(axis=1) / 100
    unit = np.exp(log_weight)
    per = cost / unit
    log = np.log(per)
    sums = np.column_stack([np.ones(len(stays)), log_weight, per, log, log**2, los])
    kept = toml("amounts.toml")["history"]["days"]
    days = np.zeros((len(stays), len(kept), 4))
    for place, day in enumerate(kept):
        runs = last >= day
        by_then = charged[grid.at(stays, np.full(len(stays), day))] if day else np.zeros(len(stays))
        values = [np.ones(len(stays)), np.maximum(cost - by_then, 0.0) / unit, los - day]
        days[:, place, :] = np.column_stack([*values, np.maximum(by_then, 0.0) / unit])
        days[~runs, place, :] = 0.0
    return Facts(sums, days)


def _added(place: NDArray[Any], values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Values summed by place; [size, …]."""
    flat = values.reshape(len(values), -1)
    found = np.empty((size, flat.shape[1]))
    for column in range(flat.shape[1]):
        found[:, column] = np.bincount(place, flat[:, column], size)
    return found.reshape(size, *values.shape[1:])
