"""The process that applies and groups messages."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from grouper.service.worker import Worker

if TYPE_CHECKING:
    from grouper.service.settings import Settings
    from grouper.store.database import Database


def work(settings: Settings, database: Database) -> None:
    """Apply and group messages until a signal comes."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Worker(settings, database).run(stop)
