"""The audit log: who did or saw what, chained by hashes so that a change of it shows.

Entries are numbered from 1 without a gap. The hash of an entry is SHA-256 over the hash of the one
before (32 zero bytes before the first) and the entry as canonical JSON: keys sorted, UTF-8, no
blanks. A changed, removed, inserted or moved entry breaks the chain (:func:`verify`). That the end
was cut off, or the whole chain written anew, shows only against an anchor kept elsewhere
(:mod:`grouper.store.anchors`).

An entry never holds a name or a patient's number: what it speaks of is a ``case_id``, an account or
a setting.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import insert, select

from grouper.store import seeking
from grouper.store.schema import audit as table
from grouper.store.schema import microseconds, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Row

START = bytes(32)
_BLOCK = 5_000


@dataclass(frozen=True, slots=True)
class Anchor:
    """The end of the log as it once was: its last entry's number and hash.

    ``id`` 0 with :data:`START`: the log was empty.
    """

    id: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; ``about`` is JSON."""

    id: int
    at: datetime
    actor: str
    action: str
    object: str
    about: dict[str, Any]


class Fault(StrEnum):
    """What is wrong at an entry."""

    CHANGED = "changed"
    """Its hash is not that of its words."""
    REMOVED = "removed"
    """It is not there, and later ones are."""
    BROKEN = "broken"
    """It does not follow on the entry before: one was put in, taken out or moved."""
    CUT = "cut"
    """It is not there, nor are later ones, and an anchor has seen it."""
    REWRITTEN = "rewritten"
    """It is whole, but an anchor has seen another one in its place."""


@dataclass(frozen=True, slots=True)
class Report:
    """What :func:`verify` found.

    Attributes:
        entries: how many there are.
        end: the last one.
        faults: number of the entry and what is wrong, in the order of numbers.
    """

    entries: int
    end: Anchor
    faults: tuple[tuple[int, Fault], ...]


def append(
    connection: Connection,
    actor: str,
    action: str,
    object: str,  # noqa: A002 -- as the column
    about: Mapping[str, Any] | None = None,
    *,
    at: datetime | None = None,
) -> int:
    """Add an entry at the end.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`: one writer at a time,
            else two entries would follow on one.
        actor: name of the account, or of the part of the program.
        action: stable word of what was done.
        object: what it was done to; never a name or a patient's number.
        about: plain JSON; the same holds.
        at: the time; None: now.

    Returns:
        Its number.
    """
    last = end(connection)
    said = orjson.dumps(about or {}, option=orjson.OPT_SORT_KEYS).decode()
    row = {
        "id": last.id + 1,
        "at": at or now(),
        "actor": actor,
        "action": action,
        "object": object,
        "about": said,
        "previous": last.hash,
    }
    connection.execute(insert(table), {**row, "hash": _hash(row)})
    return last.id + 1


def _hash(row: Mapping[str, Any]) -> bytes:
    said = {name: row[name] for name in ("id", "actor", "action", "object", "about")}
    said["at"] = microseconds(row["at"])
    words = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(row["previous"] + words).digest()


def end(connection: Connection) -> Anchor:
    """The last entry."""
    ask = select(table.c.id, table.c.hash).order_by(table.c.id.desc()).limit(1)
    row = connection.execute(ask).first()
    return Anchor(row.id, bytes(row.hash)) if row else Anchor(0, START)


def entries(
    connection: Connection,
    *,
    before: int | None = None,
    object: str | None = None,  # noqa: A002 -- as the column
    actor: str | None = None,
    action: str | None = None,
    after: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
) -> list[Entry]:
    """Entries, the newest first.

    Args:
        connection: a reading transaction.
        before: only those with a smaller number (the last one of the page before).
        object: only those about it.
        actor: only those of it.
        action: only those of it.
        after: only those with a greater number.
        since: only those of this time or later.
        until: only those before it.
        limit: the most that are returned.
    """
    c = table.c
    ask = select(c.id, c.at, c.actor, c.action, c.object, c.about).order_by(c.id.desc())
    for column, value in ((c.object, object), (c.actor, actor), (c.action, action)):
        if value is not None:
            ask = ask.where(column == value)
    if before is not None:
        ask = ask.where(c.id < before)
    if after is not None:
        ask = ask.where(c.id > after)
    if since is not None:
        ask = ask.where(c.at >= since)
    if until is not None:
        ask = ask.where(c.at < until)
    rows = connection.execute(ask.limit(limit))
    return [Entry(*row[:-1], orjson.loads(row.about)) for row in rows]


def begins(connection: Connection, at: datetime) -> int:
    """About where the entries of a time begin: some are dated by what they tell of, and stand later."""
    return seeking.begins(connection, table, "at", at)


def verify(
    connection: Connection,
    anchors: Iterable[Anchor] = (),
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Check every entry, in bounded memory.

    Args:
        connection: a reading transaction.
        anchors: ends of the log as they were seen before.
        progress: is told from time to time how many entries were checked.
    """
    seen = {anchor.id: anchor.hash for anchor in anchors if anchor.id}
    faults: list[tuple[int, Fault]] = []
    last, count = Anchor(0, START), 0
    for row in _rows(connection):
        gap = row.id != last.id + 1
        if gap:
            faults.append((last.id + 1, Fault.REMOVED))
        if _hash(row._asdict()) != row.hash:
            faults.append((row.id, Fault.CHANGED))
        if not gap and row.previous != last.hash:
            faults.append((row.id, Fault.BROKEN))
        if seen.get(row.id, row.hash) != row.hash:
            faults.append((row.id, Fault.REWRITTEN))
        last, count = Anchor(row.id, bytes(row.hash)), count + 1
        if progress is not None and count % _BLOCK == 0:
            progress(count)
    if seen and max(seen) > last.id:
        faults.append((last.id + 1, Fault.CUT))
    if progress is not None:
        progress(count)
    return Report(count, last, tuple(faults))


def _rows(connection: Connection) -> Iterator[Row[Any]]:
    last = None
    while True:
        ask = select(table).order_by(table.c.id).limit(_BLOCK)
        # Someone may have given an entry a number below 1: nothing is passed over.
        block = connection.execute(ask if last is None else ask.where(table.c.id > last)).all()
        if not block:
            return
        yield from block
        last = block[-1].id
