"""The messages that speak of a person: found, and their raw bytes and numbers let go of.

The rows stay with their ids, so that order, positions and replays hold, and with what tells a repeat:
the very message that comes again is known and is not applied anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select, update

from grouper.store.ids import blocks
from grouper.store.putting import fit
from grouper.store.schema import charge_line, message, now, outcome, stay_version
from grouper.store.states import UNSETTLED, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from grouper.store.database import Database
    from grouper.store.erasing_subject import Subject

REASON = "ERASED"
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Messages:
    """Numbers of messages: ``waiting`` are those of them that wait for a person."""

    every: tuple[int, ...]
    waiting: tuple[int, ...]


def messages_of(database: Database, subject: Subject) -> Messages:
    """The messages that speak of a person.

    By what they did, by the numbers of their envelopes, and by their raw bytes. One that waits for a
    person is only taken where it is beyond doubt, for what it says is kept nowhere else.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        found = _by_effect(connection, subject)
        unsettled = set(
            connection.scalars(select(outcome.c.message_id).where(outcome.c.state.in_(_UNSETTLED)))
        )
    with database.reading_inbox() as connection:
        c = message.c
        found |= _by_numbers(connection, subject, c.id, c.patient, c.visit)
        found |= _by_bytes(connection, subject, unsettled)
        found |= _replays(connection, found)
    return Messages(tuple(sorted(found)), tuple(sorted(found & unsettled)))


_UNSETTLED = tuple(one.value for one in UNSETTLED)


def _by_effect(connection: Connection, subject: Subject) -> set[int]:
    found: set[int] = set()
    for block in blocks(subject.stays):
        for table in (stay_version, charge_line):
            ask = select(table.c.message_id).where(table.c.stay_id.in_(block)).distinct()
            found |= set(connection.scalars(ask))
    own = set(subject.stays)
    ask_all = select(outcome.c.message_id, outcome.c.stays).execution_options(yield_per=_PAGE)
    for row in connection.execute(ask_all):
        if not own.isdisjoint(row.stays):
            found.add(row.message_id)
    c = outcome.c
    return found | _by_numbers(connection, subject, c.message_id, c.patient, c.visit)


def _by_numbers(connection: Connection, subject: Subject, key: Any, *columns: Any) -> set[int]:  # noqa: ANN401 -- columns
    if not subject.needles.alone:
        # The same number may be another hospital's, and an envelope does not say whose it is.
        return set()
    patients = [fit(number, "patient") for _, number in subject.patients]
    visits = [fit(number, "visit") for _, number in subject.visits]
    found: set[int] = set()
    for column, numbers in zip(columns, (patients, visits), strict=True):
        for block in blocks([one for one in numbers if one]):
            found |= set(connection.scalars(select(key).where(column.in_(block))))
    return found


def _by_bytes(connection: Connection, subject: Subject, unsettled: set[int]) -> set[int]:
    found: set[int] = set()
    ask = select(message.c.id, message.c.raw).where(message.c.raw.is_not(None))
    for row in connection.execute(ask.execution_options(yield_per=_PAGE)):
        needles = subject.needles
        tells = needles.named if row.id in unsettled else needles.sure
        if tells(row.raw) or needles.named(row.raw):
            found.add(row.id)
    return found


def _replays(connection: Connection, found: Iterable[int]) -> set[int]:
    """Replays of some messages, and the originals of those among them that are replays."""
    c = message.c
    more: set[int] = set()
    for block in blocks(sorted(found)):
        ask = select(c.id, c.replay_of).where(
            or_(c.replay_of.in_(block), c.id.in_(block)), c.replay_of.is_not(None)
        )
        for row in connection.execute(ask):
            more |= {row.id, row.replay_of}
    return more


def blank(database: Database, subject: Subject, found: Messages, *, limit: bool) -> None:
    """Let go of the raw bytes of messages and, unless billing stays, of the numbers in their rows.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    c = message.c
    with database.writing_inbox() as connection:
        for block in blocks(found.every):
            of = c.id.in_(block)
            connection.execute(update(message).where(of).values(raw=None))
            if limit:
                continue
            connection.execute(update(message).where(of).values(patient="", visit=""))
            for row in connection.execute(select(c.id, c.control_id, c.place).where(of)).all():
                bare = _bare(row, subject)
                if bare:
                    if "control_id" in bare:
                        bare["sha256"] = bytes(32)
                    connection.execute(update(message).where(c.id == row.id).values(bare))


def settle(connection: Connection, subject: Subject, found: Messages, *, limit: bool) -> None:
    """The same in what became of them, before; those that wait for a person wait no more.

    Which stays they speak of is left until :func:`unlink`: by it they are found again.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        subject: the person.
        found: the messages.
        limit: whether billing stays.
    """
    c = outcome.c
    for block in blocks(found.every):
        of = c.message_id.in_(block)
        done = {"state": State.DISMISSED.value, "reason": REASON, "settled_by": None, "at": now()}
        connection.execute(update(outcome).where(of, c.state.in_(_UNSETTLED)).values(done))
        connection.execute(update(outcome).where(of).values(settled_note=None))
        if limit:
            continue
        connection.execute(update(outcome).where(of).values(patient="", visit=""))
        asked = select(c.message_id.label("id"), c.control_id, c.place).where(of)
        for row in connection.execute(asked).all():
            if bare := _bare(row, subject):
                connection.execute(update(outcome).where(c.message_id == row.id).values(bare))


def unlink(connection: Connection, subject: Subject, found: Messages) -> None:
    """Forget which stays of the person messages speak of.

    Args:
        connection: as for :func:`settle`.
        subject: the person.
        found: the messages.
    """
    c = outcome.c
    own = set(subject.stays)
    for block in blocks(found.every):
        asked = select(c.message_id, c.stays).where(c.message_id.in_(block))
        for row in connection.execute(asked).all():
            left = [one for one in row.stays if one not in own]
            change = update(outcome).where(c.message_id == row.message_id)
            connection.execute(change.values(stays=left))


def _bare(row: Any, subject: Subject) -> dict[str, Any]:  # noqa: ANN401 -- a row
    """What has to change in the texts of a row, for they name the person."""
    fresh = {"control_id": f"~{REASON}~{row.id}", "place": ""}
    known = {*subject.needles.numbers} - {""}
    said = {name: str(getattr(row, name)) for name in fresh}
    return {
        name: fresh[name]
        for name, text in said.items()
        if text in known or subject.needles.sure(text.encode())
    }
