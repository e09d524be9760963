"""Stays to be screened, and what became of findings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from screening_support import (
    NIGHT,
    charge,
    ended,
    visited,
)
from screening_support import both as both  # noqa: PLC0414 -- a fixture
from screening_support import few_rules as few_rules  # noqa: PLC0414 -- a fixture
from store_support import Feed, open_database

from grouper.store import rule_standings
from grouper.store.database import Database
from grouper.store.rule_standings import StandingRow


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """What is no matter of the kind of database is asked on SQLite alone."""
    with open_database("sqlite", tmp_path) as made:
        yield made


def hospital(feed: Feed) -> None:
    """Persons with several stays and visits, stays of nobody, and one without lines."""
    feed(ended("V1", "P1", lines=(charge("a"), charge("b"))))
    feed(visited("V2", "2026-03-05"))
    # It returns after eight days with the same illness.
    feed(ended("V3", "P1", admission_time="2026-03-16 08:00", discharge_time="2026-03-19 09:00"))
    feed(ended("V4", "P2", admission_time="2026-03-01 08:00", lines=(charge("x"),)))
    feed(ended("V5", "", lines=(charge("a"), charge("b"), charge("c"))))
    feed(ended("V6", "P3", sex=None, dx=None))
    for number in range(12):
        feed(visited(f"W{number}", f"2026-03-{number + 1:02d}", "P4"))


def stand(database: Database, rule: str, standing_: str) -> None:
    row = StandingRow(
        book="national-2025", rule=rule, standing=standing_, at=NIGHT, actor="a", reason="试"
    )
    with database.writing_store() as connection:
        rule_standings.set_standing(connection, row)
