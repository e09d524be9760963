"""Diagnoses, procedures and charge lines of HL7 messages."""

from __future__ import annotations

from decimal import Decimal

from hl7_messages import dg1, one, pv1, segment, stay

from grouper.intake.record import case_of, merge


def ft1(number: int, key: str, *, kind: str = "CG", **cells: str) -> str:
    return segment("FT1", f1=str(number), f2=key, f4="20260302080000+0800", f6=kind, **cells)


def codes(*segments: str, kind: str = "ADT^A08") -> list[tuple[str, int]]:
    event = one(stay(kind, pv1(), *segments))
    return [(coded.code, coded.rank) for coded in event.dx or ()]


def test_without_any_priority_the_first_diagnosis_is_principal() -> None:
    assert codes(dg1(1, "I21.001"), dg1(2, "I10.x00")) == [("I21.001", 0), ("I10.x00", 1)]


def test_with_priorities_but_no_first_one_none_is_principal() -> None:
    assert codes(dg1(1, "I21.001", f15="2"), dg1(2, "I10.x00")) == [("I21.001", 1), ("I10.x00", 1)]


def test_only_the_best_kind_of_diagnoses_makes_the_list() -> None:
    admitting = dg1(1, "R07.400", f6="A", f15="1")
    working = dg1(2, "I20.000", f6="W")
    final = dg1(3, "I21.001", f6="F", f15="1")
    assert codes(admitting) == [("R07.400", 0)]
    assert codes(admitting, working) == [("I20.000", 0)]
    assert codes(admitting, working, final) == [("I21.001", 0)]
    event = one(stay("ADT^A03", pv1(), admitting, working, final))
    assert event.extra["DG1[1]-3"] == "R07.400"
    assert event.extra["DG1[2]-3"] == "I20.000"


def test_diagnoses_of_another_system_of_medicine_stand_beside_the_list() -> None:
    event = one(stay("ADT^A08", pv1(), dg1(1, "A07.01", f6="中医诊断")))
    assert event.dx is None
    assert event.extra["DG1[1]-3"] == "A07.01"


def test_a_diagnosis_without_a_code_keeps_its_name() -> None:
    event = one(stay("ADT^A08", pv1(), dg1(1, "^高血压"), dg1(2, "")))
    assert event.dx is not None
    assert [(c.code, c.about["name"]) for c in event.dx] == [("", "高血压")]


def test_a_second_edition_of_codes_is_reported() -> None:
    event = one(
        stay("ADT^A08", pv1(), dg1(1, "I21.001^^临床版"), dg1(2, "I10.x00^^医保版", f2="I10"))
    )
    assert event.facts["code_system"] == "clinical"
    assert event.unknown == (("DG1-3.3", "clinical, nhsa"),)


def test_the_edition_of_procedures_counts_where_diagnoses_state_none() -> None:
    event = one(stay("ADT^A08", pv1(), dg1(1, "I21.001^^I10"), "PR1|1||36.0601^^临床版3.0"))
    assert event.facts["code_system"] == "clinical"


def test_procedures_keep_date_modifier_and_order() -> None:
    event = one(
        stay(
            "ADT^A08",
            pv1(),
            segment("PR1", f1="1", f3="88.5500", f5="20260302", f6="D", f14="2"),
            segment("PR1", f1="2", f3="36.0601", f5="20260303", f14="1", f16="双侧"),
            segment("PR1", f1="3", f3="00.0000", f6="麻醉"),
        )
    )
    case, _ = case_of(merge({}, event, 1))
    assert case.px == ("36.0601", "88.5500")
    assert case.px_modifier == ("bilateral", None)
    assert event.extra["PR1[3]-3"] == "00.0000"


def test_charge_lines_are_read_with_class_amount_and_time() -> None:
    event = one(
        stay(
            "DFT^P03",
            pv1(),
            ft1(
                1,
                "L1",
                f7="H01^床位费^HIS^001109000020000^^NHSA",
                f10="2",
                f11="120.50&CNY",
                f12="60.25",
                f13="0301",
                f17="床位费",
                f20="D01^测试",
            ),
        )
    )
    (line,) = event.lines
    assert not event.lines_whole
    assert line.key == "L1"
    assert line.about == {
        "line_item": "001109000020000",
        "hospital_item": "H01",
        "line_name": "床位费",
        "line_class": "01",
        "line_quantity": "2",
        "line_amount": "120.50",
        "line_time": "2026-03-02T08:00:00+0800",
        "price": "60.25",
        "line_department": "0301",
        "physician": "D01",
        "type": "CG",
    }
    case, issues = case_of(merge({}, event, 1), [line.about])
    assert case.line_amount == (Decimal("120.50"),)
    assert issues == []


def test_credits_are_negative_and_stand_beside_their_charge() -> None:
    event = one(
        stay(
            "DFT^P03",
            pv1(),
            ft1(1, "L1", f10="1", f11="80"),
            ft1(2, "L1", kind="CR", f10="1", f11="80"),
            ft1(3, "L2", kind="CD", f10="-2", f11="-7.5"),
            ft1(4, "L3", kind="AJ", f11="-3"),
            ft1(5, "L4", kind="CR", f11="0.00"),
        )
    )
    found = {line.key: line.about.get("line_amount") for line in event.lines}
    assert found == {
        "L1": "80",
        "L1/credit": "-80",
        "L2/credit": "-7.5",
        "L3/adjust": "-3",
        "L4/credit": "0.00",
    }
    assert event.lines[1].about["line_quantity"] == "-1"
    assert event.lines[2].about["line_quantity"] == "-2"


def test_an_amount_is_reckoned_from_price_and_quantity_and_says_so() -> None:
    event = one(stay("DFT^P03", pv1(), ft1(1, "L1", f10="3", f12="0.10")))
    assert event.lines[0].about["line_amount"] == "0.30"
    assert event.lines[0].about["amount_from"] == "price"
    for price in ("NaN", "1e999999999", "9" * 99):
        odd = one(stay("DFT^P03", pv1(), ft1(1, "L1", f10="3", f12=price)))
        assert "line_amount" not in odd.lines[0].about
    wrong = one(stay("DFT^P03", pv1(), ft1(1, "L1", kind="CR", f11="八十")))
    assert wrong.lines[0].about["line_amount"] == "八十"


def test_no_line_takes_the_place_of_another() -> None:
    event = one(
        stay(
            "DFT^P03",
            pv1(),
            ft1(1, "", f11="1"),
            ft1(2, "", f11="2"),
            ft1(3, "L", f11="3"),
            ft1(4, "L", f11="4"),
            ft1(4, "L", f11="3"),
            control_id="M7",
        )
    )
    assert [line.key for line in event.lines] == ["HIS:M7#1", "HIS:M7#2", "L", "L#4"]
    first, second = (
        one(stay("DFT^P03", pv1(), ft1(1, "", f11=amount), control_id="")).lines[0].key
        for amount in ("1", "2")
    )
    assert first != second


def test_payments_and_unknown_kinds_are_kept() -> None:
    event = one(
        stay("DFT^P03", pv1(), ft1(1, "L1", kind="PY", f11="500"), ft1(2, "L2", kind="QQ", f11="1"))
    )
    assert [line.key for line in event.lines] == ["L2/QQ"]
    assert event.extra["FT1[1]-11"] == "500"
    assert event.unknown == (("FT1-6", "QQ"),)


def test_a_bill_changes_no_diagnoses_and_adds_procedures() -> None:
    event = one(
        stay(
            "DFT^P03",
            pv1(),
            dg1(1, "Z51.900"),
            ft1(1, "L1", f25="36.0601"),
            ft1(2, "L2", f25="88.5500"),
            ft1(3, "L3", kind="CR", f25="99.9900"),
            segment("PR1", f1="1", f3="36.0601", f5="20260303", f14="1"),
        )
    )
    assert event.dx is None
    assert event.extra["DG1[1]-3"] == "Z51.900"
    assert event.px is not None
    assert not event.px_whole
    assert [(c.code, c.rank, c.key) for c in event.px] == [
        ("36.0601", 0, ""),
        ("88.5500", 1, "FT1:88.5500"),
    ]
    assert event.px[1].about == {"px_date": "2026-03-02"}
    assert one(stay("DFT^P03", pv1(), ft1(1, "L1"))).px is None
