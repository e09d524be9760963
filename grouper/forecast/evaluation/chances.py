"""How good foretold groups are: hits, and how probable what came was held to be.

Log loss and Brier score are over all groups. What a forecast leaves to the groups it does not name
is spread over them as often as each came in training, so that a long list and a short one, a model
and the grouper's bare answer (as sure as it proved in training on that day) are measured alike.
(The squares of the many small probabilities of what is not named and did not come are left out.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.forecast.levels import ADRG, GROUP, MDC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.levels import Levels

_TOP = 3
_LEAST = 1e-6
"""No probability is taken for less: the loss of what was held to be impossible stays finite."""


def chances(
    forecasts: pa.Table,
    truth: Levels,
    bare: Mapping[str, NDArray[Any]],
    frequencies: Mapping[str, float],
    sure: NDArray[np.float64] | None,
) -> dict[str, NDArray[np.float64]]:
    """Scores of the groups of each forecast; keys as of :class:`~grouper.forecast.evaluation.judged.Judged`.

    Args:
        forecasts: columns of ``FORECAST_SCHEMA``, in one piece.
        truth: the final group of each.
        bare: the grouper's bare answer by level, where it is known.
        frequencies: share of each group in training; without any only hits are told.
        sure: how probable the bare group is; None: only hits are told of it.
    """
    size = len(forecasts)
    column = _one(forecasts["groups"])
    row = np.asarray(pc.list_parent_indices(column)).astype(np.int64)
    flat = pc.list_flatten(column)
    chance = np.asarray(pc.fill_null(pc.struct_field(flat, "probability"), 0.0), np.float64)
    found: dict[str, NDArray[np.float64]] = {}
    for level in (GROUP, ADRG, MDC):
        came = truth.texts(level)
        words = np.array(pc.struct_field(flat, level).to_pylist(), object)
        likely, first, top = _hits(size, row, words, chance, came)
        if level != GROUP:
            likely = (np.array(forecasts[level].to_pylist(), object) == came).astype(np.float64)
            first = floats(forecasts[f"{level}_probability"])
        found[f"{level}.top1"] = likely
        found[f"{level}.top3"] = np.maximum(top, likely)
        found[f"{level}.probability"] = first
        if level in bare:
            found[f"{level}.bare"] = (bare[level] == came).astype(np.float64)
    if not frequencies or sure is None:
        return found
    came = truth.texts(GROUP)
    words = np.array(pc.struct_field(flat, GROUP).to_pylist(), object)
    share, of_word = _frequencies(came, frequencies), _frequencies(words, frequencies)
    # A table names fewer groups than a model knows: what it does not name is the rest.
    other = np.clip(1.0 - np.bincount(row, chance, size), 0.0, 1.0).astype(np.float64)
    found["loss"], found["brier"] = _losses(row, chance, of_word, words == came[row], share, other)
    of_bare, right = _frequencies(bare[GROUP], frequencies), bare[GROUP] == came
    each = np.arange(size)
    found["bare_loss"], found["bare_brier"] = _losses(each, sure, of_bare, right, share, 1 - sure)
    return found


def _hits(
    size: int,
    row: NDArray[np.int64],
    words: NDArray[Any],
    chance: NDArray[np.float64],
    came: NDArray[Any],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Whether the likeliest word came, its probability, whether one of the three likeliest came."""
    encoded = pc.dictionary_encode(pa.array([*words.tolist(), *came.tolist()], pa.string()))
    number = np.asarray(encoded.indices.fill_null(-1)).astype(np.int64)
    count = len(encoded.dictionary) + 1
    own, truth = number[: len(row)], number[len(row) :]
    # Groups of one word stand together: their probabilities add up.
    key, place = np.unique(row * count + own, return_inverse=True)
    total = np.bincount(place, chance, len(key))
    line, word = key // count, key % count
    order = np.lexsort((word, -total, line))
    line, word, total = line[order], word[order], total[order]
    begin = np.searchsorted(line, np.arange(size))
    rank = np.arange(len(line)) - begin[line]
    right = word == truth[line]
    hit, top, first = np.zeros(size), np.zeros(size), np.full(size, np.nan)
    hit[line[right & (rank == 0)]] = 1.0
    top[line[right & (rank < _TOP)]] = 1.0
    first[line[rank == 0]] = total[rank == 0]
    return hit, first, top


def _losses(
    row: NDArray[np.int64],
    chance: NDArray[np.float64],
    of_word: NDArray[np.float64],
    right: NDArray[np.bool_],
    share: NDArray[np.float64],
    other: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log loss and Brier score of each forecast.

    Args:
        row: the forecast of each group that is named.
        chance: its probability.
        of_word: how often it came in training.
        right: whether it came.
        share: how often what came did so in training.
        other: what is left to groups that are not named.
    """
    size = len(share)
    named = np.bincount(row, of_word, size)
    # Of the rest of all stays, those in what came; at most all of it.
    tail = np.minimum(share / np.maximum(1 - named, _LEAST), 1.0) * np.clip(other, 0, 1)
    is_named = np.bincount(row, right, size) > 0
    given = np.where(is_named, np.bincount(row, chance * right, size), tail)
    loss = -np.log(np.clip(given, _LEAST, 1.0))
    squares = np.bincount(row, chance**2, size)
    return loss, squares - 2 * given + 1 + np.where(is_named, 0.0, given**2)


def _frequencies(words: NDArray[Any], frequencies: Mapping[str, float]) -> NDArray[np.float64]:
    rest = max(1 - sum(frequencies.values()), 0.0)
    return np.array([frequencies.get(word, rest) for word in words], np.float64)


def floats(column: Any) -> NDArray[np.float64]:  # noqa: ANN401 -- Arrow
    """A column of numbers, NaN where it is empty."""
    found = pc.fill_null(pc.cast(column, pa.float64(), safe=False), float("nan"))
    return np.asarray(found).astype(np.float64)


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
