"""The ranker: trees that weigh the candidates of a row against each other.

A conditional logit (McFadden, 1974) whose utility is the logarithm of the transitions' chance plus
the trees: with no tree it says what the transitions say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.boost import Booster, settings
from grouper.forecast.groups.pairs import pair_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.groups.pairs import Pairs

_LEAST = 1e-6
"""Second derivatives are no less, so that a leaf that is sure stays finite."""


def trained_ranker(how: Mapping[str, Any], pairs: Pairs, right: NDArray[np.bool_]) -> Booster:
    """Train on pairs.

    Args:
        how: the settings.
        pairs: of rows that have one right candidate each.
        right: [pairs] the right ones.

    Raises:
        ForecastError: ``FORECAST_NOT_INSTALLED``.
    """
    starts = np.flatnonzero(np.diff(pairs.row, prepend=-1))
    sizes = np.diff(np.append(starts, len(pairs.row)))
    wanted = right.astype(np.float64)

    def slopes(sums: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        chance = _shares(sums.astype(np.float64), starts, sizes)
        return chance - wanted, np.maximum(chance * (1.0 - chance), _LEAST)

    return Booster.trained(
        pairs.values,
        wanted,
        pair_names(how),
        settings(how["ranker"]["trees"]),
        margin=pairs.margin,
        slopes=slopes,
    )


def scores(ranker: Booster, pairs: Pairs) -> NDArray[np.float64]:
    """[pairs] how much speaks for each."""
    if not len(pairs.row):
        return np.zeros(0)
    return ranker.predict(pairs.values) + pairs.margin


def _shares(
    sums: NDArray[np.float64], starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Softmax within rows."""
    over = np.exp(sums - np.repeat(np.maximum.reduceat(sums, starts), sizes))
    found: NDArray[np.float64] = over / np.repeat(np.add.reduceat(over, starts), sizes)
    return found
