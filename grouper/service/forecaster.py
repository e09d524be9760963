"""The process that foretells the running stays of each night, and scores what was foretold before.

It looks now and then whether the stays of the last whole day still lack a forecast: that is the only
memory it has, so that it goes on after a fall where it was. It does little else than wait, gives way
to the other processes, and no error of a model, a stay or the database ends it, for the service goes
on without forecasts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from grouper.case.dates import LOCAL
from grouper.service.forecast_model import approved_model
from grouper.service.forecast_telling import last_whole_day
from grouper.service.forecasting import How, forecast_running
from grouper.service.scoring import score_stays
from grouper.service.waiting import Waiter, run_until_signalled
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from grouper.service.forecasting import Counts, Model
    from grouper.service.settings import Settings
    from grouper.store.database import Database

NICE = 10
"""By how much the process gives way to the others."""
_log = structlog.get_logger("grouper.forecaster")


class Forecaster(Waiter):
    """Foretells and scores, once a night.

    Args:
        settings: of the service.
        database: with its tables.
        model: the approved one; None: there is none.
        clock: the time, aware.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        model: Callable[[], Model | None],
        clock: Callable[[], datetime] = now,
    ) -> None:
        super().__init__("forecaster", settings.folder, settings.forecast.every)
        self._settings, self._database = settings, database
        self._model, self._clock = model, clock
        self._scored: date | None = None

    def step(self) -> Counts | None:
        """Score and foretell, if the hour has come; what is done already is not done again.

        Returns:
            How many were foretold; None: the hour has not come, or there is no model.

        Raises:
            StoreError: ``STORE_UNAVAILABLE``.
            GrouperError: the model cannot be read.
        """
        at = self._clock()
        if at.astimezone(LOCAL).hour < self._settings.forecast.hour:
            return None
        day = last_whole_day(at)
        if self._scored != day:
            done = score_stays(self._database, self._settings.region, at, stopped=self._stop.is_set)
            self._counts["scored"] += done
            if not self._stop.is_set():
                self._scored = day
            if done:
                _log.info("scored", forecasts=done)
        model = self._model()
        if model is None:
            self._say("FORECAST_NO_MODEL")
            return None
        how = self._settings.forecast
        found = forecast_running(
            self._database,
            model,
            How(region=self._settings.region, page=how.page, drivers=how.drivers),
            at,
            stopped=self._stop.is_set,
        )
        self._said = ""
        self._counts.update(forecast=found.forecast, refused=found.refused, failed=found.failed)
        if found.stays:
            _log.info("foretold", model=model.id, day=day.isoformat(), stays=found.stays)
        return found


def foretell(settings: Settings, database: Database) -> None:
    """Foretell the running stays, night by night, until a signal comes."""
    made = Forecaster(settings, database, lambda: approved_model(settings))
    run_until_signalled(made, NICE)
