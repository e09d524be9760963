"""Stays as they are now: one by its number, many by what is asked of them, page by page.

All functions take a reading transaction (:meth:`grouper.store.database.Database.reading`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, and_, false, func, literal, or_, select, tuple_

from grouper.store.groupings import GroupingRow
from grouper.store.persons import current
from grouper.store.schema import grouping, outcome, person, stay, stay_version
from grouper.store.schema import microseconds as _micro

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from sqlalchemy import ColumnElement, Connection, Select

_GROUPING = tuple(field.name for field in fields(GroupingRow))


@dataclass(frozen=True, slots=True, kw_only=True)
class StayHead:
    """A stay as it is now.

    Attributes:
        id: of its row.
        case_id: Grouper's own name of it.
        hospital: code.
        visit: the hospital's number of the stay; private.
        patient: the hospital's number of the patient; private; None: not said.
        pseudonym: of the patient.
        person_id: of the patient's row.
        merged_into: id of the stay that goes on in its place.
        state: :class:`grouper.store.states.StayState`.
        kind: as in the Case.
        department: of discharge, before that of admission.
        admitted: when.
        discharged: when.
        version: its newest.
        changed: when that was made.
        total_cost: in yuan.
        grouping: the one that counts; of an older version while the newest is being grouped.
    """

    id: int
    case_id: str
    hospital: str
    visit: str
    patient: str | None
    pseudonym: str | None
    person_id: int | None
    merged_into: int | None
    state: str
    kind: str
    department: str | None
    admitted: datetime | None
    discharged: datetime | None
    version: int
    changed: datetime
    total_cost: Decimal | None
    grouping: GroupingRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which stays are asked for; None asks nothing.

    Attributes:
        states: any of them.
        departments: any of them; what an account may see (none at all: nothing).
        kind: as in the Case.
        admitted_from: admitted then or later.
        admitted_until: admitted before.
        discharged_from: discharged then or later.
        discharged_until: discharged before.
        group: that the grouping which counts gave.
        scheme: that it was made by.
        status: of it.
        reason: of it.
        text: a case id or number of a patient, or the beginning of a number of a stay.
        person_id: of the patient.
        without: kinds of messages; none of them has made a version of the stay.
    """

    states: Sequence[str] | None = None
    departments: Sequence[str] | None = None
    kind: str | None = None
    admitted_from: datetime | None = None
    admitted_until: datetime | None = None
    discharged_from: datetime | None = None
    discharged_until: datetime | None = None
    group: str | None = None
    scheme: str | None = None
    status: str | None = None
    reason: str | None = None
    text: str | None = None
    person_id: int | None = None
    without: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the last stay's ``changed`` in microseconds since 1970, and its id."""

    changed: int
    id: int


def _select() -> Select[Any]:
    columns = [column for column in stay.c if column.name != "grouping_id"]
    counted = [grouping.c[name].label(f"g_{name}") for name in _GROUPING]
    return (
        select(*columns, person.c.patient, person.c.pseudonym, *counted)
        .outerjoin_from(stay, person, person.c.id == stay.c.person_id)
        .outerjoin(grouping, grouping.c.id == stay.c.grouping_id)
    )


def _heads(connection: Connection, ask: Select[Any]) -> list[StayHead]:
    found = []
    for row in connection.execute(ask):
        values = row._asdict()
        counted = {name: values.pop(f"g_{name}") for name in _GROUPING}
        of = None if counted["stay_id"] is None else GroupingRow(**counted)
        found.append(StayHead(**values, grouping=of))
    return found


def stay_by_case(connection: Connection, case_id: str) -> StayHead | None:
    """The stay that Grouper calls so; one that was merged says into which."""
    return _one(connection, stay.c.case_id == case_id)


def stay_by_id(connection: Connection, number: int) -> StayHead | None:
    """The stay of a row."""
    return _one(connection, stay.c.id == number)


def stay_by_visit(connection: Connection, hospital: str, visit: str) -> StayHead | None:
    """The stay of the hospital's number; after merges the one that goes on."""
    found = _one(connection, and_(stay.c.hospital == hospital, stay.c.visit == visit))
    while found is not None and found.merged_into is not None:
        found = stay_by_id(connection, found.merged_into)
    return found


def _one(connection: Connection, which: ColumnElement[bool]) -> StayHead | None:
    return next(iter(_heads(connection, _select().where(which))), None)


def stays_of_patient(connection: Connection, hospital: str, patient: str) -> list[StayHead]:
    """All stays of a patient, under any of the numbers that were merged; the newest first."""
    c = person.c
    ask = select(c.id, c.merged_into).where(c.hospital == hospital, c.patient == patient)
    row = connection.execute(ask).first()
    while row is not None and row.merged_into is not None:
        row = connection.execute(select(c.id, c.merged_into).where(c.id == row.merged_into)).first()
    if row is None:
        return []
    of_person = _select().where(stay.c.person_id == row.id)
    return _heads(connection, of_person.order_by(stay.c.id.desc()))


def stays(
    connection: Connection, wanted: Wanted, after: Cursor | None = None, limit: int = 50
) -> tuple[list[StayHead], Cursor | None]:
    """A page of stays, the one changed last first.

    Args:
        connection: a reading transaction.
        wanted: which.
        after: where the page before ended.
        limit: most stays of the page.

    Returns:
        The page, and where it ended; None: there are no more.
    """
    ask = _select().where(*_conditions(wanted))
    if after is not None:
        # Compared as numbers, as they are stored: the key of the page is exact.
        ask = ask.where(
            tuple_(stay.c.changed, stay.c.id)
            < tuple_(literal(after.changed, BigInteger()), after.id)
        )
    ask = ask.order_by(stay.c.changed.desc(), stay.c.id.desc()).limit(limit + 1)
    found = _heads(connection, ask)
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], Cursor(_micro(last.changed), last.id)


def count(connection: Connection, wanted: Wanted) -> int:
    """How many stays are asked for."""
    base = (
        select(func.count())
        .select_from(stay)
        .outerjoin(person, person.c.id == stay.c.person_id)
        .outerjoin(grouping, grouping.c.id == stay.c.grouping_id)
    )
    return connection.execute(base.where(*_conditions(wanted))).scalar_one()


def hospitals(connection: Connection) -> list[str]:
    """The codes of all hospitals that have stays, in their order."""
    ask = select(stay.c.hospital).distinct().order_by(stay.c.hospital)
    return list(connection.execute(ask).scalars())


def counts_by_state(connection: Connection) -> dict[str, int]:
    """How many stays there are in each state."""
    ask = select(stay.c.state, func.count()).group_by(stay.c.state)
    return {row[0]: row[1] for row in connection.execute(ask)}


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for column, values in ((stay.c.state, wanted.states), (stay.c.department, wanted.departments)):
        if values is not None:
            found.append(column.in_(list(values)) if values else false())
    for column, value in (
        (stay.c.kind, wanted.kind),
        (stay.c.person_id, wanted.person_id),
        (grouping.c.group, wanted.group),
        (grouping.c.scheme, wanted.scheme),
        (grouping.c.status, wanted.status),
        (grouping.c.reason, wanted.reason),
    ):
        if value is not None:
            found.append(column == value)
    for column, since, until in (
        (stay.c.admitted, wanted.admitted_from, wanted.admitted_until),
        (stay.c.discharged, wanted.discharged_from, wanted.discharged_until),
    ):
        if since is not None:
            found.append(column >= since)
        if until is not None:
            found.append(column < until)
    if wanted.without:
        came = (
            select(stay_version.c.stay_id)
            .join(outcome, outcome.c.message_id == stay_version.c.message_id)
            .where(stay_version.c.stay_id == stay.c.id, outcome.c.kind.in_(list(wanted.without)))
        )
        found.append(~came.exists())
    if wanted.text:
        # A NUL is in no number, and PostgreSQL takes none.
        text = wanted.text.replace("\x00", "␀")
        begins = stay.c.visit.startswith(text, autoescape=True)
        found.append(or_(stay.c.case_id == text, person.c.patient == text, begins))
    return found


@dataclass(frozen=True, slots=True)
class Who:
    """Who a patient is, for roles that may see it; the look is to be logged.

    Attributes:
        pseudonym: inside Grouper.
        patient: the hospital's number; of a merged one the number that goes on.
        details: ``name``, ``id_number``, ``birth_date``, ``sex``, as far as messages said.
    """

    pseudonym: str
    patient: str
    details: dict[str, Any]


def who(connection: Connection, person_id: int) -> Who | None:
    """Who a patient is; after merges the person that goes on."""
    row = connection.execute(select(person).where(person.c.id == person_id)).first()
    if row is not None and row.merged_into is not None:
        return who(connection, row.merged_into)
    return None if row is None else Who(row.pseudonym, row.patient, current(row.details))
