"""Final cost and stay given the group: quantile boosters around the typical course."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.amounts.anchors import names
from grouper.forecast.boost import QUANTILE, Booster, settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.amounts.anchors import Anchors

MEDIAN = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is learnt of cost and stay.

    Both boosters answer logarithms: of (final cost + 1) ÷ (anchor + 1) in yuan, and of
    (days to come + 1) ÷ (the typical days to come + 1).

    Attributes:
        cost: of the final cost.
        stay: of the days to come.
    """

    cost: Booster
    stay: Booster

    @classmethod
    def trained(
        cls,
        anchors: Anchors,
        cost: NDArray[np.float64],
        los: NDArray[np.int64],
        how: Mapping[str, Any],
    ) -> Outcome:
        """Train.

        Args:
            anchors: snapshots of finished stays beside their final groups.
            cost: their final costs in yuan.
            los: their days of stay.
            how: the table ``training`` of ``data/amounts.toml``.
        """
        grown = settings(how["booster"])
        alphas = tuple(how["alphas"])
        by_cost = np.log((cost + 1.0) / (anchors.cost + 1.0))
        left = np.maximum(los - anchors.day, 0)
        by_stay = np.log((left + 1.0) / (anchors.days_left + 1.0))

        def grow(target: NDArray[np.float64]) -> Booster:
            matrix = anchors.matrix
            return Booster.trained(
                matrix, target, names(), grown, objective=QUANTILE, alphas=alphas
            )

        with ThreadPoolExecutor(2) as pool:
            by_both = list(pool.map(grow, (by_cost, by_stay)))
        return cls(*by_both)

    def costs(self, anchors: Anchors, levels: Sequence[float]) -> NDArray[np.float64]:
        """[pairs, levels] quantiles of the final cost in yuan; never below what was charged to date."""
        log = at_levels(self.cost.predict(anchors.matrix), self.cost.alphas, levels)
        found = np.exp(log) * (anchors.cost + 1.0)[:, None] - 1.0
        return np.maximum(found, anchors.charged[:, None])

    def stays(self, anchors: Anchors, levels: Sequence[float]) -> NDArray[np.float64]:
        """[pairs, levels] quantiles of the days of the whole stay; never below the day, nor below 1."""
        log = at_levels(self.stay.predict(anchors.matrix), self.stay.alphas, levels)
        left = np.exp(log) * (anchors.days_left + 1.0)[:, None] - 1.0
        found: NDArray[np.float64] = np.maximum(anchors.day[:, None] + np.maximum(left, 0.0), 1.0)
        return found


def at_levels(
    quantiles: NDArray[np.float64], alphas: Sequence[float], levels: Sequence[float]
) -> NDArray[np.float64]:
    """Quantiles at other levels: straight lines on normal paper, beyond the last ones as well.

    Args:
        quantiles: [rows, alphas], ascending.
        alphas: their levels; at least two.
        levels: the levels asked for.
    """
    normal = NormalDist()
    known = np.array([normal.inv_cdf(one) for one in alphas])
    asked = np.array([normal.inv_cdf(one) for one in levels])
    upper = np.clip(np.searchsorted(known, asked), 1, len(known) - 1)
    share = (asked - known[upper - 1]) / (known[upper] - known[upper - 1])
    low, high = quantiles[:, upper - 1], quantiles[:, upper]
    found: NDArray[np.float64] = low + share * (high - low)
    return found
