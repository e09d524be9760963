"""What each process of the service tells of itself: a small file beside the database.

The web process answers for all of them (readiness, metrics), so the others write what they count
into ``status/<process>.json`` of the service's folder, whole or not at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from codebooks.plain import json_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

EVERY = 1.0
"""Seconds between two writings."""
STALE = 10.0
"""A process that wrote nothing for so many seconds is not there."""
_BEGUN = datetime.now(UTC)
"""When this process began, as near as it matters."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a process last told.

    Attributes:
        process: its name (``listener``, ``worker``, ``web``).
        at: when.
        values: counts and gauges by name.
        since: when it began; None: it did not say.
    """

    process: str
    at: datetime
    values: Mapping[str, float]
    since: datetime | None = None

    def alive(self, now: datetime) -> bool:
        """Whether it told something not long ago; what is dated ahead was told before the clock was set."""
        return abs((now - self.at).total_seconds()) <= STALE


def write(folder: Path, process: str, values: Mapping[str, float]) -> None:
    """Tell the values of a process; a full disk is no reason to stop it."""
    path = folder / "status" / f"{process}.json"
    times = {"at": datetime.now(UTC).isoformat(), "since": _BEGUN.isoformat()}
    told = json.dumps({**times, "values": dict(values)})
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_text(told, "utf-8")
        beside.replace(path)


@contextmanager
def telling(folder: Path, process: str) -> Iterator[None]:
    """Tell, until the end of the block, that a process that counts nothing is there."""
    over = threading.Event()
    write(folder, process, {})

    def tell() -> None:
        while not over.wait(EVERY):
            write(folder, process, {})

    thread = threading.Thread(target=tell, name="status", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def read(folder: Path) -> list[Status]:
    """What all processes last told, by name; a file that cannot be read is passed over."""
    found = []
    for path in sorted((folder / "status").glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            told = json_of(path.read_text("utf-8"))
            values = {str(name): float(value) for name, value in told["values"].items()}
            since = told.get("since")
            found.append(
                Status(
                    path.stem,
                    datetime.fromisoformat(told["at"]),
                    values,
                    None if since is None else datetime.fromisoformat(since),
                )
            )
    return found
