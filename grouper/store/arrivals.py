"""What came of late, by which way and in which hour: small readings of the inbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, func, select, type_coerce

from grouper.intake.envelope import Verdict
from grouper.store.ids import blocks
from grouper.store.inbox import guarded
from grouper.store.schema import message
from grouper.store.seeking import begins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.store.database import Database

_HOUR = 3_600_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """How many messages came by a channel in an hour and were answered alike.

    Attributes:
        channel: such as ``mllp``, ``folder:ward`` or ``rest:his``; ``replay`` is none of the senders'.
        hour: its beginning, in UTC.
        verdict: what was answered.
        count: of messages.
        last: when the last of them came.
    """

    channel: str
    hour: datetime
    verdict: Verdict
    count: int
    last: datetime


def arrived(database: Database, since: datetime, most: int) -> list[Arrived]:
    """What came by each channel and hour.

    Args:
        database: with its inbox.
        since: the earliest time that is wholly counted.
        most: at least so many of the newest messages are looked at, also those before ``since``, so
            that the last message of a channel that has fallen silent is found.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    c = message.c
    # The database's own whole numbers; hours are cut out of them.
    hour = type_coerce(c.received, BigInteger).op("/")(_HOUR)
    with guarded(), database.reading_inbox() as connection:
        last = connection.scalar(select(func.max(c.id))) or 0
        first = min(begins(connection, message, "received", since), last - most + 1)
        ask = (
            select(c.channel, hour, c.verdict, func.count(), func.max(c.received))
            .where(c.id >= first)
            .group_by(c.channel, hour, c.verdict)
            .order_by(c.channel, hour)
        )
        rows = connection.execute(ask).all()
    return [
        Arrived(
            row[0],
            datetime.fromtimestamp(int(row[1]) * _HOUR // 1_000_000, UTC),
            Verdict(row[2]),
            int(row[3]),
            row[4],
        )
        for row in rows
    ]


def channels_of(database: Database, numbers: Sequence[int]) -> dict[int, str]:
    """By which channel messages came; numbers that are none are left out.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    c = message.c
    found: dict[int, str] = {}
    with guarded(), database.reading_inbox() as connection:
        for part in blocks(list(numbers)):
            ask = select(c.id, c.channel).where(c.id.in_(part))
            found |= {row.id: row.channel for row in connection.execute(ask)}
    return found
