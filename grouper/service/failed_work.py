"""Work of the service that failed and that somebody should look after, newest first.

Screenings of the night, forecasts of the night that are late, errands and files of cases. Results that
could not be delivered have a list of their own (:mod:`grouper.service.interface_view`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from grouper.case.dates import LOCAL
from grouper.service.access.principal import Right
from grouper.service.errands import Errands, ErrandState
from grouper.service.forecast_telling import last_whole_day
from grouper.service.interface_sizes import interface_sizes
from grouper.service.job_files import JobState, read_job
from grouper.store import forecasts, reading, screenings
from grouper.store.reading import Wanted
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from grouper.service.access.principal import Principal
    from grouper.service.settings import Settings
    from grouper.store.database import Database

_MOST = 200
"""Screenings that are looked at; some are made each night."""


class Work(StrEnum):
    """What failed."""

    SCREENING = "screening"
    FORECAST = "forecast"
    ERRAND = "errand"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Failed:
    """A piece of work that failed.

    Attributes:
        work: what it was.
        at: when it failed, or was to be done.
        code: stable code of the error; None: there is none.
        detail, advice: its words, where they were written down with it.
        about: what it was of: ``scope`` of a screening, ``day`` and ``last`` of forecasts, ``kind``
            of an errand.
    """

    work: Work
    at: datetime
    code: str | None
    detail: str | None = None
    advice: str | None = None
    about: Mapping[str, str] = field(default_factory=dict)


def failed_work(
    settings: Settings, database: Database, principal: Principal, at: datetime
) -> list[Failed]:
    """What failed of late, as far as one may see it.

    Args:
        settings: of the service.
        database: the store.
        principal: who asks: screenings need ``review``, forecasts ``metrics``, errands and files are
            one's own or those of who sees the same.
        at: now.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    since = at - timedelta(days=interface_sizes().failed_days)
    found = [*_errands(settings, principal), *_files(settings, principal)]
    if principal.may(Right.REVIEW):
        found += _screenings(database)
    found = [one for one in found if one.at >= since]
    if principal.may(Right.METRICS):
        found += _forecasts(settings, database, at)
    return sorted(found, key=lambda one: one.at, reverse=True)


def _screenings(database: Database) -> Iterator[Failed]:
    """Runs that failed, unless a later run of the same scope and moment was not ended by an error."""
    with database.reading() as connection:
        rows = screenings.listed(connection, limit=_MOST)
    seen: set[tuple[str, str]] = set()
    for row in rows:
        key = (row.scope, row.moment)
        if key not in seen and row.state == screenings.FAILED:
            at = row.ended or row.started
            yield Failed(Work.SCREENING, at, row.reason, about={"scope": row.scope})
        seen.add(key)


def _forecasts(settings: Settings, database: Database, at: datetime) -> list[Failed]:
    """The forecasts of the last night, where they are late."""
    if not settings.forecast.on:
        return []
    day = last_whole_day(at)
    due = datetime.combine(at.astimezone(LOCAL).date(), time(settings.forecast.hour), LOCAL)
    with database.reading() as connection:
        last = forecasts.last_day(connection)
        # Where nothing was ever foretold there is no model, which is no failure.
        if last is None or last >= day:
            return []
        running, _ = reading.stays(connection, Wanted(states=[StayState.RUNNING]), None, 1)
    if not running:
        return []
    if at < due + timedelta(hours=interface_sizes().late_hours):
        # Those of tonight are not late yet; those that failed in the nights before still are.
        day, due = day - timedelta(days=1), due - timedelta(days=1)
        if last >= day:
            return []
    return [
        Failed(
            Work.FORECAST,
            due,
            None,
            about={"day": day.isoformat(), "last": last.isoformat()},
        )
    ]


def _errands(settings: Settings, principal: Principal) -> Iterator[Failed]:
    for one in Errands.at(settings).of(principal, shared=True):
        if one.state is ErrandState.FAILED:
            at = one.ended or one.created
            yield Failed(Work.ERRAND, at, one.code, one.detail, one.advice, {"kind": one.kind})


def _files(settings: Settings, principal: Principal) -> Iterator[Failed]:
    for path in (settings.folder / "jobs").glob("*/job.json"):
        one = read_job(path.parent)
        if one is None or one.owner != principal.account_id or one.state is not JobState.FAILED:
            continue
        yield Failed(Work.FILE, one.ended or one.created, one.code, one.detail, one.advice)
