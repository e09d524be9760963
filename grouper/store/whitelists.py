"""Exceptions from rules: each with its reason and its end; they hold once another has approved."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from grouper.store import audit
from grouper.store.database import StoreError
from grouper.store.review_schema import whitelist as table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import ColumnElement, Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class WhitelistRow:
    """An exception.

    Attributes:
        rule: that it is one from.
        row: of the rule; None: all rows.
        scope: any of ``case_id``, ``department``, ``item``, ``dx`` (beginning of a code); all of
            them must fit.
        reason: why, in words.
        valid_from, valid_to: local days of what is found, half-open.
        created, created_by: when and by whom.
        approved, approved_by: by another; None: it does not hold yet.
        ended, ended_by, ended_reason: from then on it does not hold any more.
        id: of its row; None before it is kept.
    """

    rule: str
    row: str | None
    scope: Mapping[str, str]
    reason: str
    valid_from: date
    valid_to: date
    created: datetime
    created_by: str
    approved: datetime | None = None
    approved_by: str | None = None
    ended: datetime | None = None
    ended_by: str | None = None
    ended_reason: str | None = None
    id: int | None = None


_NAMES = tuple(one.name for one in fields(WhitelistRow))
_MADE = ("rule", "row", "scope", "reason", "valid_from", "valid_to", "created", "created_by")


def add(connection: Connection, row: WhitelistRow) -> int:
    """Propose an exception; returns its number. It holds once another account has approved it.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        row: the exception.
    """
    values = {name: getattr(row, name) for name in _MADE}
    made = connection.execute(insert(table).returning(table.c.id).values(**values))
    number = int(made.scalar_one())
    _log(connection, row.created_by, "whitelist_added", number, row.rule, row.created)
    return number


def approve(connection: Connection, number: int, actor: str, at: datetime) -> None:
    """Let an exception hold.

    Raises:
        StoreError: ``WHITELIST_UNKNOWN``, ``WHITELIST_SETTLED`` (approved or ended already),
            ``SECOND_PERSON`` (who proposed it may not).
    """
    row = one(connection, number)
    if row.approved is not None or row.ended is not None:
        raise StoreError("WHITELIST_SETTLED")
    if row.created_by == actor:
        raise StoreError("SECOND_PERSON", actor=actor)
    change = update(table).where(table.c.id == number)
    connection.execute(change.values(approved=at, approved_by=actor))
    _log(connection, actor, "whitelist_approved", number, row.rule, at)


def end(connection: Connection, number: int, actor: str, reason: str, at: datetime) -> None:
    """End an exception, or put a proposed one aside.

    Raises:
        StoreError: ``WHITELIST_UNKNOWN``, ``WHITELIST_SETTLED`` (ended already).
    """
    row = one(connection, number)
    if row.ended is not None:
        raise StoreError("WHITELIST_SETTLED")
    change = update(table).where(table.c.id == number)
    connection.execute(change.values(ended=at, ended_by=actor, ended_reason=reason))
    _log(connection, actor, "whitelist_ended", number, row.rule, at)


def _log(
    connection: Connection, actor: str, action: str, number: int, rule: str, at: datetime
) -> None:
    # Neither reason nor scope: words may name a patient.
    audit.append(connection, actor, action, f"whitelist:{number}", {"rule": rule}, at=at)


def one(connection: Connection, number: int) -> WhitelistRow:
    """An exception.

    Raises:
        StoreError: ``WHITELIST_UNKNOWN``.
    """
    for found in _rows(connection, table.c.id == number):
        return found
    raise StoreError("WHITELIST_UNKNOWN")


def every(connection: Connection, *, rule: str | None = None) -> list[WhitelistRow]:
    """All exceptions (of a rule), the newest first."""
    conditions = [] if rule is None else [table.c.rule == rule]
    return _rows(connection, *conditions)[::-1]


def holding(connection: Connection, day: date | None = None) -> Sequence[WhitelistRow]:
    """The exceptions that are approved and not ended, in the order of their rows.

    Args:
        connection: a reading transaction.
        day: that hold on a day; None: on whatever day.
    """
    c = table.c
    conditions: list[ColumnElement[bool]] = [c.approved.is_not(None), c.ended.is_(None)]
    if day is not None:
        conditions += [c.valid_from <= day, day < c.valid_to]
    return _rows(connection, *conditions)


def _rows(connection: Connection, *conditions: ColumnElement[bool]) -> list[WhitelistRow]:
    ask = select(*(table.c[name] for name in _NAMES)).where(*conditions).order_by(table.c.id)
    return [WhitelistRow(**row) for row in connection.execute(ask).mappings()]
