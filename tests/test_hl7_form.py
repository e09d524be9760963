"""HL7 messages at the door: their envelope and the answer to them."""

from __future__ import annotations

import pytest
from hl7_messages import CHARSETS, PATIENT, PID, VISIT, message, pv1, stay

from grouper.intake.envelope import Envelope, Receipt, Verdict
from grouper.intake.forms import Form
from hl7_adapters.hl7v2 import FORM, Hl7Form
from hl7_adapters.hl7v2.codec import Message, parse


def answered(
    raw: bytes,
    *,
    form: Hl7Form = FORM,
    verdict: Verdict | None = None,
    reason: str | None = None,
    message_id: int | None = 1,
) -> Message:
    envelope = form.envelope(raw)
    receipt = Receipt(
        message_id=message_id,
        verdict=verdict or envelope.verdict,
        reason=envelope.reason if reason is None else reason,
        place=envelope.place,
    )
    return parse(form.answer(envelope, receipt))


def values(answer: Message, name: str, *fields: int) -> tuple[str, ...]:
    segment = answer.first(name)
    assert segment is not None
    return tuple(segment.value(field) for field in fields)


def test_it_is_a_form() -> None:
    assert isinstance(FORM, Form)
    assert FORM.name == "hl7v2"


@pytest.mark.parametrize("charset", CHARSETS)
def test_an_envelope_says_who_sent_what_about_whom(charset: str) -> None:
    raw = stay("ADT^A08^ADT_A01", charset=charset, control_id="C1")
    assert FORM.envelope(raw) == Envelope(
        form="hl7v2",
        raw=raw,
        sender="HIS",
        facility="测试医院",
        control_id="C1",
        kind="ADT^A08",
        patient=PATIENT,
        visit=VISIT,
    )


@pytest.mark.parametrize(
    ("raw", "verdict", "reason", "place"),
    [
        (stay("VXU^V04"), "AR", "TYPE_UNSUPPORTED", "MSH-9"),
        (stay("ADT^A01", version="1.0"), "AR", "VERSION_UNSUPPORTED", "MSH-12"),
        (
            b"MSH|^~\\&|HIS|H|||2026||ADT^A01|C|P|2.5||||||KLINGON\rPID|1",
            "AR",
            "CHARSET_UNKNOWN",
            "MSH-18",
        ),
        (stay("ADT^A01", control_id=""), "AE", "CONTROL_ID_MISSING", "MSH-10"),
        (stay("ADT^A01", control_id='""'), "AE", "CONTROL_ID_MISSING", "MSH-10"),
        (message("ADT^A01", pv1()), "AE", "PATIENT_MISSING", "PID-3"),
        (message("ADT^A01", PID), "AE", "VISIT_MISSING", "PV1-19"),
        (message("ADT^A40", PID), "AE", "MERGE_INCOMPLETE", "MRG-1"),
        (b"", "AE", "MESSAGE_UNREADABLE", "MSH"),
        (b"\x00\xff", "AE", "MESSAGE_UNREADABLE", "MSH"),
        (b"MSH|^~\\&|HIS", "AE", "MESSAGE_TRUNCATED", "MSH-9"),
        (stay("ADT^A01").replace("测".encode(), b"\xff"), "AE", "CHARSET_BROKEN", "MSH-18"),
    ],
)
def test_what_cannot_be_used_is_told_at_once(
    raw: bytes, verdict: str, reason: str, place: str
) -> None:
    envelope = FORM.envelope(raw)
    assert (envelope.verdict, envelope.reason, envelope.place) == (verdict, reason, place)
    answer = answered(raw)
    assert values(answer, "MSA", 1, 2) == (verdict, envelope.control_id)
    assert values(answer, "MSA", 3)[0].startswith(reason)


def test_an_id_beside_the_message_stands_for_a_missing_one() -> None:
    assert FORM.envelope(stay("ADT^A01", control_id=""), "K1").verdict is Verdict.ACCEPTED
    assert FORM.envelope(stay("ADT^A01", control_id=""), "K1").control_id == "K1"
    assert FORM.envelope(stay("ADT^A01", control_id="C1"), "K1").control_id == "C1"


def test_an_unreadable_message_still_says_who_sent_it() -> None:
    raw = stay("ADT^A01", control_id="C9").replace("患".encode(), b"\xff\xff")
    envelope = FORM.envelope(raw)
    assert (envelope.sender, envelope.control_id, envelope.kind) == ("HIS", "C9", "ADT^A01")
    assert (envelope.patient, envelope.visit) == ("", "")
    assert values(answered(raw), "MSA", 1, 2) == ("AE", "C9")


@pytest.mark.parametrize("charset", CHARSETS)
def test_the_answer_swaps_the_names_in_the_senders_set(charset: str) -> None:
    raw = stay("ADT^A08^ADT_A01", charset=charset, control_id="C1", version="2.4")
    answer = answered(raw)
    assert answer.charset == charset
    assert values(answer, "MSH", 3, 4, 5, 6) == ("GROUPER", "医保办", "HIS", "测试医院")
    assert values(answer, "MSH", 9, 11, 12, 18) == ("ACK", "P", "2.4", charset)
    header = answer.segments[0]
    assert (header.value(9, 2), header.value(9, 3)) == ("A08", "ACK")
    assert values(answer, "MSA", 1, 2, 3) == ("AA", "C1", "")
    assert answer.first("ERR") is None


def test_a_message_in_two_bytes_a_character_is_answered_so() -> None:
    text = stay("ADT^A08", charset="UNICODE").decode("utf-8")
    raw = text.encode("utf-16")
    envelope = FORM.envelope(raw)
    assert envelope.facility == "测试医院"
    answer = FORM.answer(envelope, Receipt(message_id=1, verdict=Verdict.ACCEPTED))
    assert values(parse(answer), "MSH", 6, 18) == ("测试医院", "UNICODE")
    assert answer.startswith(b"\xff\xfeM\0")


def test_without_a_stated_set_the_answer_comes_in_that_of_the_message() -> None:
    raw = stay("ADT^A08", charset="").decode("utf-8").encode("gb18030")
    answer = answered(raw)
    assert values(answer, "MSH", 6) == ("测试医院",)
    assert answer.charset.startswith("GB")


def test_an_id_beside_the_message_is_answered() -> None:
    raw = stay("ADT^A08", control_id="")
    envelope = FORM.envelope(raw, "K|1")
    answer = FORM.answer(envelope, Receipt(message_id=1, verdict=Verdict.ACCEPTED))
    assert values(parse(answer), "MSA", 1, 2) == ("AA", "K|1")


def test_an_escaped_id_comes_back_as_it_was() -> None:
    raw = stay("ADT^A08", control_id=r"A\T\1")
    envelope = FORM.envelope(raw)
    assert envelope.control_id == "A&1"
    answer = FORM.answer(envelope, Receipt(message_id=1, verdict=Verdict.ACCEPTED))
    assert rb"MSA|AA|A\T\1" + b"\r" in answer


def test_two_answers_have_two_ids() -> None:
    raw = stay("ADT^A08")
    ids = {values(answered(raw), "MSH", 10) for _ in range(3)}
    assert len(ids) == 3


def test_the_answer_takes_the_senders_separators() -> None:
    raw = (
        b"MSH#$%?@#HIS$1.2$ISO#H#G#Y#2026##ADT$A01#C?1#T#2.3\r"
        b"PID#1##P1$$$$PI\rPV1#1#I#################V1\r"
    )
    envelope = FORM.envelope(raw)
    assert (envelope.patient, envelope.visit, envelope.verdict) == ("P1", "V1", Verdict.ACCEPTED)
    raw_answer = FORM.answer(envelope, Receipt(message_id=1, verdict=Verdict.ACCEPTED))
    assert raw_answer.startswith(b"MSH#$%?@#G#Y#HIS$1.2$ISO#H#")
    assert b"#ACK$A01#" in raw_answer
    assert values(parse(raw_answer), "MSA", 2) == (envelope.control_id,)


def test_an_error_says_code_place_and_words() -> None:
    raw = message("ADT^A01", PID, version="2.5.1")
    error = answered(raw).first("ERR")
    assert error is not None
    assert [error.value(2, n) for n in (1, 2, 3)] == ["PV1", "1", "19"]
    assert (error.value(3), error.value(3, 3), error.value(4)) == ("101", "HL70357", "E")
    assert (error.value(5), error.value(5, 2)) == ("VISIT_MISSING", "报文没有就诊号")
    assert "映射" in error.value(8)


def test_an_error_of_an_old_version_stands_in_one_field() -> None:
    error = answered(message("ADT^A01", PID, version="2.3.1")).first("ERR")
    assert error is not None
    assert [error.value(1, n) for n in (1, 2, 3)] == ["PV1", "1", "19"]
    assert error.value(1, 4, 1) == "101"
    assert error.value(1, 4, 2) == "VISIT_MISSING 报文没有就诊号"


def test_words_are_in_the_language_that_is_set_or_that_the_set_has() -> None:
    form = Hl7Form()
    form.configure({"language": "en"})
    raw = message("ADT^A01", PID)
    assert "no visit number" in values(answered(raw, form=form), "MSA", 3)[0]
    assert "就诊号" in values(answered(raw), "MSA", 3)[0]
    narrow = b"MSH|^~\\&|HIS|H|G|Y|2026||ADT^A01|C1|P|2.3||||||ASCII\rPID|1||P1\r"
    assert values(answered(narrow), "MSA", 3) == ("VISIT_MISSING the message has no visit number",)


def test_what_the_inbox_says_is_answered() -> None:
    raw = stay("ADT^A01")
    answer = answered(raw, verdict=Verdict.REFUSED, reason="NOT_STORED", message_id=None)
    assert values(answer, "MSA", 1) == ("AR",)
    assert values(answer, "ERR", 3) == ("207",)
    unknown = answered(raw, verdict=Verdict.UNUSABLE, reason="SOMETHING_NEW")
    assert values(unknown, "MSA", 3) == ("SOMETHING_NEW",)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        b"MSH",
        b"MSH|",
        b"MSH|^~\\&",
        b"MSHAAAA|B\r",
        b"MSH|^~\\&|\x00\xff|H|\xfe||||ADT^A01|C\x00\xff|P|2.5",
        "MSH|^~\\&|系统|H|||2026||ADT^A01|号|P|2.5||||||UNICODE\rPID|1".encode("utf-16")[:-1],
        b"MSH|^|H|H|||2026||ADT^A01|C^1|P|2.5\rPID|1",
    ],
)
def test_whatever_comes_is_answered(raw: bytes) -> None:
    envelope = FORM.envelope(raw)
    assert envelope.verdict is Verdict.UNUSABLE
    assert values(answered(raw), "MSA", 1) == ("AE",)


def test_an_answer_without_a_header_is_plain() -> None:
    envelope = Envelope(form="hl7v2", raw=b"?", control_id="号", verdict=Verdict.UNUSABLE)
    raw = FORM.answer(envelope, Receipt(message_id=1, verdict=Verdict.UNUSABLE, reason="RAW_GONE"))
    assert raw.isascii()
    assert values(parse(raw), "MSA", 1, 2) == ("AE", "?")
