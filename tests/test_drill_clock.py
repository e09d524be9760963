"""Drill: the clock is set forward or back while the service runs.

Nothing stands still for it, nothing is done twice that counts, and nothing is deleted by it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from inbox_support import opened, settings_of
from screening_support import few_rules as few_rules  # noqa: PLC0414 -- a fixture
from service_support import Service, service
from sqlalchemy import insert, select

from grouper.case.dates import LOCAL
from grouper.service import json_files, mart, screening_runs, worker
from grouper.service.access import managing, signing_in
from grouper.service.access.principal import AccessError
from grouper.service.alerts import Watch
from grouper.service.auditor import Auditor
from grouper.service.clerk import Clerk
from grouper.service.errands import Errands
from grouper.service.mart import Keeper
from grouper.service.retention import Sweeper
from grouper.service.retention_clock import ERRANDS_FILE, MESSAGES_FILE, believed
from grouper.service.settings import Access, Audit
from grouper.service.status import Status
from grouper.service.surroundings import Steadiness
from grouper.store import accounts, outbox, screenings, sessions
from grouper.store.database import Database
from grouper.store.outbox import Parcel
from grouper.store.schema import alert, now, session
from grouper.store.screenings import DONE, RUNNING, ScreeningRow
from grouper.store.states import Role

GOOD = "a long password 1"


class Moved:
    """A clock that is set, beside seconds that nobody sets."""

    def __init__(self) -> None:
        self.by = 0.0

    def steadiness(self) -> Steadiness:
        return Steadiness(lambda: 1_000_000.0 + self.by, lambda: 50.0)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Database]:
    with opened(tmp_path) as database:
        yield database


def test_it_is_seen_told_and_ends_with_a_new_start(held: Database, tmp_path: Path) -> None:
    moved = Moved()
    watch = Watch(settings_of(tmp_path), held, dict, now, moved.steadiness())

    def told() -> list[tuple[str, bool]]:
        watch.look()
        with held.reading() as connection:
            rows = connection.execute(select(alert.c.kind, alert.c.ended)).all()
        return [(kind, ended is not None) for kind, ended in rows]

    moved.by = 30
    assert told() == []
    for by in (-3600.0, 86_400.0):
        moved.by = by
        assert told() == [("clock", False)]
    watch = Watch(settings_of(tmp_path), held, dict, now, moved.steadiness())
    assert told() == [("clock", True)]
    # The clocks of this machine go alike.
    assert Steadiness().steady


def test_nothing_is_deleted_for_its_age_then(held: Database, tmp_path: Path) -> None:
    settings, moved = settings_of(tmp_path), Moved()
    working = worker.Worker(settings, held, {})
    working._steadiness = moved.steadiness()
    attending = Clerk(settings, database=held)
    attending._steadiness = moved.steadiness()
    pruned: list[int] = []
    stop = threading.Event()

    def once() -> None:
        stop.clear()
        threading.Timer(0.2, stop.set).start()
        working._loop(stop)
        attending.look()

    def aged(*_: object) -> int:
        pruned.append(2)
        return 0

    def swept(*_: object) -> dict[str, int]:
        pruned.append(3)
        return {}

    for file in (MESSAGES_FILE, ERRANDS_FILE):
        mark(tmp_path, file, now())
    with (
        patch.object(working, "prune", lambda: pruned.append(1)),
        patch.object(Errands, "age", aged),
        patch.object(Sweeper, "look", swept),
    ):
        moved.by = 400 * 86_400.0
        once()
        assert pruned == []
        moved.by = 0
        once()
        assert set(pruned) >= {1, 2, 3}


def mark(folder: Path, file: str, at: datetime) -> None:
    """A service that has looked every hour for a year, the last time at ``at``."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {"looked": at.isoformat(), "since": (at - timedelta(days=365)).isoformat()}
    (folder / file).write_text(json.dumps(told), "utf-8")


def test_nor_by_a_process_that_was_started_after_the_leap(held: Database, tmp_path: Path) -> None:
    """What knows of no leap, for it began after it, finds the mark of before."""
    settings, real = settings_of(tmp_path), now()
    for file in (MESSAGES_FILE, ERRANDS_FILE):
        mark(settings.folder, file, real)

    def gone(at: datetime) -> set[str]:
        done: set[str] = set()
        working = worker.Worker(settings, held, {}, lambda: at)
        stop = threading.Event()
        threading.Timer(0.2, stop.set).start()

        def aged(*_: object) -> int:
            done.add("errands")
            return 0

        with (
            patch.object(working, "prune", lambda: done.add("messages")),
            patch.object(Errands, "age", aged),
        ):
            working._loop(stop)
            Clerk(settings, lambda: at).look()
        return done

    both, hour = {"messages", "errands"}, timedelta(hours=1)
    assert gone(real + hour) == both
    leapt = real + timedelta(days=400)
    assert gone(leapt) == gone(leapt + hour) == set()
    # Set right, or left as it is: after some days it is believed again.
    assert gone(real + 2 * hour) == set()
    for day in range(1, 7):
        assert gone(real + 2 * hour + timedelta(days=day)) == set()
    assert gone(real + 2 * hour + timedelta(days=7)) == both


@pytest.mark.parametrize("said", ["{", "[]", '{"looked": "2020-01-01", "since": "2020-01-01"}'])
def test_a_mark_that_says_nothing_is_no_leave_to_delete(tmp_path: Path, said: str) -> None:
    (tmp_path / MESSAGES_FILE).write_text(said, "utf-8")
    at = now()
    assert not believed(tmp_path, at, MESSAGES_FILE)
    assert not believed(tmp_path, at + timedelta(days=3), MESSAGES_FILE)
    assert not believed(tmp_path, at + timedelta(days=6), MESSAGES_FILE)
    # A full disk keeps nobody from making room.
    with patch.object(json_files, "write", side_effect=OSError):
        assert believed(tmp_path, at + timedelta(days=8), MESSAGES_FILE)
        assert not believed(tmp_path, at + timedelta(days=400), MESSAGES_FILE)


def test_a_process_that_fell_is_not_taken_for_alive() -> None:
    at = now()
    fallen = Status("worker", at + timedelta(hours=3), {})
    assert not fallen.alive(at)
    assert replace(fallen, at=at + timedelta(seconds=2)).alive(at)


def test_sessions_and_locks_last_no_longer(held: Database) -> None:
    idle = timedelta(minutes=30)
    managing.make(held, "test", "office1", Role.OFFICE, (), GOOD, 12)
    with held.reading() as connection:
        found = accounts.by_name(connection, "office1")
    assert found is not None
    at = now()

    def kept(token: bytes, used: datetime) -> bool:
        times = {"created": used, "used": used, "expires": used + timedelta(hours=10)}
        with held.writing_store() as connection:
            connection.execute(
                insert(session).values(token=token * 32, account_id=found.id, **times)
            )
        return sessions.holds(held, token * 32, idle)

    assert kept(b"a", at)
    # Signed in while the clock was a day ahead.
    assert not kept(b"b", at + timedelta(days=1))
    assert sessions.account_of(held, b"b" * 32, idle) is None
    with held.writing_store() as connection:
        assert sessions.sweep(connection, idle) == 1
        accounts.change(connection, found.id, locked_until=at + timedelta(days=1))
    access = Access()
    assert signing_in.by_password(held, access, "office1", GOOD).account.name == "office1"
    with held.writing_store() as connection:
        accounts.change(connection, found.id, locked_until=at + timedelta(seconds=access.lock - 5))
    with pytest.raises(AccessError):
        signing_in.by_password(held, access, "office1", GOOD)


def test_results_do_not_wait_for_the_old_time(held: Database) -> None:
    at = now()
    parcel = Parcel(destination="his", stay_id=1, version=1, payload=b"x", created=at)
    with held.writing_store() as connection:
        outbox.add(connection, [parcel])

    def due(hours: float) -> int:
        with held.reading() as connection:
            return len(outbox.due(connection, "his", at + timedelta(hours=hours)))

    assert due(0) == due(5) == 1
    assert due(-0.05) == 0
    assert due(-5) == 1


def test_a_run_that_fell_is_not_waited_for() -> None:
    row = ScreeningRow(
        started=now(),
        actor="auditor",
        moment="running",
        scope="running",
        state=RUNNING,
        book="b",
        book_hash="",
        touched=now() + timedelta(hours=5),
    )
    assert not screening_runs.under_way(row)
    assert screening_runs.under_way(replace(row, touched=now()))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path, region="demo", audit=Audit(hour=2)) as found:
        yield found


@pytest.mark.slow
def test_each_night_is_screened_whatever_was_screened_ahead_of_it(running: Service) -> None:
    """Three days ahead for a night, and back: the nights between are screened all the same, once each."""
    clock = [now().astimezone(LOCAL).replace(hour=3)]
    made = Auditor(running.settings, running.database, lambda: clock[0])

    def nights(days: float) -> int:
        clock[0] += timedelta(days=days)
        return len(made.step()) // 2

    assert [nights(0), nights(0), nights(1)] == [1, 0, 1]
    assert nights(3) == 1
    # Set right: tonight's is done again, for what was dated ahead says nothing of it.
    assert [nights(-3), nights(0), nights(0.2)] == [1, 0, 0]
    assert [nights(0.8), nights(1), nights(1), nights(0)] == [1, 1, 1, 0]
    # Back by half an hour within the night: no more than once more, and it finds nothing new.
    assert [nights(-0.02), nights(0), nights(1)] == [1, 0, 1]
    with running.database.reading() as connection:
        rows = screenings.listed(connection, limit=100)
    assert {row.state for row in rows} == {DONE}
    assert sum(row.fresh for row in rows) == 0


def test_the_mart_is_built_whatever_was_built_ahead(running: Service) -> None:
    clock = [now().astimezone(LOCAL).replace(hour=3)]
    keeper = Keeper(running.settings, running.database, lambda: clock[0])

    class State:
        source = mart.STORE

        def __init__(self, at: datetime) -> None:
            self.at = at

    def due(made: datetime) -> bool:
        with patch.object(mart, "read", lambda _: State(made)):
            return keeper._due(clock[0])

    assert not due(clock[0])
    assert due(clock[0] - timedelta(days=1))
    assert due(clock[0] + timedelta(days=3))
    keeper._last = clock[0] + timedelta(days=3)
    assert due(clock[0] - timedelta(days=1))
