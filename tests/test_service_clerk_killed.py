"""The clerk killed at work: nothing of its errand runs on, and the next clerk begins it anew."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from comparing_support import MONTHS, OFFICE, books, filled, stored
from service_support import Service

from grouper.service.errands import Errands, ErrandState

__all__ = ["books", "filled", "stored"]
LONGEST = 120.0


@contextmanager
def clerk(stored: Service, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    surroundings = {
        **os.environ,
        "GROUPER_SERVICE_DATABASE": f"sqlite:///{tmp_path / 'grouper.sqlite'}",
        "GROUPER_SERVICE_FOLDER": str(stored.settings.folder),
        "GROUPER_SERVICE_CLERK__EVERY": "0.05",
    }
    command = [sys.executable, "-m", "grouper.service.process", "clerk"]
    with subprocess.Popen(command, env=surroundings, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                assert process.wait(30) == 0


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_what_the_killed_clerk_did_is_begun_anew(stored: Service, tmp_path: Path) -> None:
    errands = Errands.at(stored.settings)
    params = {**MONTHS, "from": "auto", "to": "chs-drg-3.0"}
    errand = errands.ask("comparison", params, by=OFFICE, language="zh")

    def state() -> ErrandState:
        return errands.one(errand.id, OFFICE).state

    with clerk(stored, tmp_path) as first:
        until(lambda: state() is ErrandState.RUNNING)
        first.kill()
        first.wait(10)
    assert state() is ErrandState.RUNNING
    with clerk(stored, tmp_path):
        until(lambda: state().ended)
    done = errands.one(errand.id, OFFICE)
    assert (done.state, done.tries) == (ErrandState.DONE, 2)
    assert done.answer is not None
    assert done.answer["cases"] == 10


@pytest.mark.slow
def test_a_clerk_that_is_ended_leaves_its_errand_for_the_next(
    stored: Service, tmp_path: Path
) -> None:
    errands = Errands.at(stored.settings)
    params = {**MONTHS, "from": "auto", "to": "chs-drg-3.0"}
    errand = errands.ask("comparison", params, by=OFFICE, language="zh")
    with clerk(stored, tmp_path):
        until(lambda: errands.one(errand.id, OFFICE).state is ErrandState.RUNNING)
    left = errands.one(errand.id, OFFICE)
    assert (left.state, left.tries) == (ErrandState.INTERRUPTED, 0)
    with clerk(stored, tmp_path):
        until(lambda: errands.one(errand.id, OFFICE).state.ended)
    assert errands.one(errand.id, OFFICE).state is ErrandState.DONE
