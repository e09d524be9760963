"""One writer at a time: a lock that the system lets go of when its holder dies."""

from __future__ import annotations

import fcntl
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from codebooks.errors import Where
from grouper.forecast.errors import ForecastError
from grouper.forecast.registry.places import LOCK, limit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PAUSE = 0.05


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold a name's folder, which is made where it is missing, against other writers.

    Raises:
        ForecastError: ``FORECAST_FILE_LINK``; ``FORECAST_REGISTRY_BUSY`` when another one holds it too long;
            ``FORECAST_REGISTRY_WRITE`` when it cannot be written to, then or within.
    """
    if folder.is_symlink():
        raise ForecastError("FORECAST_FILE_LINK", Where(file=folder.name))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOCK).open("ab") as file:
            _wait(file.fileno(), folder)
            yield
    except OSError as cause:
        problem = cause.strerror or type(cause).__name__
        where = Where(file=folder.name)
        raise ForecastError("FORECAST_REGISTRY_WRITE", where, cause=problem) from cause


def _wait(file: int, folder: Path) -> None:
    until = time.monotonic() + float(limit("lock_seconds"))
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            if time.monotonic() >= until:
                raise ForecastError("FORECAST_REGISTRY_BUSY", Where(file=folder.name)) from cause
            time.sleep(_PAUSE)
        else:
            return
