"""Which stays were discharged when, and at which version they stand: to see what has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

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
