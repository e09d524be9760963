"""The supervisor starts fallen processes again, gives up on declared errors, and ends in order."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grouper.service import supervisor
from grouper.service.supervisor import ServeError, Supervisor, until_signalled

WAITS = "import signal, sys, pathlib; signal.signal(signal.SIGTERM, lambda *_: (open({file!r}, 'a').write({name!r}), sys.exit(0))); open({file!r}, 'a').write('+'); signal.pause()"


def processes(**programs: str) -> Supervisor:
    """A supervisor of small programs in place of the service's own."""
    found = Supervisor([])
    found._children = [
        supervisor._Child(name, (sys.executable, "-c", code), {}) for name, code in programs.items()
    ]
    return found


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def run_beside(running: Supervisor) -> threading.Thread:
    thread = threading.Thread(target=running.run)
    thread.start()
    return thread


def test_they_end_in_the_order_opposite_to_their_start(tmp_path: Path) -> None:
    file = tmp_path / "told"
    file.write_text("")
    running = processes(
        a=WAITS.format(file=str(file), name="a"), b=WAITS.format(file=str(file), name="b")
    )
    thread = run_beside(running)
    until(lambda: file.read_text() == "++")
    running.stop()
    thread.join(20)
    assert file.read_text() == "++ba"


def test_a_fallen_process_is_started_again_and_waits_longer_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_WAIT", 0.01)
    file = tmp_path / "told"
    file.write_text("")
    running = processes(a=f"open({str(file)!r}, 'a').write('+'); raise SystemExit(1)")
    running._children[0].wait = 0.01
    thread = run_beside(running)
    until(lambda: len(file.read_text()) >= 3)
    assert running._children[0].wait > 0.01
    running.stop()
    thread.join(20)
    # One that ran well for a while falls as if for the first time.
    child = running._children[0]
    child.started = time.monotonic() - 2 * supervisor._STEADY
    child.put_off()
    assert child.wait == 0.02


def test_a_declared_error_ends_the_service() -> None:
    running = processes(good="import signal; signal.pause()", bad="raise SystemExit(2)")
    with pytest.raises(ServeError) as caught:
        running.run()
    assert (caught.value.code, caught.value.params) == ("PROCESS_STOPPED", {"process": "bad"})
    assert all(c.process is None or c.process.poll() is not None for c in running._children)


def test_one_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(supervisor, "_GRACE", 0.2)
    file = tmp_path / "told"
    file.write_text("")
    code = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(file)!r}, 'a').write('+'); time.sleep(60)"
    running = processes(deaf=code)
    thread = run_beside(running)
    until(lambda: file.read_text() == "+")
    running.stop()
    thread.join(20)
    assert running._children[0].process is not None
    assert running._children[0].process.returncode == -signal.SIGKILL


def test_signals_stop_it() -> None:
    running = processes(a="import signal; signal.pause()")
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGTERM)).start()
        until_signalled(running)
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert running._children[0].process is not None
    assert running._children[0].process.returncode == -signal.SIGTERM


def test_its_processes_are_our_own_modules() -> None:
    commands = [child.command for child in Supervisor(environment={"A": "b"})._children]
    assert [command[-1] for command in commands] == list(supervisor.ORDER)
    assert all(
        child.environment["A"] == "b" for child in Supervisor(environment={"A": "b"})._children
    )
