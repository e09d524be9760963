"""What processes that look now and then have in common: the loop, what they tell, and their end.

Nothing that goes wrong in a step ends such a process, for the service goes on without it: it is logged
once, not at every look, and tried again at the next one.
"""

from __future__ import annotations

import os
import signal
import threading
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from codebooks.errors import GrouperError
from grouper.service import status
from grouper.service.logs import fault_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Waiter(ABC):
    """Takes steps now and then until :meth:`stop`.

    Args:
        name: of the process; its counts begin with it.
        folder: of the service, where it tells its status.
        every: seconds between two looks.
    """

    def __init__(self, name: str, folder: Path, every: float) -> None:
        self._name, self._folder, self._every = name, folder, every
        self._stop = threading.Event()
        self._said = ""
        self._counts: Counter[str] = Counter()
        self._waiting = structlog.get_logger(f"grouper.{name}")

    @abstractmethod
    def step(self) -> Any:  # noqa: ANN401 -- each its own
        """Do what is due.

        Raises:
            Exception: what could not be done.
        """

    def look(self) -> None:
        """One :meth:`step`; what goes wrong is told and tried again at the next look."""
        try:
            self.step()
        except GrouperError as error:
            self._say(error.code)
        except Exception as error:  # noqa: BLE001 -- the service goes on without it
            self._say(fault_of(error))

    def run(self) -> None:
        """Look now and then until :meth:`stop`."""
        telling = threading.Thread(target=self._tell, name="status", daemon=True)
        telling.start()
        while not self._stop.is_set():
            self.look()
            self._stop.wait(self._every)
        telling.join()

    def stop(self) -> None:
        """Look no more; what is under way comes to an end of its own."""
        self._stop.set()

    def metrics(self) -> Mapping[str, float]:
        """Counts since the start."""
        return {f"{self._name}_{name}": float(count) for name, count in dict(self._counts).items()}

    def _say(self, what: str) -> None:
        if what != self._said:
            self._waiting.warning("waiting", code=what)
        self._said = what
        self._counts["waits"] += 1

    def _tell(self) -> None:
        while not self._stop.is_set():
            status.write(self._folder, self._name, self.metrics())
            self._stop.wait(status.EVERY)


def run_until_signalled(made: Waiter, nice: int) -> None:
    """Run until a signal comes.

    Args:
        made: the process.
        nice: by how much it gives way to the others.
    """
    with suppress(OSError):
        os.nice(nice)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: made.stop())
    made.run()
