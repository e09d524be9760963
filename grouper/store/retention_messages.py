"""What is left of messages whose raw bytes went long ago: the rows that know them again.

Such a row keeps a message that comes again from being applied twice, so that by default none goes.
Where a hospital lets them go, those stay that wait in quarantine, that a stored version of a stay rests
on, that a replay is still to read, whose raw bytes are still there, and the last one of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, exists, func, or_, select

from grouper.store import outcomes
from grouper.store.inbox import guarded, pending_replays
from grouper.store.retention import LOOKED_AT
from grouper.store.retention_rows import Aim, Held, write_down
from grouper.store.schema import message, outcome, repeat, stay_version
from grouper.store.seeking import begins
from grouper.store.states import UNSETTLED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from grouper.store.database import Database

MESSAGES, REPEATS = "messages", "repeats"


def held_messages(database: Database, before: datetime | None) -> Held:
    """How many messages are known, and how many may go.

    Of those that may go the ones whose bytes are still there are counted too, where the setting is
    shorter than that of the bytes.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with guarded(), database.reading() as connection:
        rows = connection.execute(select(func.count()).select_from(outcome)).scalar_one()
        first = select(outcome.c.received).order_by(outcome.c.message_id).limit(1)
        oldest = connection.execute(first).scalar()
        due = 0
        if before is not None:
            ask = select(func.count()).select_from(outcome).where(_free(connection, before))
            due = connection.execute(ask).scalar_one()
    return Held(rows, oldest, due)


def sweep_messages(database: Database, aim: Aim, stopped: Callable[[], bool]) -> int:
    """Take away messages with their outcomes; returns how many.

    The message goes first: of one whose outcome is left after a fall, the outcome goes the next time.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``; what is done stays done.
    """
    c, done, after = outcome.c, 0, 0
    while not stopped():
        with guarded(), database.reading() as connection:
            ask = select(c.message_id).where(c.message_id > after, _free(connection, aim.before))
            ids = list(connection.scalars(ask.order_by(c.message_id).limit(aim.rows)))
            position = outcomes.position_of(connection)
        if not ids:
            break
        after = ids[-1]
        going = _forget(database, ids, position)
        if going:
            with guarded(), database.writing_store() as connection:
                connection.execute(delete(outcome).where(c.message_id.in_(going)))
                write_down(connection, aim, len(going))
        done += len(going)
    return done


def held_repeats(database: Database, before: datetime | None) -> Held:
    """How often messages came again, and how many of these times may go.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    count = select(func.count()).select_from(repeat)
    with guarded(), database.reading_inbox() as connection:
        rows = connection.execute(count).scalar_one()
        first = select(repeat.c.received).order_by(repeat.c.id).limit(1)
        oldest = connection.execute(first).scalar()
        due = 0
        if before is not None:
            end = begins(connection, repeat, "received", before)
            due = connection.execute(count.where(repeat.c.id < end)).scalar_one()
    return Held(rows, oldest, due)


def sweep_repeats(database: Database, aim: Aim, stopped: Callable[[], bool]) -> int:
    """Take away the times at which messages came again; returns how many.

    The entry of the log is written first, for the inbox may be another file.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``; what is done stays done.
    """
    done = 0
    while not stopped():
        with guarded(), database.reading_inbox() as connection:
            end = begins(connection, repeat, "received", aim.before)
            ask = select(repeat.c.id).where(repeat.c.id < end).order_by(repeat.c.id)
            ids = list(connection.scalars(ask.limit(aim.rows)))
        if not ids:
            break
        with guarded(), database.writing_store() as connection:
            write_down(connection, aim, len(ids))
        with guarded(), database.writing_inbox() as connection:
            connection.execute(delete(repeat).where(repeat.c.id.in_(ids)))
        done += len(ids)
    return done


def _free(connection: Connection, before: datetime) -> ColumnElement[bool]:
    """Outcomes of messages that may go, as far as the store knows."""
    c = outcome.c
    rests = exists().where(stay_version.c.message_id == c.message_id)
    return and_(
        # Behind the mark the raw bytes went, but for what was settled since.
        c.message_id <= outcomes.position_of(connection, LOOKED_AT),
        c.received < before,
        c.state.not_in(UNSETTLED),
        ~rests,
    )


def _forget(database: Database, ids: Sequence[int], position: int) -> list[int]:
    """Take messages out of the inbox; returns those that are there no more."""
    with guarded(), database.writing_inbox() as connection:
        # Replays are put in under the same lock, so that none comes between.
        kept = pending_replays(connection, position)
        kept.add(connection.scalar(select(func.max(message.c.id))) or 0)
        going = [number for number in ids if number not in kept]
        held = or_(message.c.raw.is_not(None), message.c.id.in_(kept))
        ask = select(message.c.id).where(message.c.id.in_(going), held)
        stays = set(connection.scalars(ask))
        going = [number for number in going if number not in stays]
        connection.execute(delete(repeat).where(repeat.c.message_id.in_(going)))
        connection.execute(delete(message).where(message.c.id.in_(going)))
    return going
