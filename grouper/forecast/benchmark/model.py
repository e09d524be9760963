"""The benchmark's own model of a task: mean, median, closest forecast and a calibrated interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.benchmark.design import learn
from grouper.forecast.benchmark.folds import folds
from grouper.forecast.boost import QUANTILE, Booster, settings
from grouper.forecast.conformal import Calibration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.benchmark.columns import Columns, Plan
    from grouper.forecast.benchmark.design import Design, Seen
    from grouper.forecast.benchmark.reading import Stays


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Forecasts of some stays in the unit of the target, each [stays].

    Attributes:
        mean: what such stays cost on average.
        median: as many cost more as less.
        closest: the quantile whose error as a share of what comes is smallest.
        lower: lower bound of the interval.
        upper: its upper bound.
        kinds: the kind of stay by which the interval was calibrated.
    """

    mean: NDArray[np.float64]
    median: NDArray[np.float64]
    closest: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    kinds: NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class _Quantiles:
    """Quantiles of the log: the trees say how far they lie from the forecast of the effects."""

    design: Design
    trees: Booster

    def __call__(self, seen: Seen) -> NDArray[np.float64]:
        """[stays, alphas], ascending."""
        found: NDArray[np.float64] = seen.log[:, None] + self.trees.predict(seen.features)
        return found


@dataclass(frozen=True, slots=True)
class Model:
    """A trained model; :func:`train` makes one."""

    plan: Plan
    how: Mapping[str, Any]
    quantiles: _Quantiles
    mean: Booster
    calibration: Calibration

    def predict(self, stays: Stays) -> Forecasts:
        """Forecasts of stays that training has not seen."""
        how, design = self.how, self.quantiles.design
        seen = design.see(stays)
        logs = self.quantiles(seen)
        kinds = kinds_of(stays, self.plan)
        at = how["alphas"].index
        lower, upper = self.calibration.bounds(
            logs[:, at(how["lower"])], logs[:, at(how["upper"])], [kinds]
        )
        mean = (1 - how["trees"]) * seen.mean + how["trees"] * self.mean.predict(seen.features)
        return Forecasts(
            mean,
            np.exp(logs[:, at(how["median"])]),
            np.exp(logs[:, at(self.plan.closest)]),
            np.exp(lower),
            np.exp(upper),
            kinds,
        )

    def drivers(self, stays: Stays) -> dict[str, float]:
        """How much each term moves the cost: standard deviation of its effect over stays (log scale)."""
        design = self.quantiles.design
        places = design.keys.places(stays)
        found = {
            "*".join(term): float(np.std(design.log.effects[at][places[:, at]]))
            for at, term in enumerate(design.keys.terms)
        }
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def kinds_of(stays: Stays, plan: Plan) -> NDArray[np.object_]:
    """The kinds of stays that are calibrated together, as texts that are never empty."""
    words = (stays.values[name].tolist() for name in plan.calibrate_by)
    return np.array(["|".join(("", *one)) for one in zip(*words, strict=True)], object)


def train(stays: Stays, columns: Columns, plan: Plan, how: Mapping[str, Any]) -> Model:
    """Train on stays whose cost is known.

    Each interval's calibration rests on stays that its model has not seen: the stays are split into
    parts, and each part is forecast by all that was learned on the others.

    Args:
        stays: in the order of :meth:`Stays.in_order`.
        columns: of the file.
        plan: of the task.
        how: the settings.

    Raises:
        ForecastError: ``FORECAST_NOT_INSTALLED``.
    """
    bounds = np.empty((len(stays), 2))
    parts = folds(len(stays), how["calibration_folds"], how["seed"] + 1)
    pair = [how["alphas"].index(how[side]) for side in ("lower", "upper")]
    for part in range(how["calibration_folds"]):
        own = parts == part
        rest = stays.take(np.flatnonzero(~own))
        model = _quantiles(rest, *learn(rest, columns, plan, how), how)
        seen = model.design.see(stays.take(np.flatnonzero(own)))
        bounds[own] = model(seen)[:, pair]
    calibration = Calibration.of(
        bounds[:, 0],
        bounds[:, 1],
        np.log(stays.cost),
        [kinds_of(stays, plan)],
        level=how["level"],
        least=how["calibration_least"],
    )
    design, seen = learn(stays, columns, plan, how)
    objective = dict(how["mean_objective"])
    mean = Booster.trained(
        seen.features,
        stays.cost,
        design.names,
        settings(how["mean"] | {"seed": how["seed"]}),
        objective=objective.pop("name"),
        more=objective,
    )
    return Model(plan, how, _quantiles(stays, design, seen, how), mean, calibration)


def _quantiles(stays: Stays, design: Design, seen: Seen, how: Mapping[str, Any]) -> _Quantiles:
    trees = Booster.trained(
        seen.features,
        np.log(stays.cost) - seen.log,
        design.names,
        settings(how["quantiles"] | {"seed": how["seed"]}),
        objective=QUANTILE,
        alphas=how["alphas"],
    )
    return _Quantiles(design, trees)
