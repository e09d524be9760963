"""What physicians were told before an order was signed, and what became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from grouper.store.ids import blocks
from grouper.store.review_schema import order_check as table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from sqlalchemy import ColumnElement, Connection

GOES_ON, GOES_BACK = "1", "2"
"""Answers, as NHSA 3103 writes them: goes on, with a reason; goes back and changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCheckRow:
    """A finding that was told before an order was signed, or kept as shadow.

    Attributes:
        at: when.
        via: ``cds``, ``rest``, ``3101`` or ``3102``.
        moment: as of findings.
        actor: the account that asked.
        key: names what was told; the same thing told again has the same key.
        stay_id: None: of a case that is not here.
        rule, row, level, item, department, physician: as of findings.
        amount: yuan at stake.
        document: the row of ``FINDING_SCHEMA`` as JSON.
        shadow: of a rule in shadow or in review: kept, not told.
        answer: :data:`GOES_ON` or :data:`GOES_BACK`; None: none yet.
        answer_reason: why it goes on.
        answered, answered_by: when and by whom.
        id: of its row; None before it is kept.
    """

    at: datetime
    via: str
    moment: str
    actor: str
    key: str
    stay_id: int | None
    rule: str
    row: str | None
    level: str
    item: str | None
    department: str | None
    physician: str | None
    amount: Decimal
    document: Mapping[str, Any]
    shadow: bool = False
    answer: str | None = None
    answer_reason: str | None = None
    answered: datetime | None = None
    answered_by: str | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCount:
    """Of a rule: how often it was told, how often the order went on or back, and how often in shadow.

    Attributes:
        rule: its id.
        told: not in shadow.
        gone_on: of these, went on.
        gone_back: of these, went back and was changed.
        unanswered: of these, without an answer.
        shadow: kept, not told.
        reasons: how often each reason was given for going on.
    """

    rule: str
    told: int
    gone_on: int
    gone_back: int
    unanswered: int
    shadow: int
    reasons: Mapping[str, int]


_NAMES = tuple(one.name for one in fields(OrderCheckRow))


def keep(connection: Connection, rows: Sequence[OrderCheckRow]) -> int:
    """Add rows; returns how many.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        rows: what was told; their ids are not looked at.
    """
    for block in blocks(rows):
        values = [{name: getattr(row, name) for name in _NAMES if name != "id"} for row in block]
        connection.execute(insert(table), values)
    return len(rows)


def answer(
    connection: Connection, key: str, answer: str, reason: str | None, actor: str, at: datetime
) -> int:
    """Write down what became of something that was told; a later answer takes the place of an earlier.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        key: of what was told.
        answer: :data:`GOES_ON` or :data:`GOES_BACK`.
        reason: why it goes on.
        actor: who answered.
        at: when.

    Returns:
        How many rows were answered: all of the key that were told; 0: there are none.
    """
    values = {"answer": answer, "answer_reason": reason, "answered": at, "answered_by": actor}
    told = (table.c.key == key) & table.c.shadow.is_(False)
    return connection.execute(update(table).where(told).values(**values)).rowcount


def of_stay(connection: Connection, stay_id: int) -> list[OrderCheckRow]:
    """What was told of the orders of a stay, the oldest first."""
    return _rows(connection, table.c.stay_id == stay_id)


def of_key(connection: Connection, key: str) -> list[OrderCheckRow]:
    """What was told under a key, the oldest first."""
    return _rows(connection, table.c.key == key)


def _rows(connection: Connection, which: ColumnElement[bool]) -> list[OrderCheckRow]:
    ask = select(*(table.c[name] for name in _NAMES)).where(which).order_by(table.c.id)
    return [OrderCheckRow(**row) for row in connection.execute(ask).mappings()]


def counts(
    connection: Connection,
    since: datetime | None = None,
    until: datetime | None = None,
    departments: Sequence[str] | None = None,
) -> list[OrderCount]:
    """What was told and what became of it, by rule.

    Args:
        connection: a reading transaction.
        since: told then or later; None: ever.
        until: told before; None: until now.
        departments: any of them; None: all.
    """
    c = table.c
    parts = (c.rule, c.shadow, c.answer, c.answer_reason)
    ask = select(*parts, func.count()).group_by(*parts)
    if since is not None:
        ask = ask.where(c.at >= since)
    if until is not None:
        ask = ask.where(c.at < until)
    if departments is not None:
        ask = ask.where(c.department.in_(list(departments)))
    counted: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for rule, shadow, said, reason, number in connection.execute(ask):
        one = counted.setdefault(rule, Counter())
        if shadow:
            one["shadow"] += number
            continue
        one["told"] += number
        one[{GOES_ON: "gone_on", GOES_BACK: "gone_back"}.get(said, "unanswered")] += number
        if said == GOES_ON and reason:
            reasons.setdefault(rule, Counter())[reason] += number
    names = ("told", "gone_on", "gone_back", "unanswered", "shadow")
    return [
        OrderCount(
            rule=rule,
            reasons=dict(sorted(reasons.get(rule, {}).items())),
            **{name: counted[rule][name] for name in names},
        )
        for rule in sorted(counted)
    ]
