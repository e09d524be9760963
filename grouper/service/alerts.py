"""What an operator should know of: queues that build up, a disk that fills, and that the worker is there.

A thread of the worker looks once a second: it tells the worker's status, and writes the start and
the end of an alert when the oldest message, or the oldest result on its way back, has waited for
longer than the settings allow, when there is little room on the disk, and when the clock was set.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from grouper.service import status
from grouper.service.surroundings import Steadiness, free_bytes, surroundings
from grouper.store import alert_rows, outbox, outcomes
from grouper.store.database import StoreError
from grouper.store.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from grouper.service.settings import Settings
    from grouper.store.database import Database

BACKLOG, DELIVERY, ROOM, CLOCK = "backlog", "delivery", "room", "clock"
"""Kinds of alerts: messages wait to be applied; results wait to be delivered
(``delivery:DESTINATION``); the disk is nearly full; somebody set the clock."""
_OURS = (BACKLOG, DELIVERY, ROOM, CLOCK)
_log = structlog.get_logger("grouper.alerts")


class Watch:
    """Watches over the queues of a database.

    Args:
        settings: of the service.
        database: with its tables.
        metrics: what the process counts.
        clock: the time, aware.
        steadiness: of the clock; None: from now on.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        metrics: Callable[[], Mapping[str, float]],
        clock: Callable[[], datetime],
        steadiness: Steadiness | None = None,
    ) -> None:
        self._settings = settings
        self._database = database
        self._inbox = Inbox(database)
        self._metrics = metrics
        self._clock = clock
        self._steadiness = steadiness or Steadiness()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Look once a second in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        said = None
        while not self._stop.is_set():
            try:
                told = {**self._metrics(), **self.look()}
                said = None
            except StoreError as error:
                # Once, not with each look while the database is away.
                if error.code != said:
                    said = error.code
                    _log.warning("waiting", code=said)
                told = dict(self._metrics())
            status.write(self._settings.folder, "worker", told)
            self._stop.wait(status.EVERY)

    def look(self) -> Mapping[str, float]:
        """Look at the queues; start and end alerts.

        Returns:
            Their lengths and the seconds that the oldest waited.

        Raises:
            StoreError: ``STORE_UNAVAILABLE``.
        """
        with self._database.reading() as connection:
            position = outcomes.position_of(connection)
            deliveries = outbox.oldest_waiting(connection)
            standing = alert_rows.standing(connection)
        waiting, oldest = self._inbox.waiting(position)
        queues = {BACKLOG: (oldest, waiting)}
        for name in self._settings.destinations:
            queues[f"{DELIVERY}:{name}"[:32]] = deliveries.get(name, (None, 0))
        ages = {kind: self._age(since) for kind, (since, _) in queues.items()}
        wanted: dict[str, dict[str, float]] = {
            kind: {"waiting": queues[kind][1], "oldest_seconds": round(age, 1)}
            for kind, age in ages.items()
            if age > self._settings.intake.alert_after
        }
        free = free_bytes(self._settings, self._database)
        if free is not None and free < surroundings()["room_bytes"]:
            wanted[ROOM] = {"free_bytes": free}
        if not self._steadiness.steady:
            wanted[CLOCK] = {"seconds": round(self._steadiness.moved())}
        ours = {kind for kind in standing if kind.startswith(_OURS)}
        if wanted.keys() ^ ours:
            started = {kind: about for kind, about in wanted.items() if kind not in ours}
            self._write(started, ours - wanted.keys())
        return {
            "worker_waiting": float(waiting),
            "worker_oldest_seconds": ages[BACKLOG],
            "worker_alerts": float(len(wanted)),
            "worker_free_bytes": float(free or 0),
        }

    def _age(self, since: datetime | None) -> float:
        return 0.0 if since is None else max(0.0, (self._clock() - since).total_seconds())

    def _write(self, start: Mapping[str, dict[str, float]], end: set[str]) -> None:
        at = self._clock()
        with self._database.writing_store() as connection:
            for kind, about in sorted(start.items()):
                if alert_rows.start(connection, kind, at, about):
                    _log.error("alert started", kind=kind, **about)
            for kind in sorted(end):
                if alert_rows.end(connection, kind, at):
                    _log.info("alert ended", kind=kind)
