"""The typical stay of each group by bucket of days, and how well a row fits it.

For each feature the mean and spread of a group's stays are kept, drawn towards those of its ADRG,
these towards those of its MDC, these towards those of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.features import names
from grouper.forecast.levels import ADRG, MDC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.groups.names import Names

_TINY = 1e-9


@dataclass(frozen=True)
class Profiles:
    """Sums over stays by group, bucket and feature.

    Attributes:
        how: the settings (``[profile]`` of ``data/groups.toml``).
        count: [groups, buckets, features] stays with the feature.
        first: sums of the feature.
        second: sums of its square.
    """

    how: Mapping[str, Any]
    count: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    @classmethod
    def counted(
        cls,
        how: Mapping[str, Any],
        features: NDArray[np.float32],
        group: NDArray[np.int64],
        bucket: NDArray[np.int64],
        weight: NDArray[np.float64],
        shape: tuple[int, int],
    ) -> Profiles:
        """Sum rows.

        Args:
            how: the settings.
            features: [rows, all features].
            group: [rows] the final group.
            bucket: [rows] of days.
            weight: [rows].
            shape: groups and buckets.
        """
        cell = group * shape[1] + bucket
        sums = []
        for power in range(3):
            found = np.empty((shape[0] * shape[1], len(how["features"])))
            for place, values in enumerate(chosen(how["features"], features).T):
                told = np.isfinite(values)
                weights = weight[told] * values[told].astype(np.float64) ** power
                found[:, place] = np.bincount(cell[told], weights, len(found))
            sums.append(found.reshape(*shape, -1))
        return cls(how, *sums)

    @cached_property
    def spread(self) -> NDArray[np.float64]:
        """[features] standard deviation of all."""
        count = np.maximum(self.count.sum(axis=(0, 1)), _TINY)
        mean = self.first.sum(axis=(0, 1)) / count
        found: NDArray[np.float64] = np.sqrt(
            np.maximum(self.second.sum(axis=(0, 1)) / count - mean**2, _TINY)
        )
        return found

    def typical(self, known: Names) -> Typical:
        """Means and spreads of the groups and of what stands above them.

        Args:
            known: the groups.
        """
        sums = (self.count, self.first, self.second)
        adrg, adrgs = known.upper(ADRG)
        mdc, mdcs = known.upper(MDC)
        over = np.zeros(len(adrgs), np.int64)
        over[adrg] = mdc
        steps = [
            (np.zeros(len(known), np.int64), 1, np.zeros(1, np.int64)),
            (mdc, len(mdcs), np.zeros(len(mdcs), np.int64)),
            (adrg, len(adrgs), over),
            (np.arange(len(known)), len(known), adrg),
        ]
        strength = float(self.how["strength"])
        mean = square = np.zeros((1, *self.count.shape[1:]))
        stacked: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        for number, (at, size, above) in enumerate(steps):
            part = [_summed(one, at, size) for one in sums]
            # Nothing stands above all.
            worth = strength if number else _TINY
            count = part[0] + worth
            mean = (part[1] + worth * mean[above]) / count
            square = (part[2] + worth * square[above]) / count
            stacked.insert(0, (mean, square))
        means, squares = (np.concatenate(parts) for parts in zip(*stacked, strict=True))
        least = float(self.how["floor"]) * self.spread
        wide = np.sqrt(np.maximum(squares - means**2, least**2))
        return Typical(
            means.astype(np.float32),
            wide.astype(np.float32),
            np.log(wide / self.spread).astype(np.float32),
            {word: len(known) + place for place, word in enumerate(adrgs)},
            {word: len(known) + len(adrgs) + place for place, word in enumerate(mdcs)},
            len(known),
            float(self.how["bound"]),
        )


@dataclass(frozen=True, slots=True)
class Typical:
    """Means and spreads by place, bucket and feature.

    The places are those of the groups, then of the ADRG, of the MDC, and the last one that of all.

    Attributes:
        mean: [places, buckets, features].
        wide: standard deviations.
        narrow: logarithm of them as a share of those of all.
        adrg: the place of each ADRG.
        mdc: the place of each MDC.
        groups: how many groups there are.
        bound: of an answer, both ways.
    """

    mean: NDArray[np.float32]
    wide: NDArray[np.float32]
    narrow: NDArray[np.float32]
    adrg: Mapping[str, int]
    mdc: Mapping[str, int]
    groups: int
    bound: float

    def places(self, known: Names) -> NDArray[np.int64]:
        """The place of each group; one that came after the training has that of its ADRG, MDC or of all."""
        found = np.arange(len(known))
        for number in range(self.groups, len(known)):
            adrg, mdc = known.adrg[number], known.mdc[number]
            found[number] = self.adrg.get(adrg, self.mdc.get(mdc, len(self.mean) - 1))
        return found

    def fit(
        self, values: NDArray[np.float32], place: NDArray[np.int64], bucket: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """[pairs, features] how well values fit: the logarithm of a normal likelihood; 0 where missing.

        Args:
            values: [pairs, features].
            place: [pairs] of the group.
            bucket: [pairs] of days.
        """
        away = (values - self.mean[place, bucket]) / self.wide[place, bucket]
        found = np.clip(-0.5 * away * away - self.narrow[place, bucket], -self.bound, self.bound)
        return np.nan_to_num(found, nan=0.0)


def chosen(wanted: list[str], features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The columns of some features."""
    at = [names().index(name) for name in wanted]
    found: NDArray[np.float32] = features[:, at]
    return found


def _summed(values: NDArray[np.float64], at: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    found = np.zeros((size, *values.shape[1:]))
    np.add.at(found, at, values)
    return found
