"""Running cases with their forecasts, and what they come to by month.

A case without amounts is kept and told; what comes of it is left to the volume of the days ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast.outlook.months import first

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.outlook.cases import Part
    from grouper.forecast.outlook.settings import Settings

AMOUNTS = ("amount", "fund", "surplus")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One running case.

    Attributes:
        case_id: of the case.
        part: method and insurance.
        level: the share of outcomes that the bounds hold.
        leaves: expected day of discharge between its bounds, as numbers of days; None: not known.
        amounts: by name low, middle and high, in yuan; a name that is lacking is not known.
        means: by name the expectation, where it is told apart from the middle.
        value: the point value that the amounts rest on; None: they do not move with it.
    """

    case_id: str
    part: Part
    level: float
    leaves: tuple[float, float, float] | None
    amounts: Mapping[str, tuple[float, float, float]]
    means: Mapping[str, float] = field(default_factory=dict)
    value: float | None = None

    @property
    def known(self) -> bool:
        """Whether its discharge and all its amounts are forecast, and whose cases it is of."""
        return (
            self.leaves is not None
            and None not in self.part
            and all(name in self.amounts for name in AMOUNTS)
        )


@dataclass(frozen=True)
class Drawn:
    """What the running cases of a part come to, by month.

    Attributes:
        counts: cases that leave in each month, [draws, months].
        fixed, slope: amount, fund and surplus as fixed + slope × point value, [draws, months, 3].
    """

    counts: NDArray[np.int64]
    fixed: NDArray[np.float64]
    slope: NDArray[np.float64]


def draw(
    cases: Sequence[Running], months: Sequence[int], as_of: int, settings: Settings, part: Part
) -> Drawn:
    """Draw when the cases leave and what they come to.

    Args:
        cases: of one part, all with amounts.
        months: asked for, one after another.
        as_of: the last day that is known; nobody has left who is still running then.
        settings: the parameters.
        part: whose cases they are.
    """
    draws = settings.draws
    counts = np.zeros((draws, len(months)), np.int64)
    fixed, slope = (np.zeros((draws, len(months), len(AMOUNTS))) for _ in range(2))
    chance = settings.chance("running", *part)
    for one in sorted(cases, key=lambda case: case.case_id):
        reach = NormalDist().inv_cdf((1 + one.level) / 2)
        days, far = chance.standard_normal((2, draws)) / reach
        if one.leaves is None:
            continue
        left = np.maximum(np.rint(_split(one.leaves, days)).astype(np.int64), as_of + 1)
        place = np.searchsorted([first(month) for month in months], left, side="right") - 1
        inside = np.flatnonzero((place >= 0) & (left < first(months[-1] + 1)))
        where = (inside, place[inside])
        counts[where] += 1
        # One chance for all amounts of a case: what costs more is also paid more.
        amounts = [_drawn(one, name, far)[inside] for name in AMOUNTS]
        moves = amounts[0] / one.value if one.value else np.zeros(len(inside))
        for column, found in enumerate(amounts):
            fixed[(*where, column)] += found - moves * (one.value or 0.0)
            slope[(*where, column)] += moves
    return Drawn(counts, fixed, slope)


def _drawn(one: Running, name: str, far: NDArray[np.float64]) -> NDArray[np.float64]:
    """An amount of a case, moved so that its mean is the one that was told."""
    found = _split(one.amounts[name], far)
    return found + (one.means[name] - float(found.mean())) if name in one.means else found


def _split(bounds: tuple[float, float, float], far: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two halves of normal distributions that meet in the middle; ``far`` 1 is a bound."""
    low, middle, high = bounds
    found: NDArray[np.float64] = middle + far * np.where(far < 0, middle - low, high - middle)
    return found
