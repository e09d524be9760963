"""The process that screens the stored stays, each night and when people ask for it.

At night all stays that run are screened, and all that ended and have changed since; after that the
mart of the pages is brought up to date (:mod:`grouper.service.mart`). Which nights are done stands in
the store alone, so that it goes on after a fall where it was. It does little else than wait, gives
way to the other processes, and no error of a rule, a stay or the database ends it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from codebooks.errors import GrouperError
from grouper.case.dates import LOCAL
from grouper.service.mart import Keeper
from grouper.service.screening import ENDED, NIGHT, How, screen_stored
from grouper.service.screening_choice import screening_data
from grouper.service.waiting import Waiter, run_until_signalled
from grouper.store import alert_rows, screenings
from grouper.store.schema import now
from grouper.store.screenings import DONE, FAILED, STOPPED, WAITING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from grouper.service.settings import Settings
    from grouper.store.database import Database
    from grouper.store.screenings import ScreeningRow

NICE = 10
"""By how much the process gives way to the others."""
ACTOR = "auditor"
"""Who screens at night, in the audit log."""
ALERT = "screening"
"""Kind of the alert: so many nights in a row ended with an error."""
_SAME = timedelta(minutes=1)
"""By so much clocks may differ."""
_log = structlog.get_logger("grouper.auditor")


class Auditor(Waiter):
    """Screens, once a night and whenever it is asked.

    Args:
        settings: of the service.
        database: with its tables.
        clock: the time, aware.
    """

    def __init__(
        self, settings: Settings, database: Database, clock: Callable[[], datetime] = now
    ) -> None:
        super().__init__("auditor", settings.folder, settings.audit.every)
        self._settings, self._database, self._clock = settings, database, clock
        self._keeper = Keeper(settings, database, clock)
        self._not_before: datetime | None = None

    def step(self) -> list[ScreeningRow]:
        """Screen what was asked for, and at night what runs and what ended; what is done stays done.

        A night's run that failed is tried again after a while.

        Returns:
            How the runs of this step stand.

        Raises:
            Exception: the last one, where some failed: the store is away, a rule book cannot be used.
        """
        done: list[ScreeningRow] = []
        with self._database.reading() as connection:
            asked = screenings.listed(connection, states=[WAITING], limit=100)
        wanted = [(row.scope, row.actor) for row in reversed(asked)]
        wanted += [(scope, ACTOR) for scope in self._due()]
        failed: Exception | None = None
        for scope, actor in wanted:
            try:
                self._screen(scope, actor, done)
            except Exception as error:  # noqa: BLE001 -- one run that fails stops no other
                failed = error
        if failed is not None:
            raise failed
        self._said = ""
        return done

    def _due(self) -> list[str]:
        """The scopes of the night that are still to be screened."""
        at = self._clock()
        waiting = self._not_before is not None and at < self._not_before
        if waiting or at.astimezone(LOCAL).hour < self._settings.audit.hour:
            return []
        return [scope for scope in (NIGHT, ENDED) if not self._ended_today(scope)]

    def _ended_today(self, scope: str) -> bool:
        with self._database.reading() as connection:
            last = next(iter(screenings.listed(connection, scope=scope, limit=1)), None)
        if last is None or last.state != DONE:
            return False
        at = self._clock()
        if last.started > at + _SAME:
            # The clock was ahead then: were it counted, nothing would be screened until that day.
            return False
        return last.started.astimezone(LOCAL).date() >= at.astimezone(LOCAL).date()

    def _screen(self, scope: str, actor: str, done: list[ScreeningRow]) -> None:
        if self._stop.is_set():
            return
        how = self._settings.audit
        try:
            row = screen_stored(
                self._database,
                scope,
                How(region=self._settings.region, page=how.page, book=how.book, shadow=how.shadow),
                self._clock(),
                actor=actor,
                stopped=self._stop.is_set,
            )
        except Exception:
            self._counts["failed_runs"] += 1
            if actor == ACTOR:
                retry = timedelta(seconds=screening_data()["retry_seconds"])
                self._not_before = self._clock() + retry
                self._alert(scope)
            raise
        if row.state == STOPPED and actor != ACTOR:
            # Whoever asked for it is not to ask again because the service was restarted.
            row = self._wait_again(row)
        done.append(row)
        found = {"cases": row.cases, "findings": row.findings, "fresh": row.fresh, "gone": row.gone}
        self._counts.update({**found, "failed": row.counts.get("failed", 0), "runs": 1})
        _log.info("screened", screening=row.id, state=row.state, **found)
        if row.state == DONE and actor == ACTOR:
            self._alert(scope)

    def _wait_again(self, row: ScreeningRow) -> ScreeningRow:
        waiting = replace(row, state=WAITING, ended=None)
        with self._database.writing_store() as connection:
            screenings.change(connection, waiting)
        return waiting

    def _alert(self, scope: str) -> None:
        """Start the alert after so many nights that failed, end it when one has gone well."""
        nights = int(screening_data()["failed_nights"])
        with suppress(GrouperError), self._database.writing_store() as connection:
            last = screenings.listed(connection, scope=scope, limit=nights)
            kind = f"{ALERT}:{scope}"
            if last and last[0].state == DONE:
                if alert_rows.end(connection, kind, self._clock()):
                    _log.info("alert ended", kind=kind)
            elif len(last) == nights and all(row.state == FAILED for row in last):
                about = {"nights": nights, "code": last[0].reason}
                if alert_rows.start(connection, kind, self._clock(), about):
                    _log.error("alert started", kind=kind, **about)

    def look(self) -> None:
        """One step, and the mart; what goes wrong is told and tried again at the next look."""
        super().look()
        self._keeper.look()


def screen(settings: Settings, database: Database) -> None:
    """Screen the stored stays, night by night and as asked, until a signal comes."""
    run_until_signalled(Auditor(settings, database), NICE)
