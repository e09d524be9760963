"""What was done with findings, only ever added; and steps that give a finding a new state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from grouper.store.database import StoreError
from grouper.store.review_schema import finding, finding_event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event of a finding.

    Attributes:
        finding_id: of the finding.
        at: when.
        actor: account, or part of the program.
        action: stable word.
        before, after: states; of a chain each begins where the one before ended.
        note: free text; None: none.
        about: further facts as JSON (amounts, deadlines), never what names a patient.
        id: of its row; None before it is written.
    """

    finding_id: int
    at: datetime
    actor: str
    action: str
    before: str
    after: str
    note: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a step does to a finding.

    Attributes:
        action: stable word.
        after: the new state.
        note: as of the event.
        about: as of the event.
        values: columns of the finding with their new values.
    """

    action: str
    after: str
    note: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


_COLUMNS = tuple(finding_event.c[name] for name in EventRow.__dataclass_fields__)


def write(connection: Connection, rows: Sequence[EventRow]) -> None:
    """Add events."""
    if rows:
        named = [
            {column.name: getattr(row, column.name) for column in _COLUMNS if column.name != "id"}
            for row in rows
        ]
        connection.execute(insert(finding_event), named)


def events_of(connection: Connection, finding_id: int) -> list[EventRow]:
    """The events of a finding, the oldest first."""
    ask = select(*_COLUMNS).where(finding_event.c.finding_id == finding_id)
    found = connection.execute(ask.order_by(finding_event.c.id)).mappings()
    return [EventRow(**row) for row in found]


def step(
    connection: Connection, number: int, was: str, change: Change, *, at: datetime, actor: str
) -> None:
    """Give a finding a new state and write the event, if it still stands as it was read.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        number: of the finding.
        was: the state in which it was read.
        change: what is done.
        at: when.
        actor: who does it.

    Raises:
        StoreError: ``FINDING_MOVED``: it stands elsewhere by now, or is not there.
    """
    which = (finding.c.id == number) & (finding.c.state == was)
    done = connection.execute(
        update(finding).where(which).values(**change.values, state=change.after)
    )
    if not done.rowcount:
        raise StoreError("FINDING_MOVED")
    write(
        connection,
        [
            EventRow(
                finding_id=number,
                at=at,
                actor=actor,
                action=change.action,
                before=was,
                after=change.after,
                note=change.note,
                about=change.about,
            )
        ],
    )
