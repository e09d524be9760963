"""All tables written to files and read back, of SQLite and PostgreSQL alike.

One state of the store, then of the inbox: what the inbox has more is applied again after the restore.
Rows go in pieces, so that memory stays bounded. The columns of a file say what the values are, so that
files of an earlier program can be read by a later one: the tables are made as they were then, filled,
and brought up to date by the same steps as any database.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    Integer,
    LargeBinary,
    Numeric,
    String,
    column,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy import table as named

from grouper.store import review_schema  # noqa: F401 -- adds its tables to the store's
from grouper.store.database import StoreError
from grouper.store.migrate import INBOX_SET, STORE_SET, pending
from grouper.store.money import Money
from grouper.store.schema import INBOX, STORE, Instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection, MetaData, Table, TableClause

    from grouper.store.database import Database

_ROWS = 10_000
_QUANTITY = pa.decimal128(18, 4)
"""Of quantities, which SQLite keeps as texts."""
_JSON = b"grouper.json"
_SETS = {"store": (STORE_SET, STORE), "inbox": (INBOX_SET, INBOX)}
Progress = "Callable[[str, int], None]"
"""Called with the name of a table and the rows done of it."""


def dump(
    database: Database, folder: Path, progress: Callable[[str, int], None] | None = None
) -> dict[str, Any]:
    """Write all tables into a folder, one Parquet file each.

    Args:
        database: whose tables are up to date.
        folder: an empty one.
        progress: as :data:`Progress`.

    Returns:
        For each set of tables its revision, its tables with their rows, and where counted ids stand.

    Raises:
        StoreError: ``STORE_OLD``: a step is missing; ``STORE_UNAVAILABLE``, ``STORE_DAMAGED``.
    """
    if missing := pending(database):
        raise StoreError("STORE_OLD", steps=len(missing))
    told: dict[str, Any] = {}
    # The store first: what the inbox has more is applied again.
    for name, (steps, tables) in _SETS.items():
        with database.reading() if name == "store" else database.reading_inbox() as connection:
            rows = {
                table.name: _write(
                    connection, table, folder / f"{name}.{table.name}.parquet", progress
                )
                for table in tables.sorted_tables
            }
            told[name] = {
                "revision": steps.heads(connection)[0],
                "rows": rows,
                "counted": _counted(connection, tables),
            }
    return told


def _write(
    connection: Connection,
    table: Table,
    path: Path,
    progress: Callable[[str, int], None] | None,
) -> int:
    schema = pa.schema([_field(one.name, one.type) for one in table.columns])
    done = 0
    query = select(table).order_by(*table.primary_key.columns)
    streamed = connection.execution_options(yield_per=_ROWS).execute(query)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for rows in streamed.partitions(_ROWS):
            columns = zip(*rows, strict=True)
            arrays = [_array(field, values) for field, values in zip(schema, columns, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            done += len(rows)
            if progress:
                progress(table.name, done)
    return done


def _field(name: str, kind: Any) -> pa.Field:  # noqa: ANN401 -- of SQLAlchemy
    """What a column's values are, said so that it can be read back."""
    if isinstance(kind, JSON):
        return pa.field(name, pa.string(), metadata={_JSON: b"1"})
    for own, arrow in _KINDS:
        if isinstance(kind, own):
            return pa.field(name, arrow)
    raise TypeError(name)


_KINDS: tuple[tuple[type, pa.DataType], ...] = (
    (Instant, pa.timestamp("us", "UTC")),
    (Money, pa.decimal128(16, 2)),
    (Boolean, pa.bool_()),
    (BigInteger, pa.int64()),
    (Integer, pa.int32()),
    (Date, pa.date32()),
    (LargeBinary, pa.binary()),
    (Numeric, _QUANTITY),
    (String, pa.string()),
)


def _array(field: pa.Field, values: tuple[Any, ...]) -> pa.Array:
    if field.metadata and _JSON in field.metadata:
        # A null of JSON and one of SQL mean the same here: nothing is said.
        told = [None if one is None else orjson.dumps(one).decode() for one in values]
        return pa.array(told, field.type)
    if field.type == _QUANTITY:
        return pa.array([None if one is None else Decimal(one) for one in values], field.type)
    return pa.array(values, field.type)


def _counted(connection: Connection, tables: MetaData) -> dict[str, int]:
    """The last id that was given, by table: one of a row that is gone is not given again."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT name, seq FROM sqlite_sequence"))
        known = {table.name for table in tables.sorted_tables}
        return {name: number for name, number in rows if name in known}
    found = {}
    for table in tables.sorted_tables:
        for one in table.primary_key.columns:
            if sequence := _sequence(connection, table.name, one.name):
                last = connection.scalar(text(f"SELECT last_value FROM {sequence} WHERE is_called"))  # noqa: S608 -- PostgreSQL's own name
                found[table.name] = last or 0
    return found


def _sequence(connection: Connection, table: str, name: str) -> str | None:
    found: str | None = connection.scalar(select(func.pg_get_serial_sequence(table, name)))
    return found


def load(
    database: Database,
    folder: Path,
    told: dict[str, Any],
    progress: Callable[[str, int], None] | None = None,
) -> None:
    """Read tables back into a database that has none, or empty ones; all or nothing of each set.

    Args:
        database: the target.
        folder: as :func:`dump` wrote it.
        told: what :func:`dump` returned.
        progress: as :data:`Progress`.

    Raises:
        StoreError: ``BACKUP_NOT_EMPTY``; ``STORE_NEWER``: a later program made the backup;
            ``BACKUP_TORN``: a file has other rows than it should; ``STORE_UNAVAILABLE``.
    """
    pending(database)
    for name, (steps, _) in _SETS.items():
        writing = database.writing_store() if name == "store" else database.writing_inbox()
        own = told[name]
        with writing as connection:
            steps.known(own["revision"])
            if steps.heads(connection):
                _empty(connection, own["rows"])
            else:
                steps.upgrade(connection, own["revision"])
            if steps.heads(connection) != (own["revision"],):
                # Empty tables of this program, and rows of an earlier one.
                raise StoreError("BACKUP_NOT_EMPTY")
            for table, rows in own["rows"].items():
                path = folder / f"{name}.{table}.parquet"
                if _read(connection, table, path, progress) != rows:
                    raise StoreError("BACKUP_TORN", table=table)
            _count_on(connection, own["counted"])


def _empty(connection: Connection, rows: dict[str, int]) -> None:
    known = set(inspect(connection).get_table_names())
    for name in sorted(known & set(rows)):
        if connection.execute(select(text("1")).select_from(named(name)).limit(1)).first():
            raise StoreError("BACKUP_NOT_EMPTY")


def _read(
    connection: Connection, name: str, path: Path, progress: Callable[[str, int], None] | None
) -> int:
    done = 0
    for batch in _batches(path, name):
        into = _clause(name, batch.schema)
        texts = connection.dialect.name == "sqlite"
        fields = [batch.schema.field(at) for at in range(batch.num_columns)]
        lists = [
            _values(field, values, texts=texts)
            for field, values in zip(fields, batch.columns, strict=True)
        ]
        names = batch.schema.names
        rows = [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]
        if rows:
            connection.execute(insert(into), rows)
        done += len(rows)
        if progress:
            progress(name, done)
    return done


def _batches(path: Path, name: str) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(_ROWS)
    except (OSError, pa.ArrowException) as cause:
        raise StoreError("BACKUP_TORN", table=name) from cause


def _clause(name: str, schema: pa.Schema) -> TableClause:
    return named(name, *(column(field.name, _type(field)) for field in schema))


def _type(field: pa.Field) -> Any:  # noqa: ANN401 -- of SQLAlchemy
    if field.metadata and _JSON in field.metadata:
        return JSON(none_as_null=True)
    if field.type == _QUANTITY:
        return Numeric(18, 4).with_variant(String(24), "sqlite")
    return next(own for own, arrow in _KINDS if arrow == field.type)()


def _values(field: pa.Field, values: pa.Array, *, texts: bool) -> list[Any]:
    found: list[Any] = values.to_pylist()
    if field.type == _QUANTITY and texts:
        return [None if one is None else str(one) for one in found]
    if field.metadata and _JSON in field.metadata:
        return [None if one is None else orjson.loads(one) for one in found]
    return found


def _count_on(connection: Connection, counted: dict[str, int]) -> None:
    """Ids are counted on where they stood."""
    for table, last in counted.items():
        if connection.dialect.name == "sqlite":
            done = text("UPDATE sqlite_sequence SET seq = :last WHERE name = :name")
            if not connection.execute(done, {"last": last, "name": table}).rowcount:
                fresh = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)")
                connection.execute(fresh, {"last": last, "name": table})
        elif last and (sequence := _sequence(connection, table, "id")):
            connection.execute(select(func.setval(sequence, last)))
