"""Sessions of people, by the hash of their token: nothing in the database opens one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, or_, select, update

from grouper.store import accounts
from grouper.store.schema import now, session

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from grouper.store.accounts import Account
    from grouper.store.database import Database

TOUCH = timedelta(seconds=60)
"""The last use is written at most this often, so that reading pages costs no commits."""
AHEAD = timedelta(minutes=5)
"""A session that was used so long after now is over: the clock was ahead then, and it would hold for
longer than it may."""


def start(
    connection: Connection, account_id: int, token: bytes, lasting: timedelta, most: int
) -> None:
    """Begin a session; of more than ``most`` for one account the oldest end."""
    at = now()
    held = connection.scalars(
        select(session.c.token)
        .where(session.c.account_id == account_id)
        .order_by(session.c.used.desc(), session.c.created.desc())
    ).all()
    for surplus in held[most - 1 :]:
        end(connection, surplus)
    connection.execute(
        session.insert().values(
            token=token, account_id=account_id, created=at, used=at, expires=at + lasting
        )
    )


def _over(held: Row[Any], at: datetime, idle: timedelta) -> bool:
    return bool(held.expires <= at or held.used + idle <= at or held.used > at + AHEAD)


def account_of(database: Database, token: bytes, idle: timedelta) -> Account | None:
    """The account of a session that still holds, and note its use."""
    at = now()
    with database.reading() as connection:
        held = connection.execute(select(session).where(session.c.token == token)).one_or_none()
        if held is None or _over(held, at, idle):
            return None
        found = accounts.by_id(connection, held.account_id)
    if held.used + TOUCH <= at:
        with database.writing_store() as connection:
            connection.execute(update(session).where(session.c.token == token).values(used=at))
    return found if found is not None and found.active else None


def holds(database: Database, token: bytes, idle: timedelta) -> bool:
    """Whether a session holds and its account is in use; its last use is left as it is."""
    at = now()
    with database.reading() as connection:
        held = connection.execute(select(session).where(session.c.token == token)).one_or_none()
        if held is None or _over(held, at, idle):
            return False
        found = accounts.by_id(connection, held.account_id)
    return found is not None and found.active


def end(connection: Connection, token: bytes) -> None:
    """End a session."""
    connection.execute(delete(session).where(session.c.token == token))


def end_all(connection: Connection, account_id: int) -> None:
    """End all sessions of an account (its password or role was changed)."""
    connection.execute(delete(session).where(session.c.account_id == account_id))


def end_everyone(connection: Connection) -> None:
    """End all sessions (the store was restored: some of them may have been ended since)."""
    connection.execute(delete(session))


def sweep(connection: Connection, idle: timedelta) -> int:
    """Take away the sessions that are over; returns how many."""
    at = now()
    ahead = session.c.used > at + AHEAD
    over = or_(session.c.expires <= at, session.c.used <= at - idle, ahead)
    return connection.execute(delete(session).where(over)).rowcount
