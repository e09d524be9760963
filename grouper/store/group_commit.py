"""Many messages in one commit: the asyncio front of the inbox.

A commit to disk takes milliseconds, so what arrives while one is under way goes into the next. A
message that comes alone is committed at once; under load a commit waits a moment for company.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.intake.envelope import Receipt, Verdict
from grouper.store.database import AWAY, StoreError
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from grouper.intake.envelope import Envelope
    from grouper.store.inbox import Inbox

GROUP_BYTES = 16 * 1024 * 1024
"""A commit takes no further message once it holds so many bytes."""
WAITING_BYTES = 256 * 1024 * 1024
"""So many bytes may wait for their commit; then senders are held back."""
PATIENCE = 20.0
"""Seconds that a message waits for a database that is away."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
NOT_STORED = Receipt(message_id=None, verdict=Verdict.REFUSED, reason="NOT_STORED")


@dataclass(slots=True)
class _Item:
    envelope: Envelope
    channel: str
    deadline: float
    done: asyncio.Future[Receipt]


class GroupCommit:
    """Puts messages into an inbox, many in one commit; lives in one event loop.

    Args:
        inbox: where they go.
        group: most messages in one commit.
        linger_ms: milliseconds that a commit waits for company under load.
        waiting: most messages that wait for their commit; :meth:`put` waits for room.
        patience: seconds that a message waits for a database that is away.
        clock: seconds that only rise.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        inbox: Inbox,
        group: int = 512,
        linger_ms: float = 2.0,
        waiting: int = 4096,
        patience: float = PATIENCE,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._inbox = inbox
        self._group = group
        self._linger = linger_ms / 1000
        self._most = waiting
        self._patience = patience
        self._queue: deque[_Item] = deque()
        self._bytes = 0
        self._closing = False
        self._changed = asyncio.Event()
        self._outside: deque[_Item] = deque()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "group-commit")
        self._last = 1
        self._counts = dict.fromkeys(
            ("messages", "duplicates", "commits", "commit_seconds", "retries", "not_stored"), 0.0
        )

    async def put(self, envelope: Envelope, channel: str) -> Receipt:
        """Store one message; comes back after the commit.

        Args:
            envelope: what its form read of it.
            channel: how it came (``mllp:ADDRESS``, ``rest``).

        Returns:
            Its receipt; without a number, verdict AR and reason ``NOT_STORED`` if it could not be
            stored for ``patience`` seconds, or this is closed.
        """
        if self._closing:
            self._counts["not_stored"] += 1
            return NOT_STORED
        done: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        item = _Item(envelope, channel, self._clock() + self._patience, done)
        # Who came first goes in first, also after waiting for room: order is what stamps rest on.
        self._outside.append(item)
        self._let_in()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        self._changed.set()
        return await done

    async def close(self) -> None:
        """Commit what waits, take nothing more."""
        self._closing = True
        self._answer(self._outside, [NOT_STORED] * len(self._outside))
        self._outside.clear()
        self._changed.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    def metrics(self) -> Mapping[str, float]:
        """Counts since the start, and how many messages wait."""
        counts = {f"intake_{name}": value for name, value in self._counts.items()}
        commits = self._counts["commits"]
        counts["intake_group_mean"] = self._counts["messages"] / commits if commits else 0.0
        counts["intake_waiting"] = float(len(self._queue))
        counts["intake_held_back"] = float(len(self._outside))
        return counts

    async def _run(self) -> None:
        while not (self._closing and not self._queue):
            if not self._queue:
                self._changed.clear()
                await self._changed.wait()
                continue
            await self._company()
            items = self._take()
            self._let_in()
            self._last = len(items)
            await self._store(items)

    def _let_in(self) -> None:
        """Let in those that wait for room, in their order."""
        while self._outside:
            size = len(self._outside[0].envelope.raw)
            # A message larger than all room still gets in when nothing else waits.
            room = len(self._queue) < self._most and self._bytes + size <= WAITING_BYTES
            if self._queue and not room:
                return
            self._queue.append(self._outside.popleft())
            self._bytes += size

    async def _company(self) -> None:
        """Under load, wait until as many are here as went into the last commit."""
        wanted = min(self._group, self._last)
        end = time.monotonic() + self._linger
        while len(self._queue) < wanted and self._bytes < GROUP_BYTES and not self._closing:
            left = end - time.monotonic()
            if left <= 0:
                break
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                break

    def _take(self) -> list[_Item]:
        items: list[_Item] = []
        size = 0
        while self._queue and len(items) < self._group and (not items or size < GROUP_BYTES):
            item = self._queue.popleft()
            size += len(item.envelope.raw)
            items.append(item)
        self._bytes -= size
        return items

    async def _store(self, items: list[_Item]) -> None:
        at, pause, again = now(), _FIRST_PAUSE, False
        while items:
            try:
                receipts = await self._commit(items, at, again=again)
            except StoreError as error:
                if error.code in AWAY:
                    items = self._give_up(items)
                    if items:
                        self._counts["retries"] += 1
                        await self._sleep(pause)
                    pause, again = min(pause * 2, _LONGEST_PAUSE), True
                    continue
                receipts = []
            except Exception:  # noqa: BLE001 -- whatever one message causes must not stop the rest
                receipts = []
            if receipts:
                self._answer(items, receipts)
            elif len(items) == 1:
                self._answer(items, [NOT_STORED])
            else:
                # One of them cannot be stored: each by itself, so that the others are.
                for item in items:
                    await self._store([item])
            return

    async def _commit(self, items: Sequence[_Item], at: datetime, *, again: bool) -> list[Receipt]:
        messages = [(item.envelope, item.channel) for item in items]
        start = time.monotonic()
        receipts = await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: self._inbox.put_many(messages, at=at, again=again)
        )
        self._counts["commit_seconds"] += time.monotonic() - start
        self._counts["commits"] += 1
        return receipts

    def _give_up(self, items: list[_Item]) -> list[_Item]:
        """Answer those that waited long enough; returns the others."""
        at = self._clock()
        late = [item for item in items if item.deadline <= at]
        self._answer(late, [NOT_STORED] * len(late))
        return [item for item in items if item.deadline > at]

    def _answer(self, items: Collection[_Item], receipts: Sequence[Receipt]) -> None:
        for item, receipt in zip(items, receipts, strict=True):
            if receipt.message_id is None:
                self._counts["not_stored"] += 1
            else:
                self._counts["messages"] += 1
                self._counts["duplicates"] += receipt.duplicate
            # The one who waited may be gone (a connection that broke).
            if not item.done.done():
                item.done.set_result(receipt)
