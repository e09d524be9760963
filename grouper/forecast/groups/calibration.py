"""Honest probabilities: a temperature, and the chance of a group that is no candidate.

Both by the bucket of days, and by whether the principal diagnosis is written (a *cell*). The
temperature (Guo and others, 2017) makes what speaks for the candidates sharper or softer; the chance
of another group is read off a table by what the transitions leave over. A cell with few rows is drawn
towards what holds for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_STEPS = 40
_GOLDEN = (5**0.5 - 1) / 2
_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class Scored:
    """Candidates of rows with what speaks for each.

    Attributes:
        group: [rows, candidates] −1 fills up.
        score: [rows, candidates] −inf where there is none.
        left: [rows] what the transitions leave to others.
        cell: [rows] bucket of days, and whether the principal diagnosis is written.
    """

    group: NDArray[np.int64]
    score: NDArray[np.float64]
    left: NDArray[np.float64]
    cell: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How scores become probabilities.

    Attributes:
        bounds: of the bins of what is left over, ascending from 0 to 1.
        temperature: [cells].
        other: [cells, bins] the chance that none of the candidates comes.
    """

    bounds: tuple[float, ...]
    temperature: NDArray[np.float64]
    other: NDArray[np.float64]

    @classmethod
    def learnt(
        cls, how: Mapping[str, Any], scored: Scored, final: NDArray[np.int64], cells: int
    ) -> Calibration:
        """Calibrate on rows whose outcome is known; best on such as nothing else learnt from.

        Args:
            how: the settings (``[calibration]`` of ``data/groups.toml``).
            scored: the rows.
            final: [rows] the group that came.
            cells: how many cells there are.
        """
        right = (scored.group == final[:, None]) & (scored.group >= 0)
        found = right.any(axis=1)
        low, high = (float(bound) for bound in how["temperature"])
        every = _temperature(scored.score[found], right[found], low, high)
        temperature = np.full(cells, every)
        for cell in range(cells):
            own = found & (scored.cell == cell)
            if own.sum() >= int(how["least"]):
                temperature[cell] = _temperature(scored.score[own], right[own], low, high)
        bounds = tuple(float(bound) for bound in how["left"])
        return cls(bounds, temperature, _others(how, bounds, scored, ~found, cells))

    def probabilities(self, scored: Scored) -> NDArray[np.float64]:
        """[rows, candidates] probabilities; a row sums to what is not another group's."""
        sharp = _softmax(scored.score / self.temperature[scored.cell][:, None])
        found: NDArray[np.float64] = sharp * (1.0 - self.others(scored))[:, None]
        return found

    def others(self, scored: Scored) -> NDArray[np.float64]:
        """[rows] the chance that none of the candidates comes."""
        found: NDArray[np.float64] = self.other[scored.cell, _bins(self.bounds, scored.left)]
        return found


def _others(
    how: Mapping[str, Any],
    bounds: tuple[float, ...],
    scored: Scored,
    lost: NDArray[np.bool_],
    cells: int,
) -> NDArray[np.float64]:
    """[cells, bins] how often none of the candidates came: of a cell, drawn towards that of all."""
    size, strength = len(bounds) - 1, float(how["strength"])
    bins = _bins(bounds, scored.left)
    # Before any is seen: what the transitions say themselves.
    middle = np.array([(a + b) / 2 for a, b in zip(bounds, bounds[1:], strict=False)])
    count = np.bincount(bins, minlength=size) + strength
    every = (np.bincount(bins, lost, size) + strength * middle) / count
    at = scored.cell * size + bins
    own = np.bincount(at, minlength=cells * size).reshape(cells, size) + strength
    missed = np.bincount(at, lost, cells * size).reshape(cells, size)
    rate = (missed + strength * _rising(every, count)) / own
    return np.stack([_rising(one, weight) for one, weight in zip(rate, own, strict=True)])


def _bins(bounds: tuple[float, ...], left: NDArray[np.float64]) -> NDArray[np.int64]:
    found = np.searchsorted(np.array(bounds), left, side="right") - 1
    return np.clip(found, 0, len(bounds) - 2)


def _softmax(score: NDArray[np.float64]) -> NDArray[np.float64]:
    over = np.exp(score - score.max(axis=1, keepdims=True))
    found: NDArray[np.float64] = over / over.sum(axis=1, keepdims=True)
    return found


def _temperature(
    score: NDArray[np.float64], right: NDArray[np.bool_], low: float, high: float
) -> float:
    """The temperature of least logarithmic loss, by golden section (the loss is convex in its inverse)."""
    if not len(score):
        return 1.0

    def loss(inverse: float) -> float:
        chance = (_softmax(score * inverse) * right).sum(axis=1)
        return float(-np.log(np.maximum(chance, _LEAST)).mean())

    left, end = 1.0 / high, 1.0 / low
    for _ in range(_STEPS):
        width = _GOLDEN * (end - left)
        if loss(end - width) <= loss(left + width):
            end = left + width
        else:
            left = end - width
    return 2.0 / (left + end)


def _rising(values: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest values that never fall (pooling adjacent violators)."""
    blocks: list[tuple[float, float, int]] = []
    for value, mass in zip(values.tolist(), weight.tolist(), strict=True):
        block = (value, mass, 1)
        while blocks and blocks[-1][0] > block[0]:
            before = blocks.pop()
            both = before[1] + block[1]
            mean = (before[0] * before[1] + block[0] * block[1]) / both
            block = (mean, both, before[2] + block[2])
        blocks.append(block)
    return np.concatenate([np.full(size, value) for value, _, size in blocks])
