"""What became of each message, and how far the inbox was read.

All functions work in a transaction of the store that the caller holds, so that an outcome, the
effects of its message and the position are written together or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from grouper.store.schema import outcome, position
from grouper.store.states import UNSETTLED, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from grouper.store.inbox import Stored

APPLIED = "apply"
"""Name of the position of the worker that applies messages."""
_NAMES = tuple(column.name for column in outcome.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a message; fields as the columns of :data:`grouper.store.schema.outcome`."""

    message_id: int
    state: State
    reason: str = ""
    place: str = ""
    at: datetime
    attempts: int = 1
    stays: tuple[int, ...] = ()
    form: str
    kind: str
    sender: str
    control_id: str
    patient: str
    visit: str
    received: datetime
    settled_by: str | None = None
    settled_note: str | None = None

    @classmethod
    def of(cls, stored: Stored, state: State, at: datetime, **more: Any) -> Outcome:  # noqa: ANN401 -- other fields
        """The outcome of a message of the inbox."""
        return cls(
            message_id=stored.id,
            state=state,
            at=at,
            form=stored.form,
            kind=stored.kind,
            sender=stored.sender,
            control_id=stored.control_id,
            patient=stored.patient,
            visit=stored.visit,
            received=stored.received,
            **more,
        )


def position_of(connection: Connection, name: str = APPLIED) -> int:
    """Number of the last message that a reader is done with; 0 before the first."""
    return connection.scalar(select(position.c.message_id).where(position.c.name == name)) or 0


def move(connection: Connection, message_id: int, name: str = APPLIED) -> None:
    """Say that a reader is done with a message and all before it."""
    moved = connection.execute(
        update(position).where(position.c.name == name).values(message_id=message_id)
    )
    if not moved.rowcount:
        connection.execute(insert(position).values(name=name, message_id=message_id))


def write(connection: Connection, outcomes: Iterable[Outcome]) -> None:
    """Write outcomes of messages that have none yet."""
    rows = [
        {name: getattr(one, name) for name in _NAMES} | {"stays": list(one.stays)}
        for one in outcomes
    ]
    if rows:
        connection.execute(insert(outcome), rows)


def read(connection: Connection, ids: Sequence[int]) -> dict[int, Outcome]:
    """The outcomes of messages, by their number; of those that have one."""
    if not ids:
        return {}
    rows = connection.execute(select(outcome).where(outcome.c.message_id.in_(ids)))
    return {row.message_id: outcome_of(row._asdict()) for row in rows}


def outcome_of(row: Mapping[str, Any]) -> Outcome:
    """The outcome of a row of the table."""
    values = {name: row[name] for name in _NAMES}
    return Outcome(**values | {"state": State(row["state"]), "stays": tuple(row["stays"])})


def after_replay(connection: Connection, original: int, replay: Outcome) -> None:
    """Settle an original after its replay, or note that it failed again.

    Args:
        connection: a transaction that writes to the store.
        original: number of the message that was replayed.
        replay: what became of the replay.
    """
    values: dict[str, Any] = {"attempts": outcome.c.attempts + 1, "at": replay.at}
    if replay.state is State.FAILED_AGAIN:
        values |= {"reason": replay.reason, "place": replay.place}
    else:
        values |= {"state": State.REPLAYED.value}
    if replay.stays:
        values["stays"] = list(replay.stays)
    connection.execute(
        update(outcome)
        .where(outcome.c.message_id == original, outcome.c.state.in_(UNSETTLED))
        .values(values)
    )


def counts(connection: Connection) -> dict[State, int]:
    """How many messages stand in each state."""
    query = select(outcome.c.state, func.count()).group_by(outcome.c.state)
    return {State(state): number for state, number in connection.execute(query)}


def reasons(connection: Connection) -> dict[str, int]:
    """How many messages wait in quarantine, by reason; the most frequent first."""
    number = func.count()
    query = (
        select(outcome.c.reason, number)
        .where(outcome.c.state.in_(UNSETTLED))
        .group_by(outcome.c.reason)
        .order_by(number.desc(), outcome.c.reason)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def dismiss(connection: Connection, ids: Sequence[int], by: str, note: str, at: datetime) -> int:
    """Put unsettled messages aside; returns how many were."""
    done = connection.execute(
        update(outcome)
        .where(outcome.c.message_id.in_(ids), outcome.c.state.in_(UNSETTLED))
        .values(state=State.DISMISSED.value, settled_by=by, settled_note=note, at=at)
    )
    return done.rowcount
