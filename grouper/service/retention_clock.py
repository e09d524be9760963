"""Whether the clock can be trusted to sweep by: one that leapt ahead would take everything for old.

A small file in the service's folder holds when a night was last looked at; the worker and the clerk,
which take away what is old every hour, have a file each. After a leap (or a long rest of the service,
which looks the same) nothing is swept for some days, in which a wrong clock shows by much else.
"""

from __future__ import annotations

import tomllib
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from grouper.service import json_files

if TYPE_CHECKING:
    from pathlib import Path

FILE = "retention.json"
MESSAGES_FILE, ERRANDS_FILE = "pruning.json", "aging.json"
"""The marks of the worker and of the clerk."""


@cache
def _limits() -> tuple[timedelta, timedelta]:
    """The leap, and how long nothing goes after it (``data/retention.toml``)."""
    text = (files("grouper.service") / "data" / "retention.toml").read_text("utf-8")
    found = tomllib.loads(text)
    return timedelta(days=found["leap_days"]), timedelta(days=found["put_off_days"])


def believed(folder: Path, at: datetime, file: str) -> bool:
    """Whether what is old at a time may go; notes that it was asked, where that can be written.

    Args:
        folder: of the service.
        at: the time, aware.
        file: the mark of who asks.
    """
    leap, put_off = _limits()
    since = _since(folder / file, at, leap)
    # A disk that is full must not keep anybody from making room; a leap is seen without it.
    with suppress(OSError):
        _note(folder / file, at, since)
    return at >= since + put_off


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
    since = _since(folder / FILE, at, leap)
    _note(folder / FILE, at, since)
    return at >= since + put_off


def _since(path: Path, at: datetime, leap: timedelta) -> datetime:
    """Since when the clock has not leapt, as a mark says at a time."""
    found = json_files.read(path) or {}
    with suppress(KeyError, TypeError, ValueError, OverflowError):
        looked, since = (datetime.fromisoformat(found[name]) for name in ("looked", "since"))
        if looked <= at <= looked + leap and since <= at:
            return since
    return at


def _note(path: Path, at: datetime, since: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    json_files.write(path, {"looked": at.isoformat(), "since": since.isoformat()})
