"""Charge detail (2301): lines by their numbers, refunds, several stays in one message."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from nhsa_support import message, raw

from grouper.intake.event import Line
from grouper.intake.record import case_of, merge
from hl7_adapters.nhsa import FORM

LINE = {
    "feedetl_sn": "1",
    "mdtrt_id": "V1",
    "psn_no": "P1",
    "med_type": "21",
    "fee_ocur_time": "2026-03-01 09:00:00",
    "med_list_codg": "001101000010000",
    "medins_list_codg": "L-1",
    "det_item_fee_sumamt": "12.50",
    "cnt": "1.0000",
    "pric": "12.500000",
    "bilg_dept_codg": "A03",
    "bilg_dept_name": "内科",
    "bilg_dr_codg": "D1",
    "memo": "x",
}


def events(*rows: dict[str, Any], **more: Any) -> list[Any]:
    return list(FORM.events(raw(message("2301", {"feedetail": list(rows)}) | more)))


def test_a_line() -> None:
    (event,) = events(LINE)
    assert (event.patient, event.visit) == ("P1", "V1")
    assert event.facts == {"kind": "inpatient", "visit_type": "21"}
    (line,) = event.lines
    assert line.key == "1"
    assert {
        "line_item": "001101000010000",
        "hospital_item": "L-1",
        "line_amount": "12.50",
        "line_quantity": "1.0000",
        "price": "12.500000",
        "line_time": "2026-03-01 09:00:00",
        "line_department": "A03",
        "line_physician": "D1",
        "bilg_dept_name": "内科",
        "memo": "x",
        "med_type": "21",
    }.items() <= line.about.items()
    assert not event.lines_whole


def test_a_refund_is_a_line_of_its_own() -> None:
    back = LINE | {
        "feedetl_sn": "2",
        "init_feedetl_sn": "1",
        "cnt": "-1",
        "det_item_fee_sumamt": -12.5,
    }
    (event,) = events(LINE, back)
    assert [line.key for line in event.lines] == ["1", "2"]
    assert event.lines[1].about["refund_of"] == "1"
    case = case_of(merge({}, event, 1), [line.about for line in event.lines])[0]
    assert case.line_amount == (Decimal("12.50"), Decimal("-12.50"))
    assert sum(a for a in case.line_amount if a is not None) == 0
    assert event.unknown == ()


def test_a_refund_whose_signs_disagree_is_reported() -> None:
    (event,) = events(LINE | {"cnt": "-1"})
    assert event.unknown == (("feedetail[1].cnt", "-1"),)
    assert event.lines[0].about["line_amount"] == "12.50"


def test_lines_of_several_stays() -> None:
    first, second = events(
        LINE, LINE | {"mdtrt_id": "V2", "psn_no": "P2"}, LINE | {"feedetl_sn": "3"}
    )
    assert (first.visit, [line.key for line in first.lines]) == ("V1", ["1", "3"])
    assert (second.patient, second.visit, len(second.lines)) == ("P2", "V2", 1)


def test_a_single_line_may_be_no_list() -> None:
    (event,) = FORM.events(raw(message("2301", {"feedetail": LINE})))
    assert len(event.lines) == 1


def test_a_line_without_a_number_is_known_by_its_content() -> None:
    bare = {name: value for name, value in LINE.items() if name != "feedetl_sn"}
    (event,) = events(bare, bare | {"cnt": "2"})
    (again,) = events(bare | {"cnt": "2"})
    assert len({line.key for line in event.lines}) == 2
    assert event.lines[1].key == again.lines[0].key


def test_what_the_insurer_answered_of_a_line_stands_with_it() -> None:
    answer = {"result": [{"feedetl_sn": "1", "med_chrgitm_type": "03", "fulamt_ownpay_amt": 1.25}]}
    (event,) = events(LINE, output=answer)
    assert event.lines[0].about["line_class"] == "03"
    assert event.lines[0].about["fulamt_ownpay_amt"] == "1.25"
    assert all(isinstance(line, Line) for line in event.lines)


def test_unknown_kinds_of_care_are_reported_not_guessed() -> None:
    (event,) = events(LINE | {"med_type": "52"})
    assert event.facts == {"visit_type": "52"}
    assert ("feedetail[1].med_type", "52") in event.unknown
