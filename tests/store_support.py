"""Databases of both kinds for tests of the store, and short ways to apply what messages say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from postgres_support import server
from sqlalchemy import select, text

from grouper.intake.event import Coded, Event, Line
from grouper.store.database import Database, connect
from grouper.store.migrate import upgrade
from grouper.store.reading import StayHead, stay_by_visit
from grouper.store.schema import INBOX, STORE
from grouper.store.stays import Applier

HOSPITAL = "H0001"
START = datetime(2026, 3, 1, tzinfo=UTC)
_SHARED = "grouper_store"


@cache
def _shared() -> str:
    """URL of a database that has its tables already; one for all tests, who empty it first."""
    server().execute(f"CREATE DATABASE {_SHARED}")
    url = server().url(_SHARED)
    database = connect(url)
    upgrade(database)
    database.close()
    return url


def _empty(database: Database) -> None:
    names = ", ".join([*INBOX.tables, *STORE.tables])
    with database.writing_store() as connection:
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))


@contextmanager
def open_database(kind: str, folder: Path) -> Iterator[Database]:
    """An empty database with its tables: ``sqlite`` or ``postgresql``."""
    if kind == "sqlite":
        database = connect(f"sqlite:///{folder / 'grouper.sqlite'}")
        try:
            upgrade(database)
            yield database
        finally:
            database.close()
        return
    database = connect(_shared())
    try:
        _empty(database)
        yield database
    finally:
        database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Each test that asks for it runs on both kinds."""
    with open_database(request.param, tmp_path) as found:
        yield found


class Feed:
    """Applies messages one after the other, each a transaction of its own.

    Args:
        database: with its tables.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.last = 0
        self.touched: tuple[int, ...] = ()

    def __call__(self, *events: Event, stamp: int | None = None) -> tuple[int, ...]:
        """Apply one message; its number counts up. ``stamp``: it replays that one."""
        self.last += 1
        at = START + timedelta(seconds=self.last)
        with self.database.writing_store() as connection:
            applier = Applier(connection, HOSPITAL)
            stays = applier.apply(events, self.last, stamp or self.last, at)
            applier.flush()
            self.touched = tuple(stay.id for stay in applier.touched)
        return stays

    def head(self, visit: str = "V1") -> StayHead:
        """The stay of a number as it is now."""
        with self.database.reading() as connection:
            found = stay_by_visit(connection, HOSPITAL, visit)
        assert found is not None
        return found

    def rows(self, table: Any) -> list[dict[str, Any]]:
        """All rows of a table in the order of its key."""
        with self.database.reading() as connection:
            found = connection.execute(select(table).order_by(*table.primary_key.columns))
            return [dict(row) for row in found.mappings()]


def stay(visit: str = "V1", patient: str = "P1", **values: Any) -> Event:
    """An event of a stay; ``dx`` and ``px`` as codes, other names are fields of Event or facts."""
    own = {k: v for k, v in values.items() if k in Event.__dataclass_fields__}
    facts = {k: v for k, v in values.items() if k not in own}
    for name in ("dx", "px"):
        if name in own and own[name] is not None:
            own[name] = tuple(
                c if isinstance(c, Coded) else Coded(code=c, rank=int(i > 0))
                for i, c in enumerate(own[name])
            )
    return Event(visit=visit, patient=patient, **{"facts": facts, **own})


def line(key: str, amount: str | None = "1.00", **about: Any) -> Line:
    """A charge line."""
    return Line(key=key, about={"line_item": f"I{key}", "line_amount": amount, **about})
