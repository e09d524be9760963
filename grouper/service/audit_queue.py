"""Looks written to the audit log: many in one commit, and on disk before anything is shown.

A commit costs milliseconds. What is to be logged while one is under way goes into the next, so
that many looks at once cost little more than one. What physicians were told of their orders is
written the same way, after it was shown.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import structlog

from codebooks.errors import GrouperError
from grouper.service.logs import fault_of
from grouper.service.problems import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MOST = 500
"""Entries in one commit."""
PATIENCE = 15.0
"""Seconds that a look waits to be logged; then nothing is shown."""
_T = TypeVar("_T")
_log = structlog.get_logger("grouper.audit")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is logged: who did or saw what.

    Attributes:
        actor: name of the account.
        action: stable word, such as ``case.read``.
        object: what it was done to, by Grouper's own id (``case:…``, ``message:…``).
        about: further facts; never what was seen.
    """

    actor: str
    action: str
    object: str
    about: Mapping[str, Any] = field(default_factory=dict)


class CommitQueue(Generic[_T]):
    """Writes entries in their order by one thread, many in one commit.

    Args:
        write: writes entries in one transaction; raises ``GrouperError`` when it cannot.
        name: of the thread.
    """

    def __init__(self, write: Callable[[Sequence[_T]], None], name: str = "audit") -> None:
        self._write = write
        self._lock = threading.Lock()
        self._waiting: deque[tuple[_T, Future[None]]] = deque()
        self._running = False
        self._thread = ThreadPoolExecutor(1, name)
        self._last: Future[None] | None = None

    def submit(self, entry: _T) -> Future[None]:
        """Begin to write something; :func:`logged` waits until it is on disk."""
        done: Future[None] = Future()
        with self._lock:
            self._last = done
            self._waiting.append((entry, done))
            if not self._running:
                self._running = True
                self._thread.submit(self._drain)
        return done

    def flush(self) -> None:
        """Wait until all that was submitted is written, or could not be."""
        with self._lock:
            last = self._last
        if last is not None:
            with suppress(TimeoutError):
                last.exception(PATIENCE)

    def close(self) -> None:
        """Write what waits, and end."""
        self._thread.shutdown()

    def _drain(self) -> None:
        while True:
            with self._lock:
                batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
                if not batch:
                    self._running = False
                    return
            self._commit(batch)

    def _commit(self, batch: Sequence[tuple[_T, Future[None]]]) -> None:
        fault: Exception | None = None
        try:
            self._write([entry for entry, _ in batch])
        except GrouperError as error:
            _log.error("not_logged", code=error.code, entries=len(batch))
            fault = error
        except Exception as error:  # noqa: BLE001 -- the thread goes on, those who wait are told
            _log.error("not_logged", fault=fault_of(error), entries=len(batch))
            fault = error
        for _, done in batch:
            if fault is None:
                done.set_result(None)
            else:
                done.set_exception(ServiceError("AUDIT_UNAVAILABLE"))


class AuditQueue(CommitQueue[Entry]):
    """Writes the audit log."""

    def record(self, entry: Entry) -> None:
        """Log something; it is on disk when this comes back.

        Raises:
            ServiceError: ``AUDIT_UNAVAILABLE``.
        """
        logged(self.submit(entry))


def logged(done: Future[None]) -> None:
    """Wait until an entry is on disk.

    Raises:
        ServiceError: ``AUDIT_UNAVAILABLE``.
    """
    try:
        done.result(PATIENCE)
    except TimeoutError:
        raise ServiceError("AUDIT_UNAVAILABLE") from None
