"""Putting many messages into the inbox at once: what is new, what came before, what contradicts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, literal, select

from grouper.intake.envelope import Receipt, Verdict
from grouper.store.schema import message, repeat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from grouper.intake.envelope import Envelope

CONFLICT = "CONFLICTING_DUPLICATE"
TEXTS = ("form", "sender", "facility", "control_id", "kind", "patient", "visit", "reason", "place")
_STATEMENT_ROWS, _STATEMENT_BYTES = 500, 16 * 1024 * 1024
_WIDTHS = {name: getattr(message.c[name].type, "length", None) or 0 for name in (*TEXTS, "channel")}

_Identity = tuple[str, str, str, str]
"""Sender, facility, control id, form."""


class Batch:
    """Messages that are put together: what is new, what came before, what contradicts."""

    def __init__(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        self._connection = connection
        self._rows = rows
        self._first: list[Receipt | None] = [None] * len(rows)
        self._same: dict[int, int] = {}
        self._ids: dict[int, int] = {}
        self._repeats: list[int] = []

    @property
    def last(self) -> int:
        """The greatest number that was given."""
        return max(self._ids.values(), default=0)

    def recognise(self, at: datetime, seen: int) -> None:
        """Find those that an attempt before stored after all."""
        query = select(message).where(message.c.id > seen, message.c.received == at)
        stored: dict[tuple[_Identity, bytes], list[Receipt]] = {}
        for found in self._connection.execute(query.order_by(message.c.id)):
            stored.setdefault(_key(found._asdict()), []).append(_receipt(found, duplicate=False))
        for place, row in enumerate(self._rows):
            known = stored.get(_key(row))
            if known:
                self._first[place] = known.pop(0)

    def sort_out(self) -> None:
        """Tell duplicates and conflicts, within the batch and against what is stored."""
        wanted = [
            (place, row)
            for place, row in enumerate(self._rows)
            if row["control_id"] and self._first[place] is None
        ]
        known = self._known({_identity(row) for _, row in wanted})
        met: dict[_Identity, dict[bytes, int]] = {}
        for place, row in wanted:
            identity, digest = _identity(row), row["sha256"]
            before = known.get(identity, {})
            here = met.setdefault(identity, {})
            if digest in before:
                self._first[place] = before[digest]
                self._repeats.append(place)
            elif digest in here:
                self._same[place] = here[digest]
                self._repeats.append(place)
            else:
                if before or here:
                    row.update(verdict=Verdict.UNUSABLE.value, reason=CONFLICT, place="")
                here[digest] = place

    def _known(self, identities: set[_Identity]) -> dict[_Identity, dict[bytes, Receipt]]:
        systems: dict[tuple[str, str], list[str]] = {}
        for sender, facility, control_id, _ in identities:
            systems.setdefault((sender, facility), []).append(control_id)
        found: dict[_Identity, dict[bytes, Receipt]] = {}
        if systems and self._connection.dialect.name == "postgresql":
            # Before the table's first statistics the planner would read it whole, each time.
            self._connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for (sender, facility), controls in systems.items():
            for part in parts(controls):
                query = select(*(message.c[name] for name in _KNOWN)).where(
                    message.c.sender == sender,
                    message.c.facility == facility,
                    message.c.control_id.in_(part),
                    # As the index says, or it would not be used.
                    message.c.control_id != literal("", literal_execute=True),
                    message.c.replay_of.is_(None),
                )
                for row in self._connection.execute(query):
                    identity = (row.sender, row.facility, row.control_id, row.form)
                    found.setdefault(identity, {})[row.sha256] = _receipt(row, duplicate=True)
        return found

    def write(self) -> None:
        """Write what is new, and note what came again."""
        new = [p for p, first in enumerate(self._first) if first is None and p not in self._same]
        ids = insert_rows(self._connection, [self._rows[place] for place in new])
        self._ids = dict(zip(new, ids, strict=True))
        again = [
            {
                "message_id": self._receipt_at(place).message_id,
                "received": self._rows[place]["received"],
                "channel": self._rows[place]["channel"],
            }
            for place in self._repeats
        ]
        if again:
            self._connection.execute(insert(repeat), again)

    def receipts(self) -> list[Receipt]:
        """One for each, in their order."""
        return [self._receipt_at(place) for place in range(len(self._rows))]

    def _receipt_at(self, place: int) -> Receipt:
        first = self._first[place]
        if first is not None:
            return first
        origin = self._same.get(place, place)
        row = self._rows[origin]
        return Receipt(
            message_id=self._ids[origin],
            verdict=Verdict(row["verdict"]),
            reason=row["reason"],
            place=row["place"],
            duplicate=origin != place,
        )


_KNOWN = (
    *("id", "sender", "facility", "control_id", "form"),
    *("sha256", "verdict", "reason", "place"),
)


def _identity(row: dict[str, Any]) -> _Identity:
    return row["sender"], row["facility"], row["control_id"], row["form"]


def _key(row: dict[str, Any]) -> tuple[_Identity, bytes]:
    return _identity(row), row["sha256"]


def _receipt(row: Row[Any], *, duplicate: bool) -> Receipt:
    verdict = Verdict(row.verdict)
    return Receipt(
        message_id=row.id,
        verdict=verdict,
        reason=row.reason,
        place=row.place,
        duplicate=duplicate,
    )


def row_of(envelope: Envelope, channel: str, at: datetime) -> dict[str, Any]:
    """The row of an envelope that came by a channel."""
    digest = hashlib.sha256(envelope.raw).digest()
    row: dict[str, Any] = {name: fit(getattr(envelope, name), name) for name in TEXTS}
    row |= {
        "received": at,
        "channel": fit(channel, "channel"),
        "sha256": digest,
    }
    row |= {"verdict": envelope.verdict.value, "size": len(envelope.raw), "raw": envelope.raw}
    row["replay_of"] = None
    return row


def fit(value: str, column: str) -> str:
    """A text that every database takes in a column of the inbox.

    One that is too long ends with its hash, so that two that differ only there stay two.
    """
    value = value.encode("utf-8", "replace").decode("utf-8").replace("\0", "\u2400")
    width = _WIDTHS[column]
    if len(value) <= width:
        return value
    tail = hashlib.sha256(value.encode("utf-8")).hexdigest()[:16]
    return f"{value[: width - len(tail) - 1]}~{tail}"


def insert_rows(connection: Connection, rows: list[dict[str, Any]]) -> list[int]:
    """Insert rows in their order, in statements of bounded size; returns their numbers."""
    statement = insert(message).returning(message.c.id, sort_by_parameter_order=True)
    ids: list[int] = []
    start, size = 0, 0
    for place, row in enumerate(rows):
        size += row["size"]
        last = place + 1 == len(rows)
        if last or place + 1 - start >= _STATEMENT_ROWS or size >= _STATEMENT_BYTES:
            ids += connection.scalars(statement, rows[start : place + 1])
            start, size = place + 1, 0
    return ids


def parts(values: list[Any]) -> Iterator[list[Any]]:
    """Values in lists that one statement takes."""
    for start in range(0, len(values), _STATEMENT_ROWS):
        yield values[start : start + _STATEMENT_ROWS]
