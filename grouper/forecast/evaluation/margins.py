"""By how much a model beats a baseline, and how sure that is: a bootstrap of whole stays."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.evaluation.plan import Judging

_CHUNK = 50
"""Draws made in one piece; what is drawn does not depend on it."""


@dataclass(frozen=True, slots=True)
class Margin:
    """A margin with its bounds.

    Attributes:
        margin: of errors 1 − model ÷ baseline; of hits the difference of the shares.
        low: the bound that few draws lie below.
        high: the bound that few draws lie above.
    """

    margin: float
    low: float
    high: float

    def document(self) -> list[float | None]:
        """As a report keeps it."""
        return [plain(self.margin), plain(self.low), plain(self.high)]


@dataclass(frozen=True, slots=True)
class Rival:
    """Two columns to be compared, NaN where one has no value: such rows count for neither.

    Attributes:
        model: errors or hits of the model.
        other: those of the baseline.
        hits: whether more is better.
    """

    model: NDArray[np.float64]
    other: NDArray[np.float64]
    hits: bool = False


def margins(
    stay: NDArray[np.int64], rivals: Mapping[str, Rival], judging: Judging, name: str
) -> dict[str, Margin]:
    """Margins of a model over its rivals, all with the same draws.

    All forecasts of a stay are drawn together: they are no independent trials.

    Args:
        stay: number of the stay of each row.
        rivals: by name.
        judging: draws, share between the bounds, seed.
        name: of the rows, so that other rows have other draws.
    """
    if not len(stay) or not rivals:
        return {}
    _, place = np.unique(stay, return_inverse=True)
    count = int(place.max()) + 1
    columns = []
    for one in rivals.values():
        known = ~(np.isnan(one.model) | np.isnan(one.other))
        triple = (one.model, one.other, np.ones(len(stay)))
        columns += [np.bincount(place, np.where(known, own, 0.0), count) for own in triple]
    sums = np.column_stack(columns)
    chance = np.random.default_rng([judging.seed, zlib.crc32(name.encode())])
    drawn = [
        chance.poisson(1.0, (min(_CHUNK, judging.draws - begin), count)) @ sums
        for begin in range(0, judging.draws, _CHUNK)
    ]
    draws = np.concatenate([sums.sum(axis=0)[None, :], *drawn])
    side = (1 - judging.inside) / 2
    found = {}
    for number, (key, one) in enumerate(rivals.items()):
        values = _margin(draws[:, 3 * number : 3 * number + 3], hits=one.hits)
        some = values[1:][~np.isnan(values[1:])]
        low, high = np.quantile(some, [side, 1 - side]) if len(some) else (np.nan, np.nan)
        found[key] = Margin(float(values[0]), float(low), float(high))
    return found


def _margin(sums: NDArray[np.float64], *, hits: bool) -> NDArray[np.float64]:
    model, other, count = sums.T
    under = count if hits else other
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (model - other) / under if hits else 1 - model / under
    return np.where(under > 0, found, np.nan)


def plain(value: float) -> float | None:
    """A number as JSON knows it: none for NaN and the infinite."""
    return float(value) if np.isfinite(value) else None
