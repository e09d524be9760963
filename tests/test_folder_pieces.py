"""From bytes to messages, and messages into an inbox in their order."""

from __future__ import annotations

import asyncio

import pytest
from folder_support import LineForm, Memory, Whole, run
from hl7_messages import message, pv1, stay
from hypothesis import given
from hypothesis import strategies as st

from grouper.intake import pieces as pieces_module
from grouper.intake.envelope import Envelope, Receipt, Verdict
from grouper.intake.forms import forms
from grouper.intake.pieces import (
    NOT_STORED,
    Splits,
    enveloped,
    file_identity,
    key_identity,
    pieces,
    put_pieces,
)
from hl7_adapters.hl7v2 import FORM

ONE = stay("ADT^A01", control_id="T1")
TWO = stay("ADT^A08", pv1(visit="ZY900002"), control_id="T2")
HEAD = b"FHS|^~\\&|HIS\rBHS|^~\\&|HIS\r"


def test_of_the_forms_hl7_alone_knows_batches() -> None:
    assert [name for name, form in forms().items() if isinstance(form, Splits)] == ["hl7v2"]
    assert pieces(Whole(), b"1 a\n2 b") == (b"1 a\n2 b",)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (ONE, (ONE,)),
        (b"junk\r" + ONE, (b"junk\r" + ONE,)),
        (b"", (b"",)),
        (ONE + TWO, (ONE, TWO)),
        (HEAD + ONE + TWO + b"BTS|2\rFTS|1\r", (ONE, TWO)),
        (HEAD + ONE + b"BTS|1\rFTS|1\r", (ONE,)),
        (b"\r\n" + HEAD + ONE + b"BTS|1\r", (ONE,)),
        (HEAD, (HEAD,)),
        (HEAD + ONE + TWO + b"BTS|3\r", (HEAD + ONE + TWO + b"BTS|3\r",)),
    ],
)
def test_hl7_batches_are_taken_apart(raw: bytes, expected: tuple[bytes, ...]) -> None:
    assert pieces(FORM, raw) == expected


def test_a_batch_that_is_not_whole_waits_in_quarantine_with_its_reason() -> None:
    (whole,) = pieces(FORM, HEAD + ONE + TWO + b"BTS|3\r")
    envelope = FORM.envelope(whole)
    assert (envelope.verdict, bool(envelope.reason)) == (Verdict.UNUSABLE, True)


def test_a_batch_in_utf_16_is_taken_apart() -> None:
    two = [part.decode() for part in (ONE, TWO)]
    wide = "".join(two).replace("UNICODE UTF-8", "UNICODE UTF-16").encode("utf-16")
    assert len(pieces(FORM, wide)) == 2


@given(
    raw=st.binary(max_size=200)
    | st.lists(st.sampled_from([ONE, HEAD, b"BTS|1\r", b"x\r"]).map(bytes)).map(b"".join)
)
def test_whatever_comes_is_at_least_one_message(raw: bytes) -> None:
    found = pieces(FORM, raw)
    assert found
    assert sum(part.count(b"PID|") for part in found) == raw.count(b"PID|")


def test_identities_tell_files_messages_and_places_apart() -> None:
    made = {
        file_identity(b"a", b"1"),
        file_identity(b"b", b"1"),
        file_identity(b"a", b"2"),
        file_identity(b"a", b"1", 1),
        file_identity(b"a1", b""),
        key_identity("k", 0),
        key_identity("k", 1),
    }
    assert len(made) == 7
    assert {len(one) for one in made} == {64}
    assert key_identity("", 3) == ""
    assert file_identity(b"a", b"1") == file_identity(b"a", b"1", 0)


def test_the_own_id_of_a_message_goes_before_the_given_one() -> None:
    assert enveloped(Whole(), b"7 a", lambda: "given").control_id == "7"
    assert enveloped(Whole(), b"- a", lambda: "given").control_id == "given"
    assert enveloped(FORM, ONE, lambda: "given").control_id == "T1"
    nameless = enveloped(FORM, message("ADT^A08", control_id=""), lambda: "given")
    assert nameless.control_id == "given"
    fault = enveloped(Whole(), b"FAULT", lambda: "given")
    assert (fault.control_id, fault.reason) == ("given", "PROCESSING_FAILED")


def test_windows_keep_order_and_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces_module, "WINDOW", 3)
    monkeypatch.setattr(pieces_module, "WINDOW_BYTES", 8)
    parts = [b"%d a" % n for n in range(10)] + [b"10 long long"] + [b"11 a"]
    memory, together = Memory(), []
    waiting = 0

    async def put(envelope: Envelope, channel: str) -> Receipt:
        nonlocal waiting
        waiting += 1
        await asyncio.sleep(0)
        together.append(waiting)
        receipt = await memory.put(envelope, channel)
        waiting -= 1
        return receipt

    form = LineForm()
    receipts = run(put_pieces(len(parts), lambda n: form.envelope(parts[n]), put, "x"))
    assert memory.raws == parts
    assert [r.message_id for r in receipts] == list(range(1, 13))
    assert max(together) == 3


def test_after_one_that_is_not_stored_the_rest_is_not_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pieces_module, "WINDOW", 2)
    parts = [b"%d a" % n for n in range(6)]
    memory = Memory()
    memory.refuses = {b"2 a"}
    receipts = run(put_pieces(6, lambda n: Whole().envelope(parts[n]), memory.put, "x"))
    assert [r.message_id for r in receipts] == [1, 2, None, 3, None, None]
    assert receipts[4] is NOT_STORED
    assert receipts[2] is not NOT_STORED


def test_it_stops_when_it_is_told() -> None:
    memory = Memory()
    asked = run(
        put_pieces(2, lambda _: Whole().envelope(b"1 a"), memory.put, "x", go_on=lambda: False)
    )
    assert (asked, memory.raws) == ([NOT_STORED] * 2, [])
