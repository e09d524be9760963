"""What the benchmark is compared with: xgboost as it comes, and the mean and median of a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.benchmark.effects import UNSEEN, Keys
from grouper.forecast.boost import Booster, settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.benchmark.columns import Plan
    from grouper.forecast.benchmark.reading import Stays


@dataclass(frozen=True, slots=True)
class Plain:
    """The plain model: one indicator a value, the log of the cost, exp of the answer."""

    indicators: tuple[tuple[str, str], ...]
    trees: Booster

    @classmethod
    def trained(cls, stays: Stays, plan: Plan, how: Mapping[str, Any]) -> Plain:
        """Train on stays whose cost is known.

        Raises:
            ForecastError: ``FORECAST_NOT_INSTALLED``.
        """
        indicators = tuple(
            (name, str(value))
            for name in plan.plain
            for value in np.unique(stays.values[name].astype(str))
        )
        names = [f"{name}:{at}" for at, (name, _) in enumerate(indicators)]
        trees = Booster.trained(
            _flags(stays, indicators),
            np.log(stays.cost),
            names,
            settings(how["plain"] | {"seed": how["seed"]}),
        )
        return cls(indicators, trees)

    def predict(self, stays: Stays) -> NDArray[np.float64]:
        """[stays], in the unit of the target."""
        return np.exp(self.trees.predict(_flags(stays, self.indicators)))


def _flags(stays: Stays, indicators: tuple[tuple[str, str], ...]) -> NDArray[np.float32]:
    return np.column_stack([stays.values[name] == value for name, value in indicators]).astype(
        np.float32
    )


@dataclass(frozen=True, slots=True)
class Groups:
    """Mean and median cost of the group a stay falls into; of all stays for an unseen group."""

    keys: Keys
    means: NDArray[np.float64]
    medians: NDArray[np.float64]

    @classmethod
    def of(cls, stays: Stays, plan: Plan) -> Groups:
        """The groups of stays whose cost is known."""
        keys = Keys.of(stays, [plan.group])
        places = keys.places(stays)[:, 0]
        (size,) = keys.sizes()
        means = np.full(size, stays.cost.mean())
        medians = np.full(size, np.median(stays.cost))
        for place in range(UNSEEN + 1, size):
            own = stays.cost[places == place]
            means[place], medians[place] = own.mean(), np.median(own)
        return cls(keys, means, medians)

    def predict(self, stays: Stays) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and median of each stay's group."""
        places = self.keys.places(stays)[:, 0]
        return self.means[places], self.medians[places]
