"""Stays in a store that break rules of the shipped book, and screenings of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from store_support import Feed, line, open_database, stay

from codebooks.audit.books import AuditBook, audit_book
from grouper.case.dates import LOCAL
from grouper.intake.event import Event, ItemAction, Line
from grouper.service import screening
from grouper.service.screening import How, screen_stored
from grouper.store import findings
from grouper.store.database import Database
from grouper.store.findings import FindingRow
from grouper.store.reading import StayHead
from grouper.store.review_schema import finding
from grouper.store.screenings import ScreeningRow

NIGHT = datetime(2026, 3, 10, 2, tzinfo=LOCAL)
ITEM = "001101000010000-110100001"
REPEATED, RETURN, HANGING = "LOC-DUPLINE", "GZ10000204001000", "LOC-HANG"
FREQUENT, PRICE = "GZ10000204002000", "GZ10000102001000"
_KEPT = {REPEATED, RETURN, HANGING, FREQUENT, PRICE, "LOC-IMPERS"}
FACTS: dict[str, Any] = {
    "region": "demo",
    "insurance_type": "310",
    "sex": "1",
    "age": "50",
    "department": "心内科",
    "admission_time": "2026-03-02 08:00",
}
"""A running stay of the demonstration region: nobody's."""


def charge(key: str, **about: Any) -> Line:
    """A charge line that repeats every other one of this function."""
    plain = {
        "line_item": ITEM,
        "line_quantity": "1",
        "line_amount": "20.00",
        "line_time": "2026-03-03 09:00",
        "line_department": "心内科",
        "line_class": "02",
        "line_scope": "A",
    }
    return line(key, **plain | about)


def gone(key: str) -> Line:
    """That a line is taken away."""
    return Line(key=key, action=ItemAction.DELETE)


def held(visit: str = "V1", patient: str = "P1", **values: Any) -> Event:
    """A stay; what is said replaces the usual facts, ``lines`` are charge lines."""
    return stay(visit, patient, **{"dx": ["I10.x00x002"], **FACTS, **values})


def ended(visit: str = "V1", patient: str = "P1", **values: Any) -> Event:
    """A stay that has ended."""
    left = {"discharge_time": "2026-03-08 10:00", "discharge_way": "1", "los": "6"}
    return held(visit, patient, **left | values)


def visited(visit: str, day: str, patient: str = "P1", **values: Any) -> Event:
    """An outpatient visit of a day."""
    times = {"admission_time": f"{day} 09:00", "discharge_time": f"{day} 10:00"}
    made = held(visit, patient, **times | values)
    return replace(made, facts={**made.facts, "kind": "outpatient"})


def screened(
    database: Database, scope: str = "running", *, night: int = 0, **how: Any
) -> ScreeningRow:
    """A screening of some nights later."""
    stopped = how.pop("stopped", lambda: False)
    asked = How(region="demo", **how)
    at = NIGHT + timedelta(days=night)
    return screen_stored(database, scope, asked, at, actor="tester", stopped=stopped)


def found(
    feed: Feed, visit: str = "V1", rules: Iterable[str] = (REPEATED, RETURN, HANGING)
) -> list[FindingRow]:
    """The findings of a stay that are kept, of some rules."""
    with feed.database.reading() as connection:
        rows = findings.of_stay(connection, feed.head(visit).id)
    return [row for row in rows if row.rule in set(rules)]


def standing(feed: Feed) -> dict[str, tuple[Any, ...]]:
    """All findings that stand: by key what is told of each."""
    told = {}
    for row in feed.rows(finding):
        if row["gone"] is None:
            names = ("rule", "row", "stay_id", "moment", "amount", "document", "shadow", "state")
            told[row["key"]] = tuple(row[name] for name in names)
    return told


def head(feed: Feed, visit: str = "V1") -> StayHead:
    """A stay as it is now."""
    return feed.head(visit)


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Each test that asks for it runs on both kinds of database."""
    with open_database(request.param, tmp_path) as made:
        yield made


@cache
def small_book() -> AuditBook:
    """The shipped book with a few rules of behaviour and lines, so that a screening takes little time."""
    book = audit_book()
    kept = {name: rule for name, rule in book.rules.items() if name in _KEPT}
    wanted = pa.array(sorted(_KEPT))
    tables = {
        name: table.filter(pc.is_in(table["rule"], wanted)) if name == "behaviour" else table[:0]
        for name, table in book.tables.items()
    }
    return replace(book, rules=kept, tables=tables)


@pytest.fixture(autouse=True)
def few_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Screenings of a module that imports it ask the rules of :func:`small_book` alone."""
    real = screening.audit_book

    def book(name: str) -> AuditBook:
        return small_book() if name == small_book().id else real(name)

    monkeypatch.setattr(screening, "audit_book", book)
