"""Means and medians by group and day of stay, with the levels above where a group is rare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast.levels import ADRG, GROUP, MDC

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from grouper.forecast.levels import Levels

_NAMED = (GROUP, ADRG, MDC)


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells that values are gathered in: group, ADRG, MDC and all by day, and all.

    Attributes:
        words: number of each word, by level.
        days: where the buckets of days begin, ascending; one is: no days.
    """

    words: Mapping[str, Mapping[str, int]]
    days: NDArray[np.int64]

    @classmethod
    def of(cls, levels: Levels, day: NDArray[np.int64] | None = None) -> Cells:
        """The cells of some rows.

        Args:
            levels: their groups.
            day: their days of stay; None: days do not matter.
        """
        words = {
            level: {word: number for number, word in enumerate(levels.words[level])}
            for level in _NAMED
        }
        days = np.zeros(1, np.int64) if day is None else np.unique(day)
        return cls(words, days)

    def numbers(self, levels: Levels, day: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """The cells of each row from the narrowest to the widest; −1 where a word is unknown."""
        at = np.clip(np.searchsorted(self.days, day, "right") - 1, 0, None)
        found = []
        for level in _NAMED:
            own = np.array([self.words[level].get(word, -1) for word in levels.words[level]])
            number = own[levels.codes[level]] if len(own) else np.zeros(len(at), np.int64)
            found.append(np.where(number < 0, -1, number * len(self.days) + at))
        return [*found, at, np.zeros(len(at), np.int64)]

    def sizes(self) -> list[int]:
        """How many cells there are at each level."""
        width = len(self.days)
        return [*(len(self.words[level]) * width for level in _NAMED), width, 1]


@dataclass(frozen=True, slots=True)
class Lookup:
    """A statistic in each cell; NaN where too few rows are at hand."""

    cells: Cells
    tables: tuple[NDArray[np.float64], ...]

    def at(self, levels: Levels, day: NDArray[np.int64]) -> NDArray[np.float64]:
        """The statistic of each row: of the narrowest cell that has one."""
        found = np.full(len(day), np.nan)
        for table, number in zip(self.tables, self.cells.numbers(levels, day), strict=True):
            own = np.append(table, np.nan)[number]
            found = np.where(np.isnan(found), own, found)
        return found


def means(
    cells: Cells,
    levels: Levels,
    day: NDArray[np.int64],
    values: NDArray[np.float64],
    least: int,
    weights: NDArray[np.float64] | None = None,
) -> Lookup:
    """The mean of values in each cell; rows whose value is NaN are left out.

    Args:
        cells: where to gather.
        levels: groups of the rows.
        day: their days of stay.
        values: to be averaged.
        least: rows that a cell needs.
        weights: with these, Σ(weight × value) ÷ Σ weight.
    """

    def mean(number: NDArray[np.int64], own: NDArray[np.int64], size: int) -> NDArray[np.float64]:
        by = np.ones(len(own)) if weights is None else weights[own]
        whole = np.bincount(number, by, size)
        total = np.bincount(number, by * values[own], size)
        return np.where(whole > 0, total / np.where(whole > 0, whole, 1.0), np.nan)

    return _gathered(cells, levels, day, values, least, mean)


def medians(
    cells: Cells,
    levels: Levels,
    day: NDArray[np.int64],
    values: NDArray[np.float64],
    least: int,
) -> Lookup:
    """The median of values in each cell; arguments as of :func:`means`."""

    def median(number: NDArray[np.int64], own: NDArray[np.int64], size: int) -> NDArray[np.float64]:
        order = np.lexsort((values[own], number))
        count = np.bincount(number, minlength=size)
        begin = np.cumsum(count) - count
        sorted_ = np.append(values[own][order], np.nan)
        upper = np.minimum(begin + count // 2, len(own))
        lower = np.minimum(begin + np.maximum(count - 1, 0) // 2, len(own))
        found: NDArray[np.float64] = (sorted_[lower] + sorted_[upper]) / 2
        return np.where(count > 0, found, np.nan)

    return _gathered(cells, levels, day, values, least, median)


def _gathered(
    cells: Cells,
    levels: Levels,
    day: NDArray[np.int64],
    values: NDArray[np.float64],
    least: int,
    make: Callable[[NDArray[np.int64], NDArray[np.int64], int], NDArray[np.float64]],
) -> Lookup:
    tables = []
    last = len(cells.sizes()) - 1
    numbers = zip(cells.numbers(levels, day), cells.sizes(), strict=True)
    for place, (number, size) in enumerate(numbers):
        own = np.flatnonzero((number >= 0) & ~np.isnan(values))
        count = np.bincount(number[own], minlength=size)
        found = make(number[own], own, size)
        # The widest cell stands for all: what it rests on is all there is.
        tables.append(found if place == last else np.where(count >= least, found, np.nan))
    return Lookup(cells, tuple(tables))
