"""HL7 messages of one stay, merged into its running record."""

from __future__ import annotations

import json
from itertools import permutations

import pytest
from hl7_messages import PID, dg1, message, pv1, segment, stay

from grouper.case.record import Case
from grouper.intake.event import EventKind
from grouper.intake.record import Record, cancelled, case_of, entries, merge, raw_case
from hl7_adapters.hl7v2 import FORM

ADMITTED = stay("ADT^A01", pv1(), dg1(1, "R07.400^胸痛", f6="A", f15="1"))
UPDATED = stay(
    "ADT^A08",
    pv1(),
    dg1(1, "I20.000^^医保版", f6="W"),
    dg1(2, "I10.x00^^医保版", f6="W"),
    "ZXX|a",
)
CHARGED = stay("DFT^P03", pv1(), segment("FT1", f1="1", f2="L1", f6="CG", f11="9"), control_id="T3")
DISCHARGED = stay(
    "ADT^A03",
    pv1(discharged="20260305101500", way="1"),
    dg1(1, "I21.001^^医保版", f6="F", f15="1"),
    dg1(2, "E11.900^^医保版", f6="F", f15="2"),
    segment("PR1", f1="1", f3="36.0601", f5="20260303", f14="1"),
)
TAKEN_BACK = stay("ADT^A13", pv1(discharged="20260305101500", way="1"))
DISCHARGED_AGAIN = stay("ADT^A03", pv1(discharged="20260307090000", way="2"))
CALLED_OFF = stay("ADT^A11")


def record(*messages: bytes | tuple[int, bytes]) -> Record:
    """The record after messages, stamped by their order or as given."""
    found: Record = {}
    for number, entry in enumerate(messages, 1):
        stamp, raw = entry if isinstance(entry, tuple) else (number, entry)
        for event in FORM.events(raw):
            assert event.kind is EventKind.STAY
            found = merge(found, event, stamp)
    return found


def case(*messages: bytes) -> Case:
    found, issues = case_of(record(*messages))
    assert [issue.reason for issue in issues if issue.severity == "reject"] == []
    return found


def test_a_stay_from_admission_to_its_second_discharge() -> None:
    running = case(ADMITTED)
    assert (running.dx, running.discharge_time, running.kind) == (("R07.400",), None, "inpatient")
    assert case(ADMITTED, UPDATED).dx == ("I20.000", "I10.x00")
    # A bill says nothing of the diagnoses.
    assert case(ADMITTED, UPDATED, CHARGED).dx == ("I20.000", "I10.x00")
    left = case(ADMITTED, UPDATED, CHARGED, DISCHARGED)
    assert (left.dx, left.px, left.discharge_way) == (
        ("I21.001", "E11.900"),
        ("36.0601",),
        "1",
    )
    assert left.los == 4
    back = case(ADMITTED, UPDATED, CHARGED, DISCHARGED, TAKEN_BACK)
    assert (back.discharge_time, back.discharge_way, back.los) == (None, None, None)
    assert back.dx == left.dx
    again = case(ADMITTED, UPDATED, CHARGED, DISCHARGED, TAKEN_BACK, DISCHARGED_AGAIN)
    assert (again.discharge_way, again.los, again.dx) == ("2", 6, left.dx)


def test_the_record_does_not_depend_on_the_order_of_applying() -> None:
    messages = [ADMITTED, UPDATED, DISCHARGED, TAKEN_BACK, DISCHARGED_AGAIN]
    found = set()
    for order in permutations(list(enumerate(messages, 1))):
        told = record(*order)
        extra = {name: value for name, (value, _) in told["extra"].items()}
        found.add(json.dumps([raw_case(told), extra], sort_keys=True, ensure_ascii=False))
    assert len(found) == 1


@pytest.mark.parametrize("kind", ["ADT^A01", "ADT^A04"])
def test_a_stay_that_was_called_off_stands_again_after_an_admission(kind: str) -> None:
    assert cancelled(record(ADMITTED, CALLED_OFF))
    # An update does not bring it back.
    assert cancelled(record(ADMITTED, CALLED_OFF, UPDATED))
    assert not cancelled(record(ADMITTED, CALLED_OFF, stay(kind)))
    assert cancelled(record((1, ADMITTED), (3, CALLED_OFF), (2, stay(kind))))


def test_a_cancellation_changes_no_facts() -> None:
    assert raw_case(record(ADMITTED, CALLED_OFF)) == raw_case(record(ADMITTED))


def test_single_entries_are_changed_in_update_mode() -> None:
    snapshot = stay(
        "BAR^P05", pv1(), dg1(1, "I21.001", f15="1", f20="D1"), dg1(2, "J18.900", f20="D2")
    )
    change = stay(
        "BAR^P12",
        pv1(),
        dg1(1, "I21.101", f15="1", f20="D1", f21="U"),
        dg1(2, "J18.900", f20="D2", f21="D"),
        dg1(3, "E11.900", f20="D3", f21="A"),
    )
    assert case(snapshot, change).dx == ("I21.101", "E11.900")


def test_a_snapshot_with_a_null_list_takes_the_diagnoses_away() -> None:
    assert entries(record(ADMITTED, stay("ADT^A08", pv1(), 'DG1|1||""')), "dx") == []
    assert len(entries(record(ADMITTED, stay("ADT^A08")), "dx")) == 1


def test_the_shape_of_the_record_is_json() -> None:
    found = record(ADMITTED, UPDATED, CHARGED, DISCHARGED, TAKEN_BACK)
    assert json.loads(json.dumps(found)) == found


def test_one_visit_of_an_outpatient() -> None:
    registered = message("ADT^A04", PID, pv1("O", visit="MZ1", admitted="20260301083000"))
    seen = message(
        "ADT^A03", PID, pv1("O", visit="MZ1", discharged="20260301093000"), dg1(1, "J06.900")
    )
    found = case(registered, seen)
    assert (found.kind, found.dx, found.los) == ("outpatient", ("J06.900",), 1)
