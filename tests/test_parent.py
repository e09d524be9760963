"""A process of the service ends when the supervisor that started it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from grouper.service import parent

CHILD = """
import os, signal, sys, time
from grouper.service.parent import end_with_supervisor
signal.signal(signal.SIGTERM, lambda *_: (print("asked to end", flush=True), os._exit(0)))
end_with_supervisor(0.05)
print("up", flush=True)
time.sleep(60)
print("still there", flush=True)
"""
STARTER = """
import os, subprocess, sys
named = os.getpid() if sys.argv[1] == "supervisor" else ""
subprocess.Popen([sys.executable, "-c", sys.argv[2]], env={**os.environ, "GROUPER_SUPERVISOR": str(named)})
sys.stdin.read()
"""


def started(kind: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, kind, CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_supervisor_takes_its_processes_along() -> None:
    with started("supervisor") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGKILL)
        # The pipe ends when the last process that holds it does.
        assert process.stdout.read() == "asked to end\n"


def test_a_process_started_by_hand_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        pytest.fail("nothing is to be watched")

    monkeypatch.setattr(parent.threading, "Thread", never)
    monkeypatch.delenv(parent.SUPERVISOR, raising=False)
    parent.end_with_supervisor()
    assert parent.SUPERVISOR not in os.environ


def test_it_ends_at_once_where_the_supervisor_is_gone_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(parent.os, "kill", lambda *what: told.append(what))
    parent._watch(os.getppid() + 1, 60.0)
    assert told == [(os.getpid(), signal.SIGTERM)]
