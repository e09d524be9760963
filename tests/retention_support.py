"""Rows of any table for tests of retention: what is not said is filled with something that may stand."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Date,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    func,
    insert,
    select,
)
from store_support import open_database

from grouper.store import audit
from grouper.store.database import Database, connect
from grouper.store.money import Money
from grouper.store.retention_rows import SWEPT
from grouper.store.schema import INBOX, Instant


@cache
def _template() -> Path:
    """A folder with the files of an empty database: copying them is faster than making the tables."""
    folder = Path(tempfile.mkdtemp(prefix="grouper-retention-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with open_database("sqlite", folder):
        pass
    return folder


@contextmanager
def copied(folder: Path) -> Iterator[Database]:
    """An empty database of SQLite in a folder."""
    for path in _template().iterdir():
        shutil.copy(path, folder)
    found = connect(f"sqlite:///{folder / 'grouper.sqlite'}")
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    with copied(tmp_path) as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Each test that asks for it runs on both kinds."""
    opened = (
        copied(tmp_path) if request.param == "sqlite" else open_database("postgresql", tmp_path)
    )
    with opened as found:
        yield found


NOW = datetime(2026, 11, 20, 19, 30, tzinfo=UTC)
"""Half past three at night in China."""
OLD = NOW - timedelta(days=5000)
NEW = NOW - timedelta(hours=1)


def _filled(table: Table, name: str) -> Any:
    column = table.columns[name]
    kind = column.type
    if isinstance(kind, Instant):
        return NEW
    if isinstance(kind, Money):
        return Decimal(1)
    if isinstance(kind, JSON):
        return {}
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, Date):
        return date(2026, 11, 1)
    if isinstance(kind, LargeBinary):
        return b"x" * 32
    if isinstance(kind, Numeric | Integer) or kind.python_type is int:
        return 0
    return "x"


def put(database: Database, table: Table, **values: Any) -> int:
    """Add a row; returns its number (0 where it has none of its own)."""
    needed = {
        column.name: _filled(table, column.name)
        for column in table.columns
        if not column.nullable and column.name != "id"
    }
    writing = database.writing_inbox if table.metadata is INBOX else database.writing_store
    with writing() as connection:
        done = connection.execute(insert(table).values(**needed | values))
    return int(done.inserted_primary_key[0]) if "id" in table.columns else 0


def ids(database: Database, table: Table, column: str = "id") -> list[Any]:
    """What stands in a column, in its order."""
    reading = database.reading_inbox if table.metadata is INBOX else database.reading
    with reading() as connection:
        return list(connection.scalars(select(table.c[column]).order_by(table.c[column])))


def count(database: Database, table: Table) -> int:
    """How many rows there are."""
    reading = database.reading_inbox if table.metadata is INBOX else database.reading
    with reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def entered(database: Database) -> list[tuple[str, str, int]]:
    """Who swept what, and how much, the oldest entry first."""
    with database.reading() as connection:
        found = audit.entries(connection, action=SWEPT)
    return [(one.actor, one.object, one.about["rows"]) for one in reversed(found)]
