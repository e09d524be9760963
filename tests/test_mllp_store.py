"""The listener before the real inbox: what is answered AA is on disk, in its order, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mllp_support import listening, message, peer, run

from grouper.intake.envelope import Envelope, Receipt
from grouper.store.database import StoreError, connect
from grouper.store.group_commit import GroupCommit
from grouper.store.inbox import Inbox
from grouper.store.migrate import upgrade
from hl7_adapters.mllp import MllpClient, listener


class Watched(Inbox):
    """Counts commits, and can be away."""

    away = False
    groups: list[int]

    def put_many(self, messages: Sequence[tuple[Envelope, str]], **options: Any) -> list[Receipt]:
        if self.away:
            raise StoreError("STORE_UNAVAILABLE", what="test")
        self.groups.append(len(messages))
        return super().put_many(messages, **options)


@asynccontextmanager
async def storing(tmp_path: Path, **options: Any) -> AsyncIterator[tuple[Watched, GroupCommit]]:
    database = connect(f"sqlite:///{tmp_path}/grouper.sqlite")
    upgrade(database)
    inbox = Watched(database)
    inbox.groups = []
    commit = GroupCommit(inbox, **options)
    try:
        yield inbox, commit
    finally:
        await commit.close()
        database.close()


def test_what_was_answered_is_stored_in_order_in_few_commits(tmp_path: Path) -> None:
    sent = [[message(f"{n}-{i}") for i in range(200)] for n in range(4)]

    async def one(port: int, mine: list[bytes]) -> list[str]:
        async with MllpClient("127.0.0.1", port) as client:
            return [answer.code for answer in await client.send_many(mine)]

    async def work() -> None:
        async with storing(tmp_path) as (inbox, commit), listening(commit.put) as port:
            found = await asyncio.gather(*(one(port.port, mine) for mine in sent))
            assert found == [["AA"] * 200] * 4
            stored = [m.raw for m in inbox.after(0, count=1000, size=10**9)]
            assert [[raw for raw in stored if raw in mine] for mine in sent] == sent
            assert sum(inbox.groups) == 800
            assert len(inbox.groups) < 200

    run(work())


def test_the_order_of_a_connection_holds_where_senders_are_held_back(tmp_path: Path) -> None:
    sent = [message(str(i)) for i in range(300)]

    async def work() -> None:
        options: dict[str, Any] = {"group": 3, "waiting": 5, "linger_ms": 0}
        async with storing(tmp_path, **options) as (inbox, commit), listening(commit.put) as port:
            async with MllpClient("127.0.0.1", port.port) as client:
                answers = await client.send_many(sent, window=100)
            assert [a.code for a in answers] == ["AA"] * 300
            assert [m.raw for m in inbox.after(0, count=1000, size=10**9)] == sent

    run(work())


def test_repeats_are_answered_as_the_first_and_stored_once(tmp_path: Path) -> None:
    async def work() -> None:
        async with storing(tmp_path) as (inbox, commit), listening(commit.put) as port:
            async with peer(port) as his:
                await his.send(message("1"), message("1"), message("1", "other"))
                found = [await his.answer() for _ in range(3)]
            assert found == [
                ("AA", "1", ""),
                ("AA", "1", ""),
                ("AE", "1", "CONFLICTING_DUPLICATE"),
            ]
            assert inbox.last() == 2
            assert port.metrics()["mllp_duplicates_total"] == 1

    run(work())


def test_a_database_that_is_away_and_back(tmp_path: Path) -> None:
    async def work() -> None:
        async with (
            storing(tmp_path, patience=0.1) as (inbox, commit),
            listening(commit.put) as port,
            peer(port) as his,
        ):
            inbox.away = True
            await his.send(message("1"))
            assert await his.answer() == ("AR", "1", "NOT_STORED")
            inbox.away = False
            await his.send(message("1"))
            assert await his.answer() == ("AA", "1", "")
            assert inbox.last() == 1
            assert port.metrics()["mllp_not_stored_total"] == 1

    run(work())


def test_stopping_in_the_stream_loses_and_repeats_nothing(tmp_path: Path) -> None:
    sent = [message(str(i)) for i in range(500)]

    async def work() -> None:
        async with storing(tmp_path) as (inbox, commit):
            async with listening(commit.put) as port, peer(port) as his:
                writing = asyncio.create_task(his.send(*sent))
                got = await his.answers(20)
                await port.stop()
                rest = (await his.gone()).decode()
                await writing
            got += [("AA", part.split("|")[0]) for part in rest.split("MSA|AA|")[1:]]
            stored = [m.raw for m in inbox.after(0, count=1000, size=10**9)]
            assert stored == sent[: len(stored)]
            assert [name for _, name in got] == [str(i) for i in range(len(stored))]
            async with listening(commit.put) as port, peer(port) as his:
                await his.send(*sent)
                assert await his.answers(500) == [("AA", str(i)) for i in range(500)]
            assert [m.raw for m in inbox.after(0, count=1000, size=10**9)] == sent

    run(work())


def test_the_real_form_answers_by_the_entry_point(tmp_path: Path) -> None:
    stay = b"PV1|1|I" + b"|" * 17 + b"V0001\r"
    good, large = message("1") + stay, message("2", "长" * 2000) + stay
    chinese = (message("3", "患者甲") + stay).replace(b"UNICODE UTF-8", b"GB 18030-2000")
    chinese = chinese.decode().encode("gb18030")

    async def work() -> None:
        async with storing(tmp_path) as (inbox, commit):
            port = listener({"port": 0, "frame_limit": 2000}, commit.put)
            await port.start()
            try:
                async with peer(port) as his:
                    await his.send(good, large, chinese, b"no HL7")
                    found = [await his.answer() for _ in range(4)]
            finally:
                await port.stop()
            assert [(code, name) for code, name, _ in found[1:3]] == [("AR", "2"), ("AA", "3")]
            assert found[0][:2] == ("AA", "1")
            assert found[3][0] != "AA"
            stored = inbox.after(0, count=10, size=10**6)
            assert [m.raw for m in stored] == [good, chinese, b"no HL7"]
            assert {m.form for m in stored} == {"hl7v2"}
            assert stored[2].reason == "MESSAGE_UNREADABLE"

    run(work())
