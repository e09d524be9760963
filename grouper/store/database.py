"""Opening the database: SQLite in WAL with full sync by default, PostgreSQL by its URL."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
            StoreError: ``STORE_UNAVAILABLE``, ``STORE_DAMAGED``; nothing was written, or, where
                the connection broke during the commit, perhaps everything.
        """
        with _serial(self.inbox, _INBOX_LOCK) as connection:
            yield connection

    @contextmanager
    def writing_store(self) -> Iterator[Connection]:
        """A transaction that writes to the store; writers come one after the other.

        Raises:
            StoreError: ``STORE_UNAVAILABLE``, ``STORE_DAMAGED``; nothing was written, or, where
                the connection broke during the commit, perhaps everything.
        """
        with _serial(self.store, _STORE_LOCK) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads one state of the store; a write in it is a mistake.

        Raises:
            StoreError: ``STORE_UNAVAILABLE``, ``STORE_DAMAGED``.
        """
        with _snapshot(self.store) as connection:
            yield connection

    @contextmanager
    def reading_inbox(self) -> Iterator[Connection]:
        """A transaction that reads one state of the inbox.

        Raises:
            StoreError: ``STORE_UNAVAILABLE``, ``STORE_DAMAGED``.
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
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        else:
            connection.exec_driver_sql("BEGIN")
        yield connection


@contextmanager
def _serial(engine: Engine, lock: int) -> Iterator[Connection]:
    with _declared(), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock})
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
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


def _sqlite(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": BUSY_MS / 1000, "check_same_thread": False},
        pool_size=10,
        **_COMMON,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:  # noqa: ANN401 -- the driver's own
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
            raise StoreError("STORE_UNAVAILABLE") from None
        if _sqlite_code(error) in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
            raise StoreError("STORE_DAMAGED") from None
        raise


def _sqlite_code(error: SQLAlchemyError) -> int | None:
    """SQLite's primary code, which is in the low byte; None: of another database."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
