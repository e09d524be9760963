"""A process of the service does not outlive its supervisor.

A supervisor that is killed cannot end its processes; they would keep their ports, and the next start
would find them taken.
"""

from __future__ import annotations

import os
import signal
import threading

SUPERVISOR = "GROUPER_SUPERVISOR"
"""Names the supervisor's process to those that it starts."""
_EVERY = 1.0
"""Seconds between two looks."""


def end_with_supervisor(every: float = _EVERY) -> None:
    """End this process in order (SIGTERM) once the supervisor that started it is gone.

    A process that was started by hand has none, and is left alone.

    Args:
        every: seconds between two looks.
    """
    named = os.environ.pop(SUPERVISOR, "")
    if named.isdecimal():
        threading.Thread(
            target=_watch, args=(int(named), every), name="supervisor", daemon=True
        ).start()


def _watch(supervisor: int, every: float) -> None:
    pause = threading.Event()
    while os.getppid() == supervisor:
        pause.wait(every)
    os.kill(os.getpid(), signal.SIGTERM)
