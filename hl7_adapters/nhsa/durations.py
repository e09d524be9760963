"""Durations ``days/hours/minutes`` and spans of time, in minutes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from grouper.case.dates import parse_time
from grouper.case.values import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORM = re.compile(r"([0-9]{1,4})/([0-9]{1,2})/([0-9]{1,2})")
_BARE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{0,9})?")
_HOUR, _DAY, _NEAR = 60, 24 * 60, Decimal("0.000001")


def minutes_of(text: str) -> Decimal | None:
    """The minutes of ``1/13/24``, or of a plain zero; None for anything else.

    A bare number says neither days nor hours, and is not guessed at.
    """
    written = fold(text)
    found = _FORM.fullmatch(written)
    if found is None:
        return Decimal(0) if _BARE.fullmatch(written) and not Decimal(written) else None
    days, hours, minutes = (int(part) for part in found.groups())
    if hours >= _DAY // _HOUR or minutes >= _HOUR:
        return None
    return Decimal(days * _DAY + hours * _HOUR + minutes)


def ambiguous(text: str) -> bool:
    """Whether a duration is a bare number without a unit."""
    return minutes_of(text) is None and _BARE.fullmatch(fold(text)) is not None


def written(minutes: Decimal) -> str | None:
    """Whole minutes as ``days/hours/minutes``; None where they are none."""
    whole = minutes.to_integral_value()
    if abs(whole - minutes) > _NEAR or whole < 0:
        return None
    days, rest = divmod(int(whole), _DAY)
    return f"{days}/{rest // _HOUR}/{rest % _HOUR}"


def raw_hours(minutes: Decimal) -> str:
    """Minutes as the Case reads hours: in the form of the interface, else as a number."""
    return written(minutes) or str(minutes / _HOUR)


def span(start: str, end: str) -> Decimal | None:
    """Minutes between two times; None where one cannot be read or they are in the wrong order."""
    begin, stop = (parse_time(text)[0] for text in (start, end))
    if begin is None or stop is None or stop < begin:
        return None
    return Decimal(int((stop - begin).total_seconds())) / _HOUR


def hours_written(hours: float) -> str | None:
    """Hours of a Case as ``days/hours/minutes``; None where they are no whole minutes."""
    return written(Decimal(repr(hours)) * _HOUR)


def together(parts: Sequence[str]) -> str:
    """Days, hours and minutes of three fields as one duration; an empty one is zero."""
    return "/".join(part.strip() or "0" for part in parts)
