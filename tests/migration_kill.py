"""Upgrades databases, each in a process of its own that kills itself before a statement.

``python migration_kill.py URL NUMBER [URL NUMBER]…``: of the first database the first NUMBER statements
run, and so on.
"""

from __future__ import annotations

import os
import signal
import sys

from sqlalchemy import event

from grouper.store.database import connect
from grouper.store.migrate import upgrade


def _upgrade(url: str, number: int) -> None:
    database = connect(url)
    left = [number]

    def statement(*_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for engine in {database.inbox, database.store}:
        event.listen(engine, "before_cursor_execute", statement)
        event.listen(engine, "commit", statement)
    upgrade(database)


if __name__ == "__main__":
    for url, number in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        child = os.fork()
        if not child:
            _upgrade(url, int(number))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write("killed\n" if os.WIFSIGNALED(status) else "done\n")
        sys.stdout.flush()
