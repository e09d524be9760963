"""Processes of our own modules that another process starts, watches and ends."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

GRACE = 5.0
"""Seconds that a process has to end in order before it is killed."""


def begin(
    module: str, words: Sequence[str], *, kept: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a module as a process of its own; the number of this process is its last word.

    Args:
        module: such as ``grouper.service.job_process``.
        words: of its command line.
        kept: open files that it holds too.

    Raises:
        OSError: it cannot be started.
    """
    command = [sys.executable, "-m", module, *words, str(os.getpid())]
    return subprocess.Popen(  # noqa: S603 -- our own module
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=tuple(kept)
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process: in order, and if it does not listen at once."""
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
