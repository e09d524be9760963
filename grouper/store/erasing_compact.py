"""Giving back the room of rows that are gone, so that nothing of them stays in the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.store import review_schema  # noqa: F401 -- adds its tables to the store's
from grouper.store.database import StoreError
from grouper.store.inbox import guarded
from grouper.store.schema import INBOX, STORE

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from grouper.store.database import Database


def compact(database: Database) -> None:
    """Write all tables anew without what is gone; nobody else may use the database meanwhile.

    SQLite's files hold nothing of it afterwards. PostgreSQL's write-ahead log is its own matter: what
    it holds goes as it goes on.

    Raises:
        StoreError: ``STORE_BUSY``: somebody reads or writes; ``STORE_UNAVAILABLE``.
    """
    if database.postgresql:
        with guarded(), database.store.connect() as connection:
            own = connection.execution_options(isolation_level="AUTOCOMMIT")
            for table in (*INBOX.sorted_tables, *STORE.sorted_tables):
                name = own.dialect.identifier_preparer.quote(table.name)
                own.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {name}")
        return
    for engine in (database.inbox, database.store):
        engine.dispose()
        _rewrite(engine)


def _rewrite(engine: Engine) -> None:
    with guarded(), engine.connect() as connection:
        connection.exec_driver_sql("VACUUM")
        # The log of changes still holds pages as they were.
        busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    if busy:
        raise StoreError("STORE_BUSY")
