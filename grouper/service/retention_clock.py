"""Whether the clock can be trusted to sweep by: one that leapt ahead would take everything for old.

A small file in the service's folder holds when a night was last looked at. After a leap (or a long rest
of the service, which looks the same) nothing is swept for some days, in which a wrong clock shows by
much else.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from grouper.service import json_files

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

FILE = "retention.json"


def trusted(folder: Path, at: datetime, leap: timedelta, put_off: timedelta) -> bool:
    """Whether to sweep at a time; notes that it was asked.

    Args:
        folder: of the service.
        at: the time, aware.
        leap: so long after the last look, or any time before it, the clock has leapt.
        put_off: so long nothing is swept then.

    Raises:
        OSError: the file cannot be written.
    """
    path = folder / FILE
    looked = since = None
    found = json_files.read(path)
    with suppress(KeyError, TypeError, ValueError):
        looked, since = (
            datetime.fromisoformat((found or {})[name]) for name in ("looked", "since")
        )
    if looked is None or since is None or not looked <= at <= looked + leap:
        since = at
    folder.mkdir(parents=True, exist_ok=True)
    json_files.write(path, {"looked": at.isoformat(), "since": since.isoformat()})
    return at >= since + put_off
