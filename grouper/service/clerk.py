"""The process that does the errands of the pages, one after the other, and sweeps at night.

Each is done by a process of its own, which may need much memory and may fall without harm. While one
is done the clerk holds a lock, and so does that process: whoever begins after a fall of the whole
service waits until nothing of the old errand runs any more. What ran then is begun anew.
"""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from grouper.service.children import begin, stop
from grouper.service.errand_files import ErrandState, is_there, write_errand
from grouper.service.errand_kinds import limits
from grouper.service.errand_process import failed
from grouper.service.errands import Errands
from grouper.service.retention import Sweeper
from grouper.service.retention_clock import ERRANDS_FILE, believed
from grouper.service.surroundings import Steadiness
from grouper.service.waiting import Waiter, run_until_signalled
from grouper.store.schema import now

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from grouper.service.errands import Errand
    from grouper.service.settings import Settings
    from grouper.store.database import Database

_CHILD = "grouper.service.errand_process"
_LOCK = ".lock"
_PATIENCE = 0.1
"""Seconds between two looks at the process of an errand."""
_AGE_EVERY = timedelta(hours=1)
_log = structlog.get_logger("grouper.clerk")


class Clerk(Waiter):
    """Does errands until :meth:`stop`.

    Args:
        settings: of the service.
        clock: the time, aware.
        database: with its tables, that is swept at night; None: it is not.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], datetime] = now,
        database: Database | None = None,
    ) -> None:
        super().__init__("clerk", settings.folder, settings.clerk.every)
        self._clock = clock
        self._sweeper = None if database is None else Sweeper(settings, database, clock)
        self._errands = Errands.at(settings)
        self._aged: datetime | None = None
        self._steadiness = Steadiness()

    def step(self) -> Errand | None:
        """Do the oldest errand that waits, if there is one and nobody else does one.

        Returns:
            How it stands then; None: there was none, or it was taken away meanwhile.

        Raises:
            OSError: the folder cannot be used.
        """
        found = self._next()
        self._said = ""
        return found

    def _next(self) -> Errand | None:
        self._age()
        if not any(not one.state.ended for one in self._errands.all()):
            return None
        with self._taking() as lock:
            if lock is None:
                return None
            # Whoever had the lock before is gone with all that it started.
            for errand in self._errands.all():
                if errand.state is ErrandState.RUNNING:
                    self._write(errand, ErrandState.INTERRUPTED)
            waiting = next((one for one in self._errands.all() if not one.state.ended), None)
            return None if waiting is None else self._do(waiting, lock)

    def _do(self, errand: Errand, lock: int) -> Errand | None:
        if errand.tries >= limits().tries:
            return self._write(failed(errand, None), ErrandState.FAILED)
        process = begin(_CHILD, [errand.id], kept=[lock])
        try:
            self._wait(process, errand.id)
        finally:
            if process.poll() is None:
                stop(process)
        found = self._errands.read(errand.id)
        if found is None:
            return None
        if not found.state.ended:
            # It fell without a word, or we ended it.
            ours = self._stop.is_set()
            found = (
                self._write(found, ErrandState.INTERRUPTED)
                if ours
                else self._write(failed(found, None), ErrandState.FAILED)
            )
        if found is not None:
            # Its process may have fallen after it wrote the state.
            self._errands.clear(found)
            self._counts[found.state] += 1
            _log.info("errand", kind=found.kind, errand=found.id, state=found.state)
        return found

    def _wait(self, process: subprocess.Popen[bytes], number: str) -> None:
        """Wait until a process ends, its errand is taken away, or the clerk is to stop."""
        while process.poll() is None and not self._stop.is_set():
            if not is_there(self._errands.folder(number)):
                return
            self._stop.wait(_PATIENCE)

    def _write(self, errand: Errand, state: ErrandState) -> Errand | None:
        ended = self._clock() if state.ended else None
        # A stop of the service is no fault of the errand; a fall may be one.
        tries = max(errand.tries - 1, 0) if self._stop.is_set() else errand.tries
        errand = replace(errand, state=state, ended=ended, tries=tries)
        folder = self._errands.folder(errand.id)
        try:
            write_errand(folder, errand)
        except OSError:
            if is_there(folder):
                raise
            return None
        self._errands.clear(errand)
        return errand

    @contextmanager
    def _taking(self) -> Iterator[int | None]:
        """Hold the lock of all errands; None: another one holds it."""
        place = self._errands.place / _LOCK
        with place.open("ab") as file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield file.fileno()

    def _age(self) -> None:
        """Take away what is old, once an hour."""
        at = self._clock()
        if not self._steadiness.steady:
            # Nothing goes for its age while the clock cannot be believed.
            return
        if self._aged is None or at - self._aged >= _AGE_EVERY:
            self._aged = at
            # Steadiness begins anew with each process; this mark outlives it.
            if not believed(self._folder, at, ERRANDS_FILE):
                return
            self._counts["aged"] += self._errands.age(at)

    def look(self) -> None:
        """One errand, and at night a while of sweeping; what goes wrong is tried again."""
        super().look()
        if self._sweeper is not None and self._steadiness.steady:
            for kind, gone in self._sweeper.look(self._stop.is_set).items():
                self._counts[f"swept_{kind}"] += gone


def attend(settings: Settings, database: Database) -> None:
    """Do the errands of the pages until a signal comes, and sweep at night."""
    # The errands themselves give way further.
    run_until_signalled(Clerk(settings, database=database), 1)
