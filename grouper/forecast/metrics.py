"""How far forecasts lie from what came. All take arrays of one length; none rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def r2(truth: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """Share of the variance that is explained, 1 − Σ(y − ŷ)² ÷ Σ(y − ȳ)²; NaN without variance."""
    whole = float(np.sum((truth - truth.mean()) ** 2)) if len(truth) else 0.0
    if whole == 0.0:
        return float("nan")
    return 1.0 - float(np.sum((truth - found) ** 2)) / whole


def mae(truth: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """Mean absolute error, in the unit of the target."""
    return float(np.mean(np.abs(truth - found))) if len(truth) else float("nan")


def mape(truth: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """Mean absolute error as a share of what came; cases of nought are left out."""
    some = truth != 0
    return float(np.mean(np.abs(truth - found)[some] / truth[some])) if some.any() else float("nan")


def medape(truth: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """Median absolute error as a share of what came; cases of nought are left out."""
    some = truth != 0
    errors = np.abs(truth - found)[some] / truth[some]
    return float(np.median(errors)) if some.any() else float("nan")


def bias(truth: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """Mean of forecast − truth, as a share of the mean of what came."""
    mean = float(truth.mean()) if len(truth) else 0.0
    return float(np.mean(found - truth)) / mean if mean else float("nan")


def pinball(truth: NDArray[np.float64], found: NDArray[np.float64], alpha: float) -> float:
    """Mean pinball loss of a quantile."""
    away = truth - found
    return float(np.mean(np.maximum(alpha * away, (alpha - 1) * away)))


def coverage(
    truth: NDArray[np.float64], lower: NDArray[np.float64], upper: NDArray[np.float64]
) -> float:
    """Share of what came that lies within the bounds, bounds included."""
    return float(np.mean((truth >= lower) & (truth <= upper))) if len(truth) else float("nan")


def width(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> float:
    """Mean width of intervals, in the unit of the target."""
    return float(np.mean(upper - lower)) if len(lower) else float("nan")
