"""Statistics of the review, what became of order checks, and the deduction table of a month."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.messages import text
from grouper.audit.review import statistics
from grouper.audit.review.errors import ReviewError
from grouper.audit.review.statistics import Facts
from grouper.audit.review.tables import states
from grouper.case.dates import LOCAL
from grouper.service.finding_rules import book_named
from grouper.store import finding_statistics, order_checks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.audit.review.statistics import Tally
    from grouper.service.stored import Reach
    from grouper.store.database import Database
    from grouper.store.finding_statistics import Deducted
    from grouper.store.order_checks import OrderCount

COLUMNS = (
    "finding",
    "key",
    "source",
    "case_id",
    "rule",
    "rule_name",
    "level",
    "department",
    "physician",
    "day",
    "items",
    "amount",
    "deduction",
    "state",
    "closed",
    "closed_by",
)
"""Columns of the deduction table."""
_NAMES = tuple(one.name for one in fields(Facts))
_MONTH = re.compile(r"(?P<year>[0-9]{4})-(?P<month>0[1-9]|1[0-2])")
_FIRST_YEAR = 1970
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Statistics:
    """Tallies by one thing, all together, and order checks by rule."""

    groups: dict[str | None, Tally]
    total: Tally
    orders: Sequence[OrderCount]


def tallied(
    database: Database,
    reach: Reach,
    by: str,
    at: datetime,
    *,
    since: date | None = None,
    until: date | None = None,
    source: str | None = None,
    hidden: bool = True,
) -> Statistics:
    """Statistics of the findings of some days.

    Args:
        database: the store.
        reach: departments; None: all.
        by: one of :data:`grouper.audit.review.statistics.BY`.
        at: now, aware.
        since: local day of the finding, or later; of a finding without one that on which it was
            found.
        until: before this day.
        source: ``own``, ``insurer`` or ``person``; None: all.
        hidden: whether what physicians are not shown is counted, too.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    start = None if since is None else _midnight(since)
    end = None if until is None else _midnight(until)
    with database.reading() as connection:
        found = [
            Facts(**{name: getattr(row, name) for name in _NAMES})
            for row in finding_statistics.facts(
                connection,
                departments=reach,
                source=source,
                since=start,
                until=end,
                day_from=since,
                day_until=until,
            )
            if hidden or not (row.shadow or states()[row.state].hidden)
        ]
        orders = order_checks.counts(connection, start, end, reach)
    if not hidden:
        orders = [replace(one, shadow=0) for one in orders if one.told]
    total = statistics.Tally()
    for one in found:
        total.add(one, at)
    return Statistics(statistics.tallies(found, by, at), total, orders)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LOCAL)


def month_of(written: str) -> tuple[datetime, datetime]:
    """The local month ``YYYY-MM`` as two moments, half-open.

    Raises:
        ReviewError: ``REVIEW_MONTH``.
    """
    found = _MONTH.fullmatch(written)
    if found is None or not _FIRST_YEAR <= int(found["year"]) < date.max.year:
        raise ReviewError("REVIEW_MONTH", found=written[:20])
    first = date(int(found["year"]), int(found["month"]), 1)
    following = (first + timedelta(days=31)).replace(day=1)
    return _midnight(first), _midnight(following)


def deductions(database: Database, reach: Reach, month: str, lang: str) -> list[dict[str, Any]]:
    """The deduction table of a month: a row a finding that was closed in it with a deduction.

    Args:
        database: the store.
        reach: departments; None: all.
        month: ``YYYY-MM``.
        lang: of the rules' names.

    Raises:
        ReviewError: ``REVIEW_MONTH``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    since, until = month_of(month)
    with database.reading() as connection:
        found = finding_statistics.deductions(connection, since, until, reach)
    return [_row(one, lang) for one in found]


def _row(one: Deducted, lang: str) -> dict[str, Any]:
    row = one.finding
    rule = book_named(row.book).rules.get(row.rule)
    closed = None if row.closed is None else row.closed.astimezone(LOCAL)
    return {
        "finding": row.id,
        "key": row.key,
        "source": row.source,
        "case_id": one.case_id,
        "rule": row.rule,
        "rule_name": rule.name(lang) if rule else row.rule,
        "level": row.level,
        "department": row.department,
        "physician": row.physician,
        "day": row.day,
        "items": list(row.document.get("items") or ()),
        "amount": row.amount,
        "deduction": row.deduction,
        "state": row.state,
        "closed": closed,
        "closed_by": row.closed_by,
    }


def total_of(rows: Sequence[dict[str, Any]]) -> Decimal:
    """The deductions of rows together, in yuan."""
    return sum((row["deduction"] for row in rows), Decimal(0))


def as_csv(rows: Sequence[dict[str, Any]], lang: str) -> str:
    """The deduction table as CSV, with the byte order mark that spreadsheets look for."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([text(f"review.deduction.{name}", lang) for name in COLUMNS])
    for row in rows:
        writer.writerow([_cell(name, row[name], lang) for name in COLUMNS])
    return "\ufeff" + out.getvalue()


def _cell(name: str, value: Any, lang: str) -> str:  # noqa: ANN401 -- any cell of the table
    if value is None:
        return ""
    if name == "state":
        return text(f"review.state.{value}", lang)
    if name == "level":
        return text(f"audit_level.{value}", lang)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, Decimal):
        return format(value, "f")
    told = " ".join(value) if name == "items" else str(value)
    # A spreadsheet takes a text that begins so for a formula.
    return f"'{told}" if told.startswith(_FORMULA) else told
