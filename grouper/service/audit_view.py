"""The audit log as a page asks for it: narrowed, the newest first, and no more read than a page needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.service.access.principal import Right, demand
from grouper.service.interface_sizes import interface_sizes
from grouper.store import audit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from grouper.service.access.principal import Principal
    from grouper.store.audit import Entry
    from grouper.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which entries are looked for; None: any. ``since`` and ``until`` are half-open."""

    actor: str | None = None
    action: str | None = None
    object: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of entries.

    Attributes:
        rows: the newest first.
        following: the number before which the next page begins; None: there are no more.
        cut: the page ended because enough was read, not because it is full: there may be more.
    """

    rows: Sequence[Entry]
    following: int | None
    cut: bool


def page(
    database: Database, principal: Principal, asked: Asked, *, before: int | None, limit: int
) -> Page:
    """A page of the log.

    Args:
        database: the store.
        principal: who asks.
        asked: which entries.
        before: only those with a smaller number; None: from the newest on.
        limit: rows of the page.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.AUDIT)
    scan = interface_sizes().scan
    with database.reading() as connection:
        top = audit.end(connection).id + 1
        if asked.until is not None:
            # An entry may be dated a little earlier than the one before it.
            top = min(top, audit.begins(connection, asked.until) + scan)
        top = top if before is None else min(top, before)
        lowest = 1
        if asked.since is not None:
            lowest = max(1, audit.begins(connection, asked.since) - scan)
        # Actors and actions have no index: a rare one is looked for stretch by stretch.
        floor = max(lowest, top - scan)
        rows = audit.entries(
            connection,
            before=top,
            after=floor - 1,
            actor=asked.actor,
            action=asked.action,
            object=asked.object,
            since=asked.since,
            until=asked.until,
            limit=limit + 1,
        )
    if len(rows) > limit:
        return Page(rows[:limit], rows[limit - 1].id, cut=False)
    more = floor > lowest
    return Page(rows, floor if more else None, cut=more)
