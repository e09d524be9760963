"""How the cost of stays grew day by day: of the past stays of a group, and of one stay.

All functions take a reading transaction (:meth:`grouper.store.database.Database.reading`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import TYPE_CHECKING

from sqlalchemy import select

from grouper.case.dates import LOCAL
from grouper.store.lines import Entry, last_rows, standing
from grouper.store.schema import charge_line, grouping, stay
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

_BLOCK = 500
_CHARGED = "charged"


@dataclass(frozen=True, slots=True)
class PastStay:
    """A stay that has ended.

    Attributes:
        days: of stay; the days of admission and discharge count as one.
        cost: what was charged up to the end of each day, in yuan, from the day of admission to that
            of discharge.
    """

    days: int
    cost: tuple[Decimal, ...]


def past_stays(
    connection: Connection, scheme: str, group: str, since: datetime, until: datetime, most: int
) -> list[PastStay]:
    """The stays of a group with charge lines, those discharged last first.

    Args:
        connection: a reading transaction.
        scheme: that binds them, by its id.
        group: its code.
        since: discharged then or later.
        until: discharged before.
        most: that are read.
    """
    ask = (
        select(stay.c.id, stay.c.admitted, stay.c.discharged)
        .join_from(stay, grouping, grouping.c.id == stay.c.grouping_id)
        .where(
            grouping.c.group == group,
            grouping.c.scheme == scheme,
            stay.c.state == StayState.DISCHARGED,
            stay.c.admitted.is_not(None),
            stay.c.admitted <= stay.c.discharged,
            stay.c.discharged >= since,
            stay.c.discharged < until,
        )
        .order_by(stay.c.discharged.desc(), stay.c.id.desc())
        .limit(most)
    )
    rows = connection.execute(ask).all()
    lines = _lines(connection, [row.id for row in rows])
    found = []
    for row in rows:
        first, last = _day(row.admitted), _day(row.discharged)
        cost = _course(lines.get(row.id, ()), first, last)
        if cost:
            found.append(PastStay(max((last - first).days, 1), cost))
    return found


def own_course(
    connection: Connection, stay_id: int, admitted: datetime, until: datetime
) -> tuple[Decimal, ...]:
    """What a stay was charged up to the end of each day, from admission on; empty: nothing was.

    Args:
        connection: a reading transaction.
        stay_id: its row.
        admitted: when it began.
        until: its discharge, of a running one now.
    """
    lines = _lines(connection, [stay_id]).get(stay_id, ())
    return _course(lines, _day(admitted), _day(until))


def _lines(connection: Connection, stays: Sequence[int]) -> dict[int, list[Entry]]:
    c = charge_line.c
    columns = (c.stay_id, c.line, c.message_id, c.id, c.gone, c.amount, c.charged)
    found: dict[int, list[Entry]] = {}
    for start in range(0, len(stays), _BLOCK):
        ask = select(*columns).where(c.stay_id.in_(stays[start : start + _BLOCK]))
        for of, line, stamp, number, gone, amount, charged in connection.execute(ask):
            entry = Entry(line, stamp, number, gone, amount, {_CHARGED: charged})
            found.setdefault(of, []).append(entry)
    return found


def _course(rows: Iterable[Entry], first: date, last: date) -> tuple[Decimal, ...]:
    """What was charged before the admission counts on its day; without a time on the last day."""
    length = max((last - first).days, 0)
    by_day = [Decimal(0)] * (length + 1)
    some = False
    for one in standing(last_rows(rows)).values():
        if one.amount is None:
            continue
        some = True
        charged = one.about[_CHARGED]
        place = length if charged is None else (_day(charged) - first).days
        by_day[min(max(place, 0), length)] += one.amount
    return tuple(accumulate(by_day)) if some else ()


def _day(time: datetime) -> date:
    return time.astimezone(LOCAL).date()
