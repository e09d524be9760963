"""Whether forecasts mean what they say: probabilities, quantiles, means, each against what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.evaluation.judged import NAMED
from grouper.forecast.evaluation.margins import plain
from grouper.forecast.result import MEASURES

if TYPE_CHECKING:
    from grouper.forecast.evaluation.judged import Judged
    from grouper.forecast.evaluation.plan import Judging


def reliability(rows: Judged, judging: Judging) -> dict[str, Any]:
    """By level, bins of the likeliest group's probability: forecasts, mean probability, share right.

    ``error`` is the expected calibration error, the mean distance of both.
    """
    found = {}
    for level in NAMED:
        chance, right = rows.group[f"{level}.probability"], rows.group[f"{level}.top1"]
        some = ~(np.isnan(chance) | np.isnan(right))
        at = np.clip((chance[some] * judging.bins).astype(int), 0, judging.bins - 1)
        count = np.bincount(at, minlength=judging.bins)
        held = np.bincount(at, chance[some], judging.bins)
        hit = np.bincount(at, right[some], judging.bins)
        bins = [
            {"forecasts": int(n), "probability": float(p / n), "right": float(h / n)}
            for n, p, h in zip(count, held, hit, strict=True)
            if n
        ]
        whole = int(count.sum())
        error = float(np.abs(held - hit).sum() / whole) if whole else float("nan")
        found[level] = {"bins": bins, "error": plain(error)}
    return found


def quantiles(rows: Judged) -> dict[str, Any]:
    """By measure, the share of what came that lies below each foretold quantile.

    Where several outcomes are one value (a price that is fixed), those equal to a quantile count
    half: below and above it.
    """
    found = {}
    for measure in MEASURES:
        truth = rows.truth[measure]
        parts = []
        side = (1 - rows.level) / 2
        for end, nominal in (
            ("low", side),
            ("middle", np.full(len(rows), 0.5)),
            ("high", 1 - side),
        ):
            bound = rows.bounds[f"{measure}.{end}"]
            some = ~(np.isnan(truth) | np.isnan(bound) | np.isnan(nominal))
            if some.any():
                below = (truth < bound)[some].mean() + (truth == bound)[some].mean() / 2
                parts.append({"nominal": float(nominal[some].mean()), "observed": float(below)})
        found[measure] = parts
    return found


def parts(rows: Judged, judging: Judging) -> dict[str, Any]:
    """By measure, parts of equal size by the foretold mean: its mean, and that of what came."""
    found = {}
    for measure in MEASURES:
        truth, mean = rows.truth[measure], rows.bounds[f"{measure}.mean"]
        some = np.flatnonzero(~(np.isnan(truth) | np.isnan(mean)))
        order = some[np.argsort(mean[some], kind="stable")]
        found[measure] = [
            {
                "forecasts": len(own),
                "foretold": float(mean[own].mean()),
                "came": float(truth[own].mean()),
            }
            for own in np.array_split(order, judging.parts)
            if len(own)
        ]
    return found
