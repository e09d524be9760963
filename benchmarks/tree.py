"""What a command takes with all processes that it starts: core-seconds, and the most memory.

Spark starts a Java machine, and that starts Python workers; who asks only the first process misses
nearly all of it. On Linux this process becomes the one that inherits orphans, so that the kernel adds
up the time of the processes that ended below it. It does not do so for the workers, whose parent takes
no note of their end; so all processes are also looked at twice a second, and what is more of the two
counts (what a process does after the last look is lost: at most half a second of each). Memory is the
proportional set size, which counts pages that several processes share once.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

EVERY = 0.5
"""Seconds between two looks at all processes."""
MIB = 1024 * 1024
_SUBREAPER = 36
"""``PR_SET_CHILD_SUBREAPER`` of ``prctl``."""
JAVA, WORKER, OTHER = "java", "worker", "other"


@dataclass(slots=True)
class Took:
    """What a command took.

    Attributes:
        code: it ended with.
        wall: seconds.
        cores: core-seconds of all its processes, of the user and of the system.
        memory: the most of all of them together, MiB.
        of: the most of one process by kind (``java``, ``worker`` of Spark, ``other``), MiB.
        output: what it wrote to its standard output.
    """

    code: int = 0
    wall: float = 0.0
    cores: float = 0.0
    memory: float = 0.0
    of: dict[str, float] = field(default_factory=dict)
    output: str = ""


def inherit() -> None:
    """Inherit the processes whose parent ended, so that their time is counted. On Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def spent() -> float:
    """Core-seconds of all processes below this one that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    told: Path,
    *,
    every: float = EVERY,
) -> Took:
    """Run a command, and wait until all processes that it left behind have ended.

    Args:
        command: the words.
        environment: beside that of this process.
        told: file for what it writes to its standard error.
        every: seconds between two looks at all processes.
    """
    inherit()
    took, ended = Took(), threading.Event()
    seen: dict[tuple[int, float], float] = {}
    before, begin = spent(), time.perf_counter()
    with told.open("wb") as errors:
        started = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        looking = threading.Thread(target=_look, args=(took, seen, ended, every), daemon=True)
        looking.start()
        try:
            took.output, _ = started.communicate()
        except KeyboardInterrupt:
            started.send_signal(signal.SIGINT)
            started.wait()
            raise
        finally:
            took.wall = time.perf_counter() - begin
            reap(wait=True)
            ended.set()
            looking.join()
    took.code = started.returncode
    took.cores = max(spent() - before, sum(seen.values()))
    return took


def reap(*, wait: bool) -> None:
    """Take note of all children that ended: there is none while no command runs.

    Args:
        wait: for those that have not ended yet.
    """
    with suppress(ChildProcessError):
        while os.waitpid(-1, 0 if wait else os.WNOHANG)[0]:
            continue


def _look(
    took: Took, seen: dict[tuple[int, float], float], ended: threading.Event, every: float
) -> None:
    own = psutil.Process()
    while not ended.wait(every):
        whole = 0.0
        for one in own.children(recursive=True):
            with suppress(psutil.Error, OSError):
                times = one.cpu_times()
                seen[one.pid, one.create_time()] = times.user + times.system
                size = one.memory_full_info().pss / MIB
                kind = _kind(one)
                took.of[kind] = max(took.of.get(kind, 0.0), size)
                whole += size
        took.memory = max(took.memory, whole)


def _kind(process: psutil.Process) -> str:
    if process.name().startswith(JAVA):
        return JAVA
    return WORKER if any("pyspark" in word for word in process.cmdline()) else OTHER
