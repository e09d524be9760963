"""Stays that ended long ago, taken away with everything that tells of them.

What is under way keeps a stay: it runs, a finding of it is in its review, a result of it waits to be
sent, a message of it waits in quarantine, or another stay was merged into it and is still there. Its
versions, lines, groupings, forecasts, findings with their events and evidence, order checks and
results go with it; then the person, where none of its stays is left. Entries of the audit log stay:
they hold no name and no patient's number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, exists, or_, select

from grouper.store.review_schema import (
    finding,
    finding_event,
    finding_file,
    order_check,
    screened_stay,
)
from grouper.store.schema import (
    charge_line,
    forecast,
    grouping,
    outbox,
    outcome,
    person,
    stay,
    stay_version,
)
from grouper.store.states import UNSETTLED, Delivery, FindingState, StayState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

_ENDED = (StayState.DISCHARGED, StayState.CANCELLED, StayState.MERGED)
_AT_REST = (FindingState.GONE, FindingState.SHADOW, FindingState.EXEMPT, FindingState.JUDGED)
OPEN = and_(finding.c.closed.is_(None), finding.c.state.not_in(_AT_REST))
"""A finding that is in its review."""
_OF_STAY = (
    stay_version,
    charge_line,
    grouping,
    forecast,
    outbox,
    order_check,
    screened_stay,
)
"""Tables whose rows go with their stay, by their ``stay_id``."""


def free(before: datetime) -> ColumnElement[bool]:
    """Stays that ended before a time, and of which nothing is under way."""
    other = stay.alias()
    waiting = select(outbox.c.stay_id).where(outbox.c.state == Delivery.WAITING)
    joined = select(other.c.merged_into).where(other.c.merged_into.is_not(None))
    message = exists().where(outcome.c.visit == stay.c.visit, outcome.c.state.in_(UNSETTLED))
    return and_(
        stay.c.state.in_(_ENDED),
        or_(stay.c.discharged.is_(None), stay.c.discharged < before),
        ~exists().where(finding.c.stay_id == stay.c.id, OPEN),
        ~message,
        stay.c.id.not_in(waiting),
        stay.c.id.not_in(joined),
    )


def take(connection: Connection, ids: Sequence[int]) -> None:
    """Take stays away with all that tells of them, and the persons of whom no stay is left.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        ids: rows of stays that are :func:`free`.
    """
    asked = select(stay.c.person_id).where(stay.c.id.in_(ids), stay.c.person_id.is_not(None))
    persons = set(connection.scalars(asked))
    drop_findings(connection, finding.c.stay_id.in_(ids))
    for table in _OF_STAY:
        connection.execute(delete(table).where(table.c.stay_id.in_(ids)))
    connection.execute(delete(stay).where(stay.c.id.in_(ids)))
    for family in _families(connection, persons):
        left = select(stay.c.id).where(stay.c.person_id.in_(family)).limit(1)
        if connection.execute(left).first() is None:
            connection.execute(delete(person).where(person.c.id.in_(family)))


def drop_findings(connection: Connection, which: ColumnElement[bool]) -> None:
    """Take findings away with their events and files."""
    ids = select(finding.c.id).where(which)
    for table in (finding_event, finding_file):
        connection.execute(delete(table).where(table.c.finding_id.in_(ids)))
    connection.execute(delete(finding).where(which))


def _families(connection: Connection, persons: set[int]) -> list[set[int]]:
    """Persons with all who were merged into one with them: they are one, and go together."""
    families: list[set[int]] = []
    for number in sorted(persons):
        if any(number in known for known in families):
            continue
        family, further = {number}, {number}
        while further:
            into = select(person.c.merged_into).where(
                person.c.id.in_(further), person.c.merged_into.is_not(None)
            )
            of = select(person.c.id).where(person.c.merged_into.in_(further))
            found = {*connection.scalars(into), *connection.scalars(of)}
            further = found - family
            family |= found
        families.append(family)
    return families
