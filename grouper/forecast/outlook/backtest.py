"""How well outlooks did: made again on past days from what was known then, held against what came."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast.metrics import coverage, mape
from grouper.forecast.outlook.history import whole_months
from grouper.forecast.outlook.months import day_of, first, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from grouper.forecast.outlook.office import Office
    from grouper.forecast.outlook.result import Outlook, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One figure of one past day.

    Attributes:
        what: ``month_value``, ``year_value``, or a measure of the month such as ``fund``.
        part: method and insurance in words; empty: of all.
        month: asked for.
        day: of the month, on whose end it was made; 0: the last day of the month before.
        found, baseline, came: forecast, simple forecast and what came.
        spans: the intervals.
    """

    what: str
    part: str
    month: str
    day: int
    found: float
    baseline: float
    came: float
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """All tries of one figure on one day of the month.

    Attributes:
        what, day: as of :class:`Try`.
        tries: how many.
        error, baseline: mean absolute error as a share of what came, of both.
        covered: by level, the share of tries whose interval held what came.
        width: by level, the mean width as a share of what came.
    """

    what: str
    day: int
    tries: int
    error: float
    baseline: float
    covered: Mapping[float, float]
    width: Mapping[float, float]


def backtest(
    office: Office, measures: Sequence[str] = ("amount", "fund", "booked", "surplus")
) -> list[Try]:
    """Make outlooks on the days that the settings name, from what was known then.

    A month is published ``published.lag_months`` after its end. What came is the outlook of the same
    month with all that is known now, where that has no width. The simple forecasts: the point value
    last published; the last month that was over, at its own point value.

    Args:
        office: with at least a year of cases and published months.
        measures: of the month's settlement.
    """
    table = office.settings["backtest"]
    settings = office.settings.drawing(int(table["draws"]))
    months = whole_months(office.cases, settings).tolist()
    lag = int(settings["published"]["lag_months"])
    now = replace(office, settings=settings)
    came = {month: now.look(name_of(month)) for month in months}
    found: list[Try] = []
    for month in months[int(table["first_after"]) :]:
        for day in table["days"]:
            as_of = first(month) - 1 + int(day)
            over = month - 1 - lag
            then = replace(now, published=office.published.until(over))
            told = then.look(name_of(month), day_of(as_of))
            found += _tries(told, came[month], came[month - 1], int(day), measures)
    return found


def _tries(
    told: Outlook, came: Outlook, before: Outlook, day: int, measures: Sequence[str]
) -> Iterable[Try]:
    month = told.month.name
    for what, ours, theirs in (
        ("month_value", told.month, came.month),
        ("year_value", told.year, came.year),
    ):
        true = {one.pool: one for one in theirs.worths}
        for one in ours.worths:
            later = true[one.pool]
            known = later.value is not None and not any(s.low < s.high for s in later.spans)
            if one.value is None or one.baseline is None or later.value is None or not known:
                continue
            yield Try(
                what=what,
                part=" ".join(one.pool),
                month=month,
                day=day,
                found=float(one.value),
                baseline=float(one.baseline),
                came=float(later.value),
                spans=one.spans,
            )
    for name in measures:
        if name in told.month.whole and name in came.month.whole:
            yield Try(
                what=name,
                part="",
                month=month,
                day=day,
                found=float(told.month.whole[name].expected),
                baseline=float(before.month.whole[name].expected),
                came=float(came.month.whole[name].expected),
                spans=told.month.whole[name].spans,
            )


def summed(tries: Sequence[Try]) -> list[Tested]:
    """The tries together, by what they are and on which day they were made."""
    found = []
    for what, day in dict.fromkeys((one.what, one.day) for one in tries):
        own = [one for one in tries if (one.what, one.day) == (what, day)]
        came, ours, simple = (
            np.array([getattr(one, name) for one in own]) for name in ("came", "found", "baseline")
        )
        covered, width = {}, {}
        for place, span in enumerate(own[0].spans):
            low = np.array([float(one.spans[place].low) for one in own])
            high = np.array([float(one.spans[place].high) for one in own])
            covered[span.level] = coverage(came, low, high)
            width[span.level] = float(np.mean((high - low) / np.abs(came)))
        found.append(
            Tested(
                what=what,
                day=day,
                tries=len(own),
                error=mape(np.abs(came), np.abs(came) + ours - came),
                baseline=mape(np.abs(came), np.abs(came) + simple - came),
                covered=covered,
                width=width,
            )
        )
    return found
