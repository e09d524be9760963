"""DIP by score: worked examples of each rule set, and that both ways agree on every case."""

from __future__ import annotations

import csv
import gzip
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pay_scores_support import (
    DAY,
    SIX,
    agree,
    asked_of,
    block_of,
    in_words,
    inputs,
    line,
    policy_of,
    row,
    said,
)

from codebooks.policies.policies import policies
from codebooks.policies.policy import Policy
from codebooks.policies.yaml_nodes import PolicyError
from grouper.payment.methods.dip_score import METHOD
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band, Outcome

D = Decimal
BASE = {
    "dip_score.point_value": D("5.62"),
    "dip_score.reference_value": D("5.70"),
    "dip_score.hospital_factor": D("1.02"),
    "dip_score.deviation": "national",
    "dip_score.low_limit": D("0.5"),
    "dip_score.low_inclusive": False,
    "dip_score.low_paid": "points",
    "dip_score.low_takes_factor": False,
    "dip_score.high_limit": D(2),
    "dip_score.high_takes_factor": True,
}
JINING = BASE | {
    "dip_score.deviation": "factor",
    "dip_score.hospital_factor": D("0.95"),
    "dip_score.low_inclusive": True,
    "dip_score.upper_limit": D(5),
}
TAIAN = BASE | {
    "dip_score.deviation": "factor",
    "dip_score.hospital_factor": D("0.95"),
    "dip_score.low_inclusive": True,
    "dip_score.high_added": {"employee": D("0.611"), "resident": D("0.631")},
}
THIRD = BASE | {"dip_score.deviation": "review", "dip_score.low_paid": "cost"}
STANDARD = D(800) * D("5.70")
"""What 800 points were worth in the year before, 4,560 yuan: D = cost ÷ 4,560."""


def priced(values: dict[str, Any], times: str, **facts: str | None) -> Outcome:
    """A case of 800 points that cost so many times the standard; both ways agree on it."""
    policy = policy_of(values)
    one = row(group="A03.9", group_kind="HX", weight=D(800), total_cost=STANDARD * D(times))
    outcome, asked = asked_of(METHOD, policy, one, **facts)
    in_words(asked.sheet.lines)
    assert agree(METHOD, policy, [one], **facts) == [outcome]
    return outcome


@pytest.mark.parametrize(
    ("times", "points", "amount", "band"),
    [
        # 800 × 0.4; × 5.62
        ("0.4", "320", "1798.40", Band.LOW),
        # at the limit the case is normal: 800 × 1.02; × 5.62
        ("0.5", "816", "4585.92", Band.NORMAL),
        ("2", "816", "4585.92", Band.NORMAL),
        # 800 × (3 − 2 + 1) × 1.02; × 5.62
        ("3", "1632", "9171.84", Band.HIGH),
    ],
)
def test_national_1_and_2(times: str, points: str, amount: str, band: Band) -> None:
    """Source: facts on DIP, rule set of national 1.0 and 2.0; the products by hand."""
    found = priced(BASE, times)
    assert (found.points, found.amount, found.band) == (D(points), D(amount), band)
    assert (found.unit_weight, found.point_value, found.review) == (D(800), D("5.62"), False)


def test_where_a_region_gives_deviating_cases_the_factor_or_not() -> None:
    low = priced(BASE | {"dip_score.low_takes_factor": True}, "0.4")
    assert low.points == D("326.4")  # 800 × 0.4 × 1.02
    high = priced(BASE | {"dip_score.high_takes_factor": False}, "3")
    assert high.points == D(1600)  # 800 × (3 − 2 + 1)


@pytest.mark.parametrize(
    ("times", "points", "band"),
    [
        ("0.5", "400", Band.LOW),  # D without hospital factor
        ("1", "760", Band.NORMAL),  # 800 × 0.95
        ("3", "1560", Band.HIGH),  # 800 × (3 − 2 + 0.95)
        ("5", "3160", Band.HIGH),  # 800 × (5 − 2 + 0.95)
        ("6", "760", Band.CAPPED),  # hospital factor only
    ],
)
def test_jining(times: str, points: str, band: Band) -> None:
    """Source: facts on DIP, rule set of Jining."""
    found = priced(JINING, times)
    assert (found.points, found.band) == (D(points), band)


@pytest.mark.parametrize(("insurance", "points"), [("employee", "1288.8"), ("resident", "1304.8")])
def test_taian(insurance: str, points: str) -> None:
    """Source: facts on DIP; 800 × (3 − 2 + 0.611), and 0.631 for residents."""
    assert priced(TAIAN, "3", insurance=insurance).points == D(points)
    assert priced(TAIAN, "9", insurance=insurance).band is Band.HIGH
    assert priced(TAIAN, "0.5", insurance=insurance).points == D(400)


def test_national_3() -> None:
    """Source: facts on DIP, 3.0: actual cost below half, individual review above the limit."""
    low = priced(THIRD, "0.4")
    # 0.4 × 4560 is the cost; 1824 ÷ 5.62 = 324.555160
    assert (low.amount, low.points, low.band) == (D("1824.00"), D("324.5552"), Band.LOW)
    high = priced(THIRD, "2.5")
    assert (high.points, high.band, high.review) == (D(816), Band.HIGH, True)
    assert not priced(THIRD, "2").review


def test_what_holds_nationally_changes_with_the_third_edition() -> None:
    for day, rule, paid in (
        (date(2026, 12, 31), "national", "points"),
        (date(2027, 1, 1), "review", "cost"),
    ):
        policy = next(p for p in policies().periods("national") if p.valid_from <= day < p.valid_to)
        assert policy.value("dip_score.deviation").value == rule
        assert policy.value("dip_score.low_paid").value == paid
        assert policy.value("dip_score.low_limit").number == D("0.5")


def test_a_limit_for_review_of_its_own() -> None:
    limited = BASE | {"dip_score.review_limit": D(3)}
    assert not priced(limited, "3").review
    assert priced(limited, "3.01").review
    policy = policy_of(limited)
    for cost, told in ((STANDARD * 3, 0), (STANDARD * 4, 1)):
        one = row(group="A", weight=D(800), total_cost=cost)
        lines = asked_of(METHOD, policy, one)[1].sheet.lines
        assert len([each for each in lines if each.value == "candidate"]) == told


def test_without_a_rule_the_cost_is_not_asked_for() -> None:
    policy = policy_of(BASE | {"dip_score.deviation": "none"})
    one = row(group="A03.9", weight=D(800))
    (found,) = agree(METHOD, policy, [one])
    assert (found.amount, found.band) == (D("4585.92"), Band.NORMAL)


def test_the_fund_pays_its_share_where_the_policy_names_one() -> None:
    values = BASE | {"dip_score.fund_share": {"employee": D("0.85"), "resident": D("0.7")}}
    found = priced(values, "1", insurance="resident")
    assert found.fund == D("3210.14")  # 4585.92 × 0.7 = 3210.144
    assert priced(BASE, "1").fund is None


def test_groups_that_take_another_factor_or_none() -> None:
    policy = policy_of(
        BASE
        | {
            "dip_score.group_factors": ({"group": "B", "factor": D("1.10")},),
            "dip_score.same_score_kinds": ("JCB",),
            "dip_score.same_score_groups": ({"group": "C"},),
        }
    )
    cost = STANDARD
    rows = [
        row(group="A", group_kind="HX", weight=D(800), total_cost=cost),
        row(group="B", group_kind="HX", weight=D(800), total_cost=cost),
        row(group="C", group_kind="HX", weight=D(800), total_cost=cost),
        row(group="B", group_kind="JCB", weight=D(800), total_cost=cost),
    ]
    assert [o.points for o in agree(METHOD, policy, rows)] == [D(816), D(880), D(800), D(800)]
    for one in rows:
        in_words(asked_of(METHOD, policy, one)[1].sheet.lines)


def test_cases_outside_the_catalogue() -> None:
    fallback = (
        {"group": "KBBZ", "score": None, "cost_share": D("0.8")},
        {"group": "CP01:SS", "score": D("500.5"), "cost_share": None},
        {"group": "CP02:SS", "score": None, "cost_share": None},
    )
    policy = policy_of(BASE | {"dip_score.fallback": fallback})
    rows = [
        row(group="KBBZ", total_cost=D("1000.01")),
        row(group="CP01:SS", total_cost=D(2000)),
        row(group="CP02:SS", total_cost=D(2000)),
        row(group="KBBZ"),
        row(group=None, total_cost=D(2000)),
        row(group="KBBZ", total_cost=D(-1)),
    ]
    found = agree(METHOD, policy, rows)
    # 1000.01 × 0.8 = 800.008; 800.01 ÷ 5.62 = 142.3505…
    assert (found[0].amount, found[0].points, found[0].unit_weight) == (
        D("800.01"),
        D("142.3505"),
        None,
    )
    assert found[1].points == D("510.51")  # 500.5 × 1.02
    assert [one.reason for one in found[2:]] == [
        PayReason.GROUP_WITHOUT_WEIGHT,
        PayReason.COST_MISSING,
        PayReason.GROUP_WITHOUT_WEIGHT,
        PayReason.COST_NEGATIVE,
    ]
    for at, group in ((0, "KBBZ"), (1, "CP01:SS")):
        lines = asked_of(METHOD, policy, rows[at])[1].sheet.lines
        # The row of the policy's table is told with the number that was taken from it.
        assert {part.row for line in lines for part in line.inputs if part.row} == {group}
        in_words(lines)


def test_what_is_lacking_is_a_reason() -> None:
    rows = [
        row(group="A", total_cost=D(1)),
        row(group="A", weight=D(0), total_cost=D(1)),
        row(group="A", weight=D(1)),
        row(group="A", weight=D(1), total_cost=D("-0.01")),
    ]
    assert [one.reason for one in agree(METHOD, policy_of(BASE), rows)] == [
        PayReason.GROUP_WITHOUT_WEIGHT,
        PayReason.GROUP_WITHOUT_WEIGHT,
        PayReason.COST_MISSING,
        PayReason.COST_NEGATIVE,
    ]


def test_a_simulated_point_value_of_nought_is_no_error() -> None:
    """A file cannot give it; a simulation may."""
    rows = [row(group="A", weight=D(800), total_cost=D(t)) for t in (1, 4560, 99999)]
    for values in (BASE, JINING, THIRD):
        nothing = policy_of(values | {"dip_score.point_value": D(0)})
        assert agree(METHOD, nothing, rows)[1].amount == D("0.00")
        (*_, last) = agree(METHOD, policy_of(values | {"dip_score.reference_value": D(0)}), rows)
        assert last.reason == PayReason.GROUP_WITHOUT_WEIGHT


def test_a_value_that_the_policy_lacks_is_named() -> None:
    one = row(group="A", weight=D(800), total_cost=D(1000))
    for path in BASE:
        policy = policy_of({key: value for key, value in BASE.items() if key != path})
        for call in (
            lambda policy=policy: asked_of(METHOD, policy, one),
            lambda policy=policy: METHOD.price_block(block_of(policy, [one])),
        ):
            with pytest.raises(PolicyError) as caught:
                call()
            assert caught.value.params["path"] == path


def on(region: str, day: date = DAY) -> Policy:
    """What a shipped region says."""
    return policies().on(region, day)


def test_pingdingshan_1000_points() -> None:
    """Published check figure: score 1000 = 5718.153489 CNY."""
    policy = on("pingdingshan")
    one = row(group="A03.9", weight=D(1000), total_cost=D("5718.15"))
    outcome, asked = asked_of(METHOD, policy, one)
    standard = line(asked.sheet.lines, "standard")
    assert Fraction(inputs(standard)["points"]) * Fraction(
        policy.value("dip_score.point_value").number
    ) == Fraction("5718.153489")
    assert (outcome.amount, outcome.points) == (D("5718.15"), D(1000))
    assert agree(METHOD, policy, [one]) == [outcome]
    assert {v.given.path for v in asked.sheet.asked.values() if v.assumption} >= {
        "dip_score.point_value",
        "dip_score.hospital_factor",
    }


def test_every_row_of_pingdingshan_is_paid_its_mean_cost(facts: Path) -> None:
    """Score = mean cost ÷ city mean × 1000, so a case of mean cost is paid just that."""
    with gzip.open(facts / "dip" / "pingdingshan_2025_dip2.csv.gz", "rt", encoding="utf-8") as text:
        groups = list(csv.DictReader(text))
    rows = [
        row(
            group=one["dip_code"],
            group_kind="HX",
            weight=D(one["score"]),
            total_cost=D(one["mean_cost_cny"]).quantize(D("0.01"), ROUND_HALF_UP),
        )
        for one in groups
    ]
    assert len(rows) == 4444
    found = METHOD.price_block(block_of(on("pingdingshan"), rows))
    assert {str(one) for one in found.band} == {"normal"}
    # The scores are published to six places: 0.0000005 × 5.72 yuan is what they may be off by.
    off = [
        one["dip_code"]
        for one, amount in zip(groups, found.amount.decimals(), strict=True)
        if abs(amount - D(one["mean_cost_cny"])) > D("0.005003")
    ]
    assert off == []


def test_ningde_has_no_public_point_value() -> None:
    one = row(group="1", weight=D(1000), total_cost=D(5000))
    with pytest.raises(PolicyError) as caught:
        asked_of(METHOD, on("ningde", date(2023, 1, 1)), one)
    assert caught.value.code == "POLICY_VALUE_MISSING"
    assert caught.value.params["path"] == "dip_score.point_value"
    assert on("ningde", date(2022, 1, 1)).value("dip_score.same_score_count").number == 100
    assert on("ningde", date(2021, 1, 1)).find("dip_score.same_score_count") is None


def test_the_fictitious_region_prices_its_hospital() -> None:
    facts = {"insurance": "resident", "level": "III", "hospital": "H00000000001"}
    rows = [
        row(group="E11.7", group_kind="HX", weight=D("883.346239"), total_cost=D(5000)),
        row(group="I10.x", group_kind="HX", weight=D("571.639705"), total_cost=D(3000)),
        row(group="I10.x", group_kind="HX", weight=D("571.639705"), total_cost=D(10000)),
    ]
    found = agree(METHOD, on("demo"), rows, **facts)
    # 883.346239 × 1.02 = 901.0132; × 5.41. The second group takes no factor: 571.6397 × 5.41.
    assert [one.amount for one in found[:2]] == [D("4874.48"), D("3092.57")]
    # D = 10000 ÷ (571.639705 × 5.50) = 3.1806…: 571.639705 × (D − 1) = 1246.5421; × 5.41.
    assert (found[2].amount, found[2].review) == (D("6743.79"), True)


NUMBER = st.decimals(0, 10, places=4, allow_nan=False)
POSITIVE = st.decimals("0.000001", 20, places=9, allow_nan=False)
COST = st.none() | st.decimals(-10, 20000, places=2) | st.just(D("999999999999.99"))
SCORE = (
    st.none()
    | st.decimals(0, 5000, places=6)
    | st.sampled_from([D(0), D(800), D("0.000001"), D("999999999999.999999")])
)
CASE = st.builds(
    lambda group, kind, weight, cost: row(
        group=group, group_kind=kind, weight=weight, total_cost=cost
    ),
    st.sampled_from([None, "A", "B", "C", "KBBZ", "CP01:SS"]),
    st.sampled_from([None, "HX", "JCB"]),
    SCORE,
    COST,
)


@st.composite
def policies_of_any_kind(draw: st.DrawFn) -> Policy:
    """A policy that sets what it likes."""
    values: dict[str, Any] = {
        "dip_score.point_value": draw(POSITIVE),
        "dip_score.reference_value": draw(POSITIVE),
        "dip_score.hospital_factor": draw(NUMBER),
        "dip_score.deviation": draw(st.sampled_from(["none", "national", "factor", "review"])),
        "dip_score.low_limit": draw(NUMBER),
        "dip_score.low_inclusive": draw(st.booleans()),
        "dip_score.low_paid": draw(st.sampled_from(["points", "cost"])),
        "dip_score.low_takes_factor": draw(st.booleans()),
        "dip_score.high_limit": draw(NUMBER),
        "dip_score.high_takes_factor": draw(st.booleans()),
    }
    may = {
        "dip_score.high_added": NUMBER,
        "dip_score.upper_limit": NUMBER,
        "dip_score.review_limit": NUMBER,
        "dip_score.fund_share": st.decimals(0, 1, places=4),
        "dip_score.group_factors": st.builds(lambda n: ({"group": "B", "factor": n},), NUMBER),
        "dip_score.same_score_kinds": st.just(("JCB",)),
        "dip_score.same_score_groups": st.just(({"group": "C"}, {"group": "CP01:SS"})),
        "dip_score.fallback": st.builds(
            lambda score, share: (
                {"group": "KBBZ", "score": None, "cost_share": share},
                {"group": "CP01:SS", "score": score, "cost_share": D("0.5")},
            ),
            st.none() | POSITIVE,
            st.none() | st.decimals(0, 1, places=3),
        ),
    }
    for path, strategy in may.items():
        if draw(st.booleans()):
            values[path] = draw(strategy)
    return policy_of(values, points=draw(st.integers(0, 6)))


@settings(max_examples=examples(150), deadline=None)
@given(policies_of_any_kind(), st.lists(CASE, max_size=6))
def test_both_ways_agree(policy: Policy, rows: list[dict[str, Any]]) -> None:
    for one, outcome in zip(rows, agree(METHOD, policy, rows), strict=True):
        if outcome.reason is None:
            assert outcome.amount is not None
        _leads(policy, one, outcome)


def _leads(policy: Policy, one: dict[str, Any], outcome: Outcome) -> None:
    """The lines lead to the amount, or nothing is written of one."""
    _, asked = asked_of(METHOD, policy, one)
    lines = [each for each in asked.sheet.lines if each.name in {"standard", "cost", "cost_share"}]
    if outcome.reason is not None:
        assert lines == []
        return
    (last,) = lines
    assert last.value == outcome.amount
    if last.name == "standard":
        value = Fraction(policy.value("dip_score.point_value").number)
        exact = Fraction(inputs(last)["points"]) * value
        assert abs(exact - Fraction(last.value)) <= Fraction(1, 200)
    in_words(asked.sheet.lines)


@settings(max_examples=examples(60), deadline=None)
@given(
    policies_of_any_kind(),
    CASE,
    st.decimals(1, 3, places=3),
    st.decimals("0.1", 5, places=3),
)
def test_more_score_or_a_greater_point_value_never_pays_less(
    policy: Policy, one: dict[str, Any], times: Decimal, value: Decimal
) -> None:
    # Between bands the rules themselves jump: a greater score may make a case a low one.
    even = policy.changed({"dip_score.deviation": "none", "dip_score.point_value": value}, "test")
    raised = even.changed({"dip_score.point_value": value * times}, "test")
    weight = None if one["weight"] is None else min(one["weight"], D(10**9))
    small, large = (
        one | {"weight": weight},
        one | {"weight": weight and (weight * times).quantize(SIX)},
    )
    lowest = said(METHOD.price_block(block_of(even, [small])), 0).get("amount")
    for case, terms in ((large, even), (small, raised), (large, raised)):
        found = said(METHOD.price_block(block_of(terms, [case])), 0).get("amount")
        assert (found is None) == (lowest is None)
        assert lowest is None or found >= lowest


@settings(max_examples=examples(60), deadline=None)
@given(policies_of_any_kind(), CASE, st.decimals(1, 3, places=3))
def test_a_greater_point_value_never_pays_less_in_any_band(
    policy: Policy, one: dict[str, Any], times: Decimal
) -> None:
    value = policy.value("dip_score.point_value").number
    raised = policy.changed({"dip_score.point_value": value * times}, "test")
    before = said(METHOD.price_block(block_of(policy, [one])), 0)
    after = said(METHOD.price_block(block_of(raised, [one])), 0)
    assert ("amount" in before) == ("amount" in after)
    if "amount" in before:
        assert after["amount"] >= before["amount"]


def test_no_case_at_all() -> None:
    assert len(METHOD.price_block(block_of(policy_of(BASE), [])).amount) == 0
