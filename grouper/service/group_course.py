"""The course of a group: what its past stays had cost by each day, and how long they took.

A figure over fewer stays than the limits of cards ask for is not told: it says little, and one case
might be recognised in it. So the figures of the whole hospital may be shown to every physician.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from grouper.case.dates import LOCAL
from grouper.service.cds.tables import limits
from grouper.service.discharge_limits import discharge_limits
from grouper.store import group_course as stored
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from grouper.store.database import Database
    from grouper.store.reading import StayHead


_T = TypeVar("_T", int, Decimal)


@dataclass(frozen=True, slots=True)
class Band:
    """Ends and middle of what stays had; each is the value of one of them (nearest rank)."""

    low: Decimal
    middle: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class CourseDay:
    """A day of stay.

    Attributes:
        day: 1 is the day of admission.
        stays: that were still in the hospital on it; of them the band is.
        cost: charged up to its end, in yuan.
    """

    day: int
    stays: int
    cost: Band


@dataclass(frozen=True, slots=True)
class GroupCourse:
    """The course of a group.

    Attributes:
        stays: discharged ones that were read; where they are too few the rest is empty.
        since: discharged on this local day or later.
        until: discharged before this local day.
        days: from the day of admission on, as long as stays enough were there.
        cost: of whole stays, in yuan; None: they are too few.
        los: days of stay likewise.
    """

    stays: int
    since: date
    until: date
    days: tuple[CourseDay, ...] = ()
    cost: Band | None = None
    los: tuple[int, int, int] | None = None


def group_course(database: Database, scheme: str, group: str, at: datetime) -> GroupCourse:
    """The course of a group over the days before a time that the limits of cards name.

    Args:
        database: the store.
        scheme: id of the scheme that binds.
        group: its code.
        at: the present.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    since = at - timedelta(days=limits().reference_days)
    with database.reading() as connection:
        found = stored.past_stays(
            connection, scheme, group, since, at, discharge_limits().most_stays
        )
    window = (since.astimezone(LOCAL).date(), at.astimezone(LOCAL).date() + timedelta(days=1))
    fewest = limits().reference_cases
    if len(found) < fewest:
        return GroupCourse(len(found), *window)
    days = []
    for place in range(max(len(one.cost) for one in found)):
        there = [one.cost[place] for one in found if len(one.cost) > place]
        if len(there) < fewest:
            break
        days.append(CourseDay(place + 1, len(there), Band(*_ends(there))))
    return GroupCourse(
        len(found),
        *window,
        days=tuple(days),
        cost=Band(*_ends([one.cost[-1] for one in found])),
        los=_ends([one.days for one in found]),
    )


def own_course(database: Database, head: StayHead, at: datetime) -> tuple[Decimal, ...]:
    """What a stay was charged up to the end of each day; of a running one up to now.

    Empty where it has no admission, has no charges, or a day lies before the admission.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    end = at if head.state == StayState.RUNNING else head.discharged
    if head.admitted is None or end is None or end < head.admitted:
        return ()
    with database.reading() as connection:
        return stored.own_course(connection, head.id, head.admitted, end)


def _ends(values: Sequence[_T]) -> tuple[_T, _T, _T]:
    ordered = sorted(values)
    low, high = discharge_limits().low, discharge_limits().high

    def at(share: Decimal | float) -> _T:
        return ordered[max(math.ceil(share * len(ordered)), 1) - 1]

    return at(low), at(0.5), at(high)
