"""The mart of the service: built from the store each night, so that pages never ask the store for sums."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from codebooks.errors import GrouperError
from codebooks.hospital_names import KINDS
from grouper.case.dates import LOCAL
from grouper.mart.building import Built, build
from grouper.mart.errors import MartError
from grouper.mart.manifest import read
from grouper.service.hospital_names import names_at_hand
from grouper.service.logs import fault_of
from grouper.service.month import priced_between
from grouper.store.database import StoreError
from grouper.store.discharges import discharges
from grouper.store.migrate import pending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pyarrow as pa

    from grouper.service.settings import Settings
    from grouper.store.database import Database

FOLDER = "mart"
STORE = "store"
_DECEMBER = 12
_SAME = timedelta(minutes=1)
"""By so much clocks may differ."""
_log = structlog.get_logger("grouper.mart")


def mart_folder(settings: Settings) -> Path:
    """Where the service keeps its mart."""
    return settings.folder / FOLDER


@dataclass(frozen=True, slots=True)
class StoredStays:
    """The discharged stays of the store as the source of a mart, each at its newest version."""

    database: Database
    region: str
    name: str = STORE

    def names(self) -> Mapping[str, Mapping[str, str]]:
        """The hospital's own names of departments and physicians; messages call them by code."""
        known = names_at_hand()
        return {kind: known.last(kind) for kind in KINDS}

    def years(self) -> Mapping[str, str]:
        """The years of discharge, and a hash of the stays and versions of each and of the months beside it.

        Raises:
            StoreError: ``STORE_UNAVAILABLE``, ``STORE_OLD``.
        """
        if missing := pending(self.database):
            raise StoreError("STORE_OLD", steps=len(missing))
        hashes: dict[str, hashlib._Hash] = defaultdict(hashlib.sha256)
        years = set()
        with self.database.reading() as connection:
            for one in discharges(connection):
                at = one.at.astimezone(LOCAL)
                years.add(at.year)
                beside = {1: at.year - 1, _DECEMBER: at.year + 1}.get(at.month)
                for year in (at.year, *(() if beside is None else (beside,))):
                    hashes[f"{year:04}"].update(f"{one.id}:{one.version}\n".encode())
        return {f"{year:04}": hashes[f"{year:04}"].hexdigest() for year in sorted(years)}

    def year(
        self, year: str, progress: Callable[[int], None] | None
    ) -> tuple[pa.Table, pa.Table | None]:
        """The priced stays of a year, with the month before it and the one after; lines are in the cases."""
        since = datetime(int(year) - 1, _DECEMBER, 1, tzinfo=LOCAL)
        until = datetime(int(year) + 1, 2, 1, tzinfo=LOCAL)
        priced = priced_between(
            self.database, since, until, region=self.region, progress=progress, noted=True
        )
        return priced, None


def build_stored(
    settings: Settings,
    database: Database,
    *,
    anew: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Built:
    """Bring the service's mart to where its store is.

    Raises:
        GrouperError: the store, a scheme, a policy or the folder cannot be used.
    """
    source = StoredStays(database, settings.region)
    return build(mart_folder(settings), source, anew=anew, progress=progress)


class Keeper:
    """Keeps the service's mart up to date: once a night, and at once where there is none.

    A mart that was made from a hospital's folder by hand is left as it is.

    Args:
        settings: of the service; the hour is that of the nightly screening.
        database: with its tables.
        clock: the time, aware.
    """

    def __init__(
        self, settings: Settings, database: Database, clock: Callable[[], datetime]
    ) -> None:
        self._settings, self._database, self._clock = settings, database, clock
        self._last: datetime | None = None

    def look(self) -> Built | None:
        """Build the mart if it is due; None: it is not. Of an error only its code is logged."""
        at = self._clock()
        if not self._due(at):
            return None
        self._last = at
        try:
            built = build_stored(self._settings, self._database)
        except GrouperError as error:
            _log.warning("mart not built", code=error.code)
            return None
        except Exception as error:  # noqa: BLE001 -- the service goes on with the mart that stands
            _log.warning("mart not built", code=fault_of(error))
            return None
        _log.info("mart built", cases=built.cases, years=len(built.years))
        return built

    def _due(self, at: datetime) -> bool:
        local = at.astimezone(LOCAL)
        night = local.replace(hour=self._settings.audit.hour, minute=0, second=0, microsecond=0)
        if local < night:
            night -= timedelta(days=1)
        # What is dated ahead was made before the clock was set, and says nothing of this night.
        if self._last is not None and night <= self._last <= at:
            return False
        with suppress(MartError):
            return self._of_store(night, at)
        return True

    def _of_store(self, night: datetime, at: datetime) -> bool:
        """Whether the mart that stands is the store's, and older than the night."""
        state = read(mart_folder(self._settings))
        return state.source == STORE and not night <= state.at <= at + _SAME
