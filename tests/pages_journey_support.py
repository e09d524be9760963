"""What a journey leaves behind: the audit log it wrote."""

from __future__ import annotations

from pages_browser_support import Looking

from grouper.store import audit
from grouper.store.database import connect


def _entries(looking: Looking) -> list[audit.Entry]:
    database = connect(looking.seeded.url)
    try:
        with database.reading() as connection:
            return list(reversed(audit.entries(connection, limit=1000)))
    finally:
        database.close()


def last(looking: Looking) -> int:
    """The number of the newest entry."""
    entries = _entries(looking)
    return entries[-1].id if entries else 0


def since(looking: Looking, before: int) -> list[tuple[str, str, str]]:
    """Actor, action and object of what was written later, the oldest first."""
    return [(one.actor, one.action, one.object) for one in _entries(looking) if one.id > before]
