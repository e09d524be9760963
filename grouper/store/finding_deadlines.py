"""Deadlines of findings moved as a whole, where the clock of the hospital is not that of the world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, type_coerce, update

from grouper.store.review_schema import finding as table
from grouper.store.review_schema import finding_batch as batch

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import Connection

_MICROSECONDS = 1_000_000
_DAY = 86_400


def move(connection: Connection, by: timedelta) -> int:
    """Move every deadline of findings and lists by some whole days; nothing else of them changes.

    For a demonstration whose stays stand still while the days go on: no hospital's deadlines are
    moved like that.

    Args:
        connection: of the store, writing.
        by: how far; only its days count.

    Returns:
        How many findings there are with a deadline.
    """
    shift = by.days * _DAY * _MICROSECONDS
    values = {
        name: type_coerce(table.c[name], BigInteger) + shift for name in ("due", "asked_until")
    }
    batch_due = type_coerce(batch.c.due, BigInteger) + shift
    connection.execute(update(batch).where(batch.c.due.is_not(None)).values(due=batch_due))
    any_due = table.c.due.is_not(None) | table.c.asked_until.is_not(None)
    return connection.execute(update(table).where(any_due).values(values)).rowcount
