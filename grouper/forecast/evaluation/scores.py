"""Scores of forecasts: of some rows, with each baseline beside the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast import metrics
from grouper.forecast.evaluation.baselines import NAMES
from grouper.forecast.evaluation.judged import NAMED
from grouper.forecast.evaluation.margins import Rival, margins, plain
from grouper.forecast.result import MEASURES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.forecast.evaluation.judged import Judged
    from grouper.forecast.evaluation.plan import Judging

VERSION = 1
"""Of the form of these documents."""


def scores(rows: Judged, judging: Judging, name: str) -> dict[str, Any]:
    """The scores of some forecasts, as a document.

    ``cost``, ``los``, ``amount``, ``fund``, ``surplus`` and ``group`` each hold their scores: errors
    in yuan or days, shares as numbers from 0 to 1, ``margins`` by baseline as [margin, low, high].

    Args:
        rows: the forecasts.
        judging: how.
        name: of these rows (of the bootstrap's draws).
    """
    found: dict[str, Any] = {
        "snapshots": len(rows),
        "stays": len(np.unique(rows.stay)),
        "refused": int((rows.texts["reason"] != "").sum()),
    }
    rivals: dict[str, Rival] = {}
    for measure in MEASURES:
        found[measure], own = _measure(rows, measure)
        rivals |= own
    found["group"], own = _groups(rows)
    rivals |= own
    for key, margin in margins(rows.stay, rivals, judging, name).items():
        measure, _, baseline = key.partition(".")
        found[measure].setdefault("margins", {})[baseline] = margin.document()
    return found


def _measure(rows: Judged, measure: str) -> tuple[dict[str, Any], dict[str, Rival]]:
    truth, middle = rows.truth[measure], rows.bounds[f"{measure}.middle"]
    low, high = rows.bounds[f"{measure}.low"], rows.bounds[f"{measure}.high"]
    mean = rows.bounds[f"{measure}.mean"]
    some = ~(np.isnan(truth) | np.isnan(middle))
    y, m = truth[some], middle[some]
    found: dict[str, float] = {
        "mae": metrics.mae(y, m),
        "mape": metrics.mape(y, np.abs(m)) if measure in {"cost", "los"} else float("nan"),
        "medape": metrics.medape(y, m) if measure in {"cost", "los"} else float("nan"),
    }
    best = some & ~np.isnan(mean)
    found["r2"] = metrics.r2(truth[best], mean[best])
    found["bias"] = float(np.mean((mean - truth)[best])) if best.any() else float("nan")
    found["mean"] = float(y.mean()) if len(y) else float("nan")
    found |= _interval(rows.level[some], y, low[some], high[some])
    rivals = {}
    base = {}
    for name in NAMES[measure]:
        other = rows.baselines.get(f"{measure}.{name}")
        if other is None:
            continue
        both = some & ~np.isnan(other)
        base[name] = {
            "mae": plain(metrics.mae(truth[both], other[both])),
            "r2": plain(metrics.r2(truth[both], other[both])),
        }
        rivals[f"{measure}.{name}"] = Rival(np.abs(truth - middle), np.abs(truth - other))
    document = {"scored": int(some.sum())} | {key: plain(value) for key, value in found.items()}
    return document | {"baselines": base}, rivals


def _interval(
    level: NDArray[np.float64],
    truth: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> dict[str, float]:
    """How well intervals hold; a missing bound has no end, and holds everything on its side."""
    some = ~np.isnan(level)
    y, share = truth[some], level[some]
    below = np.where(np.isnan(low[some]), -np.inf, low[some])
    above = np.where(np.isnan(high[some]), np.inf, high[some])
    closed = np.isfinite(below) & np.isfinite(above)
    none = float("nan")
    if not len(y):
        return dict.fromkeys(
            ("coverage", "level", "under", "over", "width", "open", "pinball_low", "pinball_high"),
            none,
        )
    side = float(np.mean(1 - share)) / 2
    return {
        "coverage": metrics.coverage(y, below, above),
        "level": float(np.mean(share)),
        "under": float(np.mean(y < below)),
        "over": float(np.mean(y > above)),
        "width": metrics.width(below[closed], above[closed]),
        "open": float(np.mean(~closed)),
        "pinball_low": metrics.pinball(y[closed], below[closed], side) if closed.any() else none,
        "pinball_high": metrics.pinball(y[closed], above[closed], 1 - side)
        if closed.any()
        else none,
    }


def _groups(rows: Judged) -> tuple[dict[str, Any], dict[str, Rival]]:
    own = rows.group
    some = ~np.isnan(own["group.top1"])
    found: dict[str, Any] = {"scored": int(some.sum())}
    for level in NAMED:
        found[level] = {
            key: _mean(own.get(f"{level}.{key}"), some) for key in ("top1", "top3", "bare")
        }
    for key in ("loss", "brier", "bare_loss", "bare_brier"):
        found[key] = _mean(own.get(key), some)
    rivals = {
        f"group.{level}": Rival(own[f"{level}.top1"], own[f"{level}.bare"], hits=True)
        for level in NAMED
        if f"{level}.bare" in own
    }
    if "loss" in own:
        rivals["group.loss"] = Rival(own["loss"], own["bare_loss"])
    return found, rivals


def _mean(values: NDArray[np.float64] | None, some: NDArray[np.bool_]) -> float | None:
    if values is None:
        return None
    known = values[some & ~np.isnan(values)]
    return plain(float(known.mean())) if len(known) else None
