"""Intervals that keep their promise: split conformal calibration of quantiles, by kind of case.

After Romano, Patterson and Candès, *Conformalized Quantile Regression* (2019), each side by itself:
on cases that training has not seen, the lower and the upper quantile are moved so far that each side
misses as often as it may. Cases are calibrated with their like (a family and a day of the stay);
where too few are at hand, with a wider kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_WHOLE = ""
"""The widest kind: all cases."""


def at_level(scores: NDArray[np.float64], level: float) -> float:
    """The quantile of scores that a new one stays below with at least this probability.

    The k-th smallest of n with k = ⌈(n + 1) × level⌉; infinite where n is too small for the level.
    """
    place = int(np.ceil((len(scores) + 1) * level))
    if place > len(scores):
        return float("inf")
    return float(np.partition(scores, place - 1)[place - 1])


@dataclass(frozen=True, slots=True)
class Shift:
    """How far a kind's bounds are moved: the lower one down, the upper one up, from ``cases``."""

    lower: float
    upper: float
    cases: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Shifts by kind of case.

    Attributes:
        level: the share of cases that the interval is to hold, such as 0.9.
        shifts: by the words of a kind; the empty one is all cases.
    """

    level: float
    shifts: Mapping[str, Shift] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        lower: NDArray[np.float64],
        upper: NDArray[np.float64],
        truth: NDArray[np.float64],
        kinds: Sequence[NDArray[Any]],
        *,
        level: float,
        least: int,
    ) -> Calibration:
        """Calibrate on cases that training has not seen.

        Args:
            lower: the model's lower bounds, [cases].
            upper: its upper bounds.
            truth: what came.
            kinds: texts by case, from the narrowest to the widest kind; each is calibrated.
            level: the share to be held.
            least: cases that a kind needs to stand for itself.
        """
        side = 1 - (1 - level) / 2
        shifts: dict[str, Shift] = {}
        everyone = np.full(len(truth), _WHOLE, object)
        for words in [*kinds, everyone]:
            names, place = np.unique(np.asarray(words, str), return_inverse=True)
            for number, name in enumerate(names.tolist()):
                own = np.flatnonzero(place == number)
                if (len(own) < least and name != _WHOLE) or name in shifts:
                    continue
                shifts[name] = Shift(
                    at_level(lower[own] - truth[own], side),
                    at_level(truth[own] - upper[own], side),
                    len(own),
                )
        return cls(level, shifts)

    def bounds(
        self,
        lower: NDArray[np.float64],
        upper: NDArray[np.float64],
        kinds: Sequence[NDArray[Any]],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The bounds after calibration; never crossed.

        Args:
            lower: the model's lower bounds.
            upper: its upper bounds.
            kinds: as for :meth:`of`; the first kind that is known is taken.
        """
        down, up = np.zeros(len(lower)), np.zeros(len(lower))
        for place, chosen in enumerate(self._chosen(kinds, len(lower))):
            down[place], up[place] = chosen.lower, chosen.upper
        low, high = lower - down, upper + up
        crossed = low > high
        middle = (low + high) / 2
        return np.where(crossed, middle, low), np.where(crossed, middle, high)

    def _chosen(self, kinds: Sequence[NDArray[Any]], count: int) -> list[Shift]:
        whole = self.shifts.get(_WHOLE, Shift(float("inf"), float("inf"), 0))
        found: list[Shift] = []
        for place in range(count):
            known = (self.shifts.get(str(words[place])) for words in kinds)
            found.append(next((shift for shift in known if shift is not None), whole))
        return found

    def document(self) -> dict[str, Any]:
        """As a model keeps it."""
        return {
            "level": self.level,
            "shifts": {
                name: [_written(one.lower), _written(one.upper), one.cases]
                for name, one in self.shifts.items()
            },
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Calibration:
        """Out of :meth:`document`."""
        shifts = {
            name: Shift(_read(lower), _read(upper), int(cases))
            for name, (lower, upper, cases) in document["shifts"].items()
        }
        return cls(float(document["level"]), shifts)


def _written(shift: float) -> float | None:
    """JSON knows no infinity."""
    return shift if np.isfinite(shift) else None


def _read(shift: float | None) -> float:
    return float("inf") if shift is None else float(shift)
