"""Whether the service can do its work: schemes loaded, database there and up to date, worker alive, room."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog

from codebooks.errors import CodebookError, GrouperError
from codebooks.registry import INPATIENT, LONG_STAY, OUTPATIENT, registry
from codebooks.search import search
from grouper.case.fields import ZONE
from grouper.schemes.load import load_scheme
from grouper.service import status
from grouper.service.logs import fault_of
from grouper.service.surroundings import free_bytes, surroundings
from grouper.store.migrate import pending

if TYPE_CHECKING:
    from grouper.service.settings import Settings
    from grouper.store.database import Database

OK = "ok"
_BACK = timedelta(days=365)
"""Cases discharged so long ago are still asked about."""
_log = structlog.get_logger("grouper.readiness")


def schemes_wanted(settings: Settings) -> list[str]:
    """The schemes that are loaded before requests are served: those that bind, and compared ones."""
    today = datetime.now(ZoneInfo(ZONE)).date()
    found = dict.fromkeys(settings.compare)
    for day in (today, today - _BACK):
        for kind in (INPATIENT, OUTPATIENT, LONG_STAY):
            try:
                found[registry().binding(settings.region, day, kind).scheme] = None
            except CodebookError as error:
                # Few regions have a scheme for every kind of case.
                if error.code not in ("SCHEME_UNCOVERED", "SCHEME_NOT_AT_HAND"):
                    raise
    return list(found)


class Readiness:
    """What has to be there before requests are served.

    Args:
        settings: which region and schemes, and where processes tell their status.
        database: to be asked.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._schemes = "loading"
        self._thread = threading.Thread(target=self._load, name="schemes", daemon=True)

    def start(self) -> None:
        """Begin to load the schemes, beside whatever else is done."""
        self._thread.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the schemes; returns whether all are loaded."""
        self._thread.join(seconds)
        return self._schemes == OK

    def _load(self) -> None:
        try:
            for name in schemes_wanted(self._settings):
                load_scheme(name)
            search("-")
        except GrouperError as error:
            _log.error("schemes", code=error.code)
            self._schemes = error.code
        except Exception as error:  # noqa: BLE001 -- readiness tells it
            _log.error("schemes", fault=fault_of(error))
            self._schemes = "INTERNAL"
        else:
            self._schemes = OK

    def checks(self) -> dict[str, str]:
        """Each check by name: ``ok``, or a word or stable code that says why not."""
        found = {"schemes": self._schemes}
        try:
            found["migrations"] = "STORE_OLD" if pending(self._database) else OK
            found["database"] = OK
        except GrouperError as error:
            found |= {"database": error.code, "migrations": "unknown"}
        now = datetime.now(UTC)
        alive = {one.process: one.alive(now) for one in status.read(self._settings.folder)}
        found["worker"] = OK if alive.get("worker") else "away"
        free = free_bytes(self._settings, self._database)
        full = free is not None and free < surroundings()["full_bytes"]
        found["room"] = "STORE_FULL" if full else OK
        return found
