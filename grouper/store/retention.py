"""Letting go of raw messages that were dealt with long ago.

Only the raw bytes go; the row with its identity stays, so that a message that comes again after
months is still known. What waits in quarantine, was refused, is not processed yet, or is to be read
by a replay keeps its bytes however old it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from grouper.store import outcomes
from grouper.store.inbox import guarded, pending_replays
from grouper.store.schema import message, outcome
from grouper.store.states import UNSETTLED, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from grouper.store.database import Database

LOOKED_AT = "prune"
"""Name of the position up to which everything that may go is gone."""
BATCH = 1000
_LATE = (State.REPLAYED.value, State.DISMISSED.value)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many raw messages went, of how many bytes together."""

    messages: int = 0
    size: int = 0

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(self.messages + other.messages, self.size + other.size)


def prune(database: Database, before: datetime, *, batch: int = BATCH) -> Pruned:
    """Let go of the raw bytes of settled messages that came before a time.

    Works in small transactions, so that receiving goes on; one that is interrupted goes on from
    there the next time.

    Args:
        database: with its tables.
        before: messages that came later keep their bytes.
        batch: messages of one transaction.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    done = Pruned()
    while True:
        with guarded(), database.reading() as connection:
            position = outcomes.position_of(connection)
            mark = outcomes.position_of(connection, LOOKED_AT)
            ids, last = _settled(connection, mark, before, batch)
        if last == mark:
            break
        done += _let_go(database, ids, position)
        with guarded(), database.writing_store() as connection:
            outcomes.move(connection, last, LOOKED_AT)
    return done + _settled_late(database, mark, before, batch)


def _settled(
    connection: Connection, mark: int, before: datetime, batch: int
) -> tuple[list[int], int]:
    """Messages behind a mark that may go, and the new mark: all before it came early enough."""
    c = outcome.c
    query = (
        select(c.message_id, c.state, c.received)
        .where(c.message_id > mark)
        .order_by(c.message_id)
        .limit(batch)
    )
    rows = connection.execute(query).all()
    ids, last = [], mark
    for number, state, received in rows:
        if received >= before:
            break
        last = number
        if state not in UNSETTLED:
            ids.append(number)
    return ids, last


def _settled_late(database: Database, mark: int, before: datetime, batch: int) -> Pruned:
    """Those that waited in quarantine when the mark went by, and were settled since."""
    done, after = Pruned(), 0
    while True:
        c = outcome.c
        query = (
            select(c.message_id)
            .where(c.state.in_(_LATE), c.message_id > after, c.message_id <= mark)
            .where(c.received < before)
            .order_by(c.message_id)
            .limit(batch)
        )
        with guarded(), database.reading() as connection:
            ids = list(connection.scalars(query))
            position = outcomes.position_of(connection)
        if not ids:
            return done
        done += _let_go(database, ids, position)
        after = ids[-1]


def _let_go(database: Database, ids: Sequence[int], position: int) -> Pruned:
    if not ids:
        return Pruned()
    with guarded(), database.writing_inbox() as connection:
        # Replays are put in under the same lock, so that none comes between.
        kept = pending_replays(connection, position)
        going = message.c.id.in_([number for number in ids if number not in kept])
        held = message.c.raw.is_not(None)
        count, size = connection.execute(
            select(func.count(), func.coalesce(func.sum(message.c.size), 0)).where(going, held)
        ).one()
        connection.execute(update(message).where(going, held).values(raw=None))
    return Pruned(count, size)


def shrink(database: Database) -> None:
    """Give the room of what went back to the file system; nothing can be received meanwhile.

    Without it the file keeps its length and later messages take the room. On PostgreSQL this is
    the work of its own vacuum.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    if database.postgresql:
        return
    with guarded(), database.inbox.connect() as connection:
        connection.exec_driver_sql("VACUUM")
