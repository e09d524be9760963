"""Whatever a message is mutated to: declared errors only, and both readings agree."""

from __future__ import annotations

import json

import pytest
from examples import examples
from hl7_messages import EVERY_KIND
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grouper.intake.envelope import Receipt, Verdict
from grouper.intake.event import EventKind
from grouper.intake.forms import IntakeError
from grouper.intake.record import case_of, merge
from hl7_adapters.hl7v2 import FORM
from hl7_adapters.hl7v2.codec import parse

PIECES = [b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b'""', b"PID|", b"PV1|", b"MRG|P|||V"]
PIECES += [b"FT1|1", b"DG1|", b"MSH|", b"\xff", b"\x00", b"A", b"2", b"-", b"NaN", b"1e9999"]
EDITS = st.lists(
    st.tuples(
        st.integers(0, 700), st.integers(0, 12), st.one_of(st.sampled_from(PIECES), st.binary())
    ),
    max_size=6,
)


def mutated(base: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for at, cut, piece in edits:
        base = base[:at] + piece + base[at + cut :]
    return base


@settings(max_examples=examples(250), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(EVERY_KIND), EDITS)
def test_mutated_messages_raise_declared_errors_only(
    base: bytes, edits: list[tuple[int, int, bytes]]
) -> None:
    raw = mutated(base, edits)
    envelope = FORM.envelope(raw, "key")
    receipt = Receipt(message_id=1, verdict=envelope.verdict, reason=envelope.reason)
    answer = parse(FORM.answer(envelope, receipt))
    assert answer.segments[1].value(1) == envelope.verdict
    if envelope.verdict is not Verdict.ACCEPTED:
        with pytest.raises(IntakeError) as caught:
            FORM.events(raw)
        found = (caught.value.code, caught.value.params["place"])
        assert (envelope.reason, envelope.place) == found
        return
    events = FORM.events(raw)
    first = next((e for e in events if e.kind is not EventKind.MERGE_PERSON), events[0])
    assert first.patient == envelope.patient
    if first.kind in (EventKind.STAY, EventKind.MERGE_VISIT):
        assert first.visit == envelope.visit
    record = merge({}, events[-1], 1)
    assert json.loads(json.dumps(record)) == record
    case_of(record, [line.about for line in events[-1].lines])


@settings(max_examples=examples(80), deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_answered(raw: bytes) -> None:
    envelope = FORM.envelope(raw)
    receipt = Receipt(message_id=None, verdict=Verdict.REFUSED, reason="NOT_STORED")
    assert parse(FORM.answer(envelope, receipt)).segments[1].value(1) == "AR"
