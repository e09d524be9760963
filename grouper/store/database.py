"""Opening the database: SQLite in WAL with full sync by default, PostgreSQL by its URL."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from codebooks.errors import GrouperError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

Writing = Connection
"""A transaction, as rooms above the store name it."""

BUSY_MS = 10_000
"""How long a writer waits for another one on SQLite."""
_COMMON: dict[str, Any] = {
    # What is written may name a person: it never stands in the text of an error.
    "hide_parameters": True,
    "json_serializer": lambda value: orjson.dumps(value).decode(),
    "json_deserializer": orjson.loads,
}
_INBOX_LOCK = 7_203_113_001
_STORE_LOCK = 7_203_113_002
_DISK_FULL = "53100"
"""PostgreSQL's state."""
_FILE = "grouper_file"
AWAY = frozenset({"STORE_UNAVAILABLE", "STORE_FULL", "STORE_GONE"})
"""What may end by itself, or when someone has mended it: try again."""


class StoreError(GrouperError):
    """The database cannot be used as asked."""


@dataclass(frozen=True, slots=True)
class Database:
    """The two sets of tables, each behind an engine.

    Attributes:
        inbox: of the raw messages.
        store: of everything else; the same engine on PostgreSQL.
    """

    inbox: Engine
    store: Engine

    @property
    def postgresql(self) -> bool:
        """Whether both live in a PostgreSQL database."""
        return self.store.dialect.name == "postgresql"

    @contextmanager
    def writing_inbox(self) -> Iterator[Connection]:
        """A transaction that appends messages; writers come one after the other.

        Raises:
            StoreError: one of :data:`AWAY`, ``STORE_DAMAGED``; nothing was written, or, where
                the connection broke during the commit, perhaps everything.
        """
        with _serial(self.inbox, _INBOX_LOCK) as connection:
            yield connection

    @contextmanager
    def writing_store(self) -> Iterator[Connection]:
        """A transaction that writes to the store; writers come one after the other.

        Raises:
            StoreError: one of :data:`AWAY`, ``STORE_DAMAGED``; nothing was written, or, where
                the connection broke during the commit, perhaps everything.
        """
        with _serial(self.store, _STORE_LOCK) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads one state of the store; a write in it is a mistake.

        Raises:
            StoreError: one of :data:`AWAY`, ``STORE_DAMAGED``.
        """
        with _snapshot(self.store) as connection:
            yield connection

    @contextmanager
    def reading_inbox(self) -> Iterator[Connection]:
        """A transaction that reads one state of the inbox.

        Raises:
            StoreError: one of :data:`AWAY`, ``STORE_DAMAGED``.
        """
        with _snapshot(self.inbox) as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.inbox.dispose()
        self.store.dispose()


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    with _declared(), engine.connect() as connection:
        _in_its_place(connection)
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        else:
            connection.exec_driver_sql("BEGIN")
        yield connection


@contextmanager
def _serial(engine: Engine, lock: int) -> Iterator[Connection]:
    with _declared(), engine.connect() as connection:
        _in_its_place(connection)
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock})
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        _in_its_place(connection)
        try:
            connection.commit()
        except BaseException:
            # A commit that fails (a full disk) leaves the driver's transaction, and its lock, as
            # they are; SQLAlchemy takes it for ended. Closing the connection ends it.
            connection.invalidate()
            raise


def connect(url: str) -> Database:
    """Open a database; its tables are there only after :func:`grouper.store.migrate.upgrade`.

    Args:
        url: ``sqlite:///FOLDER/grouper.sqlite`` (the inbox is ``FOLDER/grouper.inbox.sqlite``) or
            ``postgresql://USER:PASSWORD@HOST/DATABASE``.

    Raises:
        StoreError: ``STORE_URL``; nothing is connected yet.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError("STORE_URL") from None
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            pool_size=10,
            connect_args={"connect_timeout": 5},
            **_COMMON,
        )
        return Database(engine, engine)
    if parsed.drivername != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise StoreError("STORE_URL")
    path = Path(parsed.database)
    inbox = path.with_name(f"{path.stem}.inbox{path.suffix}")
    return Database(_sqlite(inbox), _sqlite(path))


def make_files(database: Database) -> None:
    """Make the files of SQLite, and their folder, closed to others: they hold what patients' records hold.

    Nothing else makes them: a file that went away is not replaced by an empty one.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    for path in files_of(database):
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError:
            raise StoreError("STORE_UNAVAILABLE") from None


def files_of(database: Database) -> tuple[Path, ...]:
    """The two files of SQLite, there or not; none on PostgreSQL."""
    if database.postgresql:
        return ()
    named = (database.inbox.url.database, database.store.url.database)
    return tuple(Path(one) for one in named if one)


def _sqlite(path: Path) -> Engine:
    def opened() -> sqlite3.Connection:
        # ``rw``: a file that is not there is not made.
        return sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=rw",
            uri=True,
            timeout=BUSY_MS / 1000,
            check_same_thread=False,
        )

    engine = create_engine(f"sqlite:///{path}", creator=opened, pool_size=10, **_COMMON)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: Any) -> None:  # noqa: ANN401 -- the driver's own
        record.info[_FILE] = (path, _identity(path))
        # The driver begins transactions by its own rules; ours are stated where they begin.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_MS}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    return engine


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _in_its_place(connection: Connection) -> None:
    """See that the file of a connection is still the one of its name.

    A file that was deleted or replaced takes whatever is written to it, and with the last connection it
    is gone: what would be acknowledged then is lost.
    """
    path, identity = connection.info.get(_FILE, (None, None))
    if path is not None and _identity(path) != identity:
        connection.invalidate()
        raise StoreError("STORE_GONE")


def unavailable(error: SQLAlchemyError) -> bool:
    """Whether the database is away, locked or full (try again), and not the statement wrong."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, PoolTimeout)
    if error.connection_invalidated:
        return True
    # SQLite tells a wrong statement by the same class.
    if _sqlite_code(error) == sqlite3.SQLITE_ERROR:
        return False
    return type(error).__name__ in {"OperationalError", "InterfaceError"}


@contextmanager
def _declared() -> Iterator[None]:
    """An error of a database that is away or full as ours, without what was to be written."""
    try:
        yield
    except SQLAlchemyError as error:
        if unavailable(error):
            raise StoreError("STORE_FULL" if _full(error) else "STORE_UNAVAILABLE") from None
        if _sqlite_code(error) in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
            raise StoreError("STORE_DAMAGED") from None
        raise


def _full(error: SQLAlchemyError) -> bool:
    """Whether it was the disk that is full."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return _sqlite_code(error) == sqlite3.SQLITE_FULL or state == _DISK_FULL


def _sqlite_code(error: SQLAlchemyError) -> int | None:
    """SQLite's primary code, which is in the low byte; None: of another database."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
