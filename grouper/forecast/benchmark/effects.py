"""Effects of crossed factors that shrink to nought where cases are few (credibility).

A stay's cost is a common level times one factor a term: hospital, severity, hospital by severity ….
Each effect is fitted with the others held fixed, in turn (backfitting), and counts as if a number of
further stays without the effect had been seen (Bühlmann's credibility; a random effect). A value or
a combination that training has not seen has no effect: what is left is the forecast of the wider
terms. Two ways: effects on the mean of the log, and factors on the mean itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.benchmark.reading import Stays

UNSEEN = 0
"""The place of values that training has not seen."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The values of each term, as training saw them.

    Attributes:
        terms: the features of each term.
        known: by term, the place of each combination of texts, from 1 on.
    """

    terms: tuple[tuple[str, ...], ...]
    known: tuple[Mapping[tuple[str, ...], int], ...]

    @classmethod
    def of(cls, stays: Stays, terms: Sequence[tuple[str, ...]]) -> Keys:
        """The combinations that stand in some stays."""
        known = tuple(
            {words: at for at, words in enumerate(sorted(set(_words(stays, term))), 1)}
            for term in terms
        )
        return cls(tuple(terms), known)

    def places(self, stays: Stays) -> NDArray[np.int64]:
        """[stays, terms]: where each stay's combination is known; :data:`UNSEEN` if it is not."""
        found = np.empty((len(stays), len(self.terms)), np.int64)
        for at, (term, known) in enumerate(zip(self.terms, self.known, strict=True)):
            found[:, at] = [known.get(words, UNSEEN) for words in _words(stays, term)]
        return found

    def sizes(self) -> tuple[int, ...]:
        """Places of each term, the one for the unseen counted."""
        return tuple(len(known) + 1 for known in self.known)


def _words(stays: Stays, term: tuple[str, ...]) -> list[tuple[str, ...]]:
    return list(zip(*(stays.values[name].tolist() for name in term), strict=True))


@dataclass(frozen=True, slots=True)
class Effects:
    """A fitted model: the common level and, by term, the effect at each place (log scale)."""

    common: float
    effects: tuple[NDArray[np.float64], ...]

    def __call__(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """The forecast on the log scale, [stays]."""
        found = np.full(len(places), self.common)
        for at, effect in enumerate(self.effects):
            found += effect[places[:, at]]
        return found


Fit = "Callable[[NDArray[np.int64], NDArray[np.float64], Sequence[int]], Effects]"
"""Fits places [stays, terms] and costs [stays], with the places of each term."""


def of_log(strengths: Sequence[float], rounds: int) -> Callable[..., Effects]:
    """Effects on the mean of the log of the cost.

    Args:
        strengths: by term, the stays as which "no effect" counts.
        rounds: of backfitting.
    """

    def fit(
        places: NDArray[np.int64], cost: NDArray[np.float64], sizes: Sequence[int]
    ) -> Effects:
        logs = np.log(cost)
        common = float(logs.mean())
        left = logs - common
        effects = [np.zeros(size) for size in sizes]
        weights = [
            np.bincount(places[:, at], minlength=size) + strengths[at]
            for at, size in enumerate(sizes)
        ]
        for _ in range(rounds):
            for at, size in enumerate(sizes):
                own = places[:, at]
                left += effects[at][own]
                effects[at] = np.bincount(own, left, size) / weights[at]
                left -= effects[at][own]
        return Effects(common, tuple(effects))

    return fit


def of_mean(
    strengths: Sequence[float], rounds: int, *, power: float, step: float
) -> Callable[..., Effects]:
    """Factors on the mean of the cost.

    Each factor makes what came equal to what was forecast over its stays, both with further stays
    of the common level that have no factor; stays are weighed as by a variance ∝ mean^power.

    Args:
        strengths: by term, the stays as which "no factor" counts.
        rounds: of backfitting.
        power: of the variance; 1 as Poisson, 2 as gamma.
        step: the furthest that an effect moves at once, on the log scale.
    """

    def fit(
        places: NDArray[np.int64], cost: NDArray[np.float64], sizes: Sequence[int]
    ) -> Effects:
        level = float(cost.mean())
        share = cost / level
        effects = [np.zeros(size) for size in sizes]
        logs = np.zeros(len(cost))
        for _ in range(rounds):
            for at, size in enumerate(sizes):
                own, effect = places[:, at], effects[at]
                mean = np.exp(logs)
                weight = mean ** (1 - power)
                came = np.bincount(own, weight * share, size)
                without = np.bincount(own, weight * mean, size) * np.exp(-effect)
                wanted = np.log((came + strengths[at]) / (without + strengths[at]))
                change = np.clip(wanted - effect, -step, step)
                effects[at] = effect + change
                logs += change[own]
        return Effects(float(np.log(level)), tuple(effects))

    return fit
