"""The process that receives messages."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import structlog

from grouper.intake.porches import LISTENERS, porch
from grouper.service import status
from grouper.store.group_commit import GroupCommit
from grouper.store.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.intake.porches import Listener, Put
    from grouper.service.settings import Settings
    from grouper.store.database import Database

_log = structlog.get_logger("grouper.listening")


def listen(settings: Settings, database: Database) -> None:
    """Receive messages by all listeners until a signal comes."""
    asyncio.run(_listen(settings, database))


async def _listen(settings: Settings, database: Database) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    intake = settings.intake
    commits = GroupCommit(
        Inbox(database), group=intake.group, linger_ms=intake.linger, waiting=intake.waiting
    )
    listeners = {
        name: _listener(name, options, commits.put) for name, options in settings.listeners.items()
    }
    started = []
    try:
        for name, listener in listeners.items():
            await listener.start()
            started.append(listener)
            _log.info("listening", listener=name, **_place(listener))
        while not stop.is_set():
            told = dict(commits.metrics())
            for name, listener in listeners.items():
                told |= {f"{name}_{key}": value for key, value in listener.metrics().items()}
            await asyncio.to_thread(status.write, settings.folder, "listener", told)
            try:
                await asyncio.wait_for(stop.wait(), status.EVERY)
            except TimeoutError:
                continue
    finally:
        for listener in started:
            await listener.stop()
        await commits.close()


def _listener(name: str, options: Mapping[str, Any], put: Put) -> Listener:
    """A listener of the settings; ``kind`` says which, where several of one kind have names."""
    rest = {key: value for key, value in options.items() if key != "kind"}
    found: Listener = porch(LISTENERS, str(options.get("kind", name)))(rest, put)
    return found


def _place(listener: object) -> dict[str, object]:
    port = getattr(listener, "port", None)
    return {} if port is None else {"port": port}
