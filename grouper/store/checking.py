"""Whether a database is whole: its files, and what must hold between its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select, text

from grouper.store.migrate import pending
from grouper.store.reading import counts_by_state
from grouper.store.schema import grouping, message, position, stay, stay_version

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from grouper.store.database import Database


@dataclass(frozen=True, slots=True)
class Check:
    """What was found.

    Attributes:
        pending: migrations to come; where there are any, nothing else is looked at.
        files: what SQLite says of its files, without ``ok``; PostgreSQL checks its own.
        faults: how often something does not hold, by a stable word: ``version_missing`` (the
            newest version of a stay), ``version_beyond`` (a version that its stay does not know),
            ``grouping_missing``, ``position_beyond`` (more was applied than the inbox holds).
        stays: how many there are, by state.
        messages: the last one's number in the inbox.
    """

    pending: tuple[str, ...]
    files: tuple[str, ...] = ()
    faults: dict[str, int] | None = None
    stays: dict[str, int] | None = None
    messages: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.pending or self.files or any((self.faults or {}).values()))


def check(database: Database) -> Check:
    """Look through a database; it may take minutes for a large one.

    Raises:
        StoreError: ``STORE_NEWER``, ``STORE_UNAVAILABLE``.
    """
    missing = pending(database)
    if missing:
        return Check(missing)
    # The store first: the inbox only grows, so that what was applied must be in it.
    with database.reading() as connection:
        files = _integrity(connection, database)
        faults = _faults(connection)
        states = counts_by_state(connection)
        applied = connection.execute(select(func.max(position.c.message_id))).scalar() or 0
    with database.reading_inbox() as connection:
        last = connection.execute(select(func.max(message.c.id))).scalar() or 0
        if not database.postgresql:
            files += _integrity(connection, database)
    faults["position_beyond"] = int(applied > last)
    return Check((), tuple(files), faults, states, last)


def _integrity(connection: Connection, database: Database) -> list[str]:
    if database.postgresql:
        return []
    found = connection.execute(text("PRAGMA integrity_check")).scalars()
    return [line for line in found if line != "ok"]


def _faults(connection: Connection) -> dict[str, int]:
    newest = and_(stay_version.c.stay_id == stay.c.id, stay_version.c.version == stay.c.version)
    asked = {
        "version_missing": select(func.count())
        .select_from(stay)
        .outerjoin(stay_version, newest)
        .where(stay.c.version > 0, stay_version.c.id.is_(None)),
        "version_beyond": select(func.count())
        .select_from(stay_version)
        .outerjoin(stay, stay.c.id == stay_version.c.stay_id)
        .where(stay.c.id.is_(None) | (stay_version.c.version > stay.c.version)),
        "grouping_missing": select(func.count())
        .select_from(stay)
        .outerjoin(grouping, grouping.c.id == stay.c.grouping_id)
        .where(stay.c.grouping_id.is_not(None), grouping.c.id.is_(None)),
    }
    return {name: connection.execute(ask).scalar_one() for name, ask in asked.items()}
