"""The supervisor of ``grouper serve``: keeps the processes running, and ends them in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from codebooks.errors import GrouperError
from grouper.service.parent import SUPERVISOR
from grouper.service.porch_processes import at_hand
from grouper.service.renewal import Renewal
from grouper.service.setup import DECLARED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.service.settings import Settings

ORDER = ("worker", "listener", "web", "forecaster", "auditor", "clerk", "pages")
"""Started in this order; ended in the other one, so that what is received last is still applied."""
RENEWED = ("worker", "web", "forecaster", "auditor", "pages")
"""Started anew when schemes or policies were installed. The listener reads none; the clerk does each
errand in a process of its own."""
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_STEADY = 60.0
"""Seconds after which a process counts as running well, and its next fall as the first."""
_GRACE = 20.0
_log = structlog.get_logger("grouper.supervisor")


def switched_on(settings: Settings) -> list[str]:
    """The processes that the settings want and that are at hand, in their order."""
    switched = {
        "forecaster": settings.forecast.on,
        "auditor": settings.audit.on,
        "clerk": settings.clerk.on,
        "pages": settings.pages.on and at_hand("pages"),
    }
    return [name for name in ORDER if switched.get(name, True)]


class ServeError(GrouperError):
    """The service cannot go on."""


@dataclass
class _Child:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = _FIRST_WAIT
    due: float = field(default=0.0)

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, env=dict(self.environment))  # noqa: S603 -- our own module
        self.started = time.monotonic()

    def fell(self) -> int | None:
        """The exit status of a process that ended by itself."""
        if self.process is None:
            return None
        return self.process.poll()

    def put_off(self) -> None:
        """Start it again later, each time after a longer while."""
        if time.monotonic() - self.started > _STEADY:
            self.wait = _FIRST_WAIT
        self.process = None
        self.due = time.monotonic() + self.wait
        self.wait = min(self.wait * 2, _LONGEST_WAIT)

    def end(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            _log.warning("killed", process=self.name)
            self.process.kill()
            self.process.wait()


class Supervisor:
    """Runs the processes of the service until it is asked to stop.

    Args:
        processes: names out of :data:`ORDER`.
        environment: variables above those of this process (settings given on the command line).
    """

    def __init__(
        self,
        processes: Sequence[str] = ORDER,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        surroundings = {**os.environ, **(environment or {}), SUPERVISOR: str(os.getpid())}
        self._children = [
            _Child(name, (sys.executable, "-m", "grouper.service.process", name), surroundings)
            for name in processes
        ]
        self._stop = threading.Event()

    def stop(self) -> None:
        """End in order; :meth:`run` returns."""
        self._stop.set()

    def run(self) -> None:
        """Start the processes and watch over them; a fallen one is started again.

        Raises:
            ServeError: ``PROCESS_STOPPED``: one ended with an error that starting again would not
                mend (its words went to the standard error).
        """
        renewal = Renewal()
        try:
            for child in self._children:
                child.start()
            while not self._stop.wait(0.1):
                for child in self._children:
                    self._watch(child)
                if renewal.due():
                    self._renew()
        finally:
            for child in reversed(self._children):
                child.end()

    def _renew(self) -> None:
        """Start the processes anew that keep what they made of schemes and policies."""
        for child in self._children:
            if child.name in RENEWED and child.process is not None and not self._stop.is_set():
                child.end()
                child.start()
                _log.info("renewed", process=child.name)

    def _watch(self, child: _Child) -> None:
        if child.process is None:
            if time.monotonic() >= child.due:
                child.start()
            return
        status = child.fell()
        if status is None:
            return
        if status == DECLARED:
            child.process = None
            raise ServeError("PROCESS_STOPPED", process=child.name)
        _log.error("fell", process=child.name, status=status, again_in=child.wait)
        child.put_off()


def until_signalled(supervisor: Supervisor) -> None:
    """Run a supervisor that SIGTERM and SIGINT stop."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())
    supervisor.run()
