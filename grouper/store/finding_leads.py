"""What findings come to, for the view of fund and credit: counted in the database.

All functions take a reading transaction (:meth:`grouper.store.database.Database.reading`). Findings
of rules in shadow are told with their own states; who counts leaves them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import distinct, func, select

from grouper.store.review_schema import finding, finding_event
from grouper.store.schema import stay
from grouper.store.states import FindingState, Source, StayState

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Connection

DEADLINE = "deadline"
"""Name in the document of an insurer's finding of the insurer's own deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Findings that are alike: how many, yuan at stake, and when the first was found."""

    rule: str
    department: str | None
    source: str
    state: str
    count: int
    amount: Decimal
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """Until when an insurer's finding had to be answered, and when it was; None: not yet."""

    deadline: datetime
    at: datetime | None


def alike(connection: Connection) -> list[Alike]:
    """All findings by rule, department, source and state."""
    c = finding.c
    keys = (c.rule, c.department, c.source, c.state)
    ask = select(
        *keys, func.count().label("count"), func.sum(c.amount), func.min(c.first_seen)
    ).group_by(*keys)
    return [
        Alike(
            rule=row[0],
            department=row[1],
            source=row[2],
            state=row[3],
            count=row[4],
            amount=row[5],
            oldest=row[6],
        )
        for row in connection.execute(ask.order_by(*keys))
    ]


def discharged(connection: Connection, since: datetime, until: datetime) -> int:
    """Stays and visits that ended in a time."""
    ask = select(func.count()).select_from(stay).where(*_ended(since, until))
    return connection.execute(ask).scalar_one()


def violations(
    connection: Connection, states: Collection[str], since: datetime, until: datetime
) -> int:
    """Violations of stays that ended in a time: each rule once a stay, whoever found it.

    Args:
        connection: a reading transaction.
        states: those in which a finding counts.
        since: from then on.
        until: before.
    """
    c = finding.c
    pairs = (
        select(c.stay_id, c.rule)
        .join_from(finding, stay, stay.c.id == c.stay_id)
        .where(c.level == "violation", c.state.in_(sorted(states)), *_ended(since, until))
        .distinct()
        .subquery()
    )
    return connection.execute(select(func.count()).select_from(pairs)).scalar_one()


def corrected(
    connection: Connection, states: Collection[str], since: datetime, until: datetime
) -> tuple[int, int]:
    """Own findings of stays that ended in a time: those that were corrected, and all that count.

    Args:
        connection: a reading transaction.
        states: those in which a finding counts; ``corrected`` is one of them.
        since: from then on.
        until: before.
    """
    c = finding.c
    ask = (
        select(c.state, func.count(distinct(c.id)))
        .join_from(finding, stay, stay.c.id == c.stay_id)
        .where(c.source == Source.OWN, c.state.in_(sorted(states)), *_ended(since, until))
        .group_by(c.state)
    )
    found = {row[0]: row[1] for row in connection.execute(ask)}
    return found.get(FindingState.CORRECTED, 0), sum(found.values())


def insurer_closed(
    connection: Connection, since: datetime, until: datetime
) -> dict[str, tuple[int, Decimal]]:
    """The insurer's findings that were closed in a time, by state: how many, and yuan deducted."""
    c = finding.c
    ask = (
        select(c.state, func.count(), func.sum(c.deduction))
        .where(c.source == Source.INSURER, c.closed >= since, c.closed < until)
        .group_by(c.state)
    )
    return {row[0]: (row[1], row[2] or Decimal("0.00")) for row in connection.execute(ask)}


def answers(
    connection: Connection, states: Collection[str], since: datetime, until: datetime
) -> list[Answer]:
    """The insurer's findings whose deadline lay in a time, and when they were answered first.

    Args:
        connection: a reading transaction.
        states: those to which an answer leads.
        since: from then on.
        until: before.
    """
    c, e = finding.c, finding_event.c
    first = (
        select(e.finding_id, func.min(e.at).label("at"))
        .where(e.after.in_(sorted(states)), e.before != e.after)
        .group_by(e.finding_id)
        .subquery()
    )
    ask = (
        select(c.document[DEADLINE].as_string(), first.c.at)
        .outerjoin_from(finding, first, first.c.finding_id == c.id)
        .where(c.source == Source.INSURER)
    )
    found = []
    for written, at in connection.execute(ask):
        deadline = None if written is None else datetime.fromisoformat(written)
        if deadline is not None and since <= deadline < until:
            found.append(Answer(deadline, at))
    return found


def _ended(since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        stay.c.state == StayState.DISCHARGED,
        stay.c.discharged >= since,
        stay.c.discharged < until,
    )
