"""Tables written out and read back: the same rows in any database, or nothing at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from postgres_support import postgres_url
from sqlalchemy import (
    JSON,
    Boolean,
    Date,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    delete,
    insert,
    inspect,
    select,
    text,
)
from store_support import open_database

from grouper.store import backup
from grouper.store.backup import dump, load
from grouper.store.database import Database, StoreError, connect, make_files
from grouper.store.migrate import STORE_SET, pending, upgrade
from grouper.store.money import Money
from grouper.store.schema import INBOX, STORE, Instant, alert, message

__all__ = ["postgres_url"]

_ROWS = 4
WAYS = [("sqlite", "sqlite"), ("sqlite", "postgresql"), ("postgresql", "sqlite")]


def value(table: Table, name: str, at: int) -> Any:
    """Some value of a column, another one in each row; in the last row none where none may stand."""
    column = table.columns[name]
    kind = column.type
    if at == _ROWS and column.nullable:
        return None
    if isinstance(kind, Instant):
        return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(microseconds=at)
    if isinstance(kind, Money):
        return Decimal(at) / 4
    if isinstance(kind, JSON):
        return {"a": [at, None, "甲"], "b": {}}
    if isinstance(kind, Boolean):
        return at % 2 == 0
    if isinstance(kind, Date):
        return date(2026, 1, at)
    if isinstance(kind, LargeBinary):
        return bytes([0, at, 255])
    if isinstance(kind, Numeric):
        return Decimal(f"{at}.2500")
    if isinstance(kind, Integer):
        return at
    return f"{at}甲"[: getattr(kind, "length", None) or 9]


def fill(database: Database) -> None:
    """A few rows of every table."""
    text = database.store.dialect.name == "sqlite"
    for tables, writing in (
        (STORE, database.writing_store()),
        (INBOX, database.writing_inbox()),
    ):
        with writing as connection:
            for table in tables.sorted_tables:
                rows = [
                    {one.name: value(table, one.name, at) for one in table.columns}
                    for at in range(1, _ROWS + 1)
                ]
                if text and "quantity" in table.columns:
                    for row in rows:
                        row["quantity"] = row["quantity"] and str(row["quantity"])
                connection.execute(insert(table), rows)


def read(database: Database) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables."""
    found = {}
    for tables, reading in ((STORE, database.reading()), (INBOX, database.reading_inbox())):
        with reading as connection:
            for table in tables.sorted_tables:
                query = select(table).order_by(*table.primary_key.columns)
                rows = [dict(row._mapping) for row in connection.execute(query)]
                for row in rows:
                    if row.get("quantity") is not None:
                        row["quantity"] = Decimal(row["quantity"])
                found[table.name] = rows
    return found


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_every_table_comes_back(source: str, target: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "b").mkdir()
    told: dict[str, int] = {}
    with open_database(source, tmp_path) as database:
        fill(database)
        # An id that was given and is gone is not given again.
        with database.writing_store() as connection:
            connection.execute(delete(alert).where(alert.c.id == _ROWS))
        before = read(database)
        found = dump(database, out, told.__setitem__)
    assert all(rows == _ROWS for name, rows in told.items() if name != "alert")
    assert told["alert"] == _ROWS - 1
    with open_database(target, tmp_path / "b") as other:
        load(other, out, found)
        assert read(other) == before
        with pytest.raises(StoreError) as caught:
            load(other, out, found)
        assert caught.value.code == "BACKUP_NOT_EMPTY"
        assert read(other) == before
        fresh = {one.name: value(alert, one.name, 9) for one in alert.columns if one.name != "id"}
        with other.writing_store() as connection:
            number = connection.execute(insert(alert), fresh).inserted_primary_key
        if source == "sqlite":
            assert number == (_ROWS + 1,)


def test_an_empty_database_without_tables_is_filled_too(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with open_database("sqlite", tmp_path) as database:
        fill(database)
        before = read(database)
        found = dump(database, out)
    other = connect(f"sqlite:///{tmp_path / 'new' / 'grouper.sqlite'}")
    try:
        load(other, out, found, lambda *_: None)
        assert upgrade(other) == ()
        assert read(other) == before
    finally:
        other.close()


def test_what_is_torn_or_of_a_later_program_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "b").mkdir()
    with open_database("sqlite", tmp_path) as database:
        fill(database)
        found = dump(database, out)
    with open_database("sqlite", tmp_path / "b") as other:
        nothing = read(other)
        path = out / "store.alert.parquet"
        whole = path.read_bytes()
        pq.write_table(pq.read_table(path).slice(1), path)
        with pytest.raises(StoreError) as caught:
            load(other, out, found)
        assert caught.value.code == "BACKUP_TORN"
        path.write_bytes(whole[:100])
        with pytest.raises(StoreError) as caught:
            load(other, out, found)
        assert caught.value.code == "BACKUP_TORN"
        assert caught.value.params == {"table": "alert"}
        path.write_bytes(whole)
        later = {**found, "store": {**found["store"], "revision": "store_999"}}
        with pytest.raises(StoreError) as caught:
            load(other, out, later)
        assert caught.value.code == "STORE_NEWER"
        assert read(other) == nothing
        load(other, out, found)


def test_tables_behind_are_not_written_out(tmp_path: Path) -> None:
    database = connect(f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    try:
        with pytest.raises(StoreError) as caught:
            dump(database, tmp_path)
        assert caught.value.code == "STORE_OLD"
    finally:
        database.close()


@pytest.mark.slow
def test_a_backup_of_an_earlier_program_is_brought_up_to_date(tmp_path: Path) -> None:
    """Every revision that was ever released: its tables as they were then, filled, and upgraded."""
    revisions = [step.revision for step in STORE_SET.scripts().walk_revisions()][::-1]
    out = tmp_path / "out"
    out.mkdir()
    with open_database("sqlite", tmp_path) as database:
        fill(database)
        found = dump(database, out)
        before = read(database)
    for revision in revisions:
        folder = tmp_path / revision
        folder.mkdir()
        old = connect(f"sqlite:///{folder / 'old.sqlite'}")
        make_files(old)
        with old.writing_store() as connection:
            STORE_SET.upgrade(connection, revision)
        with old.reading() as connection:
            there = {
                name: {one["name"] for one in inspect(connection).get_columns(name)}
                for name in inspect(connection).get_table_names()
            }
        old.close()
        tables = {name: rows for name, rows in found["store"]["rows"].items() if name in there}
        pieces = folder / "tables"
        pieces.mkdir()
        for path in out.glob("inbox.*"):
            (pieces / path.name).write_bytes(path.read_bytes())
        for name in tables:
            table = pq.read_table(out / f"store.{name}.parquet")
            names = [one for one in table.column_names if one in there[name]]
            pq.write_table(table.select(names), pieces / f"store.{name}.parquet")
        counted = {k: v for k, v in found["store"]["counted"].items() if k in tables}
        told = {**found, "store": {"revision": revision, "rows": tables, "counted": counted}}
        url = f"sqlite:///{folder / 'new.sqlite'}"
        other = connect(url)
        load(other, pieces, told)
        upgrade(other)
        after = read(other)
        other.close()
        for name in tables:
            kept = [one for one in after[name][0] if one in there[name]]
            assert [[row[one] for one in kept] for row in after[name]] == [
                [row[one] for one in kept] for row in before[name]
            ], (revision, name)


def test_rows_of_any_table_keep_a_restore_away(tmp_path: Path) -> None:
    """Also of one that the backup does not know; and said so, they go, as does an id counted further."""
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "b").mkdir()
    with open_database("sqlite", tmp_path) as database:
        found = dump(database, out)
        nothing = read(database)
    known = {name: rows for name, rows in found["store"]["rows"].items() if name != "alert"}
    told = {**found, "store": {**found["store"], "rows": known}}
    with open_database("sqlite", tmp_path / "b") as other:
        row = {one.name: value(alert, one.name, 1) for one in alert.columns}
        with other.writing_store() as connection:
            connection.execute(insert(alert), row)
        with pytest.raises(StoreError) as caught:
            load(other, out, told)
        assert caught.value.code == "BACKUP_NOT_EMPTY"
        load(other, out, told, replace=True)
        assert read(other) == nothing


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("sets", [("store",), ("inbox",), ("store", "inbox")])
def test_what_a_later_program_made_of_the_target_goes_too(
    kind: str, sets: tuple[str, ...], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The way back: the backup of before an upgrade, read by the older program."""
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "b").mkdir()
    with open_database("sqlite", tmp_path) as database:
        fill(database)
        before = read(database)
        found = dump(database, out)
    url = f"sqlite:///{tmp_path / 'b' / 'grouper.sqlite'}"
    if kind == "postgresql":
        url = request.getfixturevalue("postgres_url")
    other = connect(url)
    try:
        # On PostgreSQL the database is there for all cases.
        load(other, out, found, replace=True)
        for one in sets:
            known = "alert" if one == "store" else "message"
            with other.writing_store() if one == "store" else other.writing_inbox() as connection:
                for words in (
                    f"UPDATE {one}_revision SET version_num = 'later'",  # noqa: S608 -- own words
                    f"CREATE TABLE {one}_added (at INTEGER REFERENCES {known} (id))",
                    f"INSERT INTO {one}_added VALUES (1)",  # noqa: S608 -- own words
                    f"ALTER TABLE {known} ADD COLUMN later INTEGER",
                ):
                    connection.execute(text(words))
        with pytest.raises(StoreError) as caught:
            load(other, out, found)
        assert caught.value.code == "STORE_NEWER"
        load(other, out, found, replace=True)
        assert pending(other) == ()
        assert read(other) == before
        for engine in (other.store, other.inbox):
            with engine.connect() as connection:
                names = inspect(connection).get_table_names()
                assert not [name for name in names if name.endswith("_added")]
    finally:
        other.close()


def test_large_rows_go_in_small_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece ends when it holds enough bytes, however few rows."""
    monkeypatch.setattr(backup, "_BYTES", 5_000)
    out = tmp_path / "out"
    out.mkdir()
    with open_database("sqlite", tmp_path) as database:
        rows = [
            {one.name: value(message, one.name, at) for one in message.columns} for at in (1, 2, 3)
        ]
        with database.writing_inbox() as connection:
            # One after the other: each is fetched by itself.
            connection.execute(insert(message), [{**one, "raw": b"x" * 9_000} for one in rows])
        monkeypatch.setattr(backup, "_FETCHED_LARGE", 1)
        found = dump(database, out)
        before = read(database)
    with pq.ParquetFile(out / "inbox.message.parquet") as file:
        assert file.num_row_groups == 3
    (tmp_path / "b").mkdir()
    with open_database("sqlite", tmp_path / "b") as other:
        load(other, out, found)
        assert read(other) == before


def test_a_value_that_the_target_does_not_take(tmp_path: Path) -> None:
    """SQLite holds any length; PostgreSQL says no, without a word of the value."""
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "b").mkdir()
    with open_database("sqlite", tmp_path) as database:
        row = {one.name: value(alert, one.name, 1) for one in alert.columns}
        with database.writing_store() as connection:
            connection.execute(insert(alert), {**row, "kind": "SECRET" * 20})
        found = dump(database, out)
    with open_database("postgresql", tmp_path / "b") as other:
        with pytest.raises(StoreError) as caught:
            load(other, out, found)
        assert (caught.value.code, caught.value.params["table"]) == ("BACKUP_VALUE", "alert")
        assert "SECRET" not in caught.value.describe("en")
        assert not any(read(other).values())


def test_a_null_of_json_stays_one_where_none_of_sql_may_stand(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "b").mkdir()
    with open_database("sqlite", tmp_path) as database:
        row = {one.name: value(alert, one.name, 1) for one in alert.columns}
        with database.writing_store() as connection:
            connection.execute(insert(alert), {**row, "about": JSON.NULL})
        found, before = dump(database, out), read(database)
    with open_database("sqlite", tmp_path / "b") as other:
        load(other, out, found)
        assert read(other) == before
