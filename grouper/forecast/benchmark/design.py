"""What the trees of the benchmark see of a stay: the effects' forecasts, and the fields themselves.

A forecast of the effects for a stay that helped to fit them is too good. So in training, the stays
are split into parts, and each part gets the forecasts of effects that were fitted on the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.benchmark.columns import CATEGORY, ORDINAL
from grouper.forecast.benchmark.effects import Keys, of_log, of_mean
from grouper.forecast.benchmark.folds import folds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.benchmark.columns import Columns, Plan
    from grouper.forecast.benchmark.effects import Effects
    from grouper.forecast.benchmark.reading import Stays


@dataclass(frozen=True, slots=True)
class Seen:
    """The trees' view of some stays.

    Attributes:
        features: [stays, features].
        log: the effects' forecast of the mean of the log, [stays].
        mean: the effects' forecast of the mean, [stays].
    """

    features: NDArray[np.float64]
    log: NDArray[np.float64]
    mean: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Design:
    """Learned effects, and how a stay's fields become features.

    Attributes:
        keys: the terms.
        log: effects on the mean of the log.
        mean: factors on the mean.
        shown: which terms' effects are features of their own.
        spread: by place of the first term, the mean squared error of the log.
        ranks: by ordinal feature, its values from the lowest.
        indicators: feature and value of each indicator.
    """

    keys: Keys
    log: Effects
    mean: Effects
    shown: tuple[int, ...]
    spread: NDArray[np.float64]
    ranks: Mapping[str, tuple[str, ...]]
    indicators: tuple[tuple[str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features; an indicator is numbered, as a value may hold any sign."""
        return (
            "effects:log",
            "effects:mean",
            "spread",
            *("effect:" + "*".join(self.keys.terms[at]) for at in self.shown),
            *self.ranks,
            *(f"{name}:{at}" for at, (name, _) in enumerate(self.indicators)),
        )

    def see(self, stays: Stays) -> Seen:
        """The view of stays that training has not seen."""
        places = self.keys.places(stays)
        log, mean = self.log(places), self.mean(places)
        shown = [self.log.effects[at][places[:, at]] for at in self.shown]
        return self._seen(stays, log, mean, self.spread[places[:, 0]], shown)

    def _seen(
        self,
        stays: Stays,
        log: NDArray[np.float64],
        mean: NDArray[np.float64],
        spread: NDArray[np.float64],
        shown: Sequence[NDArray[np.float64]],
    ) -> Seen:
        ranks = [
            [order.index(value) if value in order else np.nan for value in stays.values[name]]
            for name, order in self.ranks.items()
        ]
        flags = [stays.values[name] == value for name, value in self.indicators]
        columns = [log, mean, spread, *shown, *ranks, *flags]
        return Seen(np.column_stack(columns).astype(np.float64), log, np.exp(mean))


def learn(
    stays: Stays, columns: Columns, plan: Plan, how: Mapping[str, Any]
) -> tuple[Design, Seen]:
    """Learn a design, and see its own stays through effects that were fitted without them.

    Args:
        stays: with their cost, in the order of :meth:`Stays.in_order`.
        columns: of the file.
        plan: of the task.
        how: the settings.
    """
    keys = Keys.of(stays, plan.terms)
    places, sizes = keys.places(stays), keys.sizes()
    log_fit = of_log(plan.strength_log, how["rounds"])
    mean_fit = of_mean(plan.strength_mean, how["rounds"], power=how["power"], step=how["step"])
    shown = tuple(at for at, term in enumerate(plan.terms) if term in plan.shown)
    parts = folds(len(stays), how["inner_folds"], how["seed"])
    log, mean = np.empty(len(stays)), np.empty(len(stays))
    effects = [np.empty(len(stays)) for _ in shown]
    for part in range(how["inner_folds"]):
        own = parts == part
        fitted = log_fit(places[~own], stays.cost[~own], sizes)
        log[own] = fitted(places[own])
        mean[own] = mean_fit(places[~own], stays.cost[~own], sizes)(places[own])
        for values, at in zip(effects, shown, strict=True):
            values[own] = fitted.effects[at][places[own, at]]
    error = (np.log(stays.cost) - log) ** 2
    first, prior = places[:, 0], how["spread_prior"]
    spread = np.empty(len(stays))
    for part in range(how["inner_folds"]):
        own = parts == part
        spread[own] = _spread(first[~own], error[~own], sizes[0], prior)[first[own]]
    design = Design(
        keys,
        log_fit(places, stays.cost, sizes),
        mean_fit(places, stays.cost, sizes),
        shown,
        _spread(first, error, sizes[0], prior),
        {one.short: one.order for one in _of_kind(columns, plan, ORDINAL)},
        tuple(
            (one.short, value)
            for one in _of_kind(columns, plan, CATEGORY)
            for value in _common(stays.values[one.short], how["indicator_least"])
        ),
    )
    return design, design._seen(stays, log, mean, spread, effects)  # noqa: SLF001 -- of this module


def _of_kind(columns: Columns, plan: Plan, kind: str) -> list[Any]:
    return [
        columns.features[name]
        for name in columns.names(plan.task)
        if columns.features[name].kind == kind
    ]


def _common(values: NDArray[np.object_], least: int) -> list[str]:
    names, counts = np.unique(values.astype(str), return_counts=True)
    return [str(name) for name in names[counts >= least]]


def _spread(
    places: NDArray[np.int64], error: NDArray[np.float64], size: int, prior: float
) -> NDArray[np.float64]:
    """The mean squared error at each place, with the common one as so many further stays."""
    sums = np.bincount(places, error, size)
    counts = np.bincount(places, minlength=size)
    found: NDArray[np.float64] = (sums + prior * error.mean()) / (counts + prior)
    return found
