"""Findings of the audit as they stand: one, pages of them, how many; and :func:`keep`.

Reading functions take a reading transaction (:meth:`grouper.store.database.Database.reading`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, false, func, or_, select

from grouper.store.finding_events import events_of, step
from grouper.store.finding_keeping import Kept, keep
from grouper.store.finding_rows import COLUMNS, FindingRow, found_rows, rows_where
from grouper.store.review_schema import finding as table
from grouper.store.schema import stay
from grouper.store.states import Source, StayState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from sqlalchemy import ColumnElement, Connection

__all__ = [
    "Counted",
    "FindingRow",
    "Kept",
    "Listed",
    "Wanted",
    "counts",
    "events_of",
    "keep",
    "listed",
    "named",
    "number_of",
    "of_stay",
    "one",
    "page",
    "step",
    "withdraw",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which findings are asked for; None asks nothing.

    Attributes:
        states: any of them.
        levels: any of them.
        rules: any of them.
        departments: what an account may see: findings of these departments, of stays that lie
            there, that one of them is asked about, or that are assigned to ``account``. None: all.
        account: whose reach ``departments`` is.
        department: of the finding.
        physician: of the finding.
        source: ``own``, ``insurer`` or ``person``.
        assignee: account that is to act.
        due_before: what is due or asked until then; of open ones.
        case_id: Grouper's own name of the stay.
        batch_id: the insurer's list.
        shadow: of rules in shadow.
        gone: no longer found.
        closed: someone closed it.
        day_from, day_until: local day of the finding, half-open.
        text: a key or case id, or the beginning of the number of a stay or of a rule.
    """

    states: Sequence[str] | None = None
    levels: Sequence[str] | None = None
    rules: Sequence[str] | None = None
    departments: Sequence[str] | None = None
    account: str | None = None
    department: str | None = None
    physician: str | None = None
    source: str | None = None
    assignee: str | None = None
    due_before: datetime | None = None
    case_id: str | None = None
    batch_id: int | None = None
    shadow: bool | None = None
    gone: bool | None = None
    closed: bool | None = None
    day_from: date | None = None
    day_until: date | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A finding beside what its stay is now (None: it has none)."""

    finding: FindingRow
    case_id: str | None
    visit: str | None
    stay_department: str | None
    stay_state: str | None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many findings stand in a state at a level, and what is at stake in yuan."""

    state: str
    level: str
    count: int
    amount: Decimal


def one(connection: Connection, number: int) -> FindingRow | None:
    """The finding of a row."""
    return next(iter(rows_where(connection, table.c.id == number)), None)


def number_of(connection: Connection, key: str) -> int:
    """The row of the finding that was kept under a key."""
    return int(connection.execute(select(table.c.id).where(table.c.key == key)).scalar_one())


def of_stay(connection: Connection, stay_id: int) -> list[FindingRow]:
    """All findings of a stay, in the order of their rows."""
    return list(rows_where(connection, table.c.stay_id == stay_id))


def listed(connection: Connection, number: int, wanted: Wanted) -> Listed | None:
    """The finding of a row, if it is among those asked for."""
    return next(iter(_listed(connection, [table.c.id == number, *_conditions(wanted)], 1)), None)


def page(
    connection: Connection, wanted: Wanted, after: int | None = None, limit: int = 50
) -> list[Listed]:
    """A page of findings, the one that was found last first.

    Args:
        connection: a reading transaction.
        wanted: which.
        after: row of the last finding of the page before.
        limit: most findings of the page.
    """
    conditions = _conditions(wanted)
    if after is not None:
        conditions.append(table.c.id < after)
    return _listed(connection, conditions, limit)


def counts(connection: Connection, wanted: Wanted) -> list[Counted]:
    """How many of the findings asked for stand where, by state and level."""
    ask = (
        select(table.c.state, table.c.level, func.count(), func.sum(table.c.amount))
        .outerjoin_from(table, stay, stay.c.id == table.c.stay_id)
        .where(*_conditions(wanted))
        .group_by(table.c.state, table.c.level)
        .order_by(table.c.state, table.c.level)
    )
    return [Counted(*row) for row in connection.execute(ask)]


def named(connection: Connection, wanted: Wanted) -> list[tuple[str | None, str, str]]:
    """Department, book and rule that the findings asked for name, each combination once."""
    ask = (
        select(table.c.department, table.c.book, table.c.rule)
        .outerjoin_from(table, stay, stay.c.id == table.c.stay_id)
        .where(*_conditions(wanted))
        .distinct()
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(ask)]


def withdraw(connection: Connection, *, at: datetime, actor: str) -> int:
    """Mark the own findings of stays gone that were cancelled or merged into others.

    Returns:
        How many.
    """
    ask = (
        select(table.c.stay_id)
        .join_from(table, stay, stay.c.id == table.c.stay_id)
        .where(
            stay.c.state.in_((StayState.CANCELLED, StayState.MERGED)),
            table.c.source == Source.OWN,
            table.c.gone.is_(None),
        )
        .distinct()
    )
    stays = [number for number in connection.execute(ask).scalars() if number is not None]
    return keep(connection, [], at=at, actor=actor, screened=stays).gone if stays else 0


def _listed(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], limit: int
) -> list[Listed]:
    # Ids first: documents are read of the page alone.
    beside = (stay.c.case_id, stay.c.visit, stay.c.department, stay.c.state)
    ask = (
        select(table.c.id, *beside)
        .outerjoin_from(table, stay, stay.c.id == table.c.stay_id)
        .where(*conditions)
        .order_by(table.c.id.desc())
        .limit(limit)
    )
    found = list(connection.execute(ask))
    named = select(*COLUMNS).where(table.c.id.in_([row[0] for row in found]))
    rows = {row.id: row for row in found_rows(connection, named)}
    return [Listed(rows[row[0]], *row[1:]) for row in found]


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    c = table.c
    found: list[ColumnElement[bool]] = []
    for column, values in (
        (c.state, wanted.states),
        (c.level, wanted.levels),
        (c.rule, wanted.rules),
    ):
        if values is not None:
            found.append(column.in_(list(values)) if values else false())
    for column, value in (
        (c.department, wanted.department),
        (c.physician, wanted.physician),
        (c.source, wanted.source),
        (c.assignee, wanted.assignee),
        (stay.c.case_id, wanted.case_id),
        (c.batch_id, wanted.batch_id),
        (c.shadow, wanted.shadow),
    ):
        if value is not None:
            found.append(column == _plain(value))
    for column, there in ((c.gone, wanted.gone), (c.closed, wanted.closed)):
        if there is not None:
            found.append(column.is_not(None) if there else column.is_(None))
    if wanted.day_from is not None:
        found.append(c.day >= wanted.day_from)
    if wanted.day_until is not None:
        found.append(c.day < wanted.day_until)
    return found + _reach(wanted) + _due(wanted) + _text(wanted)


def _plain(value: Any) -> Any:  # noqa: ANN401 -- a value of any column
    # A NUL is in no text, and PostgreSQL takes none.
    return value.replace("\x00", "␀") if isinstance(value, str) else value


def _reach(wanted: Wanted) -> list[ColumnElement[bool]]:
    if wanted.departments is None:
        return []
    own = list(wanted.departments)
    named = [column.in_(own) for column in (table.c.department, stay.c.department)]
    asked = table.c.asked_department.in_(own)
    mine = table.c.assignee == wanted.account if wanted.account else false()
    return [or_(*named, asked, mine) if own else mine]


def _due(wanted: Wanted) -> list[ColumnElement[bool]]:
    if wanted.due_before is None:
        return []
    c = table.c
    passed = [column < wanted.due_before for column in (c.due, c.asked_until)]
    return [and_(c.closed.is_(None), or_(*passed))]


def _text(wanted: Wanted) -> list[ColumnElement[bool]]:
    if not wanted.text:
        return []
    asked = _plain(wanted.text)
    whole = [column == asked for column in (table.c.key, stay.c.case_id)]
    begins = [column.startswith(asked, autoescape=True) for column in (stay.c.visit, table.c.rule)]
    return [or_(*whole, *begins)]
