"""Drill: the database goes away, is lost, or is damaged."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest
from drill_support import Sender, applied, drain, stored, worker_of
from inbox_support import opened, settings_of
from postgres_support import Server

from codebooks.errors import GrouperError
from grouper.service.backing_up import back_up
from grouper.service.restoring import restore
from grouper.service.settings import Settings
from grouper.store.checking import check
from grouper.store.database import StoreError, connect, files_of
from grouper.store.group_commit import GroupCommit
from grouper.store.inbox import Inbox
from grouper.store.migrate import pending, see_not_lost, upgrade


@pytest.mark.slow
def test_postgresql_goes_away_under_load(tmp_path: Path) -> None:
    """Stopped and started while messages come in and are applied: refused at worst, never lost or doubled."""
    try:
        server = Server()
    except LookupError as error:
        pytest.skip(str(error))
    sender = Sender()
    stop = threading.Event()
    try:
        server.start()
        server.execute("CREATE DATABASE drill")
        with opened(tmp_path, server.url("drill")) as database:
            applying = threading.Thread(target=worker_of(tmp_path, database)._loop, args=(stop,))
            applying.start()

            async def load() -> None:
                commits = GroupCommit(Inbox(database), patience=0.5)
                for at in range(14):
                    if at == 4:
                        await asyncio.to_thread(server.stop, "immediate")
                    if at == 9:
                        await asyncio.to_thread(server.start)
                    sender.new(20)
                    await sender.send(commits)
                    if at in (5, 6, 7):
                        assert sender.refused[-1] == "NOT_STORED"
                await sender.send(commits)
                await commits.close()

            asyncio.run(load())
            assert not sender.waiting
            until = time.monotonic() + 60
            while len(applied(database)) < len(sender.sent) and time.monotonic() < until:
                time.sleep(0.1)
            stop.set()
            applying.join()
            assert sorted(stored(database)) == sorted(sender.sent)
            assert sorted(applied(database)) == sorted(sender.sent)
            assert check(database).whole
    finally:
        stop.set()
        server.remove()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "home"))
    return tmp_path / "home"


def _settings(home: Path) -> Settings:
    return settings_of(home / "service", database=f"sqlite:///{home / 'grouper.sqlite'}")


def test_a_file_that_is_deleted_takes_no_message(home: Path, tmp_path: Path) -> None:
    """What is written to a deleted file is gone with its last connection: nothing is acknowledged then.

    After that: the restore of a backup, and the sender sends again what came since; what the backup
    holds is known.
    """
    settings = _settings(home)
    sender, backup = Sender(), tmp_path / "backup.tar"
    with opened(home) as database:
        sender.new(10)
        sender.once(database)
        drain(worker_of(home / "service", database))
        back_up(settings, database, backup)
        sender.new(5)
        sender.once(database)
        assert len(sender.acknowledged) == 15
        for path in home.glob("grouper.inbox.sqlite*"):
            path.unlink()
        sender.new(5)
        sender.once(database)
        assert sender.refused == ["NOT_STORED"] * 5
        with pytest.raises(StoreError) as gone:
            worker_of(home / "service", database).step()
        assert gone.value.code in {"STORE_GONE", "STORE_UNAVAILABLE"}
        # No empty file stands in its place.
        assert [path.exists() for path in files_of(database)] == [False, True]
    again = connect(settings.url)
    with pytest.raises(StoreError) as lost:
        upgrade(again)
    assert lost.value.code == "STORE_LOST"
    with pytest.raises(GrouperError) as there:
        restore(settings, again, backup)
    assert there.value.code == "BACKUP_NOT_EMPTY"
    restore(settings, again, backup, replace=True)
    again.close()
    with opened(home) as database:
        assert sorted(stored(database)) == sorted(str(n) for n in range(1, 11))
        # The sender sends the day again: what is there is known by its id.
        sender.acknowledged.clear()
        sender.once(database, patience=20)
        drain(worker_of(home / "service", database))
        assert sorted(stored(database)) == sorted(sender.sent)
        assert sorted(applied(database)) == sorted(sender.sent)
        assert check(database).whole


def test_both_files_are_gone(home: Path) -> None:
    with opened(home) as database:
        Sender().once(database)
        for path in home.glob("grouper*.sqlite*"):
            path.unlink()
        for _ in range(2):
            with pytest.raises(StoreError) as gone, database.reading():
                pass
        assert gone.value.code == "STORE_UNAVAILABLE"
        assert len(pending(database)) >= 4
        assert not list(home.glob("grouper*.sqlite"))
        # Where the service ran, it does not begin with an empty one; where it did not, it does.
        see_not_lost(database, home / "service")
        (home / "service" / "status").mkdir(parents=True)
        with pytest.raises(StoreError) as lost:
            see_not_lost(database, home / "service")
        assert lost.value.code == "STORE_LOST"
        database.close()
        upgrade(database)
        see_not_lost(database, home / "service")


def test_a_file_that_is_put_back_is_taken_up_again(home: Path) -> None:
    sender = Sender()
    with opened(home) as database:
        sender.new(2)
        sender.once(database)
        (inbox, _) = files_of(database)
        database.inbox.dispose()
        aside = inbox.with_name("aside")
        inbox.rename(aside)
        sender.new(2)
        sender.once(database)
        assert sender.refused == ["NOT_STORED"] * 2
        aside.rename(inbox)
        sender.once(database, patience=20)
        assert sorted(stored(database)) == sorted(sender.sent)


def test_a_damaged_page(home: Path, tmp_path: Path) -> None:
    """It is found, nothing is built on it, and the backup brings all of it back."""
    settings = _settings(home)
    sender, backup = Sender(), tmp_path / "backup.tar"
    with opened(home) as database:
        sender.new(30)
        sender.once(database)
        drain(worker_of(home / "service", database))
        back_up(settings, database, backup)
    file = home / "grouper.sqlite"
    content = bytearray(file.read_bytes())
    for at in range(8192, len(content), 4096):
        content[at : at + 64] = b"\xff" * 64
    file.write_bytes(content)
    with_damage = connect(settings.url)
    with pytest.raises(StoreError) as damaged:
        back_up(settings, with_damage, tmp_path / "second.tar")
    assert damaged.value.code == "STORE_DAMAGED"
    assert not (tmp_path / "second.tar").exists()
    sender.new(1)
    sender.once(with_damage, patience=20)
    worker = worker_of(home / "service", with_damage)
    with pytest.raises(StoreError) as damaged:
        worker.step()
    assert damaged.value.code == "STORE_DAMAGED"
    with_damage.close()
    for path in home.glob("grouper*.sqlite*"):
        path.rename(path.with_name(f"damaged-{path.name}"))
    mended = connect(settings.url)
    restore(settings, mended, backup)
    # What came after the backup is sent again.
    sender.acknowledged.clear()
    sender.once(mended, patience=20)
    drain(worker_of(home / "service", mended))
    assert sorted(applied(mended)) == sorted(sender.sent)
    assert check(mended).whole
    mended.close()
