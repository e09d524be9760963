"""Trials side by side: each forked process imports one mutant and runs a portion of its tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.mutate import session
from tools.mutate.loader import install

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tools.mutate.choosing import Chooser, Known
    from tools.mutate.mutants import Mutant
    from tools.mutate.scope import Limits

KILLED, TIMEOUT, SURVIVED, UNCOVERED = "killed", "timeout", "survived", "uncovered"
BROKEN = "broken"
"""The trial itself could not be made; it counts as not noticed."""
_FAILED, _UNKNOWN = (1, 2), 4
"""pytest's exit codes: a test failed or a module could not be collected; there is no such test."""
_LATE = 71
_NAP = 0.01
_ENOUGH = 4096


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutant.

    Attributes:
        mutant: which.
        status: :data:`KILLED`, :data:`TIMEOUT`, :data:`SURVIVED`, :data:`UNCOVERED` or
            :data:`BROKEN`.
        test: the test that noticed it, if one did.
        tried: how many tests were tried.
        seconds: time by the clock.
    """

    mutant: Mutant
    status: str
    test: str | None
    tried: int
    seconds: float


@dataclass(slots=True)
class _Trial:
    mutant: Mutant
    portions: list[list[str]]
    begun: float
    tried: int = 0
    pipe: int = -1
    forked: float = 0


class Trials:
    """The mutants under trial at one time."""

    def __init__(
        self, root: Path, folder: Path, chooser: Chooser | Known, limits: Limits, jobs: int
    ) -> None:
        self._root, self._folder = root, folder
        self._chooser, self._limits, self._jobs = chooser, limits, jobs
        self._running: dict[int, _Trial] = {}

    def run(self, mutants: Iterable[Mutant]) -> Iterator[Outcome]:
        """Try each mutant.

        Yields:
            The outcomes, in the order in which they are known.
        """
        waiting = iter(mutants)
        more = True
        try:
            while more or self._running:
                while more and len(self._running) < self._jobs:
                    mutant = next(waiting, None)
                    if mutant is None:
                        more = False
                        break
                    portions = self._chooser.portions(mutant)
                    if not portions:
                        yield Outcome(mutant, UNCOVERED, None, 0, 0)
                        continue
                    self._start(_Trial(mutant, portions, time.monotonic()))
                yield from self._ended()
        finally:
            for pid in self._running:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                shutil.rmtree(self._scratch(pid), ignore_errors=True)

    def _start(self, trial: _Trial) -> None:
        names = trial.portions[0]
        there, here = os.pipe()
        seconds = self._chooser.seconds(names)
        pid = forked(lambda: self._child(trial.mutant, names, seconds, here))
        os.close(here)
        trial.pipe, trial.forked = there, time.monotonic()
        self._running[pid] = trial

    def _child(self, mutant: Mutant, names: list[str], seconds: float, here: int) -> int:
        session.hurried()
        session.bounded(self._limits, seconds)
        session.silent()
        session.scratch(self._scratch(os.getpid()))
        source = (self._root / mutant.module).read_bytes()
        install(self._root, mutant.module, mutant.applied(source))
        order = session.Order(names)
        code = session.run(names, order)
        if order.failed:
            os.write(here, order.failed.encode()[:_ENOUGH])
        return code

    def _scratch(self, pid: int) -> Path:
        return self._folder / f"tmp-{pid}"

    def _ended(self) -> Iterator[Outcome]:
        time.sleep(_NAP)
        for pid, trial in list(self._running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            late = time.monotonic() - trial.forked > self._limits.wall_seconds
            if not ended and not late:
                continue
            if not ended:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                _, status = os.waitpid(pid, 0)
            del self._running[pid]
            shutil.rmtree(self._scratch(pid), ignore_errors=True)
            with os.fdopen(trial.pipe, "rb") as pipe:
                failed = pipe.read(_ENOUGH).decode() or None
            # A process that waits for ever has used no time: it says nothing about the mutant.
            code = _LATE if late and not ended else os.waitstatus_to_exitcode(status)
            if outcome := self._judged(trial, code, failed):
                yield outcome
            else:
                self._start(trial)

    def _judged(self, trial: _Trial, code: int, failed: str | None) -> Outcome | None:
        """The outcome; nothing where more tests are to be tried."""
        names = trial.portions.pop(0)
        trial.tried += len(names)
        status = None
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            status = TIMEOUT
        elif code in _FAILED or code < 0:
            status = KILLED
        elif code == _UNKNOWN and "::" in "".join(names):
            # The mutant changed the names of parametrised tests: run their modules whole.
            trial.portions.insert(0, sorted({name.partition("::")[0] for name in names}))
            return None
        elif code:
            status = BROKEN
        elif not trial.portions:
            status = SURVIVED
        if status is None:
            return None
        if failed:
            self._chooser.noticed(trial.mutant, failed)
        return Outcome(
            trial.mutant, status, failed, trial.tried, round(time.monotonic() - trial.begun, 2)
        )


def forked(work: Callable[[], int]) -> int:
    """Do work in a forked process, in a process group of its own.

    Args:
        work: gives the exit code.

    Returns:
        The process's id.
    """
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        code = work()
    finally:
        os._exit(code)
