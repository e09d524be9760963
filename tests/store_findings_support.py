"""Findings in the store as tests put and read them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from review_support import AT

from grouper.store import finding_events, findings
from grouper.store.database import Database
from grouper.store.finding_events import Change
from grouper.store.finding_rows import FindingRow

A, B, C = "a" * 24, "b" * 24, "c" * 24
LATER = AT + timedelta(days=1)
LAST = AT + timedelta(days=2)


def every(found: Database) -> list[FindingRow]:
    """The findings of the first stay."""
    with found.reading() as connection:
        return findings.of_stay(connection, 1)


def events(found: Database, number: int) -> list[tuple[str, str, str]]:
    """What happened to a finding: the action, the state before and after."""
    with found.reading() as connection:
        told = finding_events.events_of(connection, number)
    return [(one.action, one.before, one.after) for one in told]


def put(found: Database, number: int, after: str, **values: Any) -> None:
    """A step, whatever the review says."""
    with found.writing_store() as connection:
        now = findings.one(connection, number)
        assert now is not None
        change = Change(action="put", after=after, values=values)
        findings.step(connection, number, now.state, change, at=AT, actor="office1")
