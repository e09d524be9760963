"""The patient's share step by step: hand calculations, costs out of lines, gaps and contradictions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pay_share_support import (
    FIRST_OF_YEAR,
    asked,
    baicheng,
    batch_of,
    both,
    first_case,
    jinhua,
    lined,
    noon,
    priced,
    same,
    scoped,
    shucheng,
    worked,
    xiamen,
    yuan,
)

from codebooks import paths
from codebooks.messages import text
from codebooks.policies.policies import Policies, policies
from grouper.case.fields import CASE_SCHEMA
from grouper.payment.block import Block
from grouper.payment.columns import Columns
from grouper.payment.place import Terms
from grouper.payment.share import share, share_block

if TYPE_CHECKING:
    from pathlib import Path

    from grouper.case.record import Case


WITHIN = Terms(changes={"benefit.deducted": ("within_scope",)}, source="test")


def demo(**more: Any) -> Case:
    values = {"hospital": "H00000000001", "insurance_type": "310", **more}
    return first_case("demo", noon(2025, 6), **values)


@pytest.mark.parametrize(("number", "deductible"), [(1, 800), (2, 400), (3, 0), (9, 0)])
def test_deductible_by_admission(number: int, deductible: int) -> None:
    found = priced(demo(admission_number=number, **scoped(10000)))
    assert found.deductible == yuan(deductible)


def test_bands_by_person() -> None:
    # Level III, in work: 0.85 up to 20,000 of the costs in scope, 0.90 above; the deductible of 800
    # lies in the first band: 19,200 × 0.85 + 10,000 × 0.90 = 25,320. Retired 0.90 and 0.92.
    assert priced(demo(person_type="11", **scoped(30000))).basic == yuan(25320)
    assert priced(demo(person_type="12", **scoped(30000))).basic == yuan(26480)


def test_outpatients_pay_their_deductible_once_a_year() -> None:
    visit = {"kind": "outpatient", "visit_type": "11"}
    first = priced(demo(**visit, **scoped(300)))
    assert (first.deductible, first.patient) == (yuan(300), yuan(300))
    # 500 − 300 are left; (400 − 200) × 0.60 = 120.
    second = priced(demo(**visit, **scoped(400), year_deductible=yuan(300)))
    assert (second.deductible, second.basic) == (yuan(200), yuan(120))
    # The ceiling of 5,000 a year: 4,950 were paid.
    third = priced(demo(**visit, **scoped(400), year_deductible=yuan(500), year_basic=yuan(4950)))
    assert (third.basic, third.above_ceiling) == (yuan(50), yuan("316.67"))


def test_chronic_outpatients_and_day_ward_have_their_own() -> None:
    chronic = priced(demo(kind="outpatient", visit_type="14", **scoped(1300)))
    assert (chronic.deductible, chronic.basic) == (yuan(300), yuan(850))
    day = priced(demo(visit_type="28", **scoped(1300)))
    assert (day.deductible, day.basic) == (yuan(300), yuan(880))


def test_aid_and_relief_in_order() -> None:
    # Resident on subsistence allowance, level III: (20,600 − 600) within the first 20,000 of cost:
    # 19,400 × 0.65 + 600 × 0.70 = 13,030; burden 7,570, threshold 7,500: 70 × 0.65 = 45.50.
    # Aid (7,570 − 45.50) × 0.75 = 5,643.38; relief (1,881.12) × 0.50 = 940.56.
    case = demo(insurance_type="390", aid_category="低保", **scoped(20600, own=1000))
    found = priced(case)
    assert (found.basic, found.critical) == (yuan(13030), yuan("45.50"))
    assert (found.aid, found.supplements) == (yuan("5643.38"), yuan("940.56"))
    assert found.patient == yuan("1940.56")
    assert found.deducted == found.patient
    assert priced(case, WITHIN).deducted == yuan("940.56")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"insurance_type": None}, "PAY_INSURANCE_MISSING"),
        ({"insurance_type": "?"}, "PAY_INSURANCE_MISSING"),
        ({"kind": "other"}, "PAY_BENEFIT_NONE"),
        ({"region": "beijing"}, None),
        ({"region": "longyan"}, "POLICY_VALUE_MISSING"),
        (dict.fromkeys(scoped(0)), "PAY_COST_MISSING"),
        ({"own_cost": None, "scope_cost": None}, "PAY_SCOPE_MISSING"),
        ({"own_cost": None, "over_limit_cost": None, "scope_cost": yuan(1)}, "PAY_SCOPE_MISSING"),
        ({"total_cost": yuan("10001.01")}, "PAY_COST_MISMATCH"),
        ({"total_cost": yuan("9998.99")}, "PAY_COST_MISMATCH"),
        ({"own_cost": yuan(20000), "scope_cost": None}, "PAY_COST_MISMATCH"),
        ({"own_cost": yuan(-1)}, "PAY_COST_NEGATIVE"),
        ({"year_basic": None}, "PAY_YEAR_MISSING"),
        ({"year_burden": None}, "PAY_YEAR_MISSING"),
        ({"year_critical": yuan(-1)}, "PAY_COST_NEGATIVE"),
        ({"admission_number": None}, "PAY_YEAR_MISSING"),
        ({"hospital": None}, "POLICY_VALUE_MISSING"),
    ],
)
def test_what_is_not_known_is_a_reason(more: dict[str, Any], reason: str | None) -> None:
    found = both([demo(**{**scoped(10000), **more})])[0][0]
    assert (None if found is None else found.reason) == reason
    if reason is not None:
        assert text(f"reason.{reason}", "zh") != text(f"reason.{reason}", "en")


def test_a_single_part_that_is_not_stated_is_the_rest() -> None:
    costs = {**scoped(9000, own=600, first=400), "own_cost": None}
    found = priced(demo(**costs))
    assert (found.own, found.first_share, found.scope) == (yuan(600), yuan(400), yuan(9000))
    costs = {**scoped(9000), "own_cost": None, "over_limit_cost": None, "first_share_cost": None}
    assert priced(demo(**costs)).scope == yuan(9000)
    # A difference within the tolerance belongs to the scope, so that all adds up to the total.
    assert priced(demo(**{**scoped(9000), "total_cost": yuan("9000.40")})).scope == yuan("9000.40")
    costs = {**scoped(9000), "own_cost": None, "over_limit_cost": None}
    assert priced(demo(**{**costs, "total_cost": yuan("9000.40")})).scope == yuan("9000.40")
    without_total = {**scoped(9000, own=100), "total_cost": None}
    assert priced(demo(**without_total)).scope == yuan(9000)


@pytest.mark.parametrize(
    ("line", "scope", "over", "first"),
    [
        ({"line_scope": ("A",)}, 100, 0, 0),
        ({"line_scope": ("B",), "line_first_share": (Decimal("0.3"),)}, 70, 0, 30),
        # Without a share of its own: class_b_share of the region, 0.10.
        ({"line_scope": ("B",)}, 90, 0, 10),
        ({"line_scope": ("A",), "line_limit": (yuan(20),), "line_quantity": (3,)}, 60, 40, 0),
        # Within the limit first: 60 × 0.30.
        (
            {
                "line_scope": ("B",),
                "line_limit": (yuan(20),),
                "line_quantity": (Decimal(3),),
                "line_first_share": (Decimal("0.3"),),
            },
            42,
            40,
            18,
        ),
        ({"line_scope": ("C",)}, 0, 0, 0),
    ],
)
def test_scope_of_lines(line: dict[str, Any], scope: int, over: int, first: int) -> None:
    case = demo(line_item=("X",), line_amount=(yuan(100),), total_cost=yuan(100), **line)
    found = priced(case)
    assert (found.scope, found.over_limit) == (yuan(scope), yuan(over))
    assert found.first_share == yuan(first)
    # A refund is a charge mirrored: both together are nothing.
    twice = {name: values * 2 for name, values in line.items()}
    case = demo(line_item=("X", "X"), line_amount=(yuan(100), yuan(-100)), **twice)
    assert priced(case).patient == yuan(0)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({}, "PAY_SCOPE_MISSING"),
        ({"line_scope": (None,)}, "PAY_SCOPE_MISSING"),
        ({"line_scope": ("A",), "line_limit": (yuan(1),)}, "PAY_SCOPE_MISSING"),
        ({"line_scope": ("A",), "total_cost": yuan(90)}, "PAY_COST_MISMATCH"),
        ({"line_scope": ("C",), "line_amount": (yuan(-1),)}, "PAY_COST_NEGATIVE"),
        # Above the limit is the total less the tolerance: nothing would be left of it.
        (
            {"line_scope": ("C",), "line_amount": (yuan("100.50"),), "total_cost": yuan(100)},
            "PAY_COST_MISMATCH",
        ),
    ],
)
def test_lines_that_do_not_say_enough(line: dict[str, Any], reason: str) -> None:
    case = demo(**{"line_item": ("X",), "line_amount": (yuan(100),), **line})
    assert priced(case).reason == reason


def test_lines_of_any_size_are_added_exactly() -> None:
    most = yuan("999999999999.99")
    lines = {
        "line_item": ("X",) * 3,
        "line_amount": (most, most, -most),
        "line_scope": ("A",) * 3,
        "line_limit": (yuan(1),) * 3,
        "line_quantity": (Decimal("1.0000"),) * 3,
    }
    found = both([demo(**lines), demo(line_item=("X",), line_amount=(yuan(1),), line_scope=("C",))])
    assert found[0][0].over_limit == most - 1
    assert found[0][0].scope == yuan(1)
    assert found[1][0].own == yuan(1)
    # Beyond what 64 bits hold in fen.
    count = 47_000
    lines = {"line_item": ("X",), "line_amount": (most,), "line_scope": ("C",)}
    case = demo(**{name: values * count for name, values in lines.items()})
    assert priced(case).own == most * count
    # Also beside patients from other places.
    away = {"region": "guangxi", "insured_region": "baicheng"}
    many = [replace(case, region="guangxi", insured_region="xiamen"), baicheng(**away)]
    policy = policies().on("guangxi", noon(2025, 6).date())
    block = Block(
        columns=Columns(batch_of(many)),
        policy=policy.changed({"cross_region.catalogues": "treatment_place"}, "test"),
        here=False,
        facts={"kind": "inpatient"},
    )
    assert [int(one) for one in share_block(block).own.units] == [int(most * count * 100), 0]


def test_a_region_whose_file_is_broken_has_no_benefits(tmp_path: Path) -> None:
    (tmp_path / "jinhua").mkdir()
    (tmp_path / "jinhua" / "benefit.yaml").write_text("topic: benefit\n", "utf-8")
    terms = Terms(at_hand=Policies(paths.shipped() / "policies", tmp_path))
    away = demo(**scoped(1000), insured_region="jinhua")
    assert priced(away, terms).reason == "PAY_INSURED_ELSEWHERE"
    assert both([first_case("jinhua", noon(2021, 6), **scoped(1000))], terms)[0][0] is None


def test_columns_that_are_not_there_are_empty() -> None:
    kept = [name for name in CASE_SCHEMA.names if "line" not in name and name not in FIRST_OF_YEAR]
    case = demo(**{**scoped(5), "own_cost": None, "scope_cost": None})
    batch = batch_of([case]).select(kept)
    block = Block(
        columns=Columns(batch),
        policy=policies().on("demo", noon(2025, 6).date()),
        here=True,
        facts={"insurance": "employee", "level": "III", "kind": "inpatient"},
    )
    assert share_block(block).reasons.tolist() == ["PAY_SCOPE_MISSING"]


def test_a_block_of_patients_from_many_places() -> None:
    # Not cut into cells before: two places and policies, one unknown, one without a place.
    away = {"region": "guangxi", "kind": "inpatient"}
    cases = [
        baicheng(**away, insured_region="baicheng"),
        first_case("guangxi", noon(2015, 3), **away, insured_region="厦门", **scoped(1000)),
        baicheng(**away, insured_region="nowhere"),
        baicheng(**away, insured_region="baicheng", person_type="12"),
        baicheng(**away, insured_region="baicheng", **scoped("999999999999.99")),
        baicheng(**away, insured_region="jinhua", discharge_time=None),
    ]
    terms = Terms(today=date(2021, 3, 1))
    block = Block(
        columns=Columns(batch_of(cases)),
        policy=policies().on("guangxi", date(2015, 3, 1)),
        here=False,
        facts={"kind": "inpatient", "level": "III"},
        terms=terms,
    )
    found = share_block(block)
    assert len(found) == len(cases)
    assert [None if one is None else str(one) for one in found.reasons] == [
        *(None, None, "PAY_INSURED_ELSEWHERE"),
        *(None, None, None),
    ]
    # Baicheng out of area 0.70, Xiamen's residents 0.75; Jinhua 0.85 above 800 on the day in 2021.
    assert [int(n) for n in found.basic.units] == [700000, 75000, 0, 700000, 6000000, 782000]
    for place, case in enumerate(cases):
        one = asked(case, terms)
        one.facts = {**one.facts, "level": "III"}
        same(share(one), found, place)


def test_amounts_in_parts_of_a_fen_are_refused() -> None:
    table = ({"admission": 1, "amount": Decimal("800.005")},)
    terms = Terms(changes={"benefit.deductible": table}, source="test")
    assert priced(demo(**scoped(10000)), terms).reason == "PAY_POLICY_UNUSABLE"


def test_class_b_without_any_share_is_not_guessed() -> None:
    assert priced(lined(line_first_share=())).reason == "PAY_SCOPE_MISSING"


def test_first_share_of_the_whole_amount() -> None:
    terms = Terms(changes={"benefit.first_share_of": "amount"}, source="test")
    line = {
        "line_item": ("X",),
        "line_amount": (yuan(100),),
        "line_scope": ("B",),
        "line_limit": (yuan(60),),
        "line_quantity": (Decimal(1),),
        "line_first_share": (Decimal("0.3"),),
    }
    found = priced(demo(**line), terms)
    assert (found.over_limit, found.first_share, found.scope) == (yuan(40), yuan(30), yuan(30))
    # Never more than the line itself.
    greedy = {**line, "line_first_share": (Decimal(1),)}
    assert priced(demo(**greedy), terms).scope == yuan(0)


def test_what_was_settled_goes_first() -> None:
    case = demo(**scoped(9000, own=1000), patient_paid=yuan(1500), fund_paid=yuan(8500))
    found = priced(case, WITHIN)
    assert (found.settled, found.patient, found.basic) == (True, yuan(1500), None)
    # 8,500 relieve the scope first: 500 of it are left, and all that lies outside.
    assert found.deducted == yuan(500)
    terms = Terms(changes={"benefit.stated_first": False}, source="test")
    assert priced(case, terms).settled is False
    every = Terms(changes={"benefit.deducted": ("within_scope", "own_cost")}, source="test")
    assert priced(case, every).deducted == yuan(1500)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"patient_paid": yuan(1500), "fund_paid": yuan(8400)}, "PAY_COST_MISMATCH"),
        ({"patient_paid": yuan(10002)}, "PAY_COST_MISMATCH"),
        ({"patient_paid": yuan(-1)}, "PAY_COST_NEGATIVE"),
        ({"patient_paid": yuan(1500), "fund_paid": yuan(-1)}, "PAY_COST_NEGATIVE"),
        ({"patient_paid": yuan(1500), "own_cost": None, "scope_cost": None}, "PAY_SCOPE_MISSING"),
    ],
)
def test_a_settlement_that_contradicts_itself(more: dict[str, Any], reason: str) -> None:
    assert priced(demo(**{**scoped(9000, own=1000), **more})).reason == reason


def test_a_settled_case_needs_no_rules() -> None:
    # Harbin's documents say nothing on benefits; what was settled there is known all the same.
    case = first_case("harbin", noon(2024, 5), **scoped(9000), patient_paid=yuan(1500))
    assert priced(case).deducted == yuan(1500)
    assert priced(first_case("harbin", noon(2024, 5), **scoped(9000))).reason == (
        "POLICY_VALUE_MISSING"
    )


@pytest.mark.parametrize(
    "case",
    [
        jinhua(),
        baicheng(**scoped(400000)),
        xiamen(2014, 900000, "310"),
        shucheng("低保"),
        demo(aid_category="低收入", **scoped(300000, own=90000, first=5000)),
        demo(kind="outpatient", visit_type="11", **scoped(30000)),
    ],
)
def test_every_line_comes_out_of_its_formula(case: Case) -> None:
    one = asked(case)
    found = share(one)
    seen = set()
    for line in one.sheet.lines:
        assert text(f"pay.share.line.{line.name}", "zh") != text(
            f"pay.share.line.{line.name}", "en"
        )
        result = worked(line)
        if result is None:
            assert text(f"pay.share.word.{line.value}", "zh", payments=1, threshold=1)
            continue
        assert isinstance(line.value, Decimal)
        assert abs(result - line.value) <= Decimal("0.01"), line
        seen.add(line.name)
    values = {line.name: line.value for line in one.sheet.lines}
    assert values["patient"] == found.patient
    assert values["deducted"] == found.deducted
    assert {"scope", "band", "basic_year", "patient", "deducted"} <= seen
