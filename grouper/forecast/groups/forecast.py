"""Likely groups of rows, with their probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.levels import ADRG, GROUP, MDC

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAD = -1
"""Stands where a row has fewer groups."""


@dataclass(frozen=True, slots=True)
class GroupForecast:
    """The likely final groups of rows.

    Attributes:
        code: [rows, groups] number in ``names``, the likeliest first; :data:`PAD` fills up.
        probability: [rows, groups] beside them, descending; a row sums to at most 1.
        names: all groups that are spoken of.
        adrg: the ADRG of each name.
        mdc: the MDC of each name.
    """

    code: NDArray[np.int64]
    probability: NDArray[np.float64]
    names: tuple[str, ...]
    adrg: tuple[str, ...]
    mdc: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.code)

    def other(self) -> NDArray[np.float64]:
        """[rows] the probability of all groups that are not named."""
        found: NDArray[np.float64] = np.clip(1.0 - self.probability.sum(axis=1), 0.0, 1.0)
        return found

    def take(self, rows: NDArray[Any]) -> GroupForecast:
        """Some rows."""
        return GroupForecast(
            self.code[rows], self.probability[rows], self.names, self.adrg, self.mdc
        )

    def words(self, level: str) -> tuple[str, ...]:
        """The word of each name at a level.

        Raises:
            KeyError: there is no such level.
        """
        return {GROUP: self.names, ADRG: self.adrg, MDC: self.mdc}[level]

    def at(self, level: str) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """The likeliest word of each row at a level, and its probability.

        Groups of one word add up. Of equal ones that of the likelier group is taken. A row without
        groups has the empty word.

        Args:
            level: ``group``, ``adrg`` or ``mdc``.
        """
        number, probability = self.numbers(level)
        words, _ = _sorted(self.words(level))
        if not self.code.shape[1]:
            return np.full(len(self), "", object), np.zeros(len(self))
        summed = np.zeros_like(probability)
        for column in range(number.shape[1]):
            same = number == number[:, column : column + 1]
            summed[:, column] = np.where(same, probability, 0.0).sum(axis=1)
        summed[number == PAD] = -1.0
        best = summed.argmax(axis=1)
        rows = np.arange(len(self))
        return words[number[rows, best]], np.maximum(summed[rows, best], 0.0)

    def numbers(self, level: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The candidates' places among the sorted words of a level, and their probabilities."""
        _, of_name = _sorted(self.words(level))
        return of_name[self.code], self.probability


@lru_cache(maxsize=64)
def _sorted(own: tuple[str, ...]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Words in order, last the empty one; the place of each word, last :data:`PAD`."""
    words = sorted(set(own))
    places = {word: place for place, word in enumerate(words)}
    of_name = np.array([*(places[word] for word in own), PAD], np.int64)
    return np.array([*words, ""], object), of_name
