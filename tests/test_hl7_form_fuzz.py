"""Whatever a message is mutated to: declared errors only, and both readings agree."""

from __future__ import annotations

import json

import pytest
from examples import examples
from hl7_messages import dg1, message, pv1, segment, stay
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grouper.intake.envelope import Receipt, Verdict
from grouper.intake.event import EventKind
from grouper.intake.forms import IntakeError
from grouper.intake.record import case_of, merge
from hl7_adapters.hl7v2 import FORM
from hl7_adapters.hl7v2.codec import parse

BASES = [
    stay(
        "ADT^A03^ADT_A03",
        pv1(discharged="20260305101500", way="1"),
        dg1(1, "I21.001^梗死^医保版", f6="F", f15="1", f20="D1", f26="1"),
        segment("PR1", f1="1", f3="36.0601", f5="20260303", f14="1", f16="50"),
        "ZXX|1|乙~丙",
        charset="GB 18030-2000",
    ),
    stay("DFT^P03", pv1(), segment("FT1", f1="1", f2="L", f4="2026", f6="CR", f10="1", f11="9")),
    stay("BAR^P12", pv1(), dg1(1, "I10.x00", f21="D"), pv1(visit="V2"), "PR1|1||x"),
    message("ADT^A40", "PID|1||P1~P2^^^^MR", "MRG|P3", "PID|1||P4", "MRG|P5"),
    stay("ADT^A06", "MRG|||AC||V9", pv1()),
]
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
@given(st.sampled_from(BASES), EDITS)
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
