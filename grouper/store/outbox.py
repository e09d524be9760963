"""Results on their way back to the hospital's systems: kept until the receiver has them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from grouper.store.schema import outbox as table
from grouper.store.schema import person
from grouper.store.states import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

_ANSWER = 256
LONGEST_PAUSE = timedelta(minutes=5)
"""The longest that a result is put off before it is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One result for one destination, before it is put into the outbox.

    Attributes:
        destination: its name in the settings.
        stay_id: the stay it tells of.
        version: of the stay.
        payload: the message.
        created: when it was made; it is due from then on.
        state: waiting, or failed where the result could not be written as a message.
        answer: why, then.
    """

    destination: str
    stay_id: int
    version: int
    payload: bytes
    created: datetime
    state: str = Delivery.WAITING
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due(Parcel):
    """A row of the outbox.

    Attributes:
        id: of the row; a destination gets its results in this order.
        attempts: how often it was tried.
        next_try: not before.
    """

    id: int
    attempts: int
    next_try: datetime


def patients_of(connection: Connection, persons: Iterable[int | None]) -> dict[int, str]:
    """The hospital's numbers of patients, by id of the person; of a merged one the number that goes on."""
    found: dict[int, str] = {}
    asked = {number: number for number in persons if number is not None}
    while asked:
        rows = {
            row.id: row
            for row in connection.execute(
                select(person.c.id, person.c.patient, person.c.merged_into).where(
                    person.c.id.in_(set(asked.values()))
                )
            )
        }
        further: dict[int, int] = {}
        for number, at in asked.items():
            row = rows[at]
            found[number] = row.patient
            if row.merged_into is not None:
                further[number] = row.merged_into
        asked = further
    return found


def add(connection: Connection, parcels: Iterable[Parcel]) -> None:
    """Put results in.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`, the transaction that
            writes what they tell of.
        parcels: in the order in which they are to be sent.
    """
    rows = [{**asdict(one), "attempts": 0, "next_try": one.created} for one in parcels]
    if rows:
        connection.execute(insert(table), rows)


def due(connection: Connection, destination: str, at: datetime, limit: int = 100) -> list[Due]:
    """The next results for a destination, in their order; none while the first one must wait.

    One that is to wait for longer than :data:`LONGEST_PAUSE` was put off before the clock was set back:
    it is due.
    """
    ask = (
        select(table)
        .where(table.c.destination == destination, table.c.state == Delivery.WAITING)
        .order_by(table.c.id)
        .limit(limit)
    )
    found: list[Due] = []
    for row in connection.execute(ask).mappings():
        # A later result never overtakes one that is to be tried again.
        if timedelta(0) < row["next_try"] - at <= LONGEST_PAUSE:
            break
        found.append(Due(**row))
    return found


def sent(connection: Connection, number: int, answer: str) -> None:
    """The receiver has it."""
    _settle(connection, number, answer, Delivery.SENT)


def failed(connection: Connection, number: int, answer: str) -> None:
    """The receiver does not want it; it stays, and can be sent :func:`again`."""
    _settle(connection, number, answer, Delivery.FAILED)


def _settle(connection: Connection, number: int, answer: str, state: Delivery) -> None:
    change = update(table).where(table.c.id == number)
    values = {"state": state, "attempts": table.c.attempts + 1, "answer": answer[:_ANSWER]}
    connection.execute(change.values(values))


def put_off(connection: Connection, number: int, answer: str, until: datetime) -> None:
    """It could not be delivered; it is tried again, and all after it wait."""
    change = update(table).where(table.c.id == number)
    values = {"next_try": until, "attempts": table.c.attempts + 1, "answer": answer[:_ANSWER]}
    connection.execute(change.values(values))


def again(connection: Connection, number: int, at: datetime) -> bool:
    """Send a refused result once more.

    Returns:
        Whether there is such a one; what could not be written as a message is none.
    """
    change = update(table).where(
        table.c.id == number, table.c.state == Delivery.FAILED, table.c.payload != b""
    )
    return connection.execute(change.values(state=Delivery.WAITING, next_try=at)).rowcount == 1


def oldest_waiting(connection: Connection) -> dict[str, tuple[datetime | None, int]]:
    """Of each destination for which results wait: since when the first does, and how many."""
    ask = (
        select(table.c.destination, func.min(table.c.created), func.count())
        .where(table.c.state == Delivery.WAITING)
        .group_by(table.c.destination)
    )
    return {row[0]: (row[1], row[2]) for row in connection.execute(ask)}


def counts(connection: Connection) -> dict[tuple[str, str], int]:
    """How many results there are, by destination and state."""
    columns = (table.c.destination, table.c.state)
    ask = select(*columns, func.count()).group_by(*columns)
    return {(row[0], row[1]): row[2] for row in connection.execute(ask)}


def failed_ones(connection: Connection, *, before: int | None = None, limit: int) -> list[Due]:
    """Results that their destination did not want or that could not be written, the newest first.

    Args:
        connection: a reading transaction.
        before: only those with a smaller number (the last one of the page before).
        limit: at most so many.
    """
    ask = select(table).where(table.c.state == Delivery.FAILED).order_by(table.c.id.desc())
    if before is not None:
        ask = ask.where(table.c.id < before)
    return [Due(**row) for row in connection.execute(ask.limit(limit)).mappings()]


def of_stay(connection: Connection, stay_id: int) -> list[Due]:
    """All results of a stay, the oldest first."""
    ask = select(table).where(table.c.stay_id == stay_id).order_by(table.c.id)
    return [Due(**row) for row in connection.execute(ask).mappings()]
