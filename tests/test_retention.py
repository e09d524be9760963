"""The sweep: what is told, what goes by the settings, when the clerk does it, and the command."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog
from retention_support import NEW, NOW, OLD, count, entered, ids, put, sqlite
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from grouper.cli import retention as commands
from grouper.service import retention
from grouper.service.clerk import Clerk
from grouper.service.job_files import Job, JobState, read_job, write_job
from grouper.service.jobs import Jobs
from grouper.service.problems import ServiceError
from grouper.service.retention import KINDS, Sweeper, shown, sweep
from grouper.service.settings import Retention, Settings, load_settings
from grouper.store import retention_rows
from grouper.store.database import Database, StoreError
from grouper.store.schema import alert, outbox, repeat, session, stay

__all__ = ["sqlite"]

AWAKE = datetime.fromisoformat("2026-11-20T02:59:00+08:00")


def house(folder: Path, **days: int) -> Settings:
    return Settings(folder=folder, retention=Retention(**days))


def job(folder: Path, number: str, state: JobState, at: datetime | None) -> Path:
    place = folder / "jobs" / number
    place.mkdir(parents=True)
    made = Job(
        id=number,
        owner=1,
        state=state,
        created=OLD,
        ended=at,
        format="csv",
        output="csv",
        scheme=None,
        region="national",
        explain=False,
        language="zh",
    )
    write_job(place, made)
    (place / "input.csv").write_text("x")
    return place


def test_every_kind_has_days_and_words() -> None:
    named = set(Retention.model_fields) - {"on", "hour"}
    assert named == set(KINDS) - {"sessions"}
    assert "audit" not in named
    for lang in ("zh", "en"):
        for kind in KINDS:
            assert kind in commands.text(f"retention.kind.{kind}", lang)


@pytest.mark.parametrize(
    ("name", "days"), [("stays", 30), ("messages", 364), ("insurer_lists", 1), ("outbox", -1)]
)
def test_a_slip_of_the_pen_does_not_take_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, name: str, days: int
) -> None:
    monkeypatch.setenv(f"GROUPER_SERVICE_RETENTION__{name.upper()}", str(days))
    with pytest.raises(GrouperError, match=f"retention.{name}"):
        load_settings()


def test_by_default_what_law_and_review_need_stays(sqlite: Database, tmp_path: Path) -> None:
    put(sqlite, stay, case_id="1", visit="1", state="discharged", discharged=OLD, changed=OLD)
    put(sqlite, repeat, received=OLD)
    told = {one.kind: one for one in shown(house(tmp_path), sqlite, NOW)}
    assert [kind for kind, one in told.items() if one.days == 0] == [
        "insurer_lists",
        "stays",
        "messages",
    ]
    assert (told["stays"].held.rows, told["stays"].held.due) == (1, 0)
    assert (told["repeats"].held.oldest, told["repeats"].held.due) == (OLD, 1)
    assert sweep(house(tmp_path), sqlite, NOW, actor="clerk") == {"repeats": 1}
    assert count(sqlite, stay) == 1
    assert sweep(house(tmp_path, messages=365), sqlite, NOW, actor="clerk") == {}


def test_a_swept_stay_is_in_no_file_for_analysis(sqlite: Database, tmp_path: Path) -> None:
    put(sqlite, stay, case_id="1", visit="1", state="discharged", discharged=OLD, changed=OLD)
    made = tmp_path / "analysis" / "versions" / "1.parquet"
    made.parent.mkdir(parents=True)
    made.write_bytes(b"x")
    assert sweep(house(tmp_path, stays=1096), sqlite, NOW, actor="clerk") == {"stays": 1}
    assert not made.exists()
    assert entered(sqlite) == [("clerk", "stays", 1)]


def test_files_for_analysis_go_before_the_first_stay_that_they_tell_of(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "analysis" / "versions" / "1.parquet"
    made.parent.mkdir(parents=True)
    made.write_bytes(b"x")
    put(sqlite, stay, case_id="1", visit="1", state="discharged", discharged=NEW, changed=NEW)
    sweep(house(tmp_path, stays=1096), sqlite, NOW, actor="clerk")
    assert made.exists(), "nothing was due"
    put(sqlite, stay, case_id="2", visit="2", state="discharged", discharged=OLD, changed=OLD)
    sweep(house(tmp_path, stays=1096), sqlite, NOW, actor="clerk", stopped=lambda: True)
    assert made.exists(), "nothing is to be swept now"

    def away(*_: object) -> int:
        assert not made.exists()
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr(retention_rows, "sweep", away)
    with pytest.raises(StoreError, match="STORE_UNAVAILABLE"):
        sweep(house(tmp_path, stays=1096), sqlite, NOW, actor="clerk", kinds=["stays"])
    assert not made.exists()


def test_sessions_go_when_they_are_over(sqlite: Database, tmp_path: Path) -> None:
    here = datetime.now(NOW.tzinfo)
    put(sqlite, session, token=b"1" * 32, used=here, expires=here + timedelta(hours=1))
    put(sqlite, session, token=b"2" * 32, used=here, expires=here - timedelta(hours=1))
    put(sqlite, session, token=b"3" * 32, used=OLD, expires=here + timedelta(hours=1))
    told = {one.kind: one for one in shown(house(tmp_path), sqlite, here)}
    assert (told["sessions"].days, told["sessions"].held.due) == (None, 2)
    stopped = sweep(house(tmp_path), sqlite, here, actor="clerk", stopped=lambda: True)
    assert stopped == {}
    assert sweep(house(tmp_path), sqlite, here, actor="clerk") == {"sessions": 2}
    assert ids(sqlite, session, "token") == [b"1" * 32]


def test_files_of_jobs_go_after_their_end(sqlite: Database, tmp_path: Path) -> None:
    old = job(tmp_path, "a", JobState.DONE, OLD)
    kept = job(tmp_path, "b", JobState.DONE, NEW)
    running = job(tmp_path, "c", JobState.RUNNING, None)
    never_whole = tmp_path / "jobs" / "d"
    never_whole.mkdir()
    (never_whole / "input.csv").write_text("x")
    os.utime(never_whole, (0, 0))
    whole_soon = tmp_path / "jobs" / "e"
    whole_soon.mkdir()
    os.utime(whole_soon, (NOW.timestamp(), NOW.timestamp()))
    jobs = Jobs(tmp_path)
    jobs.start()
    # What the service finds running at its start is interrupted; here it runs.
    write_job(running, replace_state(running))
    assert {one.id for one in jobs.of(1)} == {"a", "b", "c"}
    held = {one.kind: one.held for one in shown(house(tmp_path), sqlite, NOW)}["jobs"]
    assert (held.rows, held.oldest, held.due) == (3, OLD, 1)
    assert sweep(house(tmp_path), sqlite, NOW, actor="clerk") == {"jobs": 1}
    assert [place.exists() for place in (old, kept, running, never_whole, whole_soon)] == [
        False,
        True,
        True,
        False,
        True,
    ]
    assert entered(sqlite) == [("clerk", "jobs", 1)]
    # The web process, which knew it, knows it no more.
    with pytest.raises(ServiceError):
        jobs.one("a", 1)
    assert {one.id for one in jobs.of(1)} == {"b", "c"}
    assert jobs.one("b", 1).id == "b"
    jobs.close()


def replace_state(place: Path) -> Job:
    found = read_job(place)
    assert found is not None
    return replace(found, state=JobState.RUNNING, ended=None)


@pytest.fixture
def steady(tmp_path: Path) -> None:
    """A service that has looked at every night of the last year."""
    said = {"looked": NOW - timedelta(days=1), "since": NOW - timedelta(days=365)}
    told = {name: at.isoformat() for name, at in said.items()}
    (tmp_path / "retention.json").write_text(json.dumps(told))


@pytest.mark.usefixtures("steady")
def test_the_clerk_sweeps_once_a_night(sqlite: Database, tmp_path: Path) -> None:
    put(sqlite, outbox, created=OLD, state="sent")
    at = [AWAKE]
    made = Clerk(house(tmp_path), lambda: at[0], sqlite)
    made.look()
    assert count(sqlite, outbox) == 1
    at[0] = NOW
    with structlog.testing.capture_logs() as told:
        made.look()
    assert count(sqlite, outbox) == 0
    assert made.metrics()["clerk_swept_outbox"] == 1.0
    assert [one for one in told if one["event"] == "swept"] == [
        {"event": "swept", "log_level": "info", "outbox": 1}
    ]
    put(sqlite, outbox, created=OLD, state="sent")
    made.look()
    assert count(sqlite, outbox) == 1
    at[0] = NOW + timedelta(days=1)
    made.look()
    assert count(sqlite, outbox) == 0
    off = Sweeper(house(tmp_path, on=False), sqlite, lambda: NOW)
    put(sqlite, outbox, created=OLD, state="sent")
    assert off.look(lambda: False) == {}


@pytest.mark.usefixtures("steady")
def test_a_long_sweep_gives_way_and_goes_on(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        put(sqlite, alert, ended=OLD, started=OLD)
    data = retention.retention_data()
    monkeypatch.setattr(
        retention,
        "retention_data",
        lambda: data | {"rows": 1, "seconds": 100},
    )
    # Each look has a time of its own; a clock that leaps ends the first one after one transaction.
    times = iter([0.0, 0.0, 0.0, 0.0, *[200.0] * 99])
    monkeypatch.setattr(retention.time, "monotonic", lambda: next(times, 200.0))
    made = Sweeper(house(tmp_path), sqlite, lambda: NOW)
    made.look(lambda: False)
    left = count(sqlite, alert)
    assert 0 < left < 3
    made.look(lambda: False)
    assert count(sqlite, alert) == 0
    assert made.look(lambda: False) == {}


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize(
    ("error", "code"),
    [(StoreError("STORE_UNAVAILABLE"), "STORE_UNAVAILABLE"), (OSError(), "OSError")],
    ids=["declared", "ours"],
)
def test_a_sweep_that_fails_is_told_and_tried_again_later(
    sqlite: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: str,
) -> None:
    put(sqlite, outbox, created=OLD, state="sent")
    at = [NOW]
    made = Sweeper(house(tmp_path), sqlite, lambda: at[0])

    def broken(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch, structlog.testing.capture_logs() as told:
        patch.setattr(retention, "sweep", broken)
        made.look(lambda: False)
    (line,) = told
    assert (line["event"], line["log_level"]) == ("not swept", "warning")
    assert line["code"].startswith(code)
    made.look(lambda: False)
    assert count(sqlite, outbox) == 1
    at[0] += timedelta(hours=1)
    made.look(lambda: False)
    assert count(sqlite, outbox) == 0


def test_a_clock_that_leaps_takes_nothing_away(sqlite: Database, tmp_path: Path) -> None:
    at = [NOW - timedelta(days=1)]
    made = Sweeper(house(tmp_path), sqlite, lambda: at[0])
    nights = []
    # It begins; then the clock leaps by years, goes on from there, and is set right again.
    days = [*range(9), 4000, 4001, *range(9, 18)]
    for day in days:
        at[0] = NOW + timedelta(days=day)
        put(sqlite, outbox, created=OLD, state="sent")
        if made.look(lambda: False):
            nights.append(day)
        # A service that was started anew remembers.
        made = Sweeper(house(tmp_path), sqlite, lambda: at[0])
    assert nights == [7, 8, 16, 17]


def test_where_nothing_can_be_noted_nothing_is_swept(sqlite: Database, tmp_path: Path) -> None:
    put(sqlite, outbox, created=OLD, state="sent")
    (tmp_path / "service").write_text("a file where the folder belongs")
    made = Sweeper(house(tmp_path / "service"), sqlite, lambda: NOW)
    with structlog.testing.capture_logs() as told:
        assert made.look(lambda: False) == {}
    assert [one["event"] for one in told] == ["not swept"]
    assert count(sqlite, outbox) == 1


@pytest.fixture
def served(sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    monkeypatch.setenv("GROUPER_SERVICE_FOLDER", str(tmp_path / "service"))
    return sqlite


def run(*words: str) -> str:
    done = CliRunner().invoke(commands.app, words, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_the_command_shows_and_sweeps(served: Database) -> None:
    put(served, outbox, created=OLD, state="sent")
    put(served, outbox, created=OLD, state="waiting")
    table = run("show")
    assert "永久" in table
    assert "365 天" in table
    assert "到期即清" in table
    assert "90 天" in table
    told = {one["kind"]: one for one in json.loads(run("show", "--json"))}
    assert list(told) == list(KINDS)
    assert told["outbox"]["rows"] == 2
    assert told["outbox"]["due"] == 1
    assert "outbox" in run("sweep", "--dry-run", "--lang", "en")
    assert [one["due"] for one in json.loads(run("sweep", "--dry-run", "--json"))] == [1]
    assert (count(served, outbox), entered(served)) == (2, [])
    assert "1" in run("sweep")
    (entry,) = entered(served)
    assert entry[0].startswith("command line")
    assert entry[1:] == ("outbox", 1)
    assert "没有到期" in run("sweep")
    assert "没有到期" in run("sweep", "--dry-run")
    assert json.loads(run("sweep", "--json")) == {}


def test_the_command_needs_tables_that_are_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    with pytest.raises(StoreError) as caught:
        CliRunner().invoke(commands.app, ["show"], catch_exceptions=False)
    assert caught.value.code == "STORE_OLD"
