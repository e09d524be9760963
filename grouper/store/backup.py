"""All tables written to files and read back, of SQLite and PostgreSQL alike.

One state of the store, then of the inbox: what the inbox has more is applied again after the restore.
Rows go in pieces, so that memory stays bounded. The columns of a file say what the values are, so that
files of an earlier program can be read by a later one: the tables are made as they were then, filled,
and brought up to date by the same steps as any database.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    column,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy import table as named
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.schema import DropTable

from grouper.store import review_schema  # noqa: F401 -- adds its tables to the store's
from grouper.store.database import StoreError, files_of, make_files
from grouper.store.migrate import INBOX_SET, STORE_SET, absent, pending
from grouper.store.money import Money
from grouper.store.schema import INBOX, STORE, Instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, TableClause

    from grouper.store.database import Database

_ROWS, _BYTES = 10_000, 32 * 1024 * 1024
"""Most rows of a piece, and about the most bytes."""
_FETCHED, _FETCHED_LARGE = 500, 16
"""Rows asked for at once; few where each may be a file of many megabytes."""
_WRITTEN = 2_000
"""Rows handed to the database at once."""
_NULL = "null"
_QUANTITY = pa.decimal128(18, 4)
"""Of quantities, which SQLite keeps as texts."""
_JSON = b"grouper.json"
_SETS = {"store": (STORE_SET, STORE), "inbox": (INBOX_SET, INBOX)}
Progress = "Callable[[str, int], None]"
"""Called with the name of a table and the rows done of it."""


def own_files(database: Database) -> tuple[Path, ...]:
    """The files of a SQLite database, there or not: their tables are written out, they are not copied."""
    ends = ("", "-wal", "-shm", "-journal")
    return tuple(Path(f"{one}{end}").resolve() for one in files_of(database) for end in ends)


def dump(
    database: Database, folder: Path, progress: Callable[[str, int], None] | None = None
) -> dict[str, Any]:
    """Write all tables into a folder, one Parquet file each.

    Args:
        database: whose tables are up to date.
        folder: an empty one.
        progress: as :data:`Progress`.

    Memory stays bounded: of a table with files in it few rows are held at a time.

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
    schema = pa.schema([_field(one) for one in table.columns])
    done = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for piece in _pieces(_fetched(connection, table, schema)):
            writer.write_table(pa.Table.from_batches(piece, schema))
            done += sum(batch.num_rows for batch in piece)
            if progress:
                progress(table.name, done)
    return done


def _fetched(connection: Connection, table: Table, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a table in its order, few at a time."""
    large = any(isinstance(one.type, LargeBinary) and not one.type.length for one in table.columns)
    query = select(table).order_by(*table.primary_key.columns)
    options = connection.execution_options(yield_per=_FETCHED_LARGE if large else _FETCHED)
    for rows in options.execute(query).partitions():
        columns = zip(*rows, strict=True)
        arrays = [_array(field, values) for field, values in zip(schema, columns, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _pieces(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Batches gathered until there are enough rows or bytes, so that memory stays bounded."""
    piece: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        piece.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _ROWS or size >= _BYTES:
            yield piece
            piece, rows, size = [], 0, 0
    if piece:
        yield piece


def _field(column: Column[Any]) -> pa.Field:
    """What a column's values are, said so that it can be read back."""
    name, kind, null = column.name, column.type, bool(column.nullable)
    if isinstance(kind, JSON):
        return pa.field(name, pa.string(), null, metadata={_JSON: b"1"})
    for own, arrow in _KINDS:
        if isinstance(kind, own):
            return pa.field(name, arrow, null)
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
        # A null of JSON and one of SQL mean the same where both may stand: nothing is said.
        nothing = None if field.nullable else _NULL
        told = [nothing if one is None else orjson.dumps(one).decode() for one in values]
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


def target_ready(database: Database, told: dict[str, Any], *, replace: bool = False) -> None:
    """See whether tables can be read back into a database; nothing is changed.

    Args:
        database: the target.
        told: what :func:`dump` returned.
        replace: what is there may be taken away, also what a later program made.

    Raises:
        StoreError: ``BACKUP_NOT_EMPTY``; ``STORE_NEWER``: a later program made the backup, or
            changed the target that is not to be replaced; ``STORE_UNAVAILABLE``, ``STORE_DAMAGED``.
    """
    if not replace:
        pending(database)
    for name, (steps, tables) in _SETS.items():
        steps.known(told[name]["revision"])
        if absent(database, name):
            continue
        with database.reading() if name == "store" else database.reading_inbox() as connection:
            if replace:
                # That it can be read.
                steps.heads(connection)
            else:
                _empty(connection, tables)


def load(
    database: Database,
    folder: Path,
    told: dict[str, Any],
    progress: Callable[[str, int], None] | None = None,
    *,
    replace: bool = False,
) -> None:
    """Read tables back into a database that has none, or empty ones; all or nothing.

    The tables are made as they were when the backup was written, whatever was there.

    Args:
        database: the target.
        folder: as :func:`dump` wrote it.
        told: what :func:`dump` returned.
        progress: as :data:`Progress`.
        replace: take away what is there, in the same transaction; where a later program changed it,
            with the tables that this one does not know.

    Raises:
        StoreError: as :func:`target_ready`; ``BACKUP_TORN``: a file has other rows than it should;
            ``BACKUP_VALUE``: the database does not take a value.
    """
    make_files(database)
    target_ready(database, told, replace=replace)
    # On SQLite two files: the store's transaction ends first. Were it the last thing that was done, the
    # inbox would be behind the store, which the worker refuses to work with.
    with database.writing_inbox() as inbox, database.writing_store() as store:
        # PostgreSQL: one transaction for both; the other one keeps writers of the inbox away.
        places = (("store", store), ("inbox", store if database.postgresql else inbox))
        for name, connection in places:
            if not replace:
                # Once more: someone may have written since.
                _empty(connection, _SETS[name][1])
            _take_away(connection, name)
        for name, connection in places:
            steps, own = _SETS[name][0], told[name]
            steps.upgrade(connection, own["revision"])
            for table, rows in own["rows"].items():
                path = folder / f"{name}.{table}.parquet"
                if _read(connection, table, path, progress) != rows:
                    raise StoreError("BACKUP_TORN", table=table)
            _count_on(connection, own["counted"])


def _there(connection: Connection, tables: MetaData) -> list[str]:
    """The tables of a set that the database has, whatever it knows of their columns."""
    return sorted(set(inspect(connection).get_table_names()) & set(tables.tables))


def _empty(connection: Connection, tables: MetaData) -> None:
    for name in _there(connection, tables):
        if connection.execute(select(text("1")).select_from(named(name)).limit(1)).first():
            raise StoreError("BACKUP_NOT_EMPTY")


def _take_away(connection: Connection, name: str) -> None:
    """Take away the tables of a set, and where a later program changed it those that it added."""
    steps, tables = _SETS[name]
    known = {one.revision for one in steps.scripts().walk_revisions()}
    newer = any(one not in known for one in steps.heads(connection))
    own = {*_there(connection, tables), steps.table, *(_added(connection) if newer else ())}
    # One that refers to another goes before it.
    for one, _ in reversed(inspect(connection).get_sorted_table_and_fkc_names()):
        if one is not None and one in own:
            connection.execute(DropTable(Table(one, MetaData())))


def _added(connection: Connection) -> set[str]:
    """The tables that are in no set; on PostgreSQL those of the service's own user alone."""
    known = {one for steps, tables in _SETS.values() for one in (steps.table, *tables.tables)}
    found = set(inspect(connection).get_table_names()) - known
    if connection.dialect.name == "postgresql":
        query = text("SELECT tablename FROM pg_tables WHERE tableowner = current_user")
        found &= set(connection.scalars(query))
    return found


def _read(
    connection: Connection, name: str, path: Path, progress: Callable[[str, int], None] | None
) -> int:
    done = 0
    texts = connection.dialect.name == "sqlite"
    for batch in _batches(path, name):
        into, names = _clause(name, batch.schema), batch.schema.names
        lists = [
            _values(field, values, texts=texts)
            for field, values in zip(batch.schema, batch.columns, strict=True)
        ]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]
        try:
            connection.execute(insert(into), rows)
        except (DataError, IntegrityError) as cause:
            # Without what was to be written.
            raise StoreError("BACKUP_VALUE", table=name, what=type(cause).__name__) from None
        done += len(rows)
        if progress:
            progress(name, done)
    return done


def _batches(path: Path, name: str) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(path) as file:
            for at in range(file.num_row_groups):
                yield from file.read_row_group(at).to_batches(_WRITTEN)
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
        # A null of JSON is written for columns alone in which none of SQL may stand.
        read = {None: None, _NULL: JSON.NULL}
        return [read[one] if one in read else orjson.loads(one) for one in found]
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
