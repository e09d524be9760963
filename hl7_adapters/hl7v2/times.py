"""Dates and times of HL7 (``20260131143005.12+0800``) in a spelling that the Case reads."""

from __future__ import annotations

import re

_TIME = re.compile(
    r"(?P<day>[0-9]{8})"
    r"(?:(?P<hour>[0-9]{2})(?:(?P<minute>[0-9]{2})(?:(?P<second>[0-9]{2})(?:\.[0-9]{0,9})?)?)?)?"
    r"\s*(?P<zone>[+-][0-9]{2}:?[0-9]{2}|Z)?"
)
_DAY_LENGTH = 8


def case_time(raw: str) -> str:
    """A time as the Case reads it; what is no time of HL7 stays as it is, for the Case to judge.

    Fractions of a second are left out. A zone goes with a time only: a bare date is a day where
    it was written.
    """
    found = _TIME.fullmatch(raw)
    if found is None:
        return raw
    day = _day(found["day"])
    if found["hour"] is None:
        return day
    clock = f"{found['hour']}:{found['minute'] or '00'}:{found['second'] or '00'}"
    return f"{day}T{clock}{found['zone'] or ''}"


def case_date(raw: str) -> str:
    """A date as the Case reads it: the day as it was written, whatever the zone."""
    return _day(raw[:_DAY_LENGTH]) if _TIME.fullmatch(raw) else raw


def _day(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"
