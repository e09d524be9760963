"""The patient's share by the regions' documents: the figures they state, and hand calculations."""

from __future__ import annotations

import csv
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from pay_share_support import (
    asked,
    baicheng,
    first_case,
    jinhua,
    lined,
    noon,
    priced,
    scoped,
    shucheng,
    xiamen,
    yuan,
)

from codebooks.policies.policies import policies
from grouper.payment.place import Terms
from grouper.payment.share import share

if TYPE_CHECKING:
    from pathlib import Path


WITHIN = Terms(changes={"benefit.deducted": ("within_scope",)}, source="test")


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
