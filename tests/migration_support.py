"""Databases at any revision, with rows in every table that they have then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Date,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    insert,
    inspect,
    select,
)
from sqlalchemy.types import TypeEngine

from grouper.store.database import Database, make_files
from grouper.store.migrate import INBOX_SET, STORE_SET
from grouper.store.schema import INBOX

SETS = {"store": STORE_SET, "inbox": INBOX_SET}
ROWS = 5
"""Of each table; the last one has nothing where nothing may stand."""


def revisions(name: str) -> list[str]:
    """All revisions of a set, the oldest first."""
    return [step.revision for step in SETS[name].scripts().walk_revisions()][::-1]


@contextmanager
def writing(database: Database, name: str) -> Iterator[Connection]:
    with database.writing_store() if name == "store" else database.writing_inbox() as connection:
        yield connection


@contextmanager
def reading(database: Database, name: str) -> Iterator[Connection]:
    with database.reading() if name == "store" else database.reading_inbox() as connection:
        yield connection


def tables(connection: Connection, name: str) -> dict[str, Table]:
    """The tables of a set as the database itself describes them."""
    # On PostgreSQL both sets are in one database.
    none = {"inbox_revision", "store_revision", "sqlite_sequence"}
    found = [
        one
        for one in inspect(connection).get_table_names()
        if one not in none and (one in INBOX.tables) == (name == "inbox")
    ]
    metadata = MetaData()
    return {one: Table(one, metadata, autoload_with=connection) for one in found}


def build(database: Database, name: str, revision: str) -> None:
    """The tables of a set as they were at a revision, with rows."""
    make_files(database)
    with writing(database, name) as connection:
        SETS[name].upgrade(connection, revision)
        for table in tables(connection, name).values():
            rows = [
                {column.name: _value(column, at) for column in table.columns}
                for at in range(1, ROWS + 1)
            ]
            connection.execute(insert(table), rows)


def rows_of(database: Database, name: str) -> dict[str, list[dict[str, Any]]]:
    """All rows of a set, by table."""
    with reading(database, name) as connection:
        return {
            one: [
                dict(row)
                for row in connection.execute(
                    select(table).order_by(*table.primary_key.columns)
                ).mappings()
            ]
            for one, table in tables(connection, name).items()
        }


def lost(
    before: dict[str, list[dict[str, Any]]], after: dict[str, list[dict[str, Any]]]
) -> list[str]:
    """Tables and columns whose values are not what they were."""
    found = []
    for name, rows in before.items():
        if len(after.get(name, [])) != len(rows):
            found.append(name)
            continue
        kept = [column for column in rows[0] if column in after[name][0]]
        found += [
            f"{name}.{column}"
            for column in kept
            if [row[column] for row in rows] != [row[column] for row in after[name]]
        ]
    return found


def _value(column: Any, at: int) -> Any:
    """Another value in each row; references point at the rows of that number."""
    kind: TypeEngine[Any] = column.type
    if at == ROWS and column.nullable:
        return None
    for own, made in _MADE:
        if isinstance(kind, own):
            return made(at, kind)
    raise TypeError(column.name)


_MADE: tuple[tuple[type, Any], ...] = (
    (JSON, lambda at, _: {"a": [at, None, "甲"], "b": {}}),
    (Boolean, lambda at, _: at % 2 == 0),
    (Integer, lambda at, _: at),
    (Date, lambda at, _: date(2026, 1, at)),
    (LargeBinary, lambda at, _: bytes([0, at, 255])),
    (Numeric, lambda at, _: Decimal(f"{at}.25")),
    (String, lambda at, kind: f"{at}甲乙"[: kind.length or 9]),
)
