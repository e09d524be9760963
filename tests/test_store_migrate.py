"""Migrations: they lead to the tables of the schema, twice as well as once."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from postgres_support import fresh_database, server
from sqlalchemy import Column, MetaData, String, Table, inspect, text
from store_support import open_database

from grouper.store import migrate, review_schema
from grouper.store.database import Database, StoreError, connect
from grouper.store.migrate import pending, upgrade
from grouper.store.schema import INBOX, STORE

SETS = {"inbox_revision": INBOX, "store_revision": review_schema.STORE}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the test's own: it changes the tables."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'grouper.sqlite'}"
        if request.param == "postgresql":
            server()
            url = stack.enter_context(fresh_database())
        found = connect(url)
        stack.callback(found.close)
        upgrade(found)
        yield found


def differences(database: Database, version_table: str, metadata: MetaData) -> list[object]:
    engine = database.inbox if metadata is INBOX else database.store
    others = {n for m in SETS.values() if m is not metadata for n in m.tables} | set(SETS)

    def ours(name: str | None, kind: str, _parents: object) -> bool:
        # On PostgreSQL the other set is in the same database.
        return not (database.postgresql and kind == "table" and name in others)

    with engine.connect() as connection:
        options = {
            "version_table": version_table,
            "compare_type": True,
            "compare_server_default": True,
            "include_name": ours,
        }
        return list(
            compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        )


@pytest.mark.parametrize("version_table", SETS)
def test_they_lead_to_the_schema(database: Database, version_table: str) -> None:
    assert differences(database, version_table, SETS[version_table]) == []


def test_the_comparison_would_see_a_difference(database: Database) -> None:
    with database.writing_store() as connection:
        connection.execute(text("ALTER TABLE stay ADD COLUMN more INTEGER"))
        connection.execute(text("DROP INDEX ix_stay_changed"))
    found = differences(database, "store_revision", STORE)
    assert [change[0] for change in found] == ["add_index", "remove_column"]


def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    made = connect(f"sqlite:///{tmp_path / 'deep' / 'folder' / 'grouper.sqlite'}")
    steps = pending(made)
    assert steps == (
        "inbox:inbox_1",
        "store:store_1",
        "store:store_2",
        "store:store_3",
        "store:store_4",
    )
    assert upgrade(made) == steps
    assert upgrade(made) == ()
    assert pending(made) == ()
    assert stat.S_IMODE((tmp_path / "deep" / "folder").stat().st_mode) == 0o700
    made.close()


def test_two_services_may_start_at_once_on_postgresql() -> None:
    server()
    with fresh_database() as url:
        first, second = connect(url), connect(url)
        assert upgrade(first)
        assert upgrade(second) == ()
        for one in (first, second):
            one.close()


@pytest.mark.parametrize("name", ["inbox", "store"])
def test_a_database_of_a_later_program_is_refused(database: Database, name: str) -> None:
    writing = database.writing_inbox() if name == "inbox" else database.writing_store()
    with writing as connection:
        table = Table(f"{name}_revision", MetaData(), Column("version_num", String))
        connection.execute(table.update().values(version_num=f"{name}_9999"))
    for ask in (pending, upgrade):
        with pytest.raises(StoreError) as refused:
            ask(database)
        assert refused.value.code == "STORE_NEWER"
        assert f"{name}_9999" in refused.value.describe("en")


def test_a_step_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = connect(f"sqlite:///{tmp_path / 'grouper.sqlite'}")

    def broken(_config: object, _revision: str) -> None:
        with made.store.connect() as connection:
            assert inspect(connection).get_table_names() == []
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(migrate.command, "upgrade", broken)
        with pytest.raises(RuntimeError):
            upgrade(made)
    assert len(pending(made)) == 5
    assert len(upgrade(made)) == 5
    made.close()


def test_a_folder_that_cannot_be_made_is_declared(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    made = connect(f"sqlite:///{tmp_path / 'file' / 'deeper' / 'grouper.sqlite'}")
    with pytest.raises(StoreError) as refused:
        upgrade(made)
    assert refused.value.code == "STORE_UNAVAILABLE"
    made.close()


def test_the_steps_come_with_the_package() -> None:
    folder = Path(migrate.__file__).parent / "migrations"
    assert {p.parent.parent.name for p in folder.glob("*/versions/*_1.py")} == {"inbox", "store"}


def test_both_kinds_open(tmp_path: Path) -> None:
    with open_database("sqlite", tmp_path) as found:
        assert not found.postgresql
        assert found.inbox is not found.store
