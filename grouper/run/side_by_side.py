"""Batches of a source worked on side by side by threads, and handed on in their order."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from codebooks.errors import GrouperError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grouper.case.readers import CaseBatch, Source

_AHEAD = 2
"""How many batches for each worker may wait: memory stays bounded when writing is slower."""

Answer = TypeVar("Answer")


class InterruptedRunError(GrouperError):
    """The run was interrupted; no result file was written."""


def default_workers() -> int:
    """Threads that group when nobody says: one core is left to reading and writing."""
    return max(1, (os.cpu_count() or 1) - 1)


def in_order(
    source: Source, work: Callable[[CaseBatch], Answer], workers: int | None = None
) -> Iterator[tuple[CaseBatch, Answer]]:
    """Each batch of a source with what ``work`` makes of it, in the order of the source.

    Args:
        source: where cases come from.
        work: called by several threads at once.
        workers: how many threads; by default :func:`default_workers`.
    """
    workers = workers or default_workers()
    waiting: deque[tuple[CaseBatch, Future[Answer]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="group")
    try:
        for batch in source.batches():
            waiting.append((batch, pool.submit(work, batch)))
            if len(waiting) > _AHEAD * workers:
                done, answer = waiting.popleft()
                yield done, answer.result()
        while waiting:
            done, answer = waiting.popleft()
            yield done, answer.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
