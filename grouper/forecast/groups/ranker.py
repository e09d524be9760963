"""The ranker: trees that weigh the candidates of a row against each other.

A conditional logit (McFadden, 1974) whose utility is the logarithm of the transitions' chance plus
the trees: with no tree it says what the transitions say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.boost import Booster, settings
from grouper.forecast.groups.pairs import pair_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.groups.pairs import Pairs

_LEAST = 1e-6
"""Second derivatives are no less, so that a leaf that is sure stays finite."""


@dataclass(frozen=True, slots=True)
class Pupils:
    """Pairs that the ranker learns from; of each row one candidate is the right one.

    Attributes:
        values: [pairs, features of a pair].
        row: [pairs] equal within a row, whose pairs stand together.
        right: [pairs] whether it is the one that came.
        margin: [pairs] logarithm of the prior chance.
        weight: [pairs] of the row.
    """

    values: NDArray[np.float32]
    row: NDArray[np.int64]
    right: NDArray[np.bool_]
    margin: NDArray[np.float64]
    weight: NDArray[np.float64]

    @classmethod
    def joined(cls, parts: Sequence[Pupils]) -> Pupils:
        """Several together."""
        return cls(
            np.concatenate([one.values for one in parts]),
            np.concatenate([one.row for one in parts]),
            np.concatenate([one.right for one in parts]),
            np.concatenate([one.margin for one in parts]),
            np.concatenate([one.weight for one in parts]),
        )

    def take(self, pairs: NDArray[np.bool_]) -> Pupils:
        """Some pairs: whole rows."""
        return Pupils(
            self.values[pairs],
            self.row[pairs],
            self.right[pairs],
            self.margin[pairs],
            self.weight[pairs],
        )


def trained_ranker(how: Mapping[str, Any], pupils: Pupils) -> Booster | None:
    """Train; None where there is nothing to learn from.

    Args:
        how: the settings.
        pupils: what it learns from.

    Raises:
        ForecastError: ``FORECAST_NOT_INSTALLED``.
    """
    if not len(pupils.row):
        return None
    starts = np.flatnonzero(np.diff(pupils.row, prepend=-1))
    sizes = np.diff(np.append(starts, len(pupils.row)))
    wanted = pupils.right.astype(np.float64)

    def slopes(sums: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        chance = _shares(sums.astype(np.float64), starts, sizes)
        curve = np.maximum(chance * (1.0 - chance), _LEAST)
        return (chance - wanted) * pupils.weight, curve * pupils.weight

    return Booster.trained(
        pupils.values,
        wanted,
        pair_names(how),
        settings(how["ranker"]["trees"]),
        margin=pupils.margin,
        slopes=slopes,
    )


def scores(ranker: Booster | None, pairs: Pairs) -> NDArray[np.float64]:
    """[pairs] how much speaks for each; without a ranker what the transitions say."""
    if ranker is None or not len(pairs.row):
        return pairs.margin
    return ranker.predict(pairs.values) + pairs.margin


def _shares(
    sums: NDArray[np.float64], starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Softmax within rows."""
    over = np.exp(sums - np.repeat(np.maximum.reduceat(sums, starts), sizes))
    found: NDArray[np.float64] = over / np.repeat(np.add.reduceat(over, starts), sizes)
    return found
