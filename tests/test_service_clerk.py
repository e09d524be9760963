"""The clerk: one errand after the other, each in a process of its own; what fell is begun anew."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from access_support import database
from errand_support import OFFICE, held, own, settings
from typer.testing import CliRunner

from grouper.cli import serve
from grouper.service import clerk as clerk_module
from grouper.service import errand_kinds, errands, json_files, process, status
from grouper.service.access.principal import Right
from grouper.service.clerk import Clerk
from grouper.service.errand_files import write_errand
from grouper.service.errand_kinds import Kind
from grouper.service.errand_process import run_one
from grouper.service.errands import Errand, Errands, ErrandState
from grouper.service.retention_clock import ERRANDS_FILE
from grouper.service.settings import Settings
from grouper.store.database import Database
from grouper.store.schema import now

__all__ = ["database", "held", "own", "settings"]


class Child:
    """The process of an errand, done here; or one that only waits until it is ended."""

    def __init__(self, ending: Callable[[], int] | None = None) -> None:
        self._status = ending() if ending is not None else None
        self.ended: list[str] = []

    def poll(self) -> int | None:
        return self._status

    def wait(self, seconds: float | None = None) -> int:
        if self._status is None:
            raise subprocess.TimeoutExpired("errand", seconds or 0)
        return self._status

    def terminate(self) -> None:
        self.ended.append("terminate")

    def kill(self) -> None:
        self.ended.append("kill")
        self._status = -9


@pytest.fixture
def begun(
    held: Errands, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Errands are done in this process; which ones, in their order."""
    found: list[str] = []

    def begin(module: str, words: Sequence[str], *, kept: Sequence[int]) -> Child:
        assert module == "grouper.service.errand_process"
        assert os.fstat(kept[0])
        found.append(words[0])

        def ending() -> int:
            run_one(held, words[0], settings, database)
            return 0

        return Child(ending)

    monkeypatch.setattr(clerk_module, "begin", begin)
    return found


def ask(held: Errands, **params: object) -> Errand:
    return held.ask("own", params, by=OFFICE, language="zh")


def stands(held: Errands, errand: Errand) -> ErrandState:
    return held.one(errand.id, OFFICE).state


def test_the_oldest_is_done_first_and_one_at_a_time(
    held: Errands, settings: Settings, begun: list[str]
) -> None:
    made = Clerk(settings)
    assert made.step() is None
    first, second = ask(held, n=1), ask(held, n=2)
    done = made.step()
    assert done is not None
    assert (done.id, done.state) == (first.id, ErrandState.DONE)
    assert stands(held, second) is ErrandState.WAITING
    assert made.step() is not None
    assert made.step() is None
    assert begun == [first.id, second.id]
    assert made.metrics()["clerk_done"] == 2.0


def test_while_another_one_holds_the_lock_nothing_is_done(
    held: Errands, settings: Settings, begun: list[str]
) -> None:
    errand = ask(held)
    with (held.place / ".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert Clerk(settings).step() is None
    assert begun == []
    assert Clerk(settings).step() is not None
    assert begun == [errand.id]


def test_what_ran_when_the_service_fell_is_begun_anew_and_not_for_ever(
    held: Errands, settings: Settings, begun: list[str]
) -> None:
    errand = ask(held)
    most = errand_kinds.limits().tries
    fallen = replace(errand, state=ErrandState.RUNNING, started=now(), tries=most - 1)
    write_errand(held.folder(errand.id), fallen)
    done = Clerk(settings).step()
    assert done is not None
    assert (done.state, done.tries) == (ErrandState.DONE, most)
    again = ask(held, n=2)
    write_errand(held.folder(again.id), replace(again, state=ErrandState.RUNNING, tries=most))
    failed = Clerk(settings).step()
    assert failed is not None
    assert (failed.state, failed.code) == (ErrandState.FAILED, "INTERNAL")
    assert failed.detail
    assert failed.advice
    assert failed.ended is not None
    assert begun == [errand.id]


def test_a_process_that_falls_without_a_word_has_failed(
    held: Errands, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    errand = ask(held)
    monkeypatch.setattr(clerk_module, "begin", lambda *_, **__: Child(lambda: -9))
    made = Clerk(settings)
    found = made.step()
    assert found is not None
    assert (found.state, found.code) == (ErrandState.FAILED, "INTERNAL")
    assert made.metrics()["clerk_failed"] == 1.0
    secret = held.ask("secret", {}, by=OFFICE, language="zh", files={"given": b"x"})
    assert made.step() is not None
    assert stands(held, secret) is ErrandState.FAILED
    assert list((held.folder(secret.id) / "in").iterdir()) == []
    assert stands(held, errand) is ErrandState.FAILED


def test_a_process_whose_errand_is_taken_away_is_ended(
    held: Errands, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    errand, child = ask(held), Child()

    def begin(*_: object, **__: object) -> Child:
        held.cancel(errand.id, OFFICE)
        return child

    monkeypatch.setattr(clerk_module, "begin", begin)
    assert Clerk(settings).step() is None
    assert child.ended == ["terminate", "kill"]
    assert held.all() == []


def test_a_clerk_that_stops_leaves_its_errand_interrupted(
    held: Errands, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    errand, child = ask(held), Child()
    made = Clerk(settings)

    def begin(*_: object, **__: object) -> Child:
        running = replace(errand, state=ErrandState.RUNNING, tries=1)
        write_errand(held.folder(errand.id), running)
        made.stop()
        return child

    monkeypatch.setattr(clerk_module, "begin", begin)
    found = made.step()
    assert found is not None
    # A stop in order is no try that failed.
    assert (found.state, found.tries, found.ended) == (ErrandState.INTERRUPTED, 0, None)
    assert child.ended == ["terminate", "kill"]


def test_what_is_taken_away_before_its_state_is_written_is_gone(
    held: Errands, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    errand = ask(held)
    made = Clerk(settings)
    held.cancel(errand.id, OFFICE)
    assert made._write(errand, ErrandState.INTERRUPTED) is None
    kept = ask(held, n=2)

    def full(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(clerk_module, "write_errand", full)
    with pytest.raises(OSError):  # noqa: PT011 -- as raised above
        made._write(kept, ErrandState.INTERRUPTED)


def test_old_errands_are_taken_away_once_an_hour(
    held: Errands, settings: Settings, begun: list[str]
) -> None:
    errand = ask(held)
    at = [now()]
    made = Clerk(settings, lambda: at[0])
    made.step()
    assert begun == [errand.id]
    # A service that looked each hour meanwhile.
    late = at[0] + errand_kinds.limits().kept("own")
    told = {"looked": late.isoformat(), "since": (late - timedelta(days=30)).isoformat()}
    json_files.write(settings.folder / ERRANDS_FILE, told)
    at[0] += errand_kinds.limits().kept("own") + timedelta(minutes=1)
    made.step()
    assert held.all() == []
    assert made.metrics()["clerk_aged"] == 1.0
    left = held.place / ".new-x"
    left.mkdir()
    os.utime(left, (0, 0))
    at[0] += timedelta(minutes=30)
    made.step()
    assert left.exists()


def test_what_goes_wrong_is_told_once_and_tried_again(
    held: Errands,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    errand = ask(held)
    made = Clerk(settings)

    def broken(*_: object, **__: object) -> Child:
        raise OSError(11, "no more processes")

    monkeypatch.setattr(clerk_module, "begin", broken)
    made.look()
    made.look()
    told = capsys.readouterr()
    assert (told.out + told.err).count("BlockingIOError") == 1
    assert made.metrics()["clerk_waits"] == 2.0
    assert stands(held, errand) is ErrandState.WAITING


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def surrounded(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    monkeypatch.setenv("GROUPER_SERVICE_FOLDER", str(settings.folder))
    monkeypatch.setenv("GROUPER_SERVICE_CLERK__EVERY", "0.01")
    monkeypatch.setattr(process, "configure", lambda: None)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("surrounded", "begun", "database")
def test_the_process_does_errands_until_a_signal_comes(held: Errands, tmp_path: Path) -> None:
    errand = ask(held)

    def told() -> bool:
        values = {one.process: one.values for one in status.read(tmp_path)}
        return values.get("clerk", {}).get("clerk_done") == 1.0

    def end() -> None:
        try:
            until(told)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=end)
    thread.start()
    try:
        assert process.main("clerk") == 0
    finally:
        thread.join()
    assert stands(held, errand) is ErrandState.DONE


@pytest.mark.usefixtures("surrounded")
def test_the_service_runs_it_unless_it_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(serve, "Supervisor", lambda wanted, _: asked.append(list(wanted)))
    monkeypatch.setattr(serve, "until_signalled", lambda _: None)
    app = typer.Typer()
    app.command()(serve.serve_command)
    for on in ("true", "false"):
        monkeypatch.setenv("GROUPER_SERVICE_CLERK__ON", on)
        assert CliRunner().invoke(app, []).exit_code == 0
    assert ["clerk" in wanted for wanted in asked] == [True, False]


@pytest.mark.usefixtures("surrounded", "database")
def test_a_real_process_does_an_errand_and_hands_back_the_lock(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kind that this process does not know is refused by the child, which knows the real table."""
    kinds = {"nobody's": Kind("nobody's", "nowhere:nothing", (Right.CASES,))}
    monkeypatch.setattr(errand_kinds, "kinds", lambda: kinds)
    monkeypatch.setattr(errands, "kinds", lambda: kinds)
    held = Errands.at(settings)
    errand = held.ask("nobody's", {}, by=OFFICE, language="en")
    found = Clerk(settings).step()
    assert found is not None
    assert (found.id, found.state, found.code) == (errand.id, ErrandState.FAILED, "ERRAND_KIND")
    with (held.place / ".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
