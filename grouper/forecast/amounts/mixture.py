"""What may come of each row as points with masses: its quantiles, and how deep an outcome lies.

Points of one row that are equal are one outcome of their common mass (a payment that does not depend on
the cost); between points the distribution is spread evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Mixture:
    """Distributions, one a row.

    Attributes:
        values: [rows, points], ascending; rows without any point hold NaN.
        at: [rows, points] the level of each point: the mass below it and half its own.
        same: outcomes closer than this are one.
        mass: what each row's points had of 1 before they were taken as the whole.
    """

    values: NDArray[np.float64]
    at: NDArray[np.float64]
    mass: NDArray[np.float64]
    same: float

    @classmethod
    def of(
        cls, values: NDArray[np.float64], mass: NDArray[np.float64], same: float = 1e-9
    ) -> Mixture:
        """Distributions of points.

        Args:
            values: [rows, points]; NaN is no outcome.
            mass: [rows, points] beside them; nought for no outcome.
            same: outcomes closer than this are one.
        """
        mass = np.where(np.isnan(values), 0.0, mass)
        # One after the other: noughts that fill a row up to a longer one must not change its sum.
        whole = np.cumsum(mass, axis=1)[:, -1]
        share = mass / np.where(whole > 0, whole, 1.0)[:, None]
        # What has no mass comes last and lies upon the greatest outcome, where it changes nothing.
        placed = np.where(share > 0, values, np.inf)
        order = np.argsort(placed, axis=1, kind="stable")
        placed = np.take_along_axis(placed, order, axis=1)
        share = np.take_along_axis(share, order, axis=1)
        most = np.max(np.where(share > 0, placed, -np.inf), axis=1, initial=-np.inf)
        most = np.where(whole > 0, most, np.nan)
        placed = np.where(share > 0, placed, most[:, None])
        at = np.cumsum(share, axis=1) - share / 2
        return cls(placed, at, whole, same)

    def take(self, rows: slice) -> Mixture:
        """Some rows."""
        return Mixture(self.values[rows], self.at[rows], self.mass[rows], self.same)

    def quantile(self, level: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """[rows] quantiles at a level for each row; of [rows, levels] that many."""
        asked = np.asarray(level, np.float64)
        whole = asked if asked.ndim > 1 else np.broadcast_to(asked, len(self.values))[:, None]
        last = self.values.shape[1] - 1
        above = (self.at[:, None, :] < whole[:, :, None]).sum(axis=2)
        upper, lower = np.minimum(above, last), np.clip(above - 1, 0, last)
        rows = np.arange(len(self.values))[:, None]
        low, high = self.at[rows, lower], self.at[rows, upper]
        share = np.clip((whole - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
        begin = self.values[rows, lower]
        found: NDArray[np.float64] = begin + share * (self.values[rows, upper] - begin)
        return found if asked.ndim > 1 else found[:, 0]

    def interval(
        self, depth: NDArray[np.float64], scale: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The outcomes that lie at least so deep: the lowest, the median, the highest.

        Args:
            depth: by row, at most ½: the level on either side; below nought: so many scales beyond
                the outermost points.
            scale: by row, in the unit of the outcomes.
        """
        level = np.clip(depth, 0.0, 0.5)
        beyond = np.where(depth < 0, -depth * scale, 0.0)
        found = self.quantile(np.column_stack([level, np.full(len(level), 0.5), 1.0 - level]))
        return found[:, 0] - beyond, found[:, 1], found[:, 2] + beyond

    def depth(
        self, outcome: NDArray[np.float64], scale: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """How deep outcomes lie: the greatest depth whose :meth:`interval` holds them, or more.

        Args:
            outcome: by row.
            scale: as for :meth:`interval`.
        """
        rows = np.arange(len(self.values))
        last = self.values.shape[1] - 1
        below = (self.values < outcome[:, None] - self.same).sum(axis=1)
        through = (self.values <= outcome[:, None] + self.same).sum(axis=1)
        left, right = np.clip(below - 1, 0, last), np.clip(through, 0, last)
        span = self.values[rows, right] - self.values[rows, left]
        share = (outcome - self.values[rows, left]) / np.where(span > 0, span, 1.0)
        between = self.at[rows, left] + share * (self.at[rows, right] - self.at[rows, left])
        upon = through > below
        lower = np.where(upon, self.at[rows, np.clip(below, 0, last)], between)
        upper = np.where(upon, self.at[rows, np.clip(through - 1, 0, last)], between)
        # The outermost outcomes reach to the ends.
        lower = np.where(upon & (below == 0), 0.0, lower)
        upper = np.where(upon & (through > last), 1.0, upper)
        found = np.minimum(upper, 1.0 - lower)
        short = self.values[:, 0] - outcome
        far = outcome - self.values[:, -1]
        beyond = np.maximum(short, far)
        outside = (below == 0) & ~upon | (below > last)
        depth: NDArray[np.float64] = np.where(outside, -np.maximum(beyond, 0.0) / scale, found)
        return depth
