"""The inbox: raw messages in the order they were committed, each identity once.

A message is acknowledged only after :meth:`Inbox.put_many` came back. What became of it stands in
the store (:mod:`grouper.store.outcomes`).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from grouper.intake.envelope import Verdict
from grouper.store.database import StoreError, unavailable
from grouper.store.putting import TEXTS, Batch, insert_rows, parts, row_of
from grouper.store.schema import message, now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from grouper.intake.envelope import Envelope, Receipt
    from grouper.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A message of the inbox; fields as the columns of :data:`grouper.store.schema.message`.

    ``raw`` is that of the original where the message is a replay; None once retention let go of it.
    """

    id: int
    received: datetime
    channel: str
    form: str
    sender: str
    facility: str
    control_id: str
    kind: str
    patient: str
    visit: str
    verdict: Verdict
    reason: str
    place: str
    size: int
    raw: bytes | None
    replay_of: int | None

    @property
    def stamp(self) -> int:
        """Its order among all messages: a replay stands where its original stood."""
        return self.id if self.replay_of is None else self.replay_of


@contextmanager
def guarded() -> Iterator[None]:
    """Turn the errors of the database into our own.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``: away, locked or full, try again; ``STORE_FAILED``: what
            was asked cannot be done.
    """
    try:
        yield
    except SQLAlchemyError as error:
        code = "STORE_UNAVAILABLE" if unavailable(error) else "STORE_FAILED"
        # The driver's own words may hold values of the message.
        raise StoreError(code, what=type(error).__name__) from None


class Inbox:
    """The messages of a database.

    Args:
        database: with its tables.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._seen = 0

    def put_many(
        self,
        messages: Sequence[tuple[Envelope, str]],
        *,
        at: datetime | None = None,
        again: bool = False,
    ) -> list[Receipt]:
        """Store messages in one transaction; they are on disk when this comes back.

        Args:
            messages: envelopes and the channels they came by.
            at: when they came; None: now.
            again: an attempt before failed, perhaps after its commit: messages that it stored
                (known by ``at``) are not stored twice.

        Returns:
            A receipt for each, in their order.

        Raises:
            StoreError: ``STORE_UNAVAILABLE`` (away, locked or full; nothing is stored as far as is
                known), ``STORE_FAILED`` (one of them cannot be stored; nothing is).
        """
        rows = [row_of(envelope, channel, at or now()) for envelope, channel in messages]
        if not rows:
            return []
        with guarded(), self.database.writing_inbox() as connection:
            batch = Batch(connection, rows)
            if again and at is not None:
                batch.recognise(at, self._seen)
            batch.sort_out()
            batch.write()
        self._seen = max(self._seen, batch.last)
        return batch.receipts()

    def replay(self, ids: Sequence[int], channel: str = "replay") -> list[int]:
        """Put replays of messages into the inbox; the worker reads them from the originals.

        Args:
            ids: of originals (a replay of a replay is none: give the original).
            channel: how they came.

        Returns:
            The numbers of the replays, in the order of ``ids``.

        Raises:
            StoreError: ``MESSAGE_UNKNOWN``, ``STORE_UNAVAILABLE``.
        """
        if not ids:
            return []
        columns = [message.c[name] for name in TEXTS if name not in {"reason", "place"}]
        with guarded(), self.database.writing_inbox() as connection:
            found = {}
            for part in parts(list(ids)):
                query = select(message.c.id, message.c.sha256, *columns).where(
                    message.c.id.in_(part), message.c.replay_of.is_(None)
                )
                found.update({row.id: row._asdict() for row in connection.execute(query)})
            missing = [number for number in ids if number not in found]
            if missing:
                raise StoreError("MESSAGE_UNKNOWN", message=missing[0])
            rows = [
                found[number]
                | {"replay_of": number, "received": now(), "channel": channel, "size": 0}
                | {"verdict": Verdict.ACCEPTED.value, "reason": "", "place": "", "raw": None}
                for number in ids
            ]
            for row in rows:
                del row["id"]
            return insert_rows(connection, rows)

    def after(self, position: int, *, count: int, size: int) -> list[Stored]:
        """The messages behind a position, in their order, with their raw bytes.

        Args:
            position: number of the last one that is not wanted.
            count: at most so many.
            size: at most so many bytes of raw messages together; but always one message.

        Raises:
            StoreError: ``STORE_UNAVAILABLE``.
        """
        original = message.alias()
        bulk = func.coalesce(original.c.size, message.c.size)
        joined = message.outerjoin(original, original.c.id == message.c.replay_of)
        measure = (
            select(message.c.id, bulk)
            .select_from(joined)
            .where(message.c.id > position)
            .order_by(message.c.id)
            .limit(count)
        )
        with guarded(), self.database.reading_inbox() as connection:
            until, total = 0, 0
            for number, bytes_ in connection.execute(measure):
                total += bytes_
                if until and total > size:
                    break
                until = number
            if not until:
                return []
            query = (
                select(message, original.c.raw.label("first_raw"), original.c.size.label("first"))
                .select_from(joined)
                .where(message.c.id > position, message.c.id <= until)
                .order_by(message.c.id)
            )
            return [_stored(row) for row in connection.execute(query)]

    def one(self, number: int) -> Stored:
        """One message with its raw bytes (of a replay: the original's).

        Raises:
            StoreError: ``MESSAGE_UNKNOWN``, ``STORE_UNAVAILABLE``.
        """
        found = self.after(number - 1, count=1, size=0)
        if not found or found[0].id != number:
            raise StoreError("MESSAGE_UNKNOWN", message=number)
        return found[0]

    def last(self) -> int:
        """The number of the newest message; 0 for none.

        Raises:
            StoreError: ``STORE_UNAVAILABLE``.
        """
        with guarded(), self.database.reading_inbox() as connection:
            return connection.scalar(select(func.max(message.c.id))) or 0

    def waiting(self, position: int) -> tuple[int, datetime | None]:
        """How many messages stand behind a position, and when the oldest of them came.

        Raises:
            StoreError: ``STORE_UNAVAILABLE``.
        """
        behind = message.c.id > position
        with guarded(), self.database.reading_inbox() as connection:
            oldest = connection.scalar(
                select(message.c.received).where(behind).order_by(message.c.id).limit(1)
            )
            # Ids of one inbox are dense but for attempts that failed; a count would read them all.
            last = connection.scalar(select(func.max(message.c.id))) if oldest else position
        return (last or 0) - position, oldest


def pending_replays(connection: Connection, position: int) -> set[int]:
    """Originals whose replays stand behind a position; in a transaction of the inbox."""
    query = select(message.c.replay_of).where(
        message.c.id > position, message.c.replay_of.is_not(None)
    )
    return set(connection.scalars(query))


def _stored(row: Row[Any]) -> Stored:
    held = row._asdict()
    first_raw, first_size = held.pop("first_raw"), held.pop("first")
    del held["sha256"]
    held["verdict"] = Verdict(held["verdict"])
    if held["replay_of"] is not None:
        held |= {"raw": first_raw, "size": first_size or 0}
    return Stored(**held)
