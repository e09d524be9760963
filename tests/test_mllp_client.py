"""The client and the sender of results: matched answers, repeats, what cannot be delivered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from mllp_support import Memory, Peer, listening, message, run

from codebooks.errors import GrouperError
from hl7_adapters.mllp import MllpClient, sender
from hl7_adapters.mllp.answers import control_id, read_answer
from hl7_adapters.mllp.frames import framed


def ack(code: str, identity: str) -> bytes:
    head = "MSH|^~\\&|R|H1|GROUPER|H1|20250301080000||ACK|9|P|2.4"
    return f"{head}\rMSA|{code}|{identity}|\r".encode()


class Receiver:
    """A receiver by script: a callable gives the bytes to answer each frame with; None: hang up."""

    def __init__(self, script: Callable[[str], bytes | None]) -> None:
        self.script = script
        self.got: list[str] = []
        self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                frame = await reader.readuntil(b"\x1c\r")
                identity = control_id(frame[1:-2])
                self.got.append(identity)
                answer = self.script(identity)
                if answer is None:
                    return
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            await Peer(reader, writer).close()


@asynccontextmanager
async def receiving(
    script: Callable[[str], bytes | None], receiver: Receiver | None = None
) -> AsyncIterator[Receiver]:
    receiver = receiver or Receiver(script)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)


def many(count: int) -> list[bytes]:
    return [message(f"M{i}") for i in range(count)]


def test_what_messages_and_answers_say() -> None:
    assert control_id(message("A1")) == "A1"
    assert control_id(b"no HL7") == ""
    assert control_id(b"MSH|^~\\&|A") == ""
    found = read_answer(ack("AE", "A1"))
    assert found is not None
    assert (found.code, found.control_id, found.accepted) == ("AE", "A1", False)
    assert read_answer(message("A1")) is None
    assert read_answer(b"no HL7") is None


def test_one_message_and_its_answer() -> None:
    async def work() -> None:
        inbox = Memory()
        async with (
            listening(inbox.put) as port,
            MllpClient("127.0.0.1", port.port) as client,
        ):
            answer = await client.send(message("1"))
            assert (answer.code, answer.control_id, answer.accepted) == ("AA", "1", True)
        assert inbox.stored == [message("1")]

    run(work())


def test_a_window_keeps_so_many_in_flight_and_the_order() -> None:
    async def work() -> None:
        inbox = Memory()
        inbox.gate.clear()
        async with (
            listening(inbox.put) as port,
            MllpClient("127.0.0.1", port.port) as client,
        ):
            sending = asyncio.create_task(client.send_many(many(30), window=7))
            await inbox.until_waiting(7)
            await asyncio.sleep(0.02)
            assert inbox.most == 7
            inbox.gate.set()
            answers = await sending
            assert [a.control_id for a in answers] == [f"M{i}" for i in range(30)]
            assert await client.send_many([]) == []
        assert inbox.stored == many(30)
        assert inbox.most == 7

    run(work())


def test_answers_are_matched_by_msa_2_and_not_by_their_order() -> None:
    kept: list[str] = []

    def script(identity: str) -> bytes:
        kept.append(identity)
        if len(kept) < 3:
            return b""
        noise = framed(ack("AR", "SOMEONE")) + b"noise" + framed(b"no HL7") + b"\x0bMSH|cut"
        codes = {"M0": "AA", "M1": "AE", "M2": "AR"}
        return noise + b"".join(framed(ack(codes[name], name)) for name in reversed(kept))

    async def work() -> None:
        async with receiving(script) as receiver:
            client = MllpClient("127.0.0.1", receiver.port)
            answers = await client.send_many(many(3))
            await client.close()
            assert [a.code for a in answers] == ["AA", "AE", "AR"]
            assert client.unmatched == 3

    run(work())


def test_one_control_id_twice_gets_two_answers() -> None:
    async def work() -> None:
        async with receiving(lambda name: framed(ack("AA", name))) as receiver:
            client = MllpClient("127.0.0.1", receiver.port)
            answers = await client.send_many([message("1"), message("1")])
            await client.close()
            assert [a.control_id for a in answers] == ["1", "1"]

    run(work())


def test_an_answer_that_ends_with_fs_alone() -> None:
    async def work() -> None:
        async with receiving(lambda name: b"\x0b" + ack("AA", name) + b"\x1c") as receiver:
            client = MllpClient("127.0.0.1", receiver.port)
            assert [a.code for a in await client.send_many(many(3), window=1)] == ["AA"] * 3
            await client.close()

    run(work())


def test_after_a_lost_connection_what_has_no_answer_is_sent_again_in_order() -> None:
    lost = {"M2", "M5"}

    def script(identity: str) -> bytes | None:
        if identity in lost:
            lost.discard(identity)
            return None
        return framed(ack("AA", identity))

    async def work() -> None:
        async with receiving(script) as receiver:
            client = MllpClient(
                "127.0.0.1", receiver.port, attempts=3, backoff=(0.01, 0.05), answer_seconds=5
            )
            answers = await client.send_many(many(8), window=4)
            await client.close()
            assert [a.control_id for a in answers] == [f"M{i}" for i in range(8)]
            assert receiver.connections == 3
            first = [name for i, name in enumerate(receiver.got) if name not in receiver.got[:i]]
            assert first == [f"M{i}" for i in range(8)]

    run(work())


def test_answers_that_came_before_the_connection_was_lost_count() -> None:
    def script(identity: str) -> bytes | None:
        if identity == "M0" and receiver.connections == 1:
            return b""
        if identity == "M3" and receiver.connections == 1:
            return None
        return framed(ack("AA", identity))

    receiver = Receiver(script)

    async def work() -> None:
        async with receiving(script, receiver):
            client = MllpClient("127.0.0.1", receiver.port, attempts=2, backoff=(0.01, 0.01))
            answers = await client.send_many(many(4))
            await client.close()
        assert [a.control_id for a in answers] == ["M0", "M1", "M2", "M3"]
        assert receiver.got == ["M0", "M1", "M2", "M3", "M0", "M3"]

    run(work())


def test_it_gives_up_after_so_many_attempts_without_an_answer() -> None:
    async def work() -> None:
        async with receiving(lambda _: None) as receiver:
            client = MllpClient("127.0.0.1", receiver.port, attempts=3, backoff=(0.01, 0.02))
            with pytest.raises(GrouperError) as error:
                await client.send(message("1"))
            await client.close()
            assert error.value.code == "DELIVERY_FAILED"
            assert receiver.got == ["1", "1", "1"]

    run(work())


def test_nobody_there_and_a_receiver_that_comes_later() -> None:
    async def work() -> None:
        async with receiving(lambda _: b"") as receiver:
            free = receiver.port
        client = MllpClient("127.0.0.1", free, attempts=50, backoff=(0.01, 0.02))
        with pytest.raises(GrouperError) as error:
            await client.connect()
        assert error.value.code == "DELIVERY_FAILED"
        assert str(free) in str(error.value)
        sending = asyncio.create_task(client.send(message("1")))
        await asyncio.sleep(0.02)
        inbox = Memory()
        async with listening(inbox.put, port=free):
            assert (await sending).code == "AA"
            await client.close()

    run(work())


def test_silence_ends_the_wait_and_the_connection() -> None:
    silent = True

    def script(identity: str) -> bytes:
        return b"" if silent else framed(ack("AA", identity))

    async def work() -> None:
        nonlocal silent
        async with receiving(script) as receiver:
            client = MllpClient("127.0.0.1", receiver.port, answer_seconds=0.05)
            with pytest.raises(GrouperError) as error:
                await client.send_many(many(2))
            assert error.value.code == "DELIVERY_FAILED"
            assert "0.05" in str(error.value)
            silent = False
            assert (await client.send(message("1"))).code == "AA"
            assert receiver.connections == 2
            await client.close()

    run(work())


@pytest.mark.parametrize("hangs_up", [False, True])
def test_a_receiver_that_does_not_read_does_not_fill_memory(*, hangs_up: bool) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stopped.append(writer)
        if hangs_up:
            await asyncio.sleep(0.1)
            Peer(reader, writer).reset()

    stopped: list[asyncio.StreamWriter] = []

    async def work() -> None:
        server = await asyncio.start_server(deaf, "127.0.0.1", 0, limit=1024)
        port = server.sockets[0].getsockname()[1]
        taken = 0

        def endless() -> Iterator[bytes]:
            nonlocal taken
            for taken in range(1, 100_000):
                yield message(f"M{taken}", "x" * 10_000)

        client = MllpClient("127.0.0.1", port, answer_seconds=5.0 if hangs_up else 0.2)
        with pytest.raises(GrouperError) as error:
            await client.send_many(endless(), window=100_000)
        assert error.value.code == "DELIVERY_FAILED"
        assert taken < 5000
        await client.close()
        for writer in stopped:
            writer.close()
        server.close()
        await server.wait_closed()

    run(work())


def test_a_message_without_an_id_is_not_sent() -> None:
    async def work() -> None:
        async with receiving(lambda name: framed(ack("AA", name))) as receiver:
            client = MllpClient("127.0.0.1", receiver.port)
            with pytest.raises(GrouperError) as error:
                await client.send(message(""))
            assert error.value.code == "DELIVERY_REFUSED"
            assert receiver.got == []
            await client.close()

    run(work())


@pytest.mark.parametrize(
    ("answered", "retry", "expected"),
    [
        ("AA", [], "AA"),
        ("CA", [], "CA"),
        ("AE", [], "DELIVERY_REFUSED"),
        ("AR", [], "DELIVERY_REFUSED"),
        ("AR", ["AR"], "DELIVERY_FAILED"),
        ("XX", [], "DELIVERY_REFUSED"),
    ],
)
def test_the_sender_tells_delivered_refused_and_try_again(
    answered: str, retry: list[str], expected: str
) -> None:
    async def work() -> None:
        async with receiving(lambda name: framed(ack(answered, name))) as receiver:
            results = sender({"host": "127.0.0.1", "port": receiver.port, "retry": retry})
            if expected == answered:
                assert await results.send(message("1")) == answered
            else:
                with pytest.raises(GrouperError, match=answered) as error:
                    await results.send(message("1"))
                assert error.value.code == expected
            await results.close()

    run(work())


def test_the_sender_fails_at_once_where_nobody_listens_and_goes_on_later() -> None:
    async def work() -> None:
        async with receiving(lambda _: b"") as receiver:
            free = receiver.port
        results = sender({"host": "127.0.0.1", "port": free})
        with pytest.raises(GrouperError) as error:
            await results.send(message("1"))
        assert error.value.code == "DELIVERY_FAILED"
        async with listening(Memory().put, port=free):
            assert await results.send(message("1")) == "AA"
        with pytest.raises(GrouperError):
            await results.send(message("2"))
        await results.close()
        await results.close()

    run(work())
