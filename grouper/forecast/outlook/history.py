"""The months of a part that are over: how many cases a day, and what a case adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast.outlook.cases import BASE
from grouper.forecast.outlook.months import WEEK, at, day_of, first, last, whole_until

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.forecast.outlook.cases import Cases, Part
    from grouper.forecast.outlook.settings import Settings


@dataclass(frozen=True, slots=True)
class History:
    """A part's months that are over.

    Attributes:
        part: method and insurance.
        months: as numbers, one after another.
        counts: cases of each.
        sums: [months, BASE].
        weekdays: how much of a mean day each day of the week brings, [7].
    """

    part: Part
    months: NDArray[np.int64]
    counts: NDArray[np.int64]
    sums: NDArray[np.float64]
    weekdays: NDArray[np.float64]

    @classmethod
    def of(cls, cases: Cases, part: Part, settings: Settings) -> History:
        """Read the months from the first whole one to the last that is over on the last known day."""
        months = whole_months(cases, settings)
        rows = [cases.rows(part, first(int(m)), last(int(m))) for m in months]
        sums = np.array([cases.sum(one) for one in rows]).reshape(len(rows), len(BASE))
        counts = np.array([one.stop - one.start for one in rows], np.int64)
        return cls(part, months, counts, sums, _weekdays(cases, part, months, settings))

    def exposure(self, start: int, end: int) -> float:
        """How many mean days lie from one day to another, both counted; nought if there are none."""
        if end < start:
            return 0.0
        days = np.arange(start, end + 1)
        return float(self.weekdays[(days + _OFFSET) % WEEK].sum())


def whole_months(cases: Cases, settings: Settings) -> NDArray[np.int64]:
    """The months that the data hold from their first days to their last, in order."""
    if cases.limit < cases.begins:
        return np.empty(0, np.int64)
    begin = day_of(cases.begins)
    start = at(begin) + (begin.day > int(settings["months"]["begins_by_day"]))
    end = whole_until(cases.limit)
    return np.arange(start, end + 1, dtype=np.int64)


_OFFSET = 3
"""The day of the week of day nought, 1970-01-01: a Thursday, Monday being 0."""


def _weekdays(
    cases: Cases, part: Part, months: NDArray[np.int64], settings: Settings
) -> NDArray[np.float64]:
    if not len(months):
        return np.ones(WEEK)
    start, end = first(int(months[0])), last(int(months[-1]))
    rows = cases.rows(part, start, end)
    counts = np.bincount((cases.days[rows] + _OFFSET) % WEEK, minlength=WEEK)
    days = np.bincount((np.arange(start, end + 1) + _OFFSET) % WEEK, minlength=WEEK)
    mean = counts.sum() / days.sum()
    if not mean:
        return np.ones(WEEK)
    held = float(settings["volume"]["weekday_days"])
    found: NDArray[np.float64] = (counts + held * mean) / (days + held) / mean
    return found
