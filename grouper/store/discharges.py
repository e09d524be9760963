"""Which stays were discharged when, and at which version they stand: to see what has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from grouper.store.schema import stay
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Connection

_PIECE = 10_000


@dataclass(frozen=True, slots=True)
class Discharge:
    """A discharged stay: its row's id, its newest version, and when it was discharged."""

    id: int
    version: int
    at: datetime


def discharges(connection: Connection) -> Iterator[Discharge]:
    """All discharged stays that say when, in the order of their ids.

    Args:
        connection: a reading transaction.
    """
    c = stay.c
    last = 0
    while True:
        ask = (
            select(c.id, c.version, c.discharged)
            .where(c.id > last, c.state == StayState.DISCHARGED, c.discharged.is_not(None))
            .order_by(c.id)
            .limit(_PIECE)
        )
        rows = connection.execute(ask).all()
        for row in rows:
            yield Discharge(row.id, row.version, row.discharged)
        if len(rows) < _PIECE:
            return
        last = rows[-1].id


@dataclass(frozen=True, slots=True)
class Standing:
    """Stays discharged in a time: how many, and how many of them were changed after a moment."""

    stays: int
    changed: int


def standing(
    connection: Connection, since: datetime, until: datetime, at: datetime | None = None
) -> Standing:
    """How the discharged stays of a time stand, without reading one of them.

    A stay whose discharge was taken back is counted no more, so the number tells it.

    Args:
        connection: a reading transaction.
        since: discharged then or later.
        until: discharged before.
        at: changed after it; None: none is looked for.
    """
    c = stay.c
    within = (c.state == StayState.DISCHARGED, c.discharged >= since, c.discharged < until)
    ask = select(func.count()).select_from(stay).where(*within)
    stays = connection.execute(ask).scalar_one()
    changed = 0 if at is None else connection.execute(ask.where(c.changed > at)).scalar_one()
    return Standing(stays, changed)


def span(connection: Connection) -> tuple[datetime, datetime] | None:
    """When the first and the last stay were discharged; None: there is none."""
    c = stay.c
    ask = select(func.min(c.discharged), func.max(c.discharged)).where(
        c.state == StayState.DISCHARGED
    )
    first, last = connection.execute(ask).one()
    return None if first is None else (first, last)
