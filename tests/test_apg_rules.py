"""The outpatient algorithm by worked examples: each rule at least once, figures by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apg_small import (
    CAPSULE,
    COLD,
    LENS,
    LID,
    PRESSURE,
    SKIN,
    STOMACH,
    packing,
    rows,
    small_book,
    weight,
)
from apg_visits import batch_of, by_batch, by_scalar

from codebooks.errors import CodebookError
from grouper.case.record import Case
from grouper.schemes.apg.scheme import ApgScheme
from grouper.schemes.apg.words import REASONS
from grouper.schemes.reasons import Reason

D = Decimal
MRI = "002102000010000"


@cache
def plain() -> ApgScheme:
    return ApgScheme(small_book())


@dataclass(frozen=True)
class Line:
    """A service line: item, fee class, amount, quantity, name."""

    item: str | None = None
    line_class: str | None = None
    amount: str | None = "10"
    quantity: str | None = "1"
    name: str | None = None


def visit(*lines: Line, **fields: Any) -> Case:
    def number(text: str | None) -> Decimal | None:
        return None if text is None else D(text)

    return Case(
        **{"kind": "outpatient"} | fields,
        line_item=tuple(line.item for line in lines),
        line_name=tuple(line.name for line in lines),
        line_class=tuple(line.line_class for line in lines),
        line_quantity=tuple(number(line.quantity) for line in lines),
        line_amount=tuple(number(line.amount) for line in lines),
    )


def answered(case: Case, scheme: ApgScheme | None = None) -> dict[str, Any]:
    """The answer that both engines give."""
    scheme = scheme or plain()
    (found,) = by_batch(scheme, batch_of([case]))
    assert found == by_scalar(scheme, case)
    status, reason, warnings, group, kind, total, parts = found
    return {
        "status": status,
        "reason": reason,
        "warnings": (warnings or "").split(";") if warnings else [],
        "group": group,
        "kind": kind,
        "weight": total,
        "done": [(action, why) for _, _, _, action, why, _, _ in parts],
        "shares": [share for *_, share, _ in parts],
        "groups": [part[2] for part in parts],
    }


def test_a_procedure_makes_a_procedure_visit_and_packages_the_visit() -> None:
    found = answered(visit(Line(None, "02"), dx=(COLD,), px=(STOMACH,)))
    assert (found["kind"], found["group"], found["weight"]) == ("procedure", "GUT", D(3))
    assert found["done"] == [
        ("paid", "first_procedure"),
        ("packaged", "procedure_visit"),
        ("packaged", "packaging_rule"),
    ]


def test_without_a_procedure_the_principal_diagnosis_decides() -> None:
    found = answered(visit(Line(None, "02"), Line(None, "09"), dx=(PRESSURE, COLD)))
    assert (found["kind"], found["group"], found["weight"]) == ("medical", "HEART", D("1.2"))
    assert found["groups"] == ["HEART", "SEEN", "DRUG"]


def test_an_incidental_procedure_leaves_a_medical_visit() -> None:
    found = answered(visit(dx=(COLD,), px=("89.0600",)))
    assert (found["kind"], found["done"][0]) == ("medical", ("packaged", "packaging_rule"))


def test_without_both_each_service_pays_alone() -> None:
    found = answered(visit(Line(MRI, "03"), Line(None, "04"), Line(None, "02")))
    assert (found["kind"], found["group"]) == ("ancillary", "MRI")
    assert found["weight"] == D("2.5") + D("0.2") + D("0.1")
    assert found["done"] == [("paid", "alone")] * 3
    assert found["warnings"] == ["DX_PRINCIPAL_MISSING"]


def test_the_same_procedure_pays_once() -> None:
    found = answered(visit(dx=(COLD,), px=(LENS, CAPSULE, LENS)))
    assert found["weight"] == D(6)
    assert found["done"][:3] == [
        ("paid", "first_procedure"),
        ("consolidated", "same_group"),
        ("consolidated", "same_group"),
    ]


def test_related_procedures_pay_once_the_heaviest() -> None:
    found = answered(visit(px=(LID, LENS)))
    assert (found["group"], found["weight"]) == ("LENS", D(6))
    assert found["done"] == [("consolidated", "related_group"), ("paid", "first_procedure")]


def test_further_procedures_pay_half_the_heaviest_in_full() -> None:
    # SKIN 1, GUT 3 and LENS 6 are unrelated: 6 + 3 / 2 + 1 / 2.
    found = answered(visit(px=(SKIN, STOMACH, LENS)))
    assert found["weight"] == D(8)
    assert found["shares"] == [D("0.5"), D("0.5"), D(1)]
    assert found["done"][0] == ("discounted", "further_procedure")


def test_a_bilateral_procedure_pays_one_and_a_half() -> None:
    found = answered(visit(px=(STOMACH, SKIN), px_modifier=("bilateral", "bilateral")))
    # 3 × 1.5 and 1 × 0.5 × 1.5
    assert found["weight"] == D("4.5") + D("0.75")
    assert found["done"] == [("paid", "bilateral"), ("discounted", "further_procedure")]


def test_a_terminated_procedure_pays_half_and_swallows_no_finished_one() -> None:
    alone = answered(visit(px=(STOMACH,), px_modifier=("terminated",)))
    assert (alone["weight"], alone["done"]) == (D("1.5"), [("discounted", "terminated")])
    # Terminated the capsule weighs 3 of 6, so the finished lens is the heavier of the two.
    both = answered(visit(px=(CAPSULE, LENS), px_modifier=("terminated", None)))
    assert (both["weight"], both["done"][0]) == (D(6), ("consolidated", "same_group"))


def test_a_distinct_procedure_is_not_consolidated_but_discounted() -> None:
    found = answered(visit(px=(LENS, CAPSULE, LID), px_modifier=(None, "distinct", None)))
    # LENS takes LID in; CAPSULE stands apart as a further one: 6 + 6 / 2.
    assert found["weight"] == D(9)
    assert [action for action, _ in found["done"]] == ["paid", "discounted", "consolidated"]


def test_of_equal_ones_the_first_stays() -> None:
    found = answered(visit(px=(CAPSULE, LENS)))
    assert [action for action, _ in found["done"]] == ["paid", "consolidated"]


@pytest.mark.parametrize(
    ("options", "total"),
    [
        ({}, D(6)),
        # Each LENS of its own, LID inside: 6 + 6 / 2.
        ({"consolidate_same_group": False}, D(9)),
        # LENS once, LID a further one: 6 + 2 / 2.
        ({"consolidate_related_groups": False}, D(7)),
        # All three: 6 + 6 / 2 + 2 / 2.
        ({"consolidate_same_group": False, "consolidate_related_groups": False}, D(10)),
    ],
)
def test_consolidation_can_be_switched(options: dict[str, Any], total: Decimal) -> None:
    scheme = ApgScheme(small_book(options))
    assert answered(visit(px=(LENS, CAPSULE, LID)), scheme)["weight"] == total


def test_a_charge_of_a_coded_procedure_does_not_count_again() -> None:
    line = Line(None, "06", "800")
    found = answered(visit(line, px=(STOMACH,)))
    assert (found["weight"], found["done"][1]) == (D(3), ("packaged", "charge_of_procedure"))
    assert answered(visit(line, dx=(COLD,)))["group"] == "OPLINE"
    # 3 + 1.5 / 2 where lines stand beside codes.
    always = ApgScheme(small_book({"procedure_lines": "always"}))
    assert answered(visit(line, px=(STOMACH,)), always)["weight"] == D("3.75")


def test_packaging_by_group_amount_and_rule_order() -> None:
    found = answered(
        visit(
            Line(MRI, "03", "80"),
            Line(None, "04", "499.99"),
            Line(None, "04", "500"),
            Line(None, "09", "499.99"),
            Line(None, "09", "500.01"),
            dx=(COLD,),
        )
    )
    assert found["done"][1:] == [
        ("paid", "apart_rule"),
        ("packaged", "packaging_rule"),
        ("paid", "apart_rule"),
        ("packaged", "packaging_rule"),
        ("paid", "apart_rule"),
    ]
    # The visit group and what is apart: 0.8 + 2.5 + 0.2 + 0.5; the MRI weighs most.
    assert (found["weight"], found["group"], found["kind"]) == (D(4), "MRI", "medical")


def test_a_repeated_ancillary_pays_half_a_packaged_one_is_none() -> None:
    found = answered(visit(Line(MRI, "03"), Line(MRI, "03"), Line(MRI, "03")))
    assert found["shares"] == [D(1), D("0.5"), D("0.5")]
    assert found["done"][1] == ("discounted", "repeat")
    mixed = answered(visit(Line(None, "04", "20"), Line(None, "04", "600"), dx=(COLD,)))
    assert mixed["done"][1:] == [("packaged", "packaging_rule"), ("paid", "apart_rule")]


def test_never_paid_items() -> None:
    found = answered(visit(Line("NEVER", "04"), Line(None, "04")))
    assert found["done"] == [("never_pay", "never_pay_list"), ("paid", "alone")]
    only = answered(visit(Line("never1", "04")))
    assert (only["status"], only["group"], only["weight"]) == ("grouped", "LAB", D(0))
    assert "VISIT_NOT_PAYABLE" in only["warnings"]


def test_a_never_paid_procedure_makes_no_procedure_visit() -> None:
    never = {"list": "never_pay", "kind": "procedure", "code": "45", "companion": "", "source": ""}
    scheme = ApgScheme(small_book(lists=[never]))
    found = answered(visit(dx=(COLD,), px=(STOMACH,)), scheme)
    assert (found["kind"], found["weight"]) == ("medical", D("0.8"))
    group = {**never, "kind": "group", "code": "COLD"}
    found = answered(visit(dx=(COLD,)), ApgScheme(small_book(lists=[group])))
    assert (found["kind"], found["done"]) == ("ancillary", [("never_pay", "never_pay_list")])


def test_what_is_not_paid_alone_needs_company() -> None:
    stuff = Line(None, "08", "600")
    assert answered(visit(stuff))["done"] == [("not_alone", "not_alone_list")]
    assert answered(visit(stuff, stuff))["weight"] == D(0)
    found = answered(visit(stuff, Line(None, "04")))
    assert found["done"][0] == ("paid", "alone")


def test_company_of_the_same_group_may_be_asked_for() -> None:
    herb, drug = Line("HERB1", "09"), Line("X1", "09")
    assert answered(visit(herb, Line(None, "04")))["done"][0] == ("not_alone", "not_alone_list")
    assert answered(visit(herb, drug))["done"] == [("paid", "alone"), ("paid", "alone")]
    assert answered(visit(herb, Line("HERB2", "09")))["weight"] == D(0)


def test_bed_days_pay_by_the_day() -> None:
    found = answered(visit(Line(None, "01", "50", "3")))
    assert (found["weight"], found["shares"]) == (D("2.1"), [D(3)])
    assert answered(visit(Line(None, "01", "50", "366")))["shares"] == [D(366)]


@pytest.mark.parametrize("quantity", ["0.5", "0", "367", None])
def test_a_bed_line_without_usable_days_does_not_count(quantity: str | None) -> None:
    found = answered(visit(Line(None, "01", "50", quantity), dx=(COLD,)))
    assert found["done"][1] == ("undecided", "quantity_unusable")
    assert (found["weight"], found["warnings"]) == (D("0.8"), ["LINE_QUANTITY_UNUSABLE"])


def test_a_missing_amount_matters_only_where_a_rule_asks_for_it() -> None:
    found = answered(visit(Line(None, "04", None), Line(MRI, "03", None), dx=(COLD,)))
    assert found["done"][1:] == [("undecided", "amount_missing"), ("paid", "apart_rule")]
    assert found["warnings"] == ["LINE_AMOUNT_MISSING"]
    assert answered(visit(Line(None, "04", None)))["done"] == [("paid", "alone")]


def test_a_visit_line_can_be_asked_for() -> None:
    scheme = ApgScheme(small_book({"medical_visit_needs_visit_line": True}))
    found = answered(visit(Line(None, "04"), dx=(COLD,)), scheme)
    assert (found["kind"], found["done"][0]) == ("ancillary", ("no_visit", "no_visit_line"))
    found = answered(visit(Line(None, "04"), Line(None, "02"), dx=(COLD,)), scheme)
    assert found["kind"] == "medical"
    bare = answered(visit(dx=(COLD,)), scheme)
    assert (bare["status"], bare["group"], bare["weight"]) == ("grouped", "COLD", D(0))


def test_a_refund_cancels_its_original() -> None:
    lines = (Line(MRI, "03", "400"), Line(MRI, "03", "-400", "-1"), Line(None, "04"))
    found = answered(visit(*lines, dx=(COLD,)))
    assert found["done"][1:3] == [("cancelled", "refunded"), ("cancelled", "refund")]
    assert (found["weight"], found["warnings"]) == (D("0.8"), [])


def test_a_refund_takes_the_line_with_its_amount_wherever_it_stands() -> None:
    lines = (
        Line("A", "04", "-600", "1"),
        Line("A", "04", "30"),
        Line("A", "04", "600"),
    )
    found = answered(visit(*lines, dx=(COLD,)))
    assert found["done"][1:] == [
        ("cancelled", "refund"),
        ("packaged", "packaging_rule"),
        ("cancelled", "refunded"),
    ]


def test_a_partial_refund_lessens_the_first_lines() -> None:
    # 600 and 700 less 200 leaves 400, which is packaged, and 700, which is not.
    lines = (Line("A", "04", "600"), Line("A", "04", "700"), Line("A", "04", "-200", "-1"))
    found = answered(visit(*lines, dx=(COLD,)))
    assert found["done"][1:] == [
        ("packaged", "packaging_rule"),
        ("paid", "apart_rule"),
        ("cancelled", "refund"),
    ]


def test_a_refund_without_amount_goes_by_quantity() -> None:
    lines = (Line("A", "04", "10", "2"), Line("A", "04", "10", "1"), Line("A", "04", None, "-1"))
    found = answered(visit(*lines, dx=(COLD,)))
    assert [action for action, _ in found["done"][1:]] == ["packaged", "cancelled", "cancelled"]


def test_lines_without_item_are_matched_by_name_then_class() -> None:
    lines = (
        Line(None, "04", "10", name="blood"),
        Line(None, "04", "10", name="urine"),
        Line(None, "04", "-10", "-1", name="urine"),
        Line(None, "09", "5"),
        Line(None, "09", "-5", "-1"),
    )
    found = answered(visit(*lines, dx=(COLD,)))
    assert [action for action, _ in found["done"][1:]] == [
        "packaged",
        *["cancelled"] * 4,
    ]


def test_a_refund_of_nothing_is_reported_and_never_counted() -> None:
    found = answered(visit(Line(MRI, "03", "-400"), Line(None, "04", "10"), dx=(COLD,)))
    assert found["done"][1] == ("reported", "refund_unmatched")
    assert (found["weight"], found["warnings"]) == (D("0.8"), ["REFUND_UNMATCHED"])
    too_much = answered(visit(Line("A", "04", "10"), Line("A", "04", "-15"), dx=(COLD,)))
    assert too_much["status"] == "ungrouped"


def test_a_visit_that_is_wholly_refunded_is_none() -> None:
    lines = (Line(None, "02", "20"), Line(None, "02", "-20", "-1"))
    found = answered(visit(*lines, dx=(COLD,), px=(STOMACH,)))
    assert (found["status"], found["reason"], found["done"]) == ("ungrouped", "LINES_REFUNDED", [])


def test_the_longest_beginning_decides_and_a_length_goes_before_none() -> None:
    items = [
        {"code": "0021", "length": None, "line_class": "", "group": "LAB"},
        {"code": "002102", "length": 15, "line_class": "", "group": "MRI"},
        {"code": "002102", "length": None, "line_class": "09", "group": "DRUG"},
        {"code": "002102", "length": None, "line_class": "", "group": "SEEN"},
        {"code": "", "length": None, "line_class": "", "group": "NURSE"},
    ]
    scheme = ApgScheme(small_book(items=items))
    lines = [
        Line("00210300001", "03"),
        Line(MRI, "09"),
        Line("0021029", "09"),
        Line("0021029", "03"),
        Line("Z", None),
        Line(None, "14"),
        Line(None, None, name="nothing said"),
    ]
    found = answered(visit(*lines), scheme)
    assert found["groups"] == ["LAB", "MRI", "DRUG", "SEEN", "NURSE", "NURSE", None]


@pytest.mark.parametrize(
    ("case", "status", "reason"),
    [
        (visit(), "invalid", "LINES_MISSING"),
        (visit(dx=(None, COLD)), "invalid", "LINES_MISSING"),
        (visit(dx=("J99.ZZ",)), "invalid", "DX_PRINCIPAL_UNKNOWN"),
        (visit(dx=("J99.ZZ",), px=("88.0100",)), "invalid", "DX_PRINCIPAL_UNKNOWN"),
        (visit(dx=("A01.000x002",)), "invalid", "DX_PRINCIPAL_EDITION"),
        (visit(dx=(COLD,), px=("99.ZZ",)), "invalid", "PX_MAIN_UNKNOWN"),
        (visit(dx=(COLD,), px=("00.6400x007",)), "invalid", "PX_MAIN_EDITION"),
        (visit(Line("Q", "99")), "ungrouped", "LINE_UNASSIGNED"),
        (visit(Line("Q", "99"), dx=("K29.500",)), "ungrouped", "LINE_UNASSIGNED"),
        (visit(dx=("K29.500",)), "ungrouped", "GROUP_NONE"),
        (visit(px=(None, "99.ZZ")), "ungrouped", "GROUP_NONE"),
        (visit(dx=(COLD,), kind="inpatient"), "invalid", "KIND_UNSUPPORTED"),
        (visit(dx=(COLD,), kind="long_stay"), "invalid", "KIND_UNSUPPORTED"),
    ],
)
def test_what_cannot_be_grouped_keeps_its_reason(case: Case, status: str, reason: str) -> None:
    found = answered(case)
    assert (found["status"], found["reason"]) == (status, reason)
    assert (found["group"], found["weight"], found["done"]) == (None, None, [])


def test_an_unknown_principal_diagnosis_beside_lines_is_a_warning() -> None:
    found = answered(visit(Line(None, "04"), dx=("J99.ZZ", "Q99.ZZ")))
    assert (found["kind"], found["group"]) == ("ancillary", "LAB")
    assert found["warnings"] == ["DX_PRINCIPAL_UNKNOWN", "DX_OTHER_UNKNOWN"]
    assert found["done"][0] == ("unassigned", "code_unknown")


def test_an_unknown_further_procedure_is_a_warning() -> None:
    found = answered(visit(dx=(COLD,), px=(STOMACH, "99.ZZ")))
    assert (found["weight"], found["warnings"]) == (D(3), ["PX_UNKNOWN"])
    assert found["done"][1] == ("unassigned", "code_unknown")


def test_codes_are_compared_folded() -> None:
    found = answered(visit(Line(" 002102000010000", "03"), dx=("ｊ06.900",), px=("13.4100X001",)))
    assert found["groups"] == ["LENS", "COLD", "MRI"]


def dated() -> ApgScheme:
    old = [weight(r["group"], "1", date(2024, 1, 1), date(2026, 1, 1)) for r in rows()["weights"]]
    new = [
        weight(r["group"], str(r["weight"]), date(2026, 1, 1), date(2027, 1, 1))
        for r in rows()["weights"]
    ]
    return ApgScheme(small_book(weights=[*old, *new]))


@pytest.mark.parametrize(
    ("time", "outcome"),
    [
        ("2023-12-31T23:59", "SCHEME_UNCOVERED"),
        ("2024-01-01T00:00", D(1)),
        ("2025-12-31T23:59", D(1)),
        ("2026-01-01T00:00", D(3)),
        ("2026-12-31T12:00", D(3)),
        ("2027-01-01T00:00", "SCHEME_UNCOVERED"),
        (None, "SCHEME_DATE_MISSING"),
    ],
)
def test_weights_are_those_of_the_local_day(time: str | None, outcome: object) -> None:
    day = datetime.fromisoformat(time).replace(tzinfo=ZoneInfo("Asia/Shanghai")) if time else None
    found = answered(visit(px=(STOMACH,), discharge_time=day), dated())
    assert outcome in (found["weight"], found["reason"])


def test_a_missing_day_goes_before_a_wrong_kind() -> None:
    found = answered(visit(px=(STOMACH,), kind="inpatient"), dated())
    assert found["reason"] == "SCHEME_DATE_MISSING"


def test_rounding_is_half_up_to_six_places() -> None:
    third = [
        {**r, "share": D("0.333333") if r["rate"] == "further" else r["share"]}
        for r in rows()["rates"]
    ]
    weights = [
        weight(r["group"], "1.500001" if r["group"] == "SKIN" else "3") for r in rows()["weights"]
    ]
    scheme = ApgScheme(small_book(rates=third, weights=weights))
    found = answered(visit(px=(STOMACH, SKIN), px_modifier=(None, "bilateral")), scheme)
    # 0.333333 × 1.5 = 0.4999995 becomes 0.5; 0.5 × 1.500001 = 0.7500005 becomes 0.750001.
    assert found["shares"] == [D(1), D("0.5")]
    assert found["weight"] == D("3.750001")


def test_tables_that_contradict_each_other_are_refused_in_our_words() -> None:
    for changes in (
        {"procedures": [{"code": "13", "group": "NOBODY"}]},
        {"rates": []},
        {"weights": [weight("LENS", "1")]},
        {"packaging": [packing("x", "swallowed")]},
    ):
        with pytest.raises(CodebookError, match="APG_BOOK"):
            ApgScheme(small_book(**changes))


def test_reasons_stand_in_their_order() -> None:
    order = list(Reason)
    assert sorted(REASONS, key=order.index) == list(REASONS)
