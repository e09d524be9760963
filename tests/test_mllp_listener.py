"""The listener: stored, then answered, in order, for many senders at once."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from pathlib import Path

import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mllp_support import Memory, Peer, PlainForm, eventually, listening, message, peer, run

from codebooks.errors import GrouperError
from grouper.intake.envelope import Envelope, Receipt, Verdict
from hl7_adapters.hl7v2.batch import split_batch
from hl7_adapters.mllp import ListenerOptions, MllpListener, listener
from hl7_adapters.mllp.counts import Counts
from hl7_adapters.mllp.desk import Desk
from hl7_adapters.mllp.frames import framed


def test_a_message_is_stored_as_it_came_and_then_answered() -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put, channel="his") as port, peer(port) as his:
            await his.send(message("1"))
            assert await his.answer() == ("AA", "1", "")
            assert inbox.stored == [message("1")]
            assert inbox.channels == {"his"}
            counts = port.metrics()
        assert counts["mllp_messages_total"] == counts["mllp_frames_total"] == 1
        assert counts["mllp_aa_total"] == 1
        assert counts["mllp_received_bytes_total"] == len(framed(message("1")))
        assert counts["mllp_connections_open"] == 1
        assert counts["mllp_in_flight"] == 0
        assert counts["mllp_ack_within_5000_ms_total"] == 1
        assert counts["mllp_ack_within_5_ms_total"] <= counts["mllp_ack_within_1000_ms_total"]
        assert 0 < counts["mllp_ack_seconds_total"] < 5
        assert port.metrics()["mllp_connections_open"] == 0

    run(work())


def test_no_answer_before_the_commit() -> None:
    async def work() -> None:
        inbox = Memory()
        inbox.gate.clear()
        async with listening(inbox.put) as port, peer(port) as his:
            await his.send(message("1"))
            await inbox.until_waiting(1)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(his.answer(), 0.05)
            inbox.gate.set()
            assert await his.answers(1) == [("AA", "1")]

    run(work())


def test_frames_of_one_read_are_put_together_and_answered_in_order() -> None:
    async def work() -> None:
        held: dict[str, asyncio.Event] = {str(i): asyncio.Event() for i in range(5)}
        began: list[str] = []

        async def put(envelope: Envelope, channel: str) -> Receipt:
            del channel
            began.append(envelope.control_id)
            await held[envelope.control_id].wait()
            return Receipt(message_id=1, verdict=Verdict.ACCEPTED)

        async with listening(put) as port, peer(port) as his:
            await his.send(*(message(str(i)) for i in range(5)))
            await eventually(lambda: len(began) == 5)
            assert began == ["0", "1", "2", "3", "4"]
            for name in ("4", "2", "3", "1"):
                held[name].set()
            await asyncio.sleep(0)
            assert port.metrics()["mllp_in_flight"] == 5
            held["0"].set()
            assert await his.answers(5) == [("AA", str(i)) for i in range(5)]

    run(work())


def test_each_message_of_a_batch_gets_its_own_answer() -> None:
    async def work() -> None:
        inbox = Memory()
        batch = b"FHS|^~\\&\rBHS|^~\\&\r" + message("1") + message("2") + b"BTS|2\rFTS|1\r"
        async with listening(inbox.put, in_flight=1) as port, peer(port) as his:
            await his.send(batch, message("3"))
            assert await his.answers(3) == [("AA", "1"), ("AA", "2"), ("AA", "3")]
            assert inbox.stored == [message("1"), message("2"), message("3")]
            assert port.metrics()["mllp_frames_total"] == 2
            assert port.metrics()["mllp_messages_total"] == 3

    run(work())


@pytest.mark.parametrize("batch", [b"FHS|BROKEN\r" + message("1"), b"BHS|^~\\&\rBTS|0\r"])
def test_a_batch_that_cannot_be_taken_apart_is_stored_whole(batch: bytes) -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put) as port, peer(port) as his:
            await his.send(batch)
            assert (await his.answer())[0] == "AE"
        assert inbox.stored == [batch]

    run(work())


def test_verdicts_and_duplicates_are_counted() -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put) as port, peer(port) as his:
            await his.send(message("1"), b"no HL7", message("1"))
            assert [code for code, _ in await his.answers(3)] == ["AA", "AE", "AA"]
            counts = port.metrics()
        assert (counts["mllp_aa_total"], counts["mllp_ae_total"]) == (2, 1)
        assert (counts["mllp_duplicates_total"], counts["mllp_not_stored_total"]) == (1, 0)

    run(work())


def test_empty_frames_are_skipped() -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put) as port, peer(port) as his:
            await his.send(b"", b"\r\n", message("1"))
            assert await his.answers(1) == [("AA", "1")]
            assert port.metrics()["mllp_frames_empty_total"] == 2
        assert inbox.stored == [message("1")]

    run(work())


def test_many_connections_at_once() -> None:
    async def one(port: MllpListener, name: str) -> list[tuple[str, str]]:
        async with peer(port) as his:
            await his.send(*(message(f"{name}-{i}") for i in range(20)))
            return await his.answers(20)

    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put, connections=40) as port:
            found = await asyncio.gather(*(one(port, str(n)) for n in range(40)))
            assert found == [[("AA", f"{n}-{i}") for i in range(20)] for n in range(40)]
            assert port.metrics()["mllp_connections_total"] == 40
        assert len(inbox.stored) == 800

    run(work())


def test_a_connection_over_the_limit_is_refused_and_the_others_go_on() -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put, connections=2) as port:
            async with peer(port) as one, peer(port) as two:
                await eventually(lambda: port.metrics()["mllp_connections_open"] == 2)
                async with peer(port) as three:
                    assert await three.gone() == b""
                for his in (one, two):
                    await his.send(message("1"))
                    assert await his.answers(1) == [("AA", "1")]
                assert port.metrics()["mllp_connections_refused_total"] == 1
            await eventually(lambda: port.metrics()["mllp_connections_open"] == 0)
            async with peer(port) as four:
                await four.send(message("2"))
                assert await four.answers(1) == [("AA", "2")]

    run(work())


def test_no_more_in_flight_than_allowed_in_number() -> None:
    async def work() -> None:
        inbox = Memory()
        inbox.gate.clear()
        async with listening(inbox.put, in_flight=3) as port, peer(port) as his:
            await his.send(*(message(str(i)) for i in range(50)))
            await inbox.until_waiting(3)
            await asyncio.sleep(0.05)
            assert inbox.most == 3
            inbox.gate.set()
            assert await his.answers(50) == [("AA", str(i)) for i in range(50)]
            assert inbox.most == 3

    run(work())


def test_no_more_in_flight_than_allowed_in_bytes() -> None:
    async def work() -> None:
        inbox = Memory()
        inbox.gate.clear()
        async with listening(inbox.put, frame_limit=1000) as port, peer(port) as his:
            await his.send(*(message(str(i), "x" * 500) for i in range(10)))
            await inbox.until_waiting(2)
            await asyncio.sleep(0.05)
            assert inbox.most == 2
            inbox.gate.set()
            assert len(await his.answers(10)) == 10

    run(work())


def test_a_sender_that_closes_its_side_still_gets_its_answers() -> None:
    async def work() -> None:
        inbox = Memory()
        inbox.gate.clear()
        async with listening(inbox.put, in_flight=2) as port, peer(port) as his:
            await his.send(*(message(str(i)) for i in range(6)))
            his.writer.write_eof()
            await inbox.until_waiting(2)
            inbox.gate.set()
            assert await his.answers(6) == [("AA", str(i)) for i in range(6)]
            assert await his.gone() == b""

    run(work())


def test_the_last_fs_of_a_stream_ends_its_frame() -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put) as port, peer(port) as his:
            await his.write(b"\x0b" + message("1") + b"\x1c")
            assert await his.answers(1) == [("AA", "1")]  # after a short wait for its CR
            await his.write(b"\x0b" + message("2") + b"\x1c")
            his.writer.write_eof()
            assert await his.answers(1) == [("AA", "2")]
            assert port.metrics()["mllp_garbage_bytes_total"] == 0
        assert inbox.stored == [message("1"), message("2")]

    run(work())


def test_fs_alone_ends_a_frame_that_had_to_wait_for_room() -> None:
    async def work() -> None:
        inbox = Memory()
        inbox.gate.clear()
        async with listening(inbox.put, in_flight=1) as port, peer(port) as his:
            await his.send(message("1"))
            await his.write(b"\x0b" + message("2") + b"\x1c")
            await inbox.until_waiting(1)
            await asyncio.sleep(0.1)
            inbox.gate.set()
            assert await his.answers(2) == [("AA", "1"), ("AA", "2")]

    run(work())


STREAM = (
    framed(message("1", "患者|^~"))
    + b"noise\r\n"
    + framed(b"no HL7")
    + b"\x0bMSH|broken off"
    + framed(message("2", "x\x1cy"))
    + framed(message("3", "长" * 400))
    + b"\n"
    + framed(b"FHS|^~\\&\r" + message("4") + message("5") + b"BTS|2\r")
    + framed(message("6"))
)
ANSWERS = [
    ("AA", "1", ""),
    ("AE", "", "MESSAGE_UNREADABLE"),
    ("AA", "2", ""),
    ("AR", "3", "MESSAGE_TOO_LARGE"),
    ("AA", "4", ""),
    ("AA", "5", ""),
    ("AA", "6", ""),
]


async def _in_pieces(places: list[int]) -> tuple[list[tuple[str, str, str]], list[bytes]]:
    """The stream in pieces, each given to the connection by itself, without a network."""
    inbox = Memory()
    async with listening(inbox.put, frame_limit=800) as port, peer(port) as his:
        await eventually(lambda: port.metrics()["mllp_connections_open"] == 1)
        assert port._hub is not None
        (connection,) = port._hub.connections
        bounds = [0, *places, len(STREAM)]
        for a, b in itertools.pairwise(bounds):
            connection.data_received(STREAM[a:b])
        found = [await his.answer() for _ in ANSWERS]
        counts = port.metrics()
        assert counts["mllp_garbage_bytes_total"] == 5
        assert counts["mllp_frames_truncated_total"] == counts["mllp_frames_too_large_total"] == 1
        return found, inbox.stored


def test_the_answers_of_a_stream_with_everything_in_it() -> None:
    found, stored = run(_in_pieces([]))
    assert found == ANSWERS
    assert len(stored) == 6


def test_the_same_on_the_event_loop_of_the_service() -> None:
    uvloop = pytest.importorskip("uvloop")
    places = list(range(50, len(STREAM), 50))
    assert run(_in_pieces(places), uvloop.new_event_loop)[0] == ANSWERS


def test_split_at_every_byte_the_answers_are_the_same() -> None:
    async def work() -> None:
        for at in range(1, len(STREAM), 7):
            assert (await _in_pieces([at]))[0] == ANSWERS
        assert (await _in_pieces(list(range(1, len(STREAM)))))[0] == ANSWERS

    run(work())


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(places=st.sets(st.integers(1, len(STREAM) - 1), max_size=20))
def test_any_pieces_give_the_same_answers(places: set[int]) -> None:
    found, stored = run(_in_pieces(sorted(places)))
    assert found == ANSWERS
    assert stored == run(_in_pieces([]))[1]


def test_messages_of_other_projects_are_stored_byte_for_byte(facts: Path) -> None:
    sent = [file.read_bytes() for file in sorted((facts / "messages").glob("*.hl7"))]
    assert len(sent) > 200

    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put, splitting=split_batch) as port, peer(port) as his:
            writing = asyncio.create_task(his.send(*sent))
            desk = Desk(PlainForm(), inbox.put, split_batch, Counts(), "")
            parts = [part for raw in sent for part in desk.messages(raw)]
            assert len(await his.answers(len(parts))) == len(parts)
            await writing
            assert inbox.stored == parts
            assert sum(raw in inbox.stored for raw in sent) > 200  # the others are batches
            assert port.metrics()["mllp_garbage_bytes_total"] == 0

    run(work())


def test_stopping_answers_what_is_in_flight_and_takes_no_more() -> None:
    async def work() -> None:
        inbox = Memory()
        inbox.gate.clear()
        async with listening(inbox.put) as port, peer(port) as his:
            await his.send(message("1"), message("2"))
            await inbox.until_waiting(2)
            stopping = asyncio.create_task(port.stop())
            await asyncio.sleep(0)
            await his.send(message("3"))
            with pytest.raises(OSError, match=r"."):
                await asyncio.open_connection("127.0.0.1", port.port)
            assert not stopping.done()
            inbox.gate.set()
            assert await his.answers(2) == [("AA", "1"), ("AA", "2")]
            assert await his.gone() == b""
            await stopping
        assert inbox.stored == [message("1"), message("2")]

    run(work())


def test_stopping_waits_no_longer_than_its_limit() -> None:
    async def work() -> None:
        inbox = Memory()
        inbox.gate.clear()
        async with listening(inbox.put, stop_seconds=0.05) as port, peer(port) as his:
            await his.send(message("1"))
            await inbox.until_waiting(1)
            await port.stop()
            assert await his.gone() == b""
        assert inbox.stored == []

    run(work())


def test_a_sender_that_goes_away_loses_no_message_that_was_taken() -> None:
    async def work() -> None:
        inbox = Memory()
        inbox.gate.clear()
        async with listening(inbox.put) as port:
            async with peer(port) as his:
                await his.send(message("1"), message("2"))
                await inbox.until_waiting(2)
                his.reset()
            await eventually(lambda: port.metrics()["mllp_connections_open"] == 0)
            stopping = asyncio.create_task(port.stop())
            inbox.gate.set()
            await stopping
        assert inbox.stored == [message("1"), message("2")]

    run(work())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_port_is_known_and_free_again_after_stopping(host: str) -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put, host=host) as port:
            assert port.port > 0
            first = port.port
        async with listening(inbox.put, host=host, port=first) as port, peer(port) as his:
            await his.send(message("1"))
            assert await his.answers(1) == [("AA", "1")]

    run(work())


def test_a_port_that_is_taken_or_a_host_that_is_not_ours() -> None:
    async def work() -> None:
        inbox = Memory()
        with socket.create_server(("127.0.0.1", 0)) as other:
            with pytest.raises(GrouperError) as taken:
                async with listening(inbox.put, port=other.getsockname()[1]):
                    pass
            assert taken.value.code == "PORT_TAKEN"
            assert str(other.getsockname()[1]) in taken.value.describe("zh")
        for host in ("no.such.host.invalid", "a..b"):
            with pytest.raises(GrouperError) as nowhere:
                async with listening(inbox.put, host=host):
                    pass
            assert nowhere.value.code == "PORT_TAKEN"

    run(work())


def test_no_log_holds_what_a_message_says(caplog: pytest.LogCaptureFixture) -> None:
    async def put(envelope: Envelope, channel: str) -> Receipt:
        raise RuntimeError(envelope.raw.decode(), channel)

    async def work() -> None:
        async with listening(put, frame_limit=1000) as port, peer(port) as his:
            secret = message("C9", "机密")
            await his.send(secret, message("C9", "机密" * 1000))
            await his.write(b"\x0b" + secret)
            await his.send(secret)
            await his.answers(3)
            await his.write(b"\x0b" + secret)

    with caplog.at_level(logging.DEBUG, "hl7_adapters"):
        run(work())
    assert len(caplog.records) >= 5
    for word in ("机密", "T0001", "C9"):
        assert word not in caplog.text


def test_the_entry_point_checks_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hl7_adapters.mllp.form", lambda _: PlainForm())
    inbox: list[bytes] = []

    async def put(envelope: Envelope, channel: str) -> Receipt:
        del channel
        inbox.append(envelope.raw)
        return Receipt(message_id=1, verdict=Verdict.ACCEPTED)

    async def work() -> None:
        port = listener({"port": 0}, put)
        await port.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
        his = Peer(reader, writer)
        await his.send(message("1"))
        assert await his.answers(1) == [("AA", "1")]
        await his.close()
        await port.stop()

    run(work())
    assert inbox == [message("1")]
    with pytest.raises(GrouperError) as wrong:
        listener({"prot": 1}, put)
    assert wrong.value.code == "SETTING_INVALID"
    assert ListenerOptions().port == 2575
