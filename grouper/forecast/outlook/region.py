"""The points of all hospitals of a region in the months that are not published yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast.outlook.months import YEAR
from grouper.forecast.outlook.series import fit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from numpy.typing import NDArray

    from grouper.forecast.outlook.published import Month, Pool
    from grouper.forecast.outlook.settings import Settings

_TINY = 1e-9
_DAYS = 30.4375
"""Days of a mean month, in which months are compared."""


@dataclass(frozen=True, slots=True)
class OwnPoints:
    """The hospital's own points of one pool.

    Attributes:
        known: of months that are over and whole in the data.
        draws: of the months asked for, [draws]; one that is over has the same in all.
        coming: what of them is still to come.
    """

    known: Mapping[int, float] = field(default_factory=dict)
    draws: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)
    coming: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """The region's points of a year.

    Attributes:
        known: published months.
        draws: months that are not, [draws] each.
        led: how much of the forecast of the open months the hospital's own points made, 0 to 1; None:
            they do not lead.
        share: the hospital's share of the region that it rests on; None: not known.
        moved: of open months by which the hospital's own points to come are to be multiplied,
            [draws], for the region's history says something of its volume too.
    """

    known: Mapping[int, Decimal]
    draws: Mapping[int, NDArray[np.float64]]
    led: float | None = None
    share: float | None = None
    moved: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)

    def sum(self, months: Sequence[int], draws: int) -> NDArray[np.float64]:
        """The sum over some months, [draws]; one that is neither known nor drawn is an error."""
        found = np.zeros(draws)
        for month in months:
            found = found + (float(self.known[month]) if month in self.known else self.draws[month])
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
    share = float(np.exp(np.mean(shares))) if len(shares) else None
    led: list[float] = []
    moved: dict[int, NDArray[np.float64]] = {}
    if _steady(shares, settings):
        chance = settings.chance("share", *pool)
        for place, month in enumerate(target):
            ours = own.draws.get(month)
            if ours is None or not np.all(ours > 0):
                continue
            found, factor, weight = _agreed(logs[:, place], np.log(ours), shares, chance)
            logs[:, place] = found
            led.append(weight)
            if month in own.coming:
                rest = ours - own.coming[month]
                moved[month] = np.maximum(ours * factor - rest, 0.0) / np.maximum(
                    own.coming[month], _TINY
                )
    drawn_points = np.exp(logs)
    points_of: dict[int, NDArray[np.float64]] = {}
    for place, month in enumerate(target):
        # The region has no fewer points than the hospital alone.
        least = own.draws.get(month, np.zeros(settings.draws)) if month not in moved else 0.0
        points_of[month] = np.maximum(drawn_points[:, place], least)
    return Totals(known, points_of, float(np.mean(led)) if led else None, share, moved)


def _steady(shares: NDArray[np.float64], settings: Settings) -> bool:
    """Whether the hospital's share of the region is known long enough and hardly moves."""
    table = settings["indicator"]
    if len(shares) < int(table["least_months"]):
        return False
    return float(np.std(shares, ddof=1)) <= float(table["most_spread"])


def _agreed(
    region: NDArray[np.float64],
    own: NDArray[np.float64],
    shares: NDArray[np.float64],
    chance: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Two forecasts, of the region and of the hospital, brought together by the share.

    Each draw of both breaks the known share by something; that is taken back from both as far as
    each is unsure (conditioning of joint draws on their difference).

    Returns:
        The region's draws, the factor on the hospital's, and the weight of the hospital's forecast
        in the region's.
    """
    center = float(np.mean(shares))
    # Residuals around their own mean are too small; with what the mean itself is unsure of.
    count = len(shares)
    noise = chance.choice(shares - center, len(region)) * np.sqrt((count + 1) / (count - 1))
    first, second, third = float(region.var()), float(own.var()), float(noise.var())
    whole = first + second + third
    if whole <= 0:
        return region, np.ones(len(region)), 0.0
    broken = center + noise - (own - region)
    return region - first / whole * broken, np.exp(second / whole * broken), first / whole


def _shares(months: Sequence[Month], own: OwnPoints) -> NDArray[np.float64]:
    """The logarithm of the hospital's share in each published month that knows it."""
    found = []
    for one in months:
        points = own.known.get(one.month) or (float(one.own) if one.own is not None else None)
        if points and points <= float(one.points):
            found.append(np.log(points / float(one.points)))
    return np.array(found)


def lengths(months: NDArray[np.int64]) -> NDArray[np.float64]:
    """Days of months, in mean months."""
    begins = (months - 1970 * YEAR).astype("datetime64[M]").astype("datetime64[D]")
    ends = (months + 1 - 1970 * YEAR).astype("datetime64[M]").astype("datetime64[D]")
    found: NDArray[np.float64] = (ends - begins).astype(np.float64) / _DAYS
    return found
