"""Many messages in one commit: company, back-pressure, and a database that is away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from inbox_support import envelope_of, opened

from grouper.intake.envelope import Envelope, Receipt, Verdict
from grouper.store import group_commit
from grouper.store.database import StoreError
from grouper.store.group_commit import NOT_STORED, GroupCommit
from grouper.store.inbox import Inbox


class Shelf:
    """In the place of an inbox: keeps what it is given, and can be held, away, or choosy."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.asked, self.open = threading.Event(), threading.Event()
        self.open.set()
        self.away = 0
        self.again: list[bool] = []
        self.refuses: set[str] = set()
        self.breaks: set[str] = set()

    def put_many(
        self, messages: Sequence[tuple[Envelope, str]], *, at: datetime, again: bool
    ) -> list[Receipt]:
        assert at.tzinfo is not None
        self.asked.set()
        self.open.wait()
        self.again.append(again)
        if self.away:
            self.away -= 1
            raise StoreError("STORE_UNAVAILABLE")
        ids = [envelope.control_id for envelope, _ in messages]
        if self.refuses.intersection(ids):
            raise StoreError("STORE_FAILED", what="IntegrityError")
        if self.breaks.intersection(ids):
            raise ZeroDivisionError
        self.batches.append(ids)
        return [Receipt(message_id=int(n), verdict=Verdict.ACCEPTED) for n in ids]


async def put_all(commits: GroupCommit, numbers: Sequence[int]) -> list[Receipt]:
    return await asyncio.gather(*(commits.put(envelope_of(n), "c") for n in numbers))


def test_what_comes_during_a_commit_goes_into_the_next() -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.open.clear()
        commits = GroupCommit(shelf, group=8)  # type: ignore[arg-type]
        first = asyncio.create_task(commits.put(envelope_of(1), "c"))
        await asyncio.to_thread(shelf.asked.wait)
        rest = asyncio.create_task(put_all(commits, range(2, 14)))
        await asyncio.sleep(0.01)
        assert not first.done()
        shelf.open.set()
        assert (await first).message_id == 1
        assert [receipt.message_id for receipt in await rest] == list(range(2, 14))
        await commits.close()
        assert [len(batch) for batch in shelf.batches] == [1, 8, 4]
        told = commits.metrics()
        assert told["intake_messages"] == 13
        assert told["intake_commits"] == 3
        assert told["intake_group_mean"] == pytest.approx(13 / 3)
        assert told["intake_waiting"] == 0

    asyncio.run(scene())


def test_a_message_that_comes_alone_does_not_wait_for_company() -> None:
    async def scene() -> None:
        commits = GroupCommit(Shelf(), linger_ms=60_000)  # type: ignore[arg-type]
        for number in range(1, 4):
            await asyncio.wait_for(commits.put(envelope_of(number), "c"), 5)
        await commits.close()

    asyncio.run(scene())


def test_under_load_a_commit_waits_for_company_and_no_longer_than_said() -> None:
    async def scene() -> None:
        shelf = Shelf()
        commits = GroupCommit(shelf, linger_ms=50)  # type: ignore[arg-type]
        await put_all(commits, [1, 2, 3])
        late = [asyncio.create_task(commits.put(envelope_of(n), "c")) for n in (4, 5)]
        await asyncio.wait_for(asyncio.gather(*late), 5)
        await commits.close()
        assert shelf.batches[-1] == ["4", "5"]

    asyncio.run(scene())


def test_senders_are_held_back_while_too_much_waits() -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.open.clear()
        commits = GroupCommit(shelf, group=2, waiting=3)  # type: ignore[arg-type]
        tasks = [asyncio.create_task(commits.put(envelope_of(n), "c")) for n in range(1, 21)]
        for _ in range(50):
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)
        assert commits.metrics()["intake_waiting"] <= 3
        shelf.open.set()
        receipts = await asyncio.wait_for(asyncio.gather(*tasks), 10)
        assert [receipt.message_id for receipt in receipts] == list(range(1, 21))
        await commits.close()

    asyncio.run(scene())


def test_bytes_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        shelf = Shelf()
        commits = GroupCommit(shelf)  # type: ignore[arg-type]
        big = [Envelope(form="f", raw=b"x" * 900, control_id=str(n)) for n in range(1, 7)]
        tasks = [asyncio.create_task(commits.put(one, "c")) for one in big]
        receipts = await asyncio.wait_for(asyncio.gather(*tasks), 10)
        assert [receipt.message_id for receipt in receipts] == [1, 2, 3, 4, 5, 6]
        assert max(map(len, shelf.batches)) <= 2
        await commits.close()

    monkeypatch.setattr(group_commit, "GROUP_BYTES", 1000)
    monkeypatch.setattr(group_commit, "WAITING_BYTES", 2000)
    asyncio.run(scene())


def test_a_database_that_comes_back_gets_the_message() -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.away = 3
        commits = GroupCommit(shelf)  # type: ignore[arg-type]
        assert (await commits.put(envelope_of(1), "c")).message_id == 1
        assert shelf.again == [False, True, True, True]
        assert commits.metrics()["intake_retries"] == 3
        await commits.close()

    asyncio.run(scene())


def test_a_database_that_stays_away_for_a_minute_is_answered_not_stored() -> None:
    """Time is injected: a pause makes the clock run instead of waiting."""
    clock = [0.0]
    real_sleep = asyncio.sleep

    async def sleep(seconds: float) -> None:
        clock[0] += seconds
        await real_sleep(0)

    async def scene() -> None:
        shelf = Shelf()
        shelf.away = 10**6
        commits = GroupCommit(shelf, patience=60, sleep=sleep, clock=lambda: clock[0])  # type: ignore[arg-type]
        receipts = await put_all(commits, [1, 2])
        assert receipts == [NOT_STORED, NOT_STORED]
        assert (receipts[0].verdict, receipts[0].reason) == (Verdict.REFUSED, "NOT_STORED")
        assert 60 <= clock[0] < 65
        assert commits.metrics()["intake_not_stored"] == 2
        shelf.away = 0
        assert (await commits.put(envelope_of(3), "c")).message_id == 3
        await commits.close()

    asyncio.run(scene())


@pytest.mark.parametrize("how", ["refuses", "breaks"])
def test_a_message_that_cannot_be_stored_does_not_fail_its_company(how: str) -> None:
    async def scene() -> None:
        shelf = Shelf()
        getattr(shelf, how).add("2")
        commits = GroupCommit(shelf, group=3)  # type: ignore[arg-type]
        receipts = await put_all(commits, [1, 2, 3])
        assert [receipt.message_id for receipt in receipts] == [1, None, 3]
        assert receipts[1] == NOT_STORED
        await commits.close()

    asyncio.run(scene())


def test_closing_commits_what_waits_and_takes_nothing_more() -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.open.clear()
        commits = GroupCommit(shelf, group=1, waiting=2)  # type: ignore[arg-type]
        tasks = [asyncio.create_task(commits.put(envelope_of(n), "c")) for n in range(1, 7)]
        await asyncio.sleep(0.02)
        # One of those that wait for room has left: nobody is there to be answered.
        tasks.pop().cancel()
        closing = asyncio.create_task(commits.close())
        await asyncio.sleep(0.01)
        shelf.open.set()
        await closing
        receipts = await asyncio.gather(*tasks)
        stored = [receipt.message_id for receipt in receipts if receipt.message_id]
        assert stored == [int(batch[0]) for batch in shelf.batches]
        assert len(stored) >= 3
        assert all(receipt == NOT_STORED for receipt in receipts[len(stored) :])
        assert await commits.put(envelope_of(9), "c") == NOT_STORED

    asyncio.run(scene())


def test_closing_without_a_message_is_nothing() -> None:
    asyncio.run(GroupCommit(Shelf()).close())  # type: ignore[arg-type]


def test_one_who_left_does_not_disturb_the_rest() -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.open.clear()
        commits = GroupCommit(shelf)  # type: ignore[arg-type]
        left, stays = (asyncio.create_task(commits.put(envelope_of(n), "c")) for n in (1, 2))
        await asyncio.sleep(0.01)
        left.cancel()
        shelf.open.set()
        assert (await stays).message_id == 2
        await commits.close()
        # It may be stored: who left cannot tell, and the sender will send it again.
        assert [n for batch in shelf.batches for n in batch] == ["1", "2"]

    asyncio.run(scene())


def test_with_a_real_inbox_all_are_stored_once(tmp_path: Path) -> None:
    async def scene(inbox: Inbox) -> None:
        commits = GroupCommit(inbox)
        receipts = await put_all(commits, [*range(300), *range(150)])
        await commits.close()
        assert len({receipt.message_id for receipt in receipts}) == 300
        assert sum(receipt.duplicate for receipt in receipts) == 150
        assert commits.metrics()["intake_duplicates"] == 150

    with opened(tmp_path) as database:
        inbox = Inbox(database)
        asyncio.run(scene(inbox))
        assert inbox.last() == 300
