"""What the service watches of its machine: room on the disks, and a clock that somebody set."""

from __future__ import annotations

import shutil
import time
import tomllib
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from grouper.store.database import files_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from grouper.service.settings import Settings
    from grouper.store.database import Database


@cache
def surroundings() -> dict[str, int]:
    """The limits (``data/surroundings.toml``); not to be changed."""
    found = files("grouper.service") / "data" / "surroundings.toml"
    return tomllib.loads(found.read_text("utf-8"))


def free_bytes(settings: Settings, database: Database) -> int | None:
    """The least room where the database's files and the service's folder lie.

    None: none of them is there. Where PostgreSQL keeps its files is not seen from here.
    """
    found = []
    for folder in {settings.folder, *(path.parent for path in files_of(database))}:
        try:
            found.append(shutil.disk_usage(folder).free)
        except OSError:
            continue
    return min(found, default=None)


def _running() -> float:
    """Seconds that nobody sets, and that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _told() -> float:
    return datetime.now(UTC).timestamp()


class Steadiness:
    """Whether the clock was set since this was made.

    Args:
        told: seconds as the clock tells them.
        running: seconds that nobody sets.
    """

    def __init__(
        self, told: Callable[[], float] = _told, running: Callable[[], float] = _running
    ) -> None:
        self._told, self._running = told, running
        self._first = told() - running()

    def moved(self) -> float:
        """By how many seconds the clock was set; below 0: back."""
        return self._told() - self._running() - self._first

    @property
    def steady(self) -> bool:
        """Whether ages can be believed: it was set by little at most."""
        return abs(self.moved()) <= surroundings()["clock_seconds"]
