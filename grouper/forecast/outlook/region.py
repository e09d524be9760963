"""The points of all hospitals of a region in the months that are not published yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast.outlook.months import YEAR
from grouper.forecast.outlook.series import fit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.outlook.published import Month, Pool
    from grouper.forecast.outlook.settings import Settings

_DAYS = 30.4375
"""Days of a mean month, in which months are compared."""


@dataclass(frozen=True, slots=True)
class OwnPoints:
    """The hospital's own points of one pool.

    Attributes:
        known: of months that are over and whole in the data.
        draws: of the months asked for, [draws]; one that is over has the same in all.
    """

    known: Mapping[int, float] = field(default_factory=dict)
    draws: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """The region's points of a year.

    Attributes:
        known: published months.
        draws: months that are not, [draws] each.
        led: how much of the forecast of the open months the hospital's own points made, 0 to 1; None:
            they do not lead.
        share: the hospital's share of the region that it rests on; None: not known.
    """

    known: Mapping[int, Decimal]
    draws: Mapping[int, NDArray[np.float64]]
    led: float | None = None
    share: float | None = None

    def sum(self, months: Sequence[int], draws: int) -> NDArray[np.float64]:
        """The sum over some months, [draws]; one that is neither known nor drawn is an error."""
        found = np.zeros(draws)
        for month in months:
            found = found + (
                float(self.known[month]) if month in self.known else self.draws[month]
            )
        return found


def totals(
    pool: Pool,
    months: Sequence[Month],
    year: int,
    own: OwnPoints,
    settings: Settings,
) -> Totals:
    """Draw what is open of a year.

    Args:
        pool: method and insurance.
        months: published, in order; those of other years are the history; at least one.
        year: asked for.
        own: the hospital's own points.
        settings: the parameters.
    """
    known = {one.month: one.points for one in months if one.month // YEAR == year}
    target = [m for m in range(year * YEAR, (year + 1) * YEAR) if m not in known]
    if not target:
        return Totals(known, {})
    numbers = np.array([one.month for one in months], np.int64)
    points = np.array([float(one.points) for one in months])
    fitted = fit(numbers, np.log(points / lengths(numbers)), settings)
    wanted = np.array(target, np.int64)
    places = np.stack(
        [settings.chance("region", month).random(settings.draws) for month in target], axis=1
    )
    drawn = fitted.draw(wanted, settings.chance("series", *pool), places)
    logs = drawn + np.log(lengths(wanted))
    shares = _shares(months, own)
    table = settings["indicator"]
    led: list[float] = []
    if len(shares) >= int(table["least_months"]):
        center, spread = float(np.mean(shares)), float(np.std(shares, ddof=1))
        if spread <= float(table["most_spread"]):
            chance = settings.chance("share", *pool)
            for place, month in enumerate(target):
                if month not in own.draws or not np.all(own.draws[month] > 0):
                    continue
                # What is not known of the mean share is one draw for all its months, too small to
                # count beside the share's own chance.
                noise = chance.choice(shares - center, settings.draws) * _whole(len(shares))
                other = np.log(own.draws[month]) - center + noise
                weight = _weight(logs[:, place], other)
                logs[:, place] = (1 - weight) * logs[:, place] + weight * other
                led.append(weight)
    drawn_points = np.exp(logs)
    found = {}
    for place, month in enumerate(target):
        least = own.draws.get(month)
        # The region has no fewer points than the hospital alone.
        found[month] = (
            drawn_points[:, place] if least is None else np.maximum(drawn_points[:, place], least)
        )
    share = float(np.exp(np.mean(shares))) if len(shares) else None
    return Totals(known, found, float(np.mean(led)) if led else None, share)


def _shares(months: Sequence[Month], own: OwnPoints) -> NDArray[np.float64]:
    """The logarithm of the hospital's share in each published month that knows it."""
    found = []
    for one in months:
        points = own.known.get(one.month) or (float(one.own) if one.own is not None else None)
        if points and points <= float(one.points):
            found.append(np.log(points / float(one.points)))
    return np.array(found)


def _weight(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The weight of the other of two estimates, by their precision."""
    first, second = float(one.var()), float(other.var())
    return first / (first + second) if first + second > 0 else 0.0


def _whole(count: int) -> float:
    """Residuals around their own mean are too small by this; with what the mean itself is unsure of."""
    return float(np.sqrt((count + 1) / (count - 1)))


def lengths(months: NDArray[np.int64]) -> NDArray[np.float64]:
    """Days of months, in mean months."""
    begins = (months - 1970 * YEAR).astype("datetime64[M]").astype("datetime64[D]")
    ends = (months + 1 - 1970 * YEAR).astype("datetime64[M]").astype("datetime64[D]")
    found: NDArray[np.float64] = (ends - begins).astype(np.float64) / _DAYS
    return found
