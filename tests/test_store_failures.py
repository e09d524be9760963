"""What happens when the database is gone, full or busy, and with many writers at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from postgres_support import Server
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError
from store_support import HOSPITAL, START, Feed, database, line, open_database, stay

from grouper.store import audit
from grouper.store import database as database_module
from grouper.store.checking import check
from grouper.store.database import Database, StoreError, connect, unavailable
from grouper.store.migrate import upgrade
from grouper.store.schema import repeat, stay_version
from grouper.store.stays import Applier

__all__ = ["database"]


def test_a_database_that_is_gone_for_a_moment_is_taken_up_again() -> None:
    try:
        server = Server()
    except LookupError as error:
        pytest.skip(str(error))
    try:
        server.start()
        server.execute("CREATE DATABASE moment")
        found = connect(server.url("moment"))
        upgrade(found)
        feed = Feed(found)
        feed(stay("V1", sex="1"))

        def torn_apart() -> None:
            with found.writing_store() as connection:
                applier = Applier(connection, HOSPITAL)
                applier.apply([stay("V2", "P2")], 2, 2, START)
                server.stop()
                applier.flush()

        with pytest.raises(StoreError) as torn:
            torn_apart()
        assert torn.value.code == "STORE_UNAVAILABLE"
        assert torn.value.__cause__ is None
        for act in (found.writing_store, found.writing_inbox, found.reading, found.reading_inbox):
            with pytest.raises(StoreError) as away, act():
                pass
            assert away.value.code == "STORE_UNAVAILABLE"
        server.start()
        feed(stay("V1", discharge_time="20260301"))
        assert feed.head("V1").state == "discharged"
        assert len(feed.rows(stay_version)) == 2
        found.close()
    finally:
        server.remove()


def test_a_full_disk_loses_nothing_that_was_written(tmp_path: Path) -> None:
    with open_database("sqlite", tmp_path) as found:
        feed = Feed(found)
        feed(stay("V1", sex="1"))
        with found.store.connect() as connection:
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        big = stay("V1", lines=tuple(line(str(n), line_name="长" * 200) for n in range(500)))

        def fill() -> None:
            with found.writing_store() as connection:
                # The limit is the connection's own: SQLite answers as on a disk that is full.
                connection.execute(text(f"PRAGMA max_page_count = {pages + 4}"))
                applier = Applier(connection, HOSPITAL)
                applier.apply([big], 2, 2, START)
                applier.flush()

        with pytest.raises(StoreError) as full:
            fill()
        assert full.value.code == "STORE_FULL"
        assert feed.head("V1").version == 1
        found.store.dispose()
        feed(big)
        assert feed.head("V1").version == 2
        assert check(found).whole


def test_a_locked_database_is_waited_for_and_then_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_MS", 50)
    with open_database("sqlite", tmp_path) as found:
        feed = Feed(found)
        with found.writing_store():
            with pytest.raises(StoreError) as busy:
                feed(stay())
            assert busy.value.code == "STORE_UNAVAILABLE"
            # Receiving does not wait for it, nor does reading.
            with found.writing_inbox() as connection:
                row = {"message_id": 1, "received": START, "channel": "test"}
                connection.execute(insert(repeat), row)
            assert feed.rows(stay_version) == []
        feed(stay())


def test_many_writers_keep_the_order_of_ids(database: Database) -> None:
    """A reader who has seen a row has seen all rows with smaller ids."""
    writers, each = 4, 8
    done = threading.Event()
    gaps: list[list[int]] = []

    def write(writer: int) -> None:
        for number in range(each):
            with database.writing_inbox() as connection:
                row = {"message_id": writer, "received": START, "channel": str(number)}
                connection.execute(insert(repeat), [row, row])
            with database.writing_store() as connection:
                audit.append(connection, f"w{writer}", "test", str(number))

    def watch() -> None:
        while not done.is_set():
            with database.reading_inbox() as connection:
                seen = list(connection.execute(select(repeat.c.id).order_by(repeat.c.id)).scalars())
            if seen != list(range(1, len(seen) + 1)):
                gaps.append(seen)

    with ThreadPoolExecutor(writers + 1) as pool:
        watcher = pool.submit(watch)
        try:
            for job in [pool.submit(write, writer) for writer in range(writers)]:
                job.result(60)
        finally:
            done.set()
        watcher.result(60)
    assert gaps == []
    with database.reading() as connection:
        report = audit.verify(connection)
    assert (report.entries, report.faults) == (writers * each, ())


def test_appliers_one_after_the_other_share_no_id(database: Database) -> None:
    def apply(writer: int) -> None:
        for number in range(4):
            with database.writing_store() as connection:
                applier = Applier(connection, HOSPITAL)
                visit = f"V{writer}-{number}"
                message = 1 + writer * 10 + number
                applier.apply([stay(visit, f"P{writer}", lines=(line("1"),))], message, 1, START)
                applier.flush()

    with ThreadPoolExecutor(3) as pool:
        for job in [pool.submit(apply, writer) for writer in range(3)]:
            job.result(60)
    assert len(Feed(database).rows(stay_version)) == 12
    assert check(database).whole


@pytest.mark.parametrize(
    "url",
    ["", "mysql://x/y", "sqlite://", "sqlite:///:memory:", "nonsense", "postgresql+asyncpg://x/y"],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(StoreError) as refused:
        connect(url)
    assert refused.value.code == "STORE_URL"


def test_a_wrong_statement_is_no_absent_database(database: Database) -> None:
    with pytest.raises(SQLAlchemyError) as wrong, database.writing_store() as connection:
        connection.execute(text("SELECT * FROM nowhere"))
    assert isinstance(wrong.value, (OperationalError, ProgrammingError))
    assert not unavailable(wrong.value)
    assert not unavailable(SQLAlchemyError())


def test_values_never_stand_in_an_error(database: Database) -> None:
    with pytest.raises(SQLAlchemyError) as wrong, database.writing_store() as connection:
        connection.execute(text("SELECT * FROM nowhere WHERE x = :name"), {"name": "SECRET77"})
    assert "SECRET77" not in str(wrong.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "grouper.sqlite").write_bytes(b"no database " * 500)
    found = connect(f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    with pytest.raises(StoreError) as broken, found.reading():
        pass
    assert broken.value.code == "STORE_DAMAGED"
    found.close()


def test_checking_begins_with_the_tables(tmp_path: Path) -> None:
    found = connect(f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    assert check(found).pending == ("inbox:inbox_1", *(f"store:store_{n}" for n in (1, 2, 3, 4)))
    assert not check(found).whole
    found.close()


def test_checking_finds_what_does_not_hold(database: Database) -> None:
    feed = Feed(database)
    feed(stay("V1"))
    assert check(database).whole
    with database.writing_store() as connection:
        connection.execute(text("UPDATE stay SET version = 5, grouping_id = 9"))
        connection.execute(text("INSERT INTO position VALUES ('worker', 12)"))
    found = check(database)
    assert not found.whole
    assert found.faults == {
        "version_missing": 1,
        "version_beyond": 0,
        "grouping_missing": 1,
        "position_beyond": 1,
    }
    assert found.stays == {"running": 1}
