"""Honest probabilities: a temperature, and the chance of a group that is no candidate.

Both by the bucket of days, and by whether the principal diagnosis is written (a *cell*). The
temperature (Guo and others, 2017) makes what speaks for the candidates sharper or softer; the chance
of another group is read off a table by what the transitions leave over and by how sure the likeliest
candidate is among them. A cell with few rows is drawn towards what holds for all.
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
        left: bounds of the bins of what is left over, ascending from 0 to 1.
        sure: bounds of the bins of the likeliest candidate's share, ascending from 0 to 1.
        temperature: [cells].
        other: [cells, bins of left, bins of sure] the chance that none of the candidates comes.
    """

    left: tuple[float, ...]
    sure: tuple[float, ...]
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
        left, sure = (tuple(float(bound) for bound in how[name]) for name in ("left", "sure"))
        shape = (cells, len(left) - 1, len(sure) - 1)
        made = cls(left, sure, temperature, np.zeros(shape))
        places = made.places(scored, _softmax(scored.score / temperature[scored.cell][:, None]))
        other = _others(places, ~found, shape, np.array(left), float(how["strength"]))
        return cls(left, sure, temperature, other)

    def probabilities(self, scored: Scored) -> NDArray[np.float64]:
        """[rows, candidates] probabilities; a row sums to what is not another group's."""
        share = _softmax(scored.score / self.temperature[scored.cell][:, None])
        found: NDArray[np.float64] = share * (1.0 - self.other[self.places(scored, share)])[:, None]
        return found

    def places(
        self, scored: Scored, share: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """[rows] where the chance of another group stands.

        Args:
            scored: the rows.
            share: [rows, candidates] of what is the candidates' together.
        """
        return scored.cell, _bins(self.left, scored.left), _bins(self.sure, share.max(axis=1))


def _others(
    places: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    lost: NDArray[np.bool_],
    shape: tuple[int, int, int],
    left: NDArray[np.float64],
    strength: float,
) -> NDArray[np.float64]:
    """How often none of the candidates came: of a cell, drawn towards that of all cells.

    Args:
        places: of the rows in the table.
        lost: [rows] whether none came.
        shape: of the table.
        left: bounds of the bins of what is left over.
        strength: how many rows the coarser answer is worth.
    """
    at = np.ravel_multi_index(places, shape)
    size = int(np.prod(shape))
    count = np.bincount(at, minlength=size).reshape(shape)
    missed = np.bincount(at, lost, size).reshape(shape)
    # Before any is seen: what the transitions say themselves.
    middle = ((left[:-1] + left[1:]) / 2)[:, None]
    every = (missed.sum(axis=0) + strength * middle) / (count.sum(axis=0) + strength)
    found: NDArray[np.float64] = (missed + strength * every) / (count + strength)
    return found


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
