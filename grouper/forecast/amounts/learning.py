"""What training and calibration of the amounts need beside the models: weights, rows, corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.amounts.depth import Depths
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.forecast.amounts.cards import Cards
    from grouper.forecast.frame import Frame


def weights_of(cards: Cards, names: NDArray[Any]) -> NDArray[np.float64]:
    """Logarithm of the weight of each stay's group; for one without the mean of the others."""
    unique, place = np.unique(names.astype(str), return_inverse=True)
    own = np.array([cards.log_weight[cards.places[name]] for name in unique.tolist()])[place]
    some = np.isfinite(own)
    return np.where(some, own, own[some].mean() if some.any() else 0.0)


def drawn(frame: Frame, stays: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Rows to learn from: all, or those with the least hash of stay and day."""
    rows = np.flatnonzero(np.isin(frame.stay, stays))
    if len(rows) <= most:
        return rows
    mixed = frame.stay[rows].astype(np.uint64) * np.uint64(1_000_003)
    mixed = (mixed + frame.day[rows].astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return np.sort(rows[np.argsort(mixed ^ (mixed >> np.uint64(32)), kind="stable")[:most]])


def corrections(
    came: NDArray[np.float64], foretold: NDArray[np.float64], kinds: list[NDArray[Any]]
) -> Depths:
    """What came ÷ what was expected, by kind, within the stated bounds."""
    plan = toml("amounts.toml")["calibration"]
    found: dict[str, tuple[float, int]] = {}
    for words in [*kinds, np.full(len(came), "", object)]:
        names, place = np.unique(np.asarray(words, str), return_inverse=True)
        count = np.bincount(place, minlength=len(names))
        above = np.bincount(place, came, len(names))
        below = np.bincount(place, foretold, len(names))
        for number, name in enumerate(names.tolist()):
            if below[number] > 0 and (count[number] >= plan["least"] or not name):
                ratio = float(above[number] / below[number])
                bounded = min(max(ratio, plan["least_factor"]), plan["most_factor"])
                found.setdefault(name, (bounded, int(count[number])))
    return Depths(found or {"": (1.0, 0)})
