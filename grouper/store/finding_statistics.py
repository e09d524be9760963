"""What statistics and the deduction table ask of findings: their columns without their documents."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from grouper.store.finding_rows import COLUMNS, found_rows
from grouper.store.review_schema import finding as table
from grouper.store.schema import stay

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from sqlalchemy import ColumnElement, Connection

    from grouper.store.finding_rows import FindingRow

_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class FindingFacts:
    """A finding without its document; names as of :class:`grouper.store.finding_rows.FindingRow`."""

    rule: str
    department: str | None
    physician: str | None
    day: date | None
    source: str
    level: str
    state: str
    shadow: bool
    amount: Decimal
    first_seen: datetime
    last_seen: datetime
    gone: datetime | None
    due: datetime | None
    asked_until: datetime | None
    judged: datetime | None
    closed: datetime | None
    false_positive: bool
    deduction: Decimal | None


_COLUMNS = tuple(table.c[one.name] for one in fields(FindingFacts))


def facts(
    connection: Connection,
    *,
    departments: Sequence[str] | None = None,
    source: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    day_from: date | None = None,
    day_until: date | None = None,
) -> Iterator[FindingFacts]:
    """The facts of findings, in the order of their rows.

    Args:
        connection: a reading transaction.
        departments: findings of any of them, or of stays that lie there; None: all.
        source: of them; None: all.
        since: as ``day_from``, of findings without a day by when they were first found.
        until: as ``day_until``, likewise.
        day_from: local day of the finding, or later.
        day_until: before this day.
    """
    ask = select(*_COLUMNS).outerjoin_from(table, stay, stay.c.id == table.c.stay_id)
    conditions: list[ColumnElement[bool]] = []
    if departments is not None:
        own = list(departments)
        conditions.append(or_(table.c.department.in_(own), stay.c.department.in_(own)))
    if source is not None:
        conditions.append(table.c.source == source)
    dayless = table.c.day.is_(None)
    if day_from is not None:
        conditions.append(or_(table.c.day >= day_from, dayless & (table.c.first_seen >= since)))
    if day_until is not None:
        conditions.append(or_(table.c.day < day_until, dayless & (table.c.first_seen < until)))
    ordered = ask.where(*conditions).order_by(table.c.id)
    with connection.execution_options(yield_per=_ROWS).execute(ordered) as result:
        for row in result:
            yield FindingFacts(*row)


@dataclass(frozen=True, slots=True)
class Deducted:
    """A finding with a deduction, and Grouper's name of its stay."""

    finding: FindingRow
    case_id: str | None


def deductions(
    connection: Connection,
    since: datetime,
    until: datetime,
    departments: Sequence[str] | None = None,
) -> list[Deducted]:
    """The findings closed with a deduction, in the order in which they were closed.

    Args:
        connection: a reading transaction.
        since: closed then or later.
        until: closed before.
        departments: of the finding or its stay; None: all.
    """
    c = table.c
    closed = [c.closed >= since, c.closed < until, c.deduction > Decimal(0)]
    if departments is not None:
        own = list(departments)
        closed.append(or_(c.department.in_(own), stay.c.department.in_(own)))
    joined = select(c.id, stay.c.case_id).outerjoin_from(table, stay, stay.c.id == c.stay_id)
    cases = {row[0]: row[1] for row in connection.execute(joined.where(*closed))}
    found = []
    for start in range(0, len(cases), 500):
        ids = sorted(cases)[start : start + 500]
        found += found_rows(connection, select(*COLUMNS).where(c.id.in_(ids)))
    found.sort(key=lambda row: (row.closed, row.id))
    return [Deducted(row, cases[row.id or 0]) for row in found]
