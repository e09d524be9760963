"""What HL7 messages say of a case, by the shipped mapping."""

from __future__ import annotations

from pathlib import Path

import pytest
from hl7_messages import CHARSETS, PATIENT, PID, VISIT, dg1, message, one, pv1, segment, stay

from grouper.intake.envelope import Verdict
from grouper.intake.event import EventKind, ItemAction
from grouper.intake.forms import IntakeError
from grouper.intake.record import case_of, merge
from hl7_adapters.hl7v2 import FORM
from hl7_adapters.hl7v2.places import read_place
from hl7_adapters.hl7v2.times import case_date, case_time


@pytest.mark.parametrize("charset", CHARSETS)
def test_an_admission_gives_person_facts_and_departments(charset: str) -> None:
    event = one(stay("ADT^A01^ADT_A01", charset=charset))
    assert (event.kind, event.patient, event.visit) == (EventKind.STAY, PATIENT, VISIT)
    assert event.cancelled is False
    assert event.facts == {
        "kind": "inpatient",
        "sex": "1",
        "birth_date": "1961-02-03",
        "admission_time": "2026-03-01T08:30:00+0800",
        "department": "0301",
        "admission_department": "0301",
    }
    assert event.person == {
        "name": "测试患者",
        "id_number": "000000000000000000",
        "birth_date": "1961-02-03",
        "sex": "1",
    }
    assert event.dx is None
    assert event.px is None


def test_names_in_latin_letters_are_two_words() -> None:
    raw = message("ADT^A28", "PID|1||P1||TESTER^ANNA")
    assert one(raw).person["name"] == "ANNA TESTER"
    assert one(message("ADT^A28", "PID|1||P1||^ANNA")).person["name"] == "ANNA"


def test_a_discharge_states_time_way_and_codes() -> None:
    event = one(
        stay(
            "ADT^A03^ADT_A03",
            pv1(discharged="20260305101500", way="医嘱离院"),
            dg1(1, "E11.900^2型糖尿病^医保版2.0", f6="F", f15="2", f26="4"),
            dg1(2, "I21.001^急性前壁心肌梗死^医保版2.0", f6="F", f15="1", f26="Y"),
            segment("PR1", f1="1", f3="36.0601^支架^ICD9CM3", f5="202603020900", f14="1"),
        )
    )
    assert event.facts["discharge_time"] == "2026-03-05T10:15:00"
    assert event.facts["discharge_way"] == "1"
    assert event.facts["code_system"] == "nhsa"
    assert event.dx is not None
    assert [(c.code, c.rank, c.about["dx_poa"]) for c in event.dx] == [
        ("E11.900", 1, "4"),
        ("I21.001", 0, "1"),
    ]
    assert event.px is not None
    assert event.px[0].about == {"name": "支架", "px_date": "2026-03-02"}
    assert event.dx_whole
    assert event.unknown == ()
    case, issues = case_of(merge({}, event, 1), case_id="c")
    assert case.dx == ("I21.001", "E11.900")
    assert case.px == ("36.0601",)
    assert case.los == 4
    assert [issue.reason for issue in issues] == []


def test_the_time_of_the_event_stands_for_a_time_that_is_missing() -> None:
    assert one(stay("ADT^A03")).facts["discharge_time"] == "2026-03-05T10:15:00"
    assert "discharge_time" not in one(stay("ADT^A08")).facts
    admitted = one(stay("ADT^A01", pv1(admitted="")))
    assert admitted.facts["admission_time"] == "2026-03-05T10:15:00"


@pytest.mark.parametrize(
    ("kind", "cancelled"),
    [
        *((kind, False) for kind in ("A01", "A04", "A05", "A06", "A07")),
        *((kind, True) for kind in ("A11", "A23", "A38")),
        *((kind, None) for kind in ("A02", "A03", "A08", "A12", "A13")),
    ],
)
def test_some_types_call_a_stay_off_and_some_let_it_stand(
    kind: str, cancelled: bool | None
) -> None:
    assert one(stay(f"ADT^{kind}")).cancelled is cancelled


def test_a_cancelled_discharge_clears_what_it_still_carries() -> None:
    event = one(stay("ADT^A13", pv1(discharged="20260305101500", way="1")))
    assert event.facts["discharge_time"] is None
    assert event.facts["discharge_way"] is None
    assert event.facts["department"] == "0301"


def test_null_clears_and_absence_says_nothing() -> None:
    event = one(stay("ADT^A08", pv1(discharged='""'), 'ZXX|a||""'))
    assert event.facts["discharge_time"] is None
    assert "discharge_way" not in event.facts
    assert event.extra == {"ZXX-1": "a", "ZXX-3": None}
    assert one(message("ADT^A08", 'PID|1||P1||""||""|""', pv1())).facts["sex"] is None


def test_a_null_diagnosis_clears_the_list() -> None:
    assert one(stay("ADT^A08", pv1(), dg1(1, '""'))).dx == ()


@pytest.mark.parametrize("kind", ["A28", "A31"])
def test_a_person_alone_touches_no_stay(kind: str) -> None:
    event = one(stay(f"ADT^{kind}"))
    assert (event.kind, event.patient, event.visit) == (EventKind.PERSON, PATIENT, "")
    assert event.facts == {}
    assert event.person["sex"] == "1"


@pytest.mark.parametrize("kind", ["A18", "A30", "A34", "A39", "A40", "A47"])
def test_persons_are_merged(kind: str) -> None:
    event = one(message(f"ADT^{kind}", PID, "MRG|P900009^^^测试医院^PI"))
    assert event.kind is EventKind.MERGE_PERSON
    assert (event.patient, event.prior_patient) == (PATIENT, "P900009")


@pytest.mark.parametrize("kind", ["A42", "A45", "A50"])
def test_visits_are_merged(kind: str) -> None:
    event = one(stay(f"ADT^{kind}", "MRG|P900009^^^^PI||||ZY900009", pv1()))
    assert event.kind is EventKind.MERGE_VISIT
    assert (event.visit, event.prior_visit, event.prior_patient) == (VISIT, "ZY900009", "")


@pytest.mark.parametrize("kind", ["A35", "A41", "A49"])
def test_accounts_are_merged_by_their_own_numbers(kind: str) -> None:
    patient = segment("PID", f3=PATIENT, f18="AC2")
    event = one(message(f"ADT^{kind}", patient, "MRG|P9||AC1||ZY900009"))
    assert (event.kind, event.visit, event.prior_visit) == (EventKind.MERGE_VISIT, "AC2", "AC1")


def test_patient_and_account_are_merged_together() -> None:
    patient = segment("PID", f3=PATIENT, f18="AC2")
    first, second = FORM.events(message("ADT^A36", patient, "MRG|P9||AC1"))
    assert (first.kind, first.prior_patient) == (EventKind.MERGE_PERSON, "P9")
    assert (second.kind, second.prior_visit) == (EventKind.MERGE_VISIT, "AC1")


def test_several_pairs_of_one_message_are_all_merged() -> None:
    raw = message("ADT^A40", "PID|1||P1", "MRG|P2", "PID|2||P3", "MRG|P4")
    found = [(e.patient, e.prior_patient) for e in FORM.events(raw)]
    assert found == [("P1", "P2"), ("P3", "P4")]


def test_an_outpatient_who_is_admitted_keeps_the_visit_under_its_new_number() -> None:
    raw = stay("ADT^A06", "MRG|||||MZ900001", pv1())
    first, second = FORM.events(raw)
    assert (first.kind, first.prior_visit, first.visit) == (
        EventKind.MERGE_VISIT,
        "MZ900001",
        VISIT,
    )
    assert second.facts["kind"] == "inpatient"
    assert second.facts["discharge_time"] is None
    assert len(FORM.events(stay("ADT^A06"))) == 1


def test_a_visit_that_keeps_its_number_in_another_account_is_unchanged() -> None:
    event = one(stay("ADT^A45", f"MRG|||AC1||{VISIT}", pv1()))
    assert event.kind is EventKind.NOTHING
    with pytest.raises(IntakeError, match="PATIENT_CONFLICT"):
        FORM.events(stay("ADT^A45", f"MRG|P9||AC1||{VISIT}", pv1()))


@pytest.mark.parametrize("kind", ["A09", "A17", "A20", "A24", "A29", "A60", "A61"])
def test_known_types_without_meaning_do_nothing(kind: str) -> None:
    assert one(stay(f"ADT^{kind}")).kind is EventKind.NOTHING
    assert one(message(f"ADT^{kind}", "NPU|床")).kind is EventKind.NOTHING


@pytest.mark.parametrize(
    ("raw", "code", "place"),
    [
        (stay("ORU^R01"), "TYPE_UNSUPPORTED", "MSH-9"),
        (stay("ADT^A43"), "TYPE_UNSUPPORTED", "MSH-9"),
        (stay("ADT^A01", version="3.0"), "VERSION_UNSUPPORTED", "MSH-12"),
        (message("ADT^A01", "PID|1", pv1()), "PATIENT_MISSING", "PID-3"),
        (message("ADT^A01", "PID|1||1^^^^NI", pv1()), "PATIENT_MISSING", "PID-3"),
        (message("ADT^A28"), "PATIENT_MISSING", "PID-3"),
        (stay("ADT^A01", pv1(visit="")), "VISIT_MISSING", "PV1-19"),
        (stay("ADT^A01", pv1(visit='""')), "VISIT_MISSING", "PV1-19"),
        (stay("ADT^A42", "MRG|||||Z1"), "VISIT_MISSING", "PV1-19"),
        (stay("ADT^A40"), "MERGE_INCOMPLETE", "MRG-1"),
        (stay("ADT^A42"), "MERGE_INCOMPLETE", "MRG-5"),
        (stay("ADT^A40", f"MRG|{PATIENT}"), "MERGE_TO_ITSELF", "MRG-1"),
        (stay("ADT^A42", pv1(), f"MRG|||||{VISIT}"), "MERGE_TO_ITSELF", "MRG-5"),
        (b"MSH", "MESSAGE_TRUNCATED", "MSH-1"),
    ],
)
def test_what_cannot_be_used_says_why_and_where(raw: bytes, code: str, place: str) -> None:
    with pytest.raises(IntakeError) as caught:
        FORM.events(raw)
    assert (caught.value.code, caught.value.params["place"]) == (code, place)
    envelope = FORM.envelope(raw)
    assert envelope.verdict is not Verdict.ACCEPTED
    assert (envelope.reason, envelope.place) == (code, place)


def test_the_event_of_a_message_may_stand_in_its_second_segment() -> None:
    raw = stay("ADT^A08").replace(b"|ADT^A08|", b"|ADT|")
    assert FORM.envelope(raw).kind == "ADT^A08"
    assert one(raw).kind is EventKind.STAY


def test_accounts_of_several_visits_give_each_its_event() -> None:
    raw = stay(
        "BAR^P01",
        pv1(),
        dg1(1, "I10.x00"),
        pv1(visit="ZY900002"),
        dg1(1, "J18.900"),
        "ZXX|2",
        pv1(),
        dg1(2, "E11.900"),
    )
    first, second = FORM.events(raw)
    assert first.dx is not None
    assert second.dx is not None
    assert (first.visit, [c.code for c in first.dx]) == (VISIT, ["I10.x00", "E11.900"])
    assert (second.visit, [c.code for c in second.dx]) == ("ZY900002", ["J18.900"])
    assert second.patient == PATIENT
    assert second.extra == {"ZXX-1": "2"}


def test_values_that_no_table_knows_are_kept_and_reported() -> None:
    raw = stay(
        "ADT^A08",
        pv1("Q", way="03"),
        dg1(1, "254837009^肿瘤^SCT", f26="7"),
        dg1(2, "C50.900^肿瘤^SCT", f6="Q"),
    )
    event = one(raw)
    assert event.facts["kind"] == "Q"
    assert event.facts["discharge_way"] == "03"
    assert event.unknown == (
        ("PV1-2", "Q"),
        ("PV1-36", "03"),
        ("DG1-6", "Q"),
        ("DG1-26", "7"),
        ("DG1-3.3", "SCT"),
    )
    assert event.dx is not None
    assert [c.code for c in event.dx] == ["254837009", "C50.900"]


def test_classes_that_say_nothing_leave_the_kind_alone() -> None:
    event = one(stay("ADT^A05", pv1("P")))
    assert "kind" not in event.facts
    assert event.unknown == ()


def test_fields_without_a_place_in_the_case_are_kept_as_they_came() -> None:
    event = one(
        stay(
            "ADT^A08",
            pv1(),
            "DRG|FJ19^组名|20260306",
            "IN1|1|310^职工|YB01|医保局",
            "IN1|2|999",
            "GT1|1||监护人||||||||父",
            "ZYB|甲|乙~丙\\F\\",
            "ZYB|丁",
        )
    )
    assert event.facts["insurance_type"] == "310"
    assert event.extra == {
        "DRG-1": "FJ19^组名",
        "DRG-2": "20260306",
        "IN1-2": "310^职工",
        "IN1-3": "YB01",
        "IN1-4": "医保局",
        "GT1-11": "父",
        "ZYB-1": "甲",
        "ZYB-2": "乙~丙\\F\\",
        "ZYB[2]-1": "丁",
    }


def test_a_measured_weight_comes_with_its_unit() -> None:
    event = one(
        stay(
            "ADT^A08",
            pv1(),
            "OBX|1|NM|29463-7^体重^LN||60|kg",
            "OBX|2|NM|8339-4^出生体重^LN||3.25|kg",
        )
    )
    case, issues = case_of(merge({}, event, 1))
    assert case.birth_weight_g == 3250
    assert issues == []


@pytest.mark.parametrize(
    ("raw", "time", "date"),
    [
        ("20260131", "2026-01-31", "2026-01-31"),
        ("20260131+0800", "2026-01-31", "2026-01-31"),
        ("2026013114", "2026-01-31T14:00:00", "2026-01-31"),
        ("202601311430", "2026-01-31T14:30:00", "2026-01-31"),
        ("20260131143005.1234+0800", "2026-01-31T14:30:05+0800", "2026-01-31"),
        ("2026-01-31 14:30", "2026-01-31 14:30", "2026-01-31 14:30"),
        ("202601", "202601", "202601"),
        ("20261399", "2026-13-99", "2026-13-99"),
    ],
)
def test_times_of_hl7_are_spelled_for_the_case(raw: str, time: str, date: str) -> None:
    assert (case_time(raw), case_date(raw)) == (time, date)


def test_an_impossible_time_is_reported_by_the_case() -> None:
    event = one(stay("ADT^A08", pv1(admitted="20261399", discharged="202603")))
    case, issues = case_of(merge({}, event, 1))
    assert case.admission_time is None
    assert [issue.reason for issue in issues] == ["DATE_INVALID", "DATE_INVALID"]


def test_the_best_of_a_patients_numbers_counts() -> None:
    numbers = "A^^^X^AN~B^^^Y~C^^^Z^PI~D^^^Z^MR~1^^^^NI~^^^^MR"
    assert one(message("ADT^A28", f"PID|1||{numbers}")).patient == "D"
    assert one(message("ADT^A28", "PID|1|E^^^^PI|1^^^^NI")).patient == "E"


def test_places_are_written_in_one_way() -> None:
    for text in ("PV1", "PV1-0", "pv1-3", "PV1-3.0", "PID-3[x].1", "PID-3[5=].1", "A+B", ""):
        assert read_place(text) is None
    for text in ("PV1-19", "PID-3[2].4.1", "PID-3[5=MR|PI]", "OBX[3.1=8339-4+x]-5", "PID-3+PV1-4"):
        place = read_place(text)
        assert place is not None
        assert place.text == text


CARRYING = ("ADT_A0[1348]", "ADT_A11", "ADT_A13", "ADT_A40", "DFT", "BAR")


def test_messages_of_others_give_events_or_a_declared_reason(facts: Path) -> None:
    paths = sorted(p for kind in CARRYING for p in (facts / "messages").glob(f"*__{kind}*.hl7"))
    assert len(paths) > 60
    used = 0
    for path in paths:
        raw = path.read_bytes()
        envelope = FORM.envelope(raw, "key")
        if envelope.verdict is not Verdict.ACCEPTED:
            assert envelope.reason in {"PATIENT_MISSING", "VISIT_MISSING"}, path.name
            with pytest.raises(IntakeError, match=envelope.reason):
                FORM.events(raw)
            continue
        used += 1
        events = FORM.events(raw)
        assert events[0].patient == envelope.patient, path.name
        for event in events:
            case_of(merge({}, event, 1))
    assert used > 45


def test_an_entry_is_taken_away_or_left_by_its_action() -> None:
    raw = stay(
        "BAR^P12",
        pv1(),
        dg1(1, "I10.x00", f20="D1", f21="A"),
        dg1(2, "", f4="高血压", f20="D2", f21="D"),
        dg1(3, "E11.900", f20="D3", f21="X"),
    )
    event = one(raw)
    assert event.dx is not None
    assert not event.dx_whole
    assert [(c.key, c.action) for c in event.dx] == [
        ("D1", ItemAction.SET),
        ("D2", ItemAction.DELETE),
    ]
