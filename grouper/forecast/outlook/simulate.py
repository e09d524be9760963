"""The draws of an outlook: what each part of the hospital's cases comes to, month by month."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast.outlook.cases import BASE, MEASURES, at_value
from grouper.forecast.outlook.coming import Coming
from grouper.forecast.outlook.history import History, whole_months
from grouper.forecast.outlook.months import first, last
from grouper.forecast.outlook.region import OwnPoints
from grouper.forecast.outlook.running import AMOUNTS, Drawn, draw

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.outlook.cases import Cases, Part
    from grouper.forecast.outlook.running import Running
    from grouper.forecast.outlook.settings import Settings

_POINTS = BASE.index("points")


@dataclass(frozen=True, slots=True)
class PartDraws:
    """One part's cases that are not closed.

    Attributes:
        part: method and insurance.
        months: open ones, in order.
        running: of cases in the house.
        counts: of cases to come, [draws, months].
        sums: what they bring, [draws, months, BASE].
    """

    part: Part
    months: tuple[int, ...]
    running: Drawn
    counts: NDArray[np.int64]
    sums: NDArray[np.float64]

    def moved(self, factors: Mapping[int, NDArray[np.float64]]) -> PartDraws:
        """The same with another number of cases to come; factors by month, [draws]."""
        counts, sums = self.counts.astype(np.float64), self.sums.copy()
        for place, month in enumerate(self.months):
            if month in factors:
                counts[:, place] *= factors[month]
                sums[:, place] *= factors[month][:, None]
        return replace(self, counts=np.rint(counts).astype(np.int64), sums=sums)

    def of(
        self, months: Iterable[int], value: NDArray[np.float64] | float
    ) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
        """Running cases and those to come in some months, by measure, [draws].

        Args:
            months: of which the open ones count.
            value: the point value, or one for each draw.
        """
        wanted = set(months)
        places = [place for place, month in enumerate(self.months) if month in wanted]
        coming = at_value(self.sums[:, places].sum(axis=1), value)
        coming["cases"] = self.counts[:, places].sum(axis=1).astype(np.float64)
        fixed, slope = (
            one[:, places].sum(axis=1) for one in (self.running.fixed, self.running.slope)
        )
        running = {
            name: fixed[:, place] + slope[:, place] * value for place, name in enumerate(AMOUNTS)
        }
        running["booked"] = running["fund"] - running["surplus"]
        running["cases"] = self.running.counts[:, places].sum(axis=1).astype(np.float64)
        return (
            {name: running[name] for name in MEASURES},
            {name: coming[name] for name in MEASURES},
        )


def draw_part(
    cases: Cases,
    part: Part,
    months: Sequence[int],
    running: Sequence[Running],
    reference: float,
    settings: Settings,
) -> PartDraws:
    """Draw one part.

    Args:
        cases: what is known; with at least one whole month.
        part: method and insurance.
        months: open ones, one after another; at least one.
        running: its running cases with amounts.
        reference: a point value of the part (any, where it has none).
        settings: the parameters.
    """
    coming = Coming.of(cases, History.of(cases, part, settings), list(months), settings)
    inside = draw(running, months, cases.limit, settings, part)
    # Who is in the house is among those whom the days ahead let expect.
    counts = np.maximum(coming.counts() - inside.counts, 0)
    return PartDraws(part, tuple(months), inside, counts, coming.sums(cases, counts, reference))


def own_points(
    cases: Cases,
    parts: Sequence[Part],
    drawn: Mapping[Part, PartDraws],
    months: Iterable[int],
    settings: Settings,
) -> OwnPoints:
    """The hospital's points of some parts, which one pool counts together.

    Args:
        cases: what is known.
        parts: of the pool.
        drawn: of each part, where there are draws.
        months: asked for.
        settings: the parameters.
    """
    known = {
        int(month): _closed(cases, parts, int(month)) for month in whole_months(cases, settings)
    }
    found: dict[int, NDArray[np.float64]] = {}
    ahead: dict[int, NDArray[np.float64]] = {}
    for month in months:
        if month in known:
            found[month] = np.full(settings.draws, known[month])
            continue
        if last(month) <= cases.limit or any(
            month not in drawn[p].months for p in parts if p in drawn
        ):
            continue
        points, coming = (
            np.full(settings.draws, _closed(cases, parts, month)),
            np.zeros(settings.draws),
        )
        for part in parts:
            if part not in drawn:
                break
            place = drawn[part].months.index(month)
            coming = coming + drawn[part].sums[:, place, _POINTS]
            points = points + drawn[part].running.slope[:, place, 0]
        else:
            found[month], ahead[month] = points + coming, coming
    return OwnPoints(known, found, ahead)


def _closed(cases: Cases, parts: Sequence[Part], month: int) -> float:
    rows = [cases.rows(part, first(month), last(month)) for part in parts]
    return float(sum(cases.sum(one)[_POINTS] for one in rows))
