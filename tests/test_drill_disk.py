"""Drill: the disk is full. Nothing acknowledged is lost, it is said so, and work goes on when there is room."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from unittest.mock import patch

import pytest
from drill_support import Sender, applied, drain, small_disk, stored, worker_of
from inbox_support import opened, settings_of
from sqlalchemy import event, select

from grouper.service import surroundings
from grouper.service.alerts import Watch
from grouper.service.readiness import Readiness
from grouper.service.showing import alert_words
from grouper.store.checking import check
from grouper.store.database import Database, StoreError
from grouper.store.schema import alert, now


def _limited(database: Database, pages: list[int]) -> None:
    for engine in (database.inbox, database.store):

        @event.listens_for(engine, "connect")
        def _(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute(f"PRAGMA max_page_count={pages[0]}").close()

        engine.dispose()


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def _through(database: Database, folder: Path, sender: Sender) -> None:
    """All that waits is taken and applied, once each."""
    sender.once(database, patience=20)
    drain(worker_of(folder, database))
    assert sorted(stored(database)) == sorted(sender.sent)
    assert sorted(applied(database)) == sorted(sender.sent)
    assert check(database).whole


def test_a_file_that_cannot_grow(tmp_path: Path) -> None:
    """The limit is SQLite's own: it answers as on a disk that is full."""
    sender, pages = Sender(), [1]
    with opened(tmp_path) as database:
        sender.new(60)
        sender.once(database, patience=20)
        assert len(sender.acknowledged) == 60
        _limited(database, pages)
        sender.new(40)
        sender.once(database)
        assert set(sender.refused) == {"NOT_STORED"}
        assert set(stored(database)) == sender.acknowledged
        with pytest.raises(StoreError) as full:
            drain(worker_of(tmp_path, database))
        assert full.value.code == "STORE_FULL"
        # Whole chunks or nothing of them.
        assert len(applied(database)) % 8 == 0
        assert len(applied(database)) < 60
        pages[0] = 1_000_000
        _limited(database, pages)
        _through(database, tmp_path, sender)


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """A file system of its own that another file fills, as logs do."""
    sender = Sender()
    with small_disk(tmp_path / "disk", "24m") as disk, opened(disk) as database:
        sender.new(20)
        sender.once(database)
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space"):
            _fill(filler)
        sender.new(300)
        sender.once(database, size=16)
        assert "NOT_STORED" in sender.refused
        assert set(stored(database)) == sender.acknowledged
        filler.unlink()
        _through(database, tmp_path, sender)


def test_it_is_said_before_the_disk_is_full(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    usage = shutil.disk_usage(tmp_path)
    with opened(tmp_path) as database:
        watch = Watch(settings, database, dict, now)

        def kinds() -> list[tuple[str, bool]]:
            with database.reading() as connection:
                rows = connection.execute(select(alert.c.kind, alert.c.ended)).all()
            return [(kind, ended is not None) for kind, ended in rows]

        def look(free: int) -> tuple[float, str]:
            with patch("shutil.disk_usage", lambda _: usage._replace(free=free)):
                told = watch.look()
                checks = Readiness(settings, database).checks()
            assert told["worker_free_bytes"] == free
            return told["worker_alerts"], checks["room"]

        assert look(10**11) == (0, "ok")
        assert kinds() == []
        assert look(10**9) == (1, "ok")
        assert look(10**7) == (1, "STORE_FULL")
        assert kinds() == [("room", False)]
        assert look(10**11) == (0, "ok")
        assert kinds() == [("room", True)]
    assert alert_words("room", "zh") != "room"
    assert surroundings.free_bytes(settings_of(tmp_path / "none" / "there"), database) is not None
