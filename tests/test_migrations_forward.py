"""From every revision that was ever released to today's: nothing is lost, and it may be broken off.

Each revision counts as released. The rows are made from what the database itself says of its tables at
that revision, so that a new revision is held to this without a new test.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import migration_kill
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from migration_support import ROWS, SETS, build, lost, reading, revisions, rows_of
from postgres_support import fresh_database, server
from sqlalchemy import text

from grouper.store.checking import check
from grouper.store.database import Database, connect
from grouper.store.migrate import pending, upgrade
from grouper.store.schema import INBOX, STORE

METADATA = {"store": STORE, "inbox": INBOX}
Make = Callable[[str], Database]


def _cases() -> Iterator[object]:
    """Every revision of both sets; in the default run the oldest ones on SQLite alone."""
    for name in SETS:
        for at, revision in enumerate(revisions(name)):
            for kind in ("sqlite", "postgresql"):
                few = kind == "sqlite" and not at
                yield pytest.param(name, revision, kind, marks=() if few else pytest.mark.slow)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes databases without tables, of a kind."""
    with ExitStack() as stack:

        def made(kind: str) -> Database:
            url = f"sqlite:///{tmp_path / 'grouper.sqlite'}"
            if kind == "postgresql":
                server()
                url = stack.enter_context(fresh_database())
            found = connect(url)
            stack.callback(found.close)
            return found

        yield made


def differences(database: Database, name: str) -> list[object]:
    """What a set of tables has other than it should."""
    metadata = METADATA[name]
    foreign = {one for other in METADATA.values() if other is not metadata for one in other.tables}
    foreign |= {f"{one}_revision" for one in SETS}

    def ours(one: str | None, kind: str, _parents: object) -> bool:
        return not (kind == "table" and one in foreign)

    options = {
        "version_table": f"{name}_revision",
        "compare_type": True,
        "compare_server_default": True,
        "include_name": ours,
    }
    with reading(database, name) as connection:
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))


@pytest.mark.parametrize(("name", "revision", "kind"), list(_cases()))
def test_nothing_is_lost(name: str, revision: str, kind: str, make: Make) -> None:
    database = make(kind)
    for other in SETS:
        build(database, other, revision if other == name else revisions(other)[0])
    before = rows_of(database, name)
    assert before
    assert all(len(rows) == ROWS for rows in before.values())
    steps = pending(database)
    assert steps[-1:] == upgrade(database)[-1:]
    assert lost(before, rows_of(database, name)) == []
    for one in SETS:
        assert differences(database, one) == []
    assert upgrade(database) == ()


def test_a_loss_would_be_seen(make: Make) -> None:
    database = make("sqlite")
    build(database, "store", "store_1")
    before = rows_of(database, "store")
    assert lost(before, before) == []
    with database.writing_store() as connection:
        connection.execute(text("UPDATE stay SET visit = 'x' WHERE id = 2"))
        connection.execute(text("DELETE FROM alert WHERE id = 1"))
    assert lost(before, rows_of(database, "store")) == ["alert", "stay.visit"]


def _copies(kind: str, count: int, stack: ExitStack, folder: Path) -> list[str]:
    """Databases at the first revisions with rows in them, all the same."""
    found = []
    if kind == "sqlite":
        for at in range(count):
            place = folder / str(at)
            place.mkdir()
            found.append(f"sqlite:///{place / 'grouper.sqlite'}")
    else:
        server()
        found = [stack.enter_context(fresh_database()) for _ in range(count)]
    for url in found:
        database = connect(url)
        build(database, "inbox", "inbox_1")
        build(database, "store", "store_1")
        database.close()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_upgrade_that_is_killed_is_begun_again(kind: str, tmp_path: Path) -> None:
    """kill -9 before single statements: all of a set's steps or none, and the next start does the rest."""
    moments = [0, 3, 8, 12, 20, 30, 45, 10_000]
    with ExitStack() as stack:
        urls = _copies(kind, len(moments), stack, tmp_path)
        arguments = [str(one) for pair in zip(urls, moments, strict=True) for one in pair]
        done = subprocess.run(
            [sys.executable, migration_kill.__file__, *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        said = done.stdout.split()
        assert said[0] == "killed"
        assert said[-1] == "done"
        assert said.count("killed") >= 5
        for url in urls:
            database = connect(url)
            stack.callback(database.close)
            before = {one: rows for one, rows in rows_of(database, "store").items() if rows}
            later = {"store:store_2", "store:store_3", "store:store_4"}
            whole = later & set(pending(database))
            assert whole in (set(), later)
            upgrade(database)
            assert lost(before, rows_of(database, "store")) == []
            assert all(len(rows) == ROWS for rows in before.values())
            assert differences(database, "store") == []
            assert check(database).files == ()


def test_every_table_of_today_is_looked_at(make: Make) -> None:
    database = make("sqlite")
    upgrade(database)
    for name, metadata in METADATA.items():
        assert set(rows_of(database, name)) == set(metadata.tables)
