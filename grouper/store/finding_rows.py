"""The row of a finding, as it stands in the store."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from grouper.store.review_schema import finding as table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from sqlalchemy import ColumnElement, Connection, Select

LINES = "line_names"
"""Name in the document of what the sender calls the charge lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """A finding.

    Attributes:
        id: of its row; None before it is kept.
        key: of our own findings their id (24 hexadecimal digits), of others a hash of where they
            stand.
        source: :class:`grouper.store.states.Source`.
        moment: ``order``, ``stay`` or ``upload``.
        screening_id: the last screening that found it.
        batch_id: the insurer's list that it stands in.
        stay_id: None: of no stay that is here.
        version: of the stay, in which it was found last.
        rule, row, book, book_hash, level, department, physician, day: as in ``FINDING_SCHEMA``.
        amount: yuan at stake.
        document: the row of ``FINDING_SCHEMA`` as JSON, beside it ``line_names``.
        shadow: of a rule in shadow or in review: not shown to physicians.
        whitelist_id: the exception that holds.
        state: where it stands in the review; empty, before it is kept: where its source begins.
        raised_by: ``screening``, ``insurer`` or an account.
        first_seen, last_seen: when it was found; set when it is kept.
        gone: since when a screening of its stay has not found it any more.
        assignee: account that is to act.
        due: when the review has to come to its next state; of the insurer's its own deadline.
        asked_department: the department that is asked where it is not ``department``.
        asked_until: until when it has to answer.
        opinion_by: who gave the opinion that stands.
        judged: when someone last judged whether it is rightly found.
        closed, closed_by: when and by whom.
        false_positive: it was wrongly found.
        deduction: yuan.
    """

    id: int | None = None
    key: str
    source: str
    moment: str
    screening_id: int | None = None
    batch_id: int | None = None
    stay_id: int | None = None
    version: int | None = None
    rule: str
    row: str | None = None
    book: str
    book_hash: str
    level: str
    department: str | None = None
    physician: str | None = None
    day: date | None = None
    amount: Decimal
    document: Mapping[str, Any]
    shadow: bool = False
    whitelist_id: int | None = None
    state: str = ""
    raised_by: str
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    gone: datetime | None = None
    assignee: str | None = None
    due: datetime | None = None
    asked_department: str | None = None
    asked_until: datetime | None = None
    opinion_by: str | None = None
    judged: datetime | None = None
    closed: datetime | None = None
    closed_by: str | None = None
    false_positive: bool = False
    deduction: Decimal | None = None

    @property
    def line_names(self) -> frozenset[str]:
        """What the sender calls its lines."""
        return frozenset(self.document.get(LINES) or ())


NAMES = tuple(one.name for one in fields(FindingRow))
COLUMNS = tuple(table.c[name] for name in NAMES)


def values_of(row: FindingRow) -> dict[str, Any]:
    """A finding as the values of its columns, without its id."""
    return {name: getattr(row, name) for name in NAMES if name != "id"}


def found_rows(connection: Connection, ask: Select[Any]) -> list[FindingRow]:
    """The findings that a question for :data:`COLUMNS` gives."""
    return [FindingRow(**row) for row in connection.execute(ask).mappings()]


def rows_where(connection: Connection, *conditions: ColumnElement[bool]) -> Sequence[FindingRow]:
    """The findings of which something holds, in the order of their rows."""
    return found_rows(connection, select(*COLUMNS).where(*conditions).order_by(table.c.id))
