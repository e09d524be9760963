"""Effects of crossed factors that shrink to nought where cases are few (credibility).

A stay's cost is a common level times one factor a term: hospital, severity, hospital by severity ….
Each effect is fitted with the others held fixed, in turn (backfitting), and counts as if a number of
further stays without the effect had been seen (Bühlmann's credibility; a random effect). A value or
a combination that training has not seen has no effect: what is left is the forecast of the wider
terms. Two ways: effects on the mean of the log, and factors on the mean itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.benchmark.reading import Stays

UNSEEN = 0
"""The place of values that training has not seen."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The values of each term, as training saw them.

    Attributes:
        terms: the features of each term.
        values: by feature, its texts in order.
        codes: by term, its combinations in order; each is one number made of the places of its texts.
    """

    terms: tuple[tuple[str, ...], ...]
    values: Mapping[str, NDArray[np.str_]]
    codes: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, stays: Stays, terms: Sequence[tuple[str, ...]]) -> Keys:
        """The combinations that stand in some stays."""
        names = dict.fromkeys(name for term in terms for name in term)
        values = {name: np.unique(stays.values[name].astype(str)) for name in names}
        keys = cls(tuple(terms), values, ())
        placed = keys._placed(stays)
        return cls(keys.terms, values, tuple(np.unique(keys._code(term, placed)) for term in terms))

    def places(self, stays: Stays) -> NDArray[np.int64]:
        """[stays, terms]: where each stay's combination is known; :data:`UNSEEN` if it is not."""
        placed = self._placed(stays)
        found = np.empty((len(stays), len(self.terms)), np.int64, order="F")
        for at, (term, codes) in enumerate(zip(self.terms, self.codes, strict=True)):
            found[:, at] = _place(codes, self._code(term, placed)) + 1
        return found

    def sizes(self) -> tuple[int, ...]:
        """Places of each term, the one for the unseen counted."""
        return tuple(len(codes) + 1 for codes in self.codes)

    def unseen(self, stays: Stays) -> dict[str, int]:
        """By feature, in how many stays it has a value that training has not seen."""
        placed = self._placed(stays).items()
        return {name: count for name, at in placed if (count := int(np.sum(at < 0)))}

    def _placed(self, stays: Stays) -> dict[str, NDArray[np.int64]]:
        """The place of each stay's text among a feature's, -1 for none of them."""
        return {
            name: _place(values, stays.values[name].astype(str))
            for name, values in self.values.items()
        }

    def _code(
        self, term: tuple[str, ...], placed: Mapping[str, NDArray[np.int64]]
    ) -> NDArray[np.int64]:
        """One number for each stay's combination; -1 where one of its texts is unknown."""
        code = np.zeros(len(placed[term[0]]), np.int64)
        unknown = np.zeros(len(code), bool)
        for name in term:
            code = code * len(self.values[name]) + placed[name]
            unknown |= placed[name] < 0
        return np.where(unknown, -1, code)


def _place(known: NDArray[Any], words: NDArray[Any]) -> NDArray[np.int64]:
    """The place of each word among known ones in order, -1 for none of them."""
    at = np.minimum(np.searchsorted(known, words), len(known) - 1)
    return np.where(known[at] == words, at, -1)


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


class Fit(Protocol):
    """Fits places [stays, terms] to costs [stays]; ``sizes`` says how many places each term has."""

    def __call__(
        self, places: NDArray[np.int64], cost: NDArray[np.float64], sizes: Sequence[int]
    ) -> Effects:
        """Fit."""
        ...


def of_log(strengths: Sequence[float], rounds: int) -> Fit:
    """Effects on the mean of the log of the cost.

    Args:
        strengths: by term, the stays as which "no effect" counts.
        rounds: of backfitting.
    """

    def fit(places: NDArray[np.int64], cost: NDArray[np.float64], sizes: Sequence[int]) -> Effects:
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


def of_mean(strengths: Sequence[float], rounds: int, *, power: float, step: float) -> Fit:
    """Factors on the mean of the cost.

    Each factor makes what came equal to what was forecast over its stays, both with further stays
    of the common level that have no factor; stays are weighed as by a variance ∝ mean^power.

    Args:
        strengths: by term, the stays as which "no factor" counts.
        rounds: of backfitting.
        power: of the variance; 1 as Poisson, 2 as gamma.
        step: the furthest that an effect moves at once, on the log scale.
    """

    def fit(places: NDArray[np.int64], cost: NDArray[np.float64], sizes: Sequence[int]) -> Effects:
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
