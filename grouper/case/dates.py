"""Dates and times as they are written, and their arithmetic in the zone of the case.

A date has year, month and day in this order; any other order is ambiguous and refused. A time
without a zone is local time of :data:`grouper.case.fields.ZONE`.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from grouper.case.fields import ZONE
from grouper.case.tables import date_limits

if TYPE_CHECKING:
    from numpy.typing import NDArray

INVALID, AMBIGUOUS = "DATE_INVALID", "DATE_AMBIGUOUS"
LOCAL = ZoneInfo(ZONE)
DAY_SECONDS = 86_400
EPOCH = date(1970, 1, 1)
SETTLED = datetime(1992, 1, 1, tzinfo=LOCAL)
"""From here on the zone has one offset; before 1991-09-15 it had summer times."""
OFFSET = int((SETTLED.utcoffset() or timedelta()).total_seconds())

_LONGEST = 48
_CLOCK = (
    r"(?:(?:T|\s+|(?<=日)\s*)(?P<hour>[0-9]{1,2})(?::|时)(?P<minute>[0-9]{1,2})"
    r"(?:(?::(?=[0-9])|分)(?:(?P<second>[0-9]{1,2})(?:[.,][0-9]{1,9})?秒?)?)?"
    r"\s*(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_FORMS = (
    re.compile(
        r"(?P<year>[0-9]{4})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})"
        + _CLOCK
    ),
    re.compile(r"(?P<year>[0-9]{4})年(?P<month>[0-9]{1,2})月(?P<day>[0-9]{1,2})日" + _CLOCK),
    re.compile(r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})" + _CLOCK),
    re.compile(
        r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
        r"(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})?(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?"
    ),
)
_AMBIGUOUS = re.compile(r"[0-9]{1,2}([-/.])[0-9]{1,2}\1[0-9]{2}(?:[0-9]{2})?(?:[T\s].*)?")


def parse_time(raw: object) -> tuple[datetime | None, str | None]:
    """Read a point in time, to the second (fractions are cut off).

    Args:
        raw: text in one of the written forms, a date (its midnight) or a datetime.

    Returns:
        The local time, or None with ``DATE_INVALID`` or ``DATE_AMBIGUOUS``.
    """
    if isinstance(raw, datetime):
        return _located(raw.replace(microsecond=0), None)
    if isinstance(raw, date):
        return _located(datetime(raw.year, raw.month, raw.day), None)  # noqa: DTZ001 -- located there
    if not isinstance(raw, str):
        return None, INVALID
    if len(raw) > _LONGEST:
        return None, INVALID
    written = (raw if raw.isascii() else unicodedata.normalize("NFKC", raw)).strip()
    for form in _FORMS:
        found = form.fullmatch(written)
        if found:
            return _built(found)
    return None, AMBIGUOUS if _AMBIGUOUS.fullmatch(written) else INVALID


def _built(found: re.Match[str]) -> tuple[datetime | None, str | None]:
    part = found.groupdict()
    year, month, day = (int(part[name]) for name in ("year", "month", "day"))
    hour, minute, second = (int(part.get(name) or 0) for name in ("hour", "minute", "second"))
    try:
        moment = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 -- located below
        return _located(moment, part.get("zone"))
    except (ValueError, OverflowError):
        return None, INVALID


def _located(moment: datetime, zone: str | None) -> tuple[datetime | None, str | None]:
    try:
        if zone is not None:
            moment = moment.replace(tzinfo=_offset(zone))
        if moment.tzinfo is not None:
            return moment.astimezone(LOCAL), None
        # Through UTC, so that an hour that summer time skipped becomes one that exists.
        return moment.replace(tzinfo=LOCAL).astimezone(UTC).astimezone(LOCAL), None
    except (ValueError, OverflowError):
        return None, INVALID


def _offset(zone: str) -> timezone:
    if zone == "Z":
        return UTC
    sign = -1 if zone[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])))


def within(field: str, day: date) -> bool:
    """Whether a date lies within the limits of a field."""
    first, last = date_limits()[field]
    return first <= day <= last


def read_time(raw: object, field: str) -> tuple[datetime | None, str | None]:
    """:func:`parse_time`, within the limits of the field."""
    moment, reason = parse_time(raw)
    if moment is not None and not within(field, moment.date()):
        return None, INVALID
    return moment, reason


def read_date(raw: object, field: str) -> tuple[date | None, str | None]:
    """The local date of :func:`read_time`."""
    if type(raw) is date:
        return (raw, None) if within(field, raw) else (None, INVALID)
    moment, reason = read_time(raw, field)
    return (moment.date() if moment else None), reason


@cache
def _calendar() -> tuple[int, NDArray[np.int32]]:
    """The first day and, for each day from there, its date as a number ``yyyymmdd``."""
    known = [day for bounds in date_limits().values() for day in bounds]
    first, last = (np.datetime64(day, "D") for day in (min(known), max(known)))
    # A time near midnight of the last day may be the next day elsewhere.
    all_days = np.arange(first, last + 2, dtype="datetime64[D]")
    months = all_days.astype("datetime64[M]")
    years = months.astype("datetime64[Y]")
    day = (all_days - months).astype(np.int32) + 1
    month = (months - years).astype(np.int32) + 1
    keys = (years.astype(np.int32) + 1970) * 10_000 + month * 100 + day
    return int(all_days[0].astype(np.int64)), keys.astype(np.int32)


def day_key(days: NDArray[np.int32]) -> NDArray[np.int32]:
    """Days since 1970 as numbers ``yyyymmdd``; days out of all limits give an arbitrary number."""
    first, keys = _calendar()
    found: NDArray[np.int32] = keys.take(days - np.int32(first), mode="clip")
    return found


def local_days(seconds: NDArray[np.int64]) -> NDArray[np.int32]:
    """The local days (since 1970) of points in time in seconds since 1970 UTC."""
    local = seconds + OFFSET
    for at in np.flatnonzero(seconds < SETTLED.timestamp()):
        moment = datetime.fromtimestamp(int(seconds[at]), UTC).astimezone(LOCAL)
        local[at] = ((moment.date() - EPOCH).days) * DAY_SECONDS
    days: NDArray[np.int32] = (local // DAY_SECONDS).astype(np.int32)
    return days
