"""What is kept for how long, and the sweep that takes away what is older.

Days per kind stand in the settings (``[retention]``), 0: for ever. What is under way is never taken,
however old: :mod:`grouper.store.retention_rows` and its neighbours say of each kind what that is. Only
counts are told and logged. The store alone says what is due, so that a sweep which was interrupted
goes on with what is left. The audit log is never swept; the raw bytes of messages are let go of by the
worker (``intake.retain_days``).
"""

from __future__ import annotations

import shutil
import time
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import structlog

from codebooks.errors import GrouperError
from grouper.case.dates import LOCAL
from grouper.service import retention_jobs
from grouper.service.logs import fault_of
from grouper.service.retention_clock import trusted
from grouper.store import retention_messages, retention_rows, sessions
from grouper.store.retention_messages import MESSAGES, REPEATS
from grouper.store.retention_rows import Aim, Held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from grouper.service.settings import Settings
    from grouper.store.database import Database

ACTOR = "clerk"
"""Who sweeps at night, in the audit log."""
SESSIONS, STAYS, JOBS = "sessions", "stays", "jobs"
ANALYSIS = "analysis"
"""Folder of the Parquet files that are made from the tables."""
KINDS = (REPEATS, *retention_rows.NAMES, MESSAGES, SESSIONS, JOBS)
"""In the order in which they are swept: stays after what may go of them before, then their messages."""
_log = structlog.get_logger("grouper.retention")


@cache
def retention_data() -> dict[str, Any]:
    """The table ``data/retention.toml``; not to be changed."""
    return tomllib.loads((files("grouper.service") / "data" / "retention.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Told:
    """How a kind stands.

    Attributes:
        kind: its name.
        days: how long it is kept; 0: for ever; None: until it is over by itself (sessions).
        held: how much there is, and what may go.
    """

    kind: str
    days: int | None
    held: Held


def days_of(settings: Settings, kind: str) -> int | None:
    """How many days a kind is kept; None: it ends by other settings."""
    return None if kind == SESSIONS else int(getattr(settings.retention, kind))


def shown(settings: Settings, database: Database, at: datetime) -> list[Told]:
    """How every kind stands at a time; nothing is changed.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    return [
        Told(kind, days_of(settings, kind), _held(settings, database, kind, at)) for kind in KINDS
    ]


def _before(settings: Settings, kind: str, at: datetime) -> datetime | None:
    days = days_of(settings, kind)
    return at - timedelta(days=days) if days else None


def _held(settings: Settings, database: Database, kind: str, at: datetime) -> Held:
    before = _before(settings, kind, at)
    if kind == MESSAGES:
        return retention_messages.held_messages(database, before)
    if kind == REPEATS:
        return retention_messages.held_repeats(database, before)
    if kind == SESSIONS:
        idle = timedelta(seconds=settings.access.idle)
        return retention_rows.held_sessions(database, at, at - idle)
    if kind == JOBS:
        return retention_jobs.held(settings.folder, before)
    return retention_rows.held(database, kind, before)


def sweep(
    settings: Settings,
    database: Database,
    at: datetime,
    *,
    actor: str,
    stopped: Callable[[], bool] = lambda: False,
    kinds: Iterable[str] = KINDS,
) -> Mapping[str, int]:
    """Take away what is older than the settings say.

    Args:
        settings: of the service.
        database: with its tables.
        at: the time, aware.
        actor: as the audit log names it.
        stopped: whether to leave the rest; asked before each transaction.
        kinds: these alone.

    Returns:
        How much went of each kind of which something went.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``; what is done stays done.
    """
    done: dict[str, int] = {}
    for kind in kinds:
        if kind == STAYS and not stopped() and _held(settings, database, kind, at).due:
            # Before the first of them goes: whoever is interrupted then leaves no file that tells of it.
            _forget_analysis(settings)
        if gone := _swept(settings, database, kind, at, actor, stopped):
            done[kind] = gone
        if gone and kind == STAYS:
            # Somebody may have had them made while the sweep was going on.
            _forget_analysis(settings)
    return done


def _forget_analysis(settings: Settings) -> None:
    """Remove the files made from the tables; they are made anew when they are wanted."""
    shutil.rmtree(settings.folder / ANALYSIS, ignore_errors=True)


def _swept(
    settings: Settings,
    database: Database,
    kind: str,
    at: datetime,
    actor: str,
    stopped: Callable[[], bool],
) -> int:
    if kind == SESSIONS:
        if stopped():
            return 0
        with database.writing_store() as connection:
            return sessions.sweep(connection, timedelta(seconds=settings.access.idle))
    before = _before(settings, kind, at)
    if before is None:
        return 0
    rows = int(retention_data()["stays" if kind == STAYS else "rows"])
    aim = Aim(kind, before, days_of(settings, kind) or 0, actor, rows)
    if kind == MESSAGES:
        return retention_messages.sweep_messages(database, aim, stopped)
    if kind == REPEATS:
        return retention_messages.sweep_repeats(database, aim, stopped)
    if kind == JOBS:
        left = at - timedelta(hours=float(retention_data()["left_hours"]))
        return retention_jobs.sweep(settings.folder, database, aim, left, stopped)
    return retention_rows.sweep(database, aim, stopped)


class Sweeper:
    """Sweeps once a night, a while at each look.

    Args:
        settings: of the service; the hour is ``retention.hour``.
        database: with its tables.
        clock: the time, aware.
    """

    def __init__(
        self, settings: Settings, database: Database, clock: Callable[[], datetime]
    ) -> None:
        self._settings, self._database, self._clock = settings, database, clock
        self._done: datetime | None = None
        self._not_before: datetime | None = None

    def look(self, stopped: Callable[[], bool]) -> Mapping[str, int]:
        """Sweep for a while if it is due; of an error only its code is logged.

        Args:
            stopped: whether the process is to end.

        Returns:
            How much went of each kind.
        """
        at = self._clock()
        if not self._due(at):
            return {}
        try:
            if not self._trusted(at):
                self._done = at
                _log.info("sweep put off")
                return {}
        except OSError as error:
            return self._failed(at, fault_of(error))
        end = time.monotonic() + float(retention_data()["seconds"])
        try:
            done = sweep(
                self._settings,
                self._database,
                at,
                actor=ACTOR,
                stopped=lambda: stopped() or time.monotonic() >= end,
            )
        except GrouperError as error:
            return self._failed(at, error.code)
        except Exception as error:  # noqa: BLE001 -- the service goes on, the rest is swept later
            return self._failed(at, fault_of(error))
        if not stopped() and time.monotonic() < end:
            self._done = at
        if done:
            _log.info("swept", **done)
        return done

    @staticmethod
    def _days(name: str) -> timedelta:
        return timedelta(days=float(retention_data()[name]))

    def _trusted(self, at: datetime) -> bool:
        leap, put_off = self._days("leap_days"), self._days("put_off_days")
        return trusted(self._settings.folder, at, leap, put_off)

    def _failed(self, at: datetime, code: str) -> Mapping[str, int]:
        self._not_before = at + timedelta(seconds=float(retention_data()["retry_seconds"]))
        _log.warning("not swept", code=code)
        return {}

    def _due(self, at: datetime) -> bool:
        if not self._settings.retention.on:
            return False
        if self._not_before is not None and at < self._not_before:
            return False
        local = at.astimezone(LOCAL)
        night = local.replace(hour=self._settings.retention.hour, minute=0, second=0, microsecond=0)
        return local >= night and (self._done is None or self._done < night)
