"""The patient's share by the regions' documents: the figures they state, and hand calculations."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pay_share_support import (
    FIRST_OF_YEAR,
    asked,
    batch_of,
    both,
    first_case,
    noon,
    priced,
    same,
    scoped,
    worked,
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


def jinhua(**more: Any) -> Case:
    """133 wan and more in 2021; what is not published is chosen to agree with the policy's files."""
    costs = scoped(1221600, own=60000, over=17300, first=40000)
    return first_case("jinhua", noon(2021, 6), **{"aid_category": "低保", **costs, **more})


def test_jinhua_worked_example() -> None:
    # Total 1,338,900 = scope 1,221,600 + 117,300 outside. Pooling fund: (1,221,600 − 800) × 0.75 is
    # above the ceiling: 250,000. Burden 971,600; threshold 32,000 × 0.5; of 955,600: 50,000 × 0.60 +
    # 50,000 × 0.65 + 855,600 × 0.75 = 704,200. Aid: 267,400 × 0.80, at most 120,000.
    found = priced(jinhua())
    assert (found.basic, found.critical, found.aid) == (yuan(250000), yuan(704200), yuan(120000))
    # Published: three tiers 107.42 wan.
    assert found.basic + found.critical + found.aid == yuan(1074200)
    # Relief 147,400 × 0.50 = 73,700; farm households (191,000 − 5,000) × 0.70 = 130,200: 20.39 wan.
    # Warm-heart fund (60,800 − 39,000) × 0.50 = 10,900: 1.09 wan.
    one = asked(jinhua())
    share(one)
    layers = [line.value for line in one.sheet.lines if line.name == "layer"]
    assert layers == [yuan(73700), yuan(130200), yuan(10900)]
    assert layers[0] + layers[1] == yuan(203900)
    assert found.supplements == sum(layers)
    # Published: the patient left with under 5 wan, coverage 96.27 %.
    assert found.patient == yuan(49900)
    coverage = 1 - found.patient / Decimal(1338900)
    assert coverage.quantize(Decimal("0.0001")) == Decimal("0.9627")


def test_jinhua_example_agrees_with_the_documents(facts: Path) -> None:
    with (facts / "policies.csv").open(encoding="utf-8", newline="") as file:
        told = {r["parameter"]: r["value"] for r in csv.DictReader(file) if r["region"] == "jinhua"}
    wan = Decimal(10000)
    found = priced(jinhua())
    assert found.basic is not None
    assert found.critical is not None
    assert found.aid is not None
    tiers = found.basic + found.critical + found.aid
    assert tiers == Decimal(told["worked_example_three_tiers_wan"]) * wan
    others = Decimal(told["worked_example_relief_wan"]) + Decimal(
        told["worked_example_charity_wan"]
    )
    assert found.supplements == others * wan
    assert jinhua().total_cost // wan >= Decimal(told["worked_example_total_cost_wan"])
    assert found.patient < 5 * wan


@pytest.mark.parametrize(
    ("insurance", "ratio"), [("310", "0.85"), ("390", "0.75")], ids=["tier 1", "tier 3"]
)
def test_jinhua_tiers(insurance: str, ratio: str) -> None:
    found = priced(first_case("jinhua", noon(2021, 6), insurance_type=insurance, **scoped(10800)))
    assert found.basic == yuan(10000) * Decimal(ratio)
    assert found.deductible == yuan(800)
    # Another tier is a change of the policy's tier alone.
    terms = Terms(changes={"benefit.tier": "tier_2"}, source="test")
    other = priced(first_case("jinhua", noon(2021, 6), **scoped(10800)), terms)
    assert other.basic == yuan(8500)


@pytest.mark.parametrize(("insurance", "basic"), [("310", 8500), ("390", 7000)])
def test_ningde_ratios_within_scope(insurance: str, basic: int) -> None:
    case = first_case("ningde", noon(2022, 6), insurance_type=insurance, **scoped(10000, own=500))
    found = priced(case)
    assert found.basic == yuan(basic)
    assert found.patient == yuan(10500 - basic)
    # Scores are reckoned on the total cost: all that the patient pays counts towards it.
    assert found.deducted == found.patient


def baicheng(**more: Any) -> Case:
    values = {"insurance_type": "310", "person_type": "11", **scoped(10000)}
    return first_case("baicheng", noon(2015, 3), **{**values, **more})


@pytest.mark.parametrize(
    ("person", "region", "basic"),
    [("11", "baicheng", 9000), ("12", "baicheng", 9200), ("11", "guangxi", 7000)],
    ids=["active 0.90", "retired 0.92", "out of area 0.70"],
)
def test_baicheng_ratios(person: str, region: str, basic: int) -> None:
    found = priced(baicheng(person_type=person, region=region, insured_region="白城"))
    assert found.basic == yuan(basic)


def test_baicheng_ceilings() -> None:
    # 0.90 × 100,000 is above 60,000. Covered: 60,000 ÷ 0.90 = 66,666.67; of the 33,333.33 above it
    # the supplement pays 0.90.
    found = priced(baicheng(**scoped(100000)))
    assert (found.basic, found.coinsurance) == (yuan(60000), yuan("6666.67"))
    assert (found.above_ceiling, found.critical) == (yuan("33333.33"), yuan(30000))
    assert found.patient == yuan(10000)
    # With the supplement 220,000 at most.
    found = priced(baicheng(**scoped(400000)))
    assert found.basic + found.critical == yuan(220000)
    found = priced(baicheng(**scoped(400000), year_basic=yuan(60000), year_critical=yuan(150000)))
    assert (found.basic, found.critical) == (yuan(0), yuan(10000))


def test_baicheng_person_must_be_known() -> None:
    # In work 0.90, retired 0.92: which, is not guessed.
    assert priced(baicheng(person_type=None)).reason == "POLICY_VALUE_MISSING"


def xiamen(year: int, scope: int | str, insurance: str = "390", **more: Any) -> Case:
    return first_case("xiamen", noon(year, 9), insurance_type=insurance, **scoped(scope), **more)


def test_xiamen_critical_illness() -> None:
    # Resident, 0.75: the ceiling of 100,000 is met at 133,333.33; 100,000.00 lie above it.
    for year, pays in ((2013, 70000), (2014, 80000)):
        found = priced(xiamen(year, "233333.33"))
        assert (found.basic, found.above_ceiling) == (yuan(100000), yuan(100000))
        assert found.critical == yuan(pays)
    # 100,000 is the threshold: nothing below it.
    assert priced(xiamen(2014, 133333)).critical == yuan(0)


@pytest.mark.parametrize(("insurance", "most"), [("310", 500000), ("390", 450000)])
def test_xiamen_ceilings(insurance: str, most: int) -> None:
    found = priced(xiamen(2014, 900000, insurance))
    assert found.basic == yuan(100000)
    assert found.basic + found.critical == yuan(most)
    found = priced(
        xiamen(2014, 900000, insurance, year_basic=yuan(100000), year_critical=yuan(300000))
    )
    assert found.critical == yuan(most - 400000)


def test_xiamen_outpatients() -> None:
    case = xiamen(2014, 200, kind="outpatient", visit_type="11")
    assert priced(case).basic == yuan(100)


def shucheng(aid: str | None, **more: Any) -> Case:
    values = {"aid_category": aid, **scoped(100500), **more}
    return first_case("shucheng", noon(2022, 3), **values)


def test_shucheng_gives_the_poor_more() -> None:
    # (100,500 − 500) × 0.70 = 70,000; burden 30,500. Threshold 15,000: 15,500 × 0.60 = 9,300.
    # The poor: threshold × 0.5 = 7,500, ratio + 0.05: 23,000 × 0.65 = 14,950.
    assert priced(shucheng(None)).critical == yuan(9300)
    for aid in ("特困", "低保"):
        assert priced(shucheng(aid)).critical == yuan(14950)
    assert priced(shucheng("低收入")).critical == yuan(9300)


def test_shucheng_has_no_ceiling_for_the_poor() -> None:
    more = {"year_critical": yuan(200000), "year_burden": yuan(400000)}
    assert priced(shucheng(None, **more)).critical == yuan(0)
    # All above 100,000 over the threshold: 30,500 × (0.75 + 0.05).
    assert priced(shucheng("低保", **more)).critical == yuan(24400)


@pytest.mark.parametrize(
    ("year", "plan", "most"),
    [
        (2009, "plan_20", 50000),
        (2009, "plan_50", 80000),
        (2010, "plan_20", 80000),
        (2010, "plan_50", 100000),
    ],
)
def test_zhanjiang_bands(year: int, plan: str, most: int) -> None:
    terms = Terms(changes={"benefit.tier": plan}, source="test")
    found = priced(first_case("zhanjiang", noon(year, 6), **scoped(300100)), terms)
    assert found.basic == yuan(15000)
    assert found.basic + found.critical == yuan(most)
    premium = policies().on("zhanjiang", noon(year, 6).date()).value("supplement.premium_share")
    assert premium.number == Decimal("0.15")


def lined(**more: Any) -> Case:
    """Three lines: class A 100, class B 200 with a first share of 0.10, outside the catalogue 50."""
    lines = {
        "line_item": ("A1", "B1", "C1"),
        "line_amount": (yuan(100), yuan(200), yuan(50)),
        "line_scope": ("A", "B", "C"),
        "line_first_share": (None, Decimal("0.1000"), None),
    }
    return baicheng(**{**dict.fromkeys(scoped(0)), "total_cost": yuan(350), **lines, **more})


def test_guangxi_patients_from_elsewhere() -> None:
    for place, reason in (
        ("nowhere", "PAY_INSURED_ELSEWHERE"),
        ("beijing", "PAY_INSURED_ELSEWHERE"),
    ):
        assert priced(baicheng(region="guangxi", insured_region=place)).reason == reason
    # The insured place's own words and tables: a resident of Baicheng has no benefit there.
    away = {"region": "guangxi", "insured_region": "baicheng"}
    assert priced(baicheng(**away, insurance_type="390")).reason == "POLICY_VALUE_MISSING"
    assert priced(baicheng(**away, insurance_type="?")).reason == "PAY_INSURANCE_MISSING"


def test_guangxi_catalogues_of_the_insured_place() -> None:
    assert priced(lined()).scope == yuan(280)
    away = lined(region="guangxi", insured_region="baicheng")
    # The hospital's lines are marked by its own catalogue.
    assert priced(away).reason == "PAY_SCOPE_MISSING"
    terms = Terms(changes={"cross_region.catalogues": "treatment_place"}, source="test")
    found = priced(away, terms)
    assert (found.scope, found.basic) == (yuan(280), yuan(196))


def test_benefit_rules_of_the_place_of_treatment() -> None:
    terms = Terms(changes={"cross_region.benefit_rules_of": "treatment_place"}, source="test")
    case = first_case(
        "demo",
        noon(2025, 6),
        hospital="H00000000001",
        insurance_type="310",
        insured_region="nowhere",
        **scoped(10800),
    )
    # Employees from elsewhere 0.75, after the deductible of a level III hospital.
    assert priced(case, terms).basic == yuan(7500)


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
