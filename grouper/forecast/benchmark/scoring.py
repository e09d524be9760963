"""One task on one pair of files, or in turns on parts of one file: forecasts and their figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from codebooks.errors import Where
from grouper.forecast import metrics
from grouper.forecast.benchmark.folds import folds
from grouper.forecast.benchmark.model import train
from grouper.forecast.benchmark.plain import Groups, Plain
from grouper.forecast.errors import ForecastError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from grouper.forecast.benchmark.columns import Columns, Plan
    from grouper.forecast.benchmark.reading import Stays

OWN = ("mean", "median", "closest")
"""Our point forecasts."""
COMPARED = ("plain", "group_mean", "group_median")
"""What they are compared with."""
BOUNDS = ("lower", "upper")
FIGURES: Mapping[str, Callable[[NDArray[np.float64], NDArray[np.float64]], float]] = {
    "r2": metrics.r2,
    "mae": metrics.mae,
    "mape": metrics.mape,
    "medape": metrics.medape,
    "bias": metrics.bias,
}
"""The figures of a point forecast, by name."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Forecasts of a task.

    Attributes:
        plan: of the task.
        stays: what was forecast.
        found: forecasts by name (:data:`OWN`, :data:`COMPARED`, :data:`BOUNDS`), each [stays].
        kinds: the kind of stay by which the interval was calibrated, [stays].
        parts: in which turn a stay was forecast, [stays].
        trained: stays that training had, a turn.
        unseen: by feature, stays with a value that training has not seen.
        drivers: by term, how much it moves the cost (log scale).
    """

    plan: Plan
    stays: Stays
    found: Mapping[str, NDArray[np.float64]]
    kinds: NDArray[np.object_]
    parts: NDArray[np.int64]
    trained: tuple[int, ...]
    unseen: Mapping[str, int]
    drivers: Mapping[str, float]


def forecast(
    stays: Stays, training: Stays, columns: Columns, plan: Plan, how: Mapping[str, Any]
) -> Scored:
    """Learn from one table and forecast another.

    Args:
        stays: to be forecast; their cost is not looked at.
        training: to be learned from; stays without a cost are left out.
        columns: of both files.
        plan: of the task.
        how: the settings.

    Raises:
        ForecastError: ``BENCHMARK_TOO_FEW`` stays to learn from; ``FORECAST_NOT_INSTALLED``.
    """
    known = training.take(training.known()).in_order()
    if len(known) < how["least_rows"]:
        place = Where(file=training.file)
        raise ForecastError("BENCHMARK_TOO_FEW", place, count=len(known), least=how["least_rows"])
    model = train(known, columns, plan, how)
    ours = model.predict(stays)
    found = {name: getattr(ours, name) for name in (*OWN, *BOUNDS)}
    found["plain"] = Plain.trained(known, plan, how).predict(stays)
    found["group_mean"], found["group_median"] = Groups.of(known, plan).predict(stays)
    return Scored(
        plan,
        stays,
        found,
        ours.kinds,
        np.zeros(len(stays), np.int64),
        (len(known),),
        model.quantiles.design.keys.unseen(stays),
        model.drivers(known),
    )


def in_turns(stays: Stays, columns: Columns, plan: Plan, how: Mapping[str, Any]) -> Scored:
    """Cross-validation: each part of the stays is forecast by what was learned on the others.

    Args:
        stays: of one file; those without a cost are left out.
        columns: of the file.
        plan: of the task.
        how: the settings.

    Raises:
        ForecastError: as :func:`forecast`.
    """
    known = stays.take(stays.known()).in_order()
    parts = folds(len(known), how["folds"], how["seed"] + 2)
    places = [np.flatnonzero(parts == part) for part in range(how["folds"])]
    turns = [
        forecast(known.take(own), known.take(np.flatnonzero(parts != part)), columns, plan, how)
        for part, own in enumerate(places)
    ]
    back = np.argsort(np.concatenate(places))
    unseen: dict[str, int] = {}
    for name, count in (one for turn in turns for one in turn.unseen.items()):
        unseen[name] = unseen.get(name, 0) + count
    return Scored(
        plan,
        known,
        {
            name: np.concatenate([turn.found[name] for turn in turns])[back]
            for name in turns[0].found
        },
        np.concatenate([turn.kinds for turn in turns])[back],
        parts,
        tuple(turn.trained[0] for turn in turns),
        unseen,
        turns[0].drivers,
    )


def figures(scored: Scored, how: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a task; of stays whose cost is known. A figure that there is not is None.

    ``point`` and ``interval`` are of all stays together, ``turns`` of each turn.
    """
    known = scored.stays.known()
    found: dict[str, Any] = {
        "task": scored.plan.task,
        "trained": list(scored.trained),
        "scored": len(known),
        "unseen": dict(scored.unseen),
        "drivers": {name: round(value, 4) for name, value in scored.drivers.items()},
    }
    if len(known):
        found |= _of(scored, known, how)
        own = [known[scored.parts[known] == part] for part in range(len(scored.trained))]
        if len(own) > 1:
            found["turns"] = [_of(scored, part, how) for part in own if len(part)]
    return found


def _of(scored: Scored, places: NDArray[np.int64], how: Mapping[str, Any]) -> dict[str, Any]:
    truth = scored.stays.cost[places]
    cut = {name: values[places] for name, values in scored.found.items()}
    low, high = (cut[side] for side in BOUNDS)
    kinds = scored.kinds[places]
    by_kind = {
        kind: {
            "stays": int(np.sum(kinds == kind)),
            "coverage": _plain(
                metrics.coverage(truth[kinds == kind], low[kinds == kind], high[kinds == kind])
            ),
        }
        for kind in sorted(set(kinds.tolist()))
    }
    return {
        "point": {
            name: {figure: _plain(made(truth, cut[name])) for figure, made in FIGURES.items()}
            for name in (*OWN, *COMPARED)
        },
        "interval": {
            "level": how["level"],
            "coverage": _plain(metrics.coverage(truth, low, high)),
            "width": _plain(metrics.width(low, high)),
            "pinball_lower": _plain(metrics.pinball(truth, low, how["lower"])),
            "pinball_upper": _plain(metrics.pinball(truth, high, how["upper"])),
            "by_kind": by_kind,
        },
    }


def _plain(value: float) -> float | None:
    """JSON knows neither NaN nor infinity."""
    return float(f"{value:.6g}") if np.isfinite(value) else None
