"""What the shipped regions say of DRG by points and its companions."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pay_points_support import both, one, stay
from pay_quota_support import FACTS
from pay_quota_support import asked as asked_of

from codebooks import paths
from codebooks.policies.policies import policies
from codebooks.policies.yaml_nodes import PolicyError
from grouper.payment.asked import rows_of
from grouper.payment.exact import Rounding
from grouper.payment.methods.day_ward import METHOD as DAY_WARD
from grouper.payment.methods.dip_score import METHOD as DIP_SCORE
from grouper.payment.methods.drg_points import METHOD as DRG_POINTS
from grouper.payment.methods.drg_rate import METHOD as DRG_RATE
from grouper.payment.methods.individual_review import METHOD as REVIEW
from grouper.payment.methods.primary_care import METHOD as PRIMARY_CARE

D = Decimal
DEMO_DAY = date(2025, 6, 1)
KNOWN = {"days_until_same": -1, "days_since_same": -1}


def test_jinhua_says_what_its_sources_say_and_guesses_no_points() -> None:
    terms = policies().on("jinhua", date(2022, 6, 1))
    assert terms.value("drg_points.scale").number == 100
    assert terms.value("drg_points.mean_cost").number == 9399
    assert terms.value("drg_points.readmission_days").value == 10
    assert terms.value("drg_points.default_factor").number == 1
    for open_one in ("incomplete_ways", "low_limit", "high_limits", "review_ratio"):
        assert terms.value(f"drg_points.{open_one}").assumption, open_one
    with pytest.raises(PolicyError, match=r"drg_points\.groups"):
        one(DRG_POINTS, stay(100, "ES31"), terms)
    with pytest.raises(PolicyError, match=r"drg_points\.point_value"):
        one(REVIEW, stay(100, None), terms)
    assert policies().on("jinhua", date(2023, 6, 1)).find("drg_points.mean_cost") is None


def test_jinhuas_mean_cost_is_that_of_the_facts(facts: Path) -> None:
    with (facts / "policies.csv").open(encoding="utf-8") as file:
        rows = {(r["region"], r["parameter"]): r["value"] for r in csv.DictReader(file)}
    terms = policies().on("jinhua", date(2022, 6, 1))
    assert terms.value("drg_points.mean_cost").number == D(rows["jinhua", "mean_inpatient_cost"])
    terms = policies().on("shucheng", date(2022, 6, 1))
    assert terms.value("primary_care.announced").number == D(rows["shucheng", "diseases"])


def test_shucheng_pays_by_rate_but_its_weights_are_not_public() -> None:
    terms = policies().on("shucheng", date(2022, 1, 1))
    with pytest.raises(PolicyError, match=r"drg_rate\.rate"):
        one(DRG_RATE, stay(100, "ES31"), terms)
    # The twenty diseases are not listed yet: no case stands on the list.
    assert not PRIMARY_CARE.lists(asked_of(stay(100, "ES31").case, terms))


def test_the_demonstrations_points_come_from_its_weights() -> None:
    terms = policies().on("demo", DEMO_DAY)
    points = rows_of(terms.value("drg_points.groups"))
    weights = rows_of(terms.value("drg_rate.weights"))
    harbin = policies().on("harbin", date(2024, 6, 1)).value("drg_rate.weights")
    assert weights == rows_of(harbin)
    assert set(points) == set(weights)
    mean = terms.value("drg_points.mean_cost").number
    for group, row in points.items():
        weight = weights[group]["weight"]
        assert row["base_points"] == weight * 100
        assert abs(row["mean_cost"] - weight * mean) <= D("0.005")


def test_the_demonstration_can_be_priced_in_every_way() -> None:
    terms = policies().on("demo", DEMO_DAY)
    # ES35: RW 0.3825, so 38.25 points; × 1.02 (level III) = 39.015; × 53.8381 = 2100.4934715.
    told = stay(2000, "ES35", extra=KNOWN, scope_cost=D("1800.00"))
    outcome, asked = both(DRG_POINTS, [told], terms)[0]
    assert (outcome.points, outcome.amount) == (D("39.015"), D("2100.49"))
    assert outcome.warnings == ()
    assert all(
        value.assumption
        for value in asked.sheet.asked.values()
        if value.given.own is False and value.given.topic == "drg_points"
    )
    # On the list of primary care: 38.25 × 53.8381 = 2059.307325.
    assert one(PRIMARY_CARE, told, terms).amount == D("2059.31")
    # 0.3825 × 5383.81 × 1.02 = 2100.4934715.
    assert one(DRG_RATE, told, terms).amount == D("2100.49")
    # 1800 × 0.9.
    assert one(REVIEW, told, terms).amount == D("1620.00")


def test_the_demonstrations_day_ward_follows_dip() -> None:
    terms = policies().on("demo", DEMO_DAY)
    told = stay(2000, "K35.8:47.01")
    scored = replace(told.grouping, scheme="dip-pingdingshan-2025", weight=D("400.5"))
    inpatient = DIP_SCORE.price(asked_of(told.case, terms, to=scored)).amount
    day = DAY_WARD.price(asked_of(told.case, terms, to=scored)).amount
    assert inpatient is not None
    assert day == Rounding(2, "half_up").of(inpatient * D("0.9"))


def test_a_hospital_of_another_level_earns_other_points() -> None:
    terms = policies().on("demo", DEMO_DAY)
    told = stay(2000, "ES35", extra=KNOWN)
    low = one(DRG_POINTS, told, terms, {**FACTS, "level": "I"})
    assert low.points == D("32.5125")


def test_no_shipped_table_of_a_group_lies_unused() -> None:
    folder = paths.shipped() / "policies" / "demo"
    named = "".join(path.read_text("utf-8") for path in folder.glob("*.yaml"))
    for table in ("drg-points.csv", "drg-weights.csv"):
        assert (folder / table).is_file()
        assert table in named
