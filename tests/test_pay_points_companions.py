"""Individual review, the day ward, and groups of primary care."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pay_points_support import Stay, block_of, both, number, one, stay, stays, written
from pay_quota_support import FACTS, policy
from pay_quota_support import asked as asked_of

from codebooks.policies.yaml_nodes import PolicyError
from grouper.payment.methods import Listing
from grouper.payment.methods.day_ward import METHOD as DAY_WARD
from grouper.payment.methods.drg_points import METHOD as DRG_POINTS
from grouper.payment.methods.drg_rate import METHOD as DRG_RATE
from grouper.payment.methods.individual_review import METHOD as REVIEW
from grouper.payment.methods.primary_care import METHOD as PRIMARY_CARE
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band

D = Decimal
# A mean cost of the area as Jinhua had it in 2022; the point value is made up.
BY_POINTS: dict[str, Any] = {
    "individual_review.way": "points",
    "individual_review.base": "total",
    "drg_points.mean_cost": D(9399),
    "drg_points.scale": D(100),
    "drg_points.point_value": {"employee": D("90.5"), "resident": D(88)},
}
BY_COST: dict[str, Any] = {
    "individual_review.way": "cost",
    "individual_review.base": "scope",
    "individual_review.cost_share": {"employee": D("0.9"), "resident": {"III": D("0.8")}},
}
POINTS: dict[str, Any] = {
    "drg_points.groups": tuple(
        {
            "group": code,
            "base_points": D(base),
            "mean_cost": D(mean),
            **dict.fromkeys(("kind", "bed_day_points", "mean_days", "cases", "cv")),
        }
        for code, base, mean in (("G1", "150", "7906.14"), ("G2", "60.1234", "3168.96"))
    ),
    "drg_points.cost_factors": ({"group": "G1", "factor": D("1.1"), "hospital_mean": None},),
    "drg_points.default_factor": D("0.9"),
    "drg_points.bed_day_minimum": 1,
    "drg_points.low_limit": D("0.4"),
    "drg_points.point_value": {"employee": D("53.8381")},
}
RATE: dict[str, Any] = {
    "drg_rate.weights": (
        {"group": "G1", "weight": D("1.5")},
        {"group": "G2", "weight": D("0.1234567891")},
    ),
    "drg_rate.rate": D(10000),
    "drg_rate.hospital_factor": D("1.02"),
}
QUOTAS = ({"group": "G1", "quota": D("3000.00")},)
DAY_RATE = RATE | {
    "day_ward.quotas": {"III": QUOTAS},
    "day_ward.of": "drg_rate",
    "day_ward.ratio": D("0.8"),
}


def test_review_by_points_of_the_cost() -> None:
    # 93990 ÷ 9399 × 100 = 1000 points; × 90.5.
    outcome, asked = both(REVIEW, [stay(93990)], policy(BY_POINTS))[0]
    assert (outcome.points, outcome.amount) == (D(1000), D("90500.00"))
    assert (outcome.point_value, outcome.review) == (D("90.5"), True)
    assert "93,990" in written(asked)[0]
    # 10000 ÷ 9399 × 100 = 106.39429726…, to four places 106.3943; × 88 = 9362.6984.
    resident = {**FACTS, "insurance": "resident"}
    assert one(REVIEW, stay(10000, None), policy(BY_POINTS), resident).amount == D("9362.70")


def test_review_by_a_share_of_the_cost_in_scope() -> None:
    told = stay(20000, None, scope_cost=D("12345.67"))
    outcome = one(REVIEW, told, policy(BY_COST))
    # 12345.67 × 0.9 = 11111.103.
    assert (outcome.amount, outcome.review, outcome.points) == (D("11111.10"), True, None)
    resident = {**FACTS, "insurance": "resident"}
    assert one(REVIEW, told, policy(BY_COST), resident).amount == D("9876.54")


def test_review_needs_its_cost() -> None:
    assert one(REVIEW, stay(20000), policy(BY_COST)).reason == PayReason.SCOPE_MISSING
    assert one(REVIEW, stay(None), policy(BY_POINTS)).reason == PayReason.COST_MISSING
    assert one(REVIEW, stay(-5), policy(BY_POINTS)).reason == PayReason.COST_NEGATIVE
    for gone in ("individual_review.base", "drg_points.mean_cost", "individual_review.way"):
        terms = policy({p: v for p, v in BY_POINTS.items() if p != gone})
        with pytest.raises(PolicyError, match=gone):
            one(REVIEW, stay(5), terms)


@settings(max_examples=examples(60), deadline=None)
@given(
    st.sampled_from([BY_POINTS, BY_COST]),
    st.sampled_from(["scope", "total"]),
    number(20000, 2).filter(lambda mean: mean > 0),
    st.lists(stays(("G1", None)), max_size=6),
)
def test_review_both_ways(terms: Any, base: str, mean: Decimal, found: list[Stay]) -> None:
    values = terms | {"individual_review.base": base, "drg_points.mean_cost": mean}
    for _, asked in both(REVIEW, found, policy(values)):
        written(asked, "en")


def test_the_day_ward_pays_its_quota_or_a_ratio_of_the_stay() -> None:
    terms = policy(DAY_RATE)
    quota, asked = both(DAY_WARD, [stay(2800)], terms)[0]
    assert (quota.amount, quota.band, quota.points) == (D("3000.00"), Band.NORMAL, None)
    assert len(asked.sheet.lines) == 1
    # Level II has no quotas: 1.5 × 10000 × 1.02 = 15300; × 0.8 = 12240; 1.5 × 0.8 = 1.2.
    other = {**FACTS, "level": "II"}
    ratio, asked = both(DAY_WARD, [stay(2800)], terms, other)[0]
    assert (ratio.amount, ratio.points, ratio.unit_weight) == (D("12240.00"), D("1.2"), D("1.5"))
    assert [line.section for line in asked.sheet.lines] == ["day_ward", "drg_rate", "day_ward"]
    # 0.1234567891 × 10200 = 1259.25924882, so 1259.26; × 0.8 = 1007.408.
    assert one(DAY_WARD, stay(2800, "G2"), terms).amount == D("1007.41")
    assert one(DAY_WARD, stay(2800, "ZZ99"), terms).reason == PayReason.GROUP_WITHOUT_WEIGHT


def test_the_day_ward_takes_its_ratio_of_points_as_they_are_shown() -> None:
    # Six places are shown, half up: 0.1234565 is 0.123457.
    weights = ({"group": "G9", "weight": D("0.1234565")},)
    terms = policy(
        RATE | {"drg_rate.weights": weights} | {"day_ward.of": "drg_rate", "day_ward.ratio": D(1)}
    )
    assert one(DAY_WARD, stay(2800, "G9"), terms).points == D("0.123457")


def test_the_day_ward_guesses_no_method() -> None:
    alone = policy({"day_ward.quotas": QUOTAS})
    assert one(DAY_WARD, stay(2800), alone).amount == D("3000.00")
    assert one(DAY_WARD, stay(2800, "G2"), alone).reason == PayReason.DAY_QUOTA_MISSING
    assert one(DAY_WARD, stay(2800), policy({})).reason == PayReason.DAY_QUOTA_MISSING
    with pytest.raises(PolicyError, match=r"day_ward\.ratio"):
        one(DAY_WARD, stay(2800), policy({"day_ward.of": "drg_rate"}))


def test_the_day_ward_lists_groups_with_a_quota() -> None:
    found = [stay(1), stay(1, "G2"), stay(1, None)]
    assert isinstance(DAY_WARD, Listing)
    for terms, listed in ((policy(DAY_RATE), [True, False, False]), (policy({}), [False] * 3)):
        asked = [asked_of(one.case, terms, to=one.grouping) for one in found]
        assert [DAY_WARD.lists(one) for one in asked] == listed
        assert DAY_WARD.lists_block(block_of(found, terms)).tolist() == listed


def dip(**more: Any) -> dict[str, Any]:
    return {
        "dip_score.point_value": D("5.5"),
        "dip_score.hospital_factor": D("1.02"),
        "dip_score.deviation": "none",
        "dip_score.fund_share": D("0.75"),
        "dip_score.fallback": (
            {"group": "G1", "score": D(1000), "cost_share": None},
            {"group": "G2", "score": None, "cost_share": D("0.8")},
        ),
        **{f"day_ward.{name}": value for name, value in more.items()},
    }


def test_the_day_ward_passes_on_what_the_fund_pays() -> None:
    terms = policy(dip(of="dip_score", ratio=D("0.5")))
    outcome = one(DAY_WARD, stay(2800), terms)
    # 1000 × 1.02 × 5.5 = 5610; × 0.75 = 4207.50; half of each.
    assert (outcome.amount, outcome.fund) == (D("2805.00"), D("2103.75"))
    assert outcome.points == D(510)


@settings(max_examples=examples(60), deadline=None)
@given(
    st.sampled_from([DAY_RATE, POINTS | {"day_ward.of": "drg_points"}, dip(of="dip_score")]),
    st.sampled_from([QUOTAS, (), None]),
    number(2, 4),
    st.lists(stays(("G1", "G2", "ZZ99", None)), max_size=6),
)
def test_the_day_ward_both_ways(terms: Any, quotas: Any, ratio: Decimal, found: list[Stay]) -> None:
    values = terms | {"day_ward.quotas": quotas, "day_ward.ratio": ratio}
    for _, asked in both(DAY_WARD, found, policy(values)):
        written(asked, "en")


LISTED: dict[str, Any] = {
    "primary_care.factor": D(1),
    "primary_care.groups": ({"group": "G1", "name": "为测试而设"},),
}


@pytest.mark.parametrize(
    ("of", "inner", "terms", "own", "same"),
    [
        # 1.5 × 10000: without the hospital's 1.02.
        ("drg_rate", DRG_RATE, RATE, "15300.00", "15000.00"),
        # 150 × 53.8381: without the hospital's 1.1.
        ("drg_points", DRG_POINTS, POINTS, "8883.29", "8075.72"),
    ],
)
def test_a_listed_group_is_paid_the_same_everywhere(
    of: str, inner: Any, terms: Any, own: str, same: str
) -> None:
    told = policy(terms | LISTED | {"primary_care.of": of})
    assert one(inner, stay(8000), told).amount == D(own)
    outcome, asked = both(PRIMARY_CARE, [stay(8000)], told)[0]
    assert outcome.amount == D(same)
    assert any("不论医院等级" in row for row in written(asked))
    outcome, asked = both(PRIMARY_CARE, [stay(8000, "G2")], told)[0]
    assert outcome.reason == PayReason.NOT_LISTED
    assert asked.sheet.lines == []


def test_a_listed_group_of_dip_takes_no_hospital_factor() -> None:
    told = policy(dip() | LISTED | {"primary_care.of": "dip_score"})
    assert one(PRIMARY_CARE, stay(2800), told).amount == D("5500.00")


def test_the_list_of_primary_care() -> None:
    found = [stay(1), stay(1, "G2"), stay(1, None)]
    terms = policy(RATE | LISTED | {"primary_care.of": "drg_rate"})
    assert isinstance(PRIMARY_CARE, Listing)
    asked = [asked_of(one.case, terms, to=one.grouping) for one in found]
    assert [PRIMARY_CARE.lists(one) for one in asked] == [True, False, False]
    assert PRIMARY_CARE.lists_block(block_of(found, terms)).tolist() == [True, False, False]
    with pytest.raises(PolicyError, match=r"primary_care\.groups"):
        PRIMARY_CARE.lists(asked_of(stay(1).case, policy(RATE)))


@settings(max_examples=examples(60), deadline=None)
@given(
    st.sampled_from([("drg_rate", RATE), ("drg_points", POINTS), ("dip_score", dip())]),
    number(2, 4),
    st.lists(stays(("G1", "G1", "G2", None)), max_size=6),
)
def test_primary_care_both_ways(terms: Any, factor: Decimal, found: list[Stay]) -> None:
    of, values = terms
    told = values | LISTED | {"primary_care.of": of, "primary_care.factor": factor}
    for _, asked in both(PRIMARY_CARE, found, policy(told)):
        written(asked, "en")
