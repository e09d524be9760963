"""Senders that misbehave: each is named, with what happens."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable

import pytest
from mllp_support import Memory, PlainForm, eventually, listening, message, peer, run, within

from grouper.intake.envelope import Envelope, Receipt, Verdict
from hl7_adapters.mllp.frames import framed


def test_a_truncated_frame_is_counted_and_not_answered() -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put) as port:
            async with peer(port) as his:
                await his.send(message("1"))
                await his.write(framed(message("2"))[:-20])
                his.writer.write_eof()
                assert await his.answers(1) == [("AA", "1")]
                assert await his.gone() == b""
            await eventually(lambda: port.metrics()["mllp_connections_open"] == 0)
            assert port.metrics()["mllp_frames_truncated_total"] == 1
        assert inbox.stored == [message("1")]

    run(work())


def test_a_frame_that_does_not_end_in_time_closes_the_connection() -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put, frame_seconds=0.1) as port, peer(port) as his:
            await his.send(message("1"))
            # Read before the connection is closed: what drips in afterwards resets it.
            assert (await his.answer())[:2] == ("AA", "1")
            await his.write(b"\x0bMSH|")
            dripping = asyncio.create_task(_drip(his.writer))
            await within(5, his.gone())
            assert port.metrics()["mllp_closed_frame_total"] == 1
            dripping.cancel()

    run(work())


async def _drip(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(0.01)


def test_megabytes_without_an_end_are_refused_and_the_connection_closed() -> None:
    async def work() -> None:
        inbox = Memory()
        async with (
            listening(inbox.put, frame_limit=10_000, drop_limit=1_000_000) as port,
            peer(port) as his,
        ):
            await his.write(b"\x0b" + message("1"))
            flood = asyncio.create_task(_flood(his.writer))
            assert await his.answer() == ("AR", "1", "MESSAGE_TOO_LARGE")
            assert await his.gone() == b""
            counts = port.metrics()
            assert counts["mllp_frames_too_large_total"] == counts["mllp_closed_frame_total"] == 1
            assert counts["mllp_received_bytes_total"] < 3_000_000
            await flood
        assert inbox.stored == []

    run(work())


async def _flood(writer: asyncio.StreamWriter) -> None:
    try:
        for _ in range(1000):
            writer.write(b"y" * 100_000)
            await writer.drain()
    except ConnectionError:
        return


def test_a_long_frame_with_an_end_is_refused_and_the_next_one_taken() -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put, frame_limit=1000) as port, peer(port) as his:
            await his.send(message("1"), message("2", "x" * 200_000), message("3"))
            assert await his.answers(3) == [("AA", "1"), ("AR", "2"), ("AA", "3")]
        assert inbox.stored == [message("1"), message("3")]

    run(work())


def test_a_long_frame_whose_begin_tells_nothing_gets_no_answer() -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put, frame_limit=1000) as port, peer(port) as his:
            await his.send(b"z" * 2000, message("1"))
            assert await his.answers(1) == [("AA", "1")]
            assert port.metrics()["mllp_frames_too_large_total"] == 1

    run(work())


def test_interleaved_garbage_is_skipped_and_counted() -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put) as port, peer(port) as his:
            for i in range(20):
                await his.write(b"GET / HTTP/1.1\r\n\r\n" + framed(message(str(i))) + b"\xff\xfe")
            assert await his.answers(20) == [("AA", str(i)) for i in range(20)]
            await eventually(
                lambda: port.metrics()["mllp_garbage_bytes_total"] == 20 * len(b"GET/HTTP/1.1..")
            )

    run(work())


def test_garbage_alone_does_not_keep_a_connection_open() -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put, idle_seconds=0.1) as port, peer(port) as his:
            dripping = asyncio.create_task(_drip(his.writer))
            assert await within(5, his.gone()) == b""
            assert port.metrics()["mllp_closed_idle_total"] == 1
            dripping.cancel()

    run(work())


def test_an_idle_or_half_open_connection_is_closed_and_a_waiting_one_is_not() -> None:
    async def work() -> None:
        inbox = Memory()
        inbox.gate.clear()
        async with (
            listening(inbox.put, idle_seconds=0.2) as port,
            peer(port) as idle,
            peer(port) as busy,
        ):
            await busy.send(message("1"))
            assert await within(5, idle.gone()) == b""
            assert port.metrics()["mllp_closed_idle_total"] == 1
            inbox.gate.set()
            assert await busy.answers(1) == [("AA", "1")]
            assert await within(5, busy.gone()) == b""
            assert port.metrics()["mllp_closed_idle_total"] == 2

    run(work())


def test_the_time_that_a_sender_is_held_back_is_not_its_own() -> None:
    async def work() -> None:
        inbox = Memory()
        inbox.gate.clear()
        options = {"in_flight": 1, "frame_seconds": 0.1, "idle_seconds": 0.1}
        async with listening(inbox.put, **options) as port, peer(port) as his:
            begun = framed(message("2"))
            await his.write(framed(message("1")) + begun[:30])
            await inbox.until_waiting(1)
            await asyncio.sleep(0.4)
            inbox.gate.set()
            await his.write(begun[30:])
            assert await his.answers(2) == [("AA", "1"), ("AA", "2")]
            assert port.metrics()["mllp_closed_frame_total"] == 0

    run(work())


def _deaf(port: int) -> socket.socket:
    """A client with little room for answers, which it never reads."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.settimeout(0)
    return sock


class Wordy(PlainForm):
    """Its answers are long, so that few of them fill every buffer."""

    def answer(self, envelope: Envelope, receipt: Receipt) -> bytes:
        return super().answer(envelope, receipt) + b"ERR|" + b"e" * 5000


@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_a_client_that_never_reads_its_answers_is_held_back_and_then_disconnected(
    name: str,
) -> None:
    async def work() -> None:
        inbox = Memory()
        loop = asyncio.get_running_loop()
        options = {"ack_buffer": 4096, "ack_seconds": 0.3, "in_flight": 8}
        async with listening(inbox.put, form=Wordy(), **options) as port, peer(port) as other:
            everything = b"".join(framed(message(str(i), "x" * 500)) for i in range(20_000))
            with _deaf(port.port) as deaf, pytest.raises(OSError, match=r"."):
                await loop.sock_sendall(deaf, everything)
            assert port.metrics()["mllp_closed_ack_total"] == 1
            stored = len(inbox.stored)
            # No more were taken than fit the buffers, and what was taken is stored.
            assert 8 <= stored == port.metrics()["mllp_messages_total"] < 500
            await other.send(message("other"))
            assert (await other.answer())[:2] == ("AA", "other")

    run(work(), pytest.importorskip(name).new_event_loop)


def test_a_client_that_reads_again_in_time_goes_on() -> None:
    async def work() -> None:
        inbox = Memory()
        loop = asyncio.get_running_loop()
        options = {"ack_buffer": 4096, "in_flight": 8}
        async with listening(inbox.put, form=Wordy(), **options) as port:
            with _deaf(port.port) as deaf:
                everything = b"".join(framed(message(str(i))) for i in range(300))
                writing = asyncio.create_task(loop.sock_sendall(deaf, everything))
                await inbox.until_waiting(0)
                await asyncio.sleep(0.2)
                assert len(inbox.stored) < 300
                read = b""
                while read.count(b"\x1c\r") < 300:
                    read += await loop.sock_recv(deaf, 65536)
                await writing
            assert len(inbox.stored) == 300
            assert port.metrics()["mllp_closed_ack_total"] == 0

    run(work())


def test_a_client_that_leaves_its_last_answers_unread_does_not_keep_the_connection() -> None:
    async def work() -> None:
        inbox = Memory()
        loop = asyncio.get_running_loop()
        options = {"ack_buffer": 65536, "ack_seconds": 0.2}
        async with listening(inbox.put, form=Wordy(), **options) as port:
            with _deaf(port.port) as deaf:
                await loop.sock_sendall(deaf, b"".join(framed(message(str(i))) for i in range(35)))
                deaf.shutdown(socket.SHUT_WR)
                await eventually(lambda: len(inbox.stored) == 35)
                assert port.metrics()["mllp_connections_open"] == 1
                await eventually(lambda: port.metrics()["mllp_connections_open"] == 0)
                assert port.metrics()["mllp_closed_ack_total"] == 1

    run(work())


def test_an_inbox_that_raises_answers_ar_and_the_next_message_goes_on() -> None:
    async def work() -> None:
        inbox = Memory()

        async def put(envelope: Envelope, channel: str) -> Receipt:
            if envelope.control_id == "1":
                msg = "the disk is full"
                raise OSError(msg)
            return await inbox.put(envelope, channel)

        async with listening(put) as port, peer(port) as his:
            await his.send(message("1"), message("2"))
            assert await his.answer() == ("AR", "1", "NOT_STORED")
            assert await his.answer() == ("AA", "2", "")
            counts = port.metrics()
        assert (counts["mllp_ar_total"], counts["mllp_not_stored_total"]) == (1, 1)
        assert inbox.stored == [message("2")]

    run(work())


def test_an_inbox_that_is_away_answers_ar_and_a_repeat_is_stored() -> None:
    async def work() -> None:
        inbox = Memory()
        away = True

        async def put(envelope: Envelope, channel: str) -> Receipt:
            if away:
                return Receipt(message_id=None, verdict=Verdict.REFUSED, reason="NOT_STORED")
            return await inbox.put(envelope, channel)

        async with listening(put) as port, peer(port) as his:
            await his.send(message("1"))
            assert await his.answer() == ("AR", "1", "NOT_STORED")
            away = False
            await his.send(message("1"))
            assert await his.answer() == ("AA", "1", "")
        assert inbox.stored == [message("1")]

    run(work())


class Faulty(PlainForm):
    """A form with faults of its own."""

    def __init__(self, faults: Iterable[str]) -> None:
        self._faults = set(faults)

    def envelope(self, raw: bytes, control_id: str = "") -> Envelope:
        if "envelope" in self._faults and b"FAULT" in raw:
            raise ValueError(raw)
        return super().envelope(raw, control_id)

    def answer(self, envelope: Envelope, receipt: Receipt) -> bytes:
        if "answer" in self._faults and b"FAULT" in envelope.raw:
            raise ValueError(envelope.raw)
        return super().answer(envelope, receipt)


def test_a_form_that_cannot_read_an_envelope_loses_no_message() -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put, form=Faulty(["envelope"])) as port, peer(port) as his:
            await his.send(message("1", "FAULT"), message("2"))
            assert (await his.answer())[::2] == ("AE", "PROCESSING_FAILED")
            assert await his.answer() == ("AA", "2", "")
        assert inbox.stored == [message("1", "FAULT"), message("2")]

    run(work())


def test_a_form_that_cannot_answer_closes_the_connection_and_loses_no_message() -> None:
    async def work() -> None:
        inbox = Memory()
        async with (
            listening(inbox.put, form=Faulty(["answer"]), frame_limit=1000) as port,
            peer(port) as his,
        ):
            await his.send(message("1", "FAULT"))
            assert await his.gone() == b""
            assert port.metrics()["mllp_closed_fault_total"] == 1
        assert inbox.stored == [message("1", "FAULT")]

    run(work())


def test_a_sender_that_is_gone_when_its_answer_fails_is_no_second_fault() -> None:
    async def work() -> None:
        inbox = Memory()
        inbox.gate.clear()
        async with listening(inbox.put, form=Faulty(["answer"])) as port:
            async with peer(port) as his:
                await his.send(message("1", "FAULT"))
                await inbox.until_waiting(1)
                his.reset()
            await eventually(lambda: port.metrics()["mllp_connections_open"] == 0)
            inbox.gate.set()
        assert port.metrics()["mllp_closed_fault_total"] == 0
        assert inbox.stored == [message("1", "FAULT")]

    run(work())
