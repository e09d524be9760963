"""One process of the service: ``python -m grouper.service.process listener | worker | web``.

Each opens the database for itself, tells its status, and ends in order on SIGTERM or SIGINT. An
error we declare ends it with status 2, so that the supervisor does not start it again.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from typing import TYPE_CHECKING

import structlog
import uvicorn

from codebooks.errors import GrouperError
from grouper.intake.porches import LISTENERS, porch
from grouper.service import status
from grouper.service.app import create_app
from grouper.service.logs import configure
from grouper.service.settings import load_settings
from grouper.service.setup import configure_forms
from grouper.service.worker import Worker
from grouper.store.database import connect
from grouper.store.group_commit import GroupCommit
from grouper.store.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from grouper.service.settings import Settings
    from grouper.store.database import Database

DECLARED = 2
"""Exit status after an error that starting again would not mend."""
_log = structlog.get_logger("grouper.process")


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
        name: porch(LISTENERS, name)(options, commits.put)
        for name, options in settings.listeners.items()
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


def _place(listener: object) -> dict[str, object]:
    port = getattr(listener, "port", None)
    return {} if port is None else {"port": port}


def work(settings: Settings, database: Database) -> None:
    """Apply and group messages until a signal comes."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Worker(settings, database).run(stop)


def serve(settings: Settings, database: Database) -> None:
    """Answer people and systems until a signal comes."""
    web = settings.web
    uvicorn.run(
        create_app(settings, database),
        host=web.host,
        port=web.port,
        ssl_certfile=None if web.tls_certificate is None else str(web.tls_certificate),
        ssl_keyfile=None if web.tls_key is None else str(web.tls_key),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )


PROCESSES: dict[str, Callable[[Settings, Database], None]] = {
    "listener": listen,
    "worker": work,
    "web": serve,
}


def main(name: str) -> int:
    """Run one process; returns its exit status."""
    try:
        settings = load_settings()
        configure()
        configure_forms(settings)
        database = connect(settings.url)
        try:
            PROCESSES[name](settings, database)
        finally:
            database.close()
    except GrouperError as error:
        _log.error("stopped", code=error.code)
        sys.stderr.write(error.describe() + "\n")
        return DECLARED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
