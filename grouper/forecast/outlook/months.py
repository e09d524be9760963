"""Months as numbers (twelve times the year, and the month from 0) and days as numbers of days."""

from __future__ import annotations

import re
from datetime import date

import numpy as np

from grouper.case.dates import EPOCH
from grouper.forecast.errors import ForecastError

YEAR = 12
"""Months in a year."""
WEEK = 7
"""Days in a week."""
_WRITTEN = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
_FIRST_WEEKDAY = 3
"""1970-01-01 was a Thursday, Monday being 0."""


def month_of(written: str) -> int:
    """The number of a month written as ``2026-11``.

    Raises:
        ForecastError: ``OUTLOOK_MONTH``.
    """
    found = _WRITTEN.fullmatch(written)
    if found is None or found[1] == "0000":
        raise ForecastError("OUTLOOK_MONTH", found=written[:20])
    return int(found[1]) * YEAR + int(found[2]) - 1


def name_of(month: int) -> str:
    """The month as it is written."""
    return f"{month // YEAR:04d}-{month % YEAR + 1:02d}"


def at(day: date) -> int:
    """The month of a day."""
    return day.year * YEAR + day.month - 1


def number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(days: int) -> date:
    """The day of a number."""
    return date.fromordinal(EPOCH.toordinal() + days)


def whole_until(days: int) -> int:
    """The last month that is whole on a day, by its number."""
    month = at(day_of(days))
    return month if last(month) == days else month - 1


def first(month: int) -> int:
    """The first day of a month, as a number."""
    return int(np.datetime64(name_of(month), "D").astype(np.int64))


def last(month: int) -> int:
    """The last day of a month, as a number."""
    return first(month + 1) - 1


def weekday(days: int) -> int:
    """The day of the week, Monday 0."""
    return (days + _FIRST_WEEKDAY) % WEEK
