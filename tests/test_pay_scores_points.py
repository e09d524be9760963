"""APG points and PDPM bed-day points: worked examples, and that both ways agree on every case."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pay_scores_support import (
    SIX,
    agree,
    asked_of,
    block_of,
    in_words,
    inputs,
    line,
    noon,
    policy_of,
    row,
    said,
)
from pdpm_support import case_of, row_of

from codebooks.policies.policies import policies
from codebooks.policies.policy import Policy
from codebooks.policies.yaml_nodes import PolicyError
from grouper.payment.methods import Method, methods
from grouper.payment.methods.apg_points import METHOD as APG
from grouper.payment.methods.pdpm_points import METHOD as PDPM
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band
from grouper.schemes.load import load_scheme
from grouper.schemes.pdpm.rates import _day
from grouper.schemes.protocol import Part

D = Decimal
ADMITTED = date(2025, 3, 1)
APG_BASE = {
    "apg_points.scale": D(100),
    "apg_points.point_value": {"employee": D("1.95"), "resident": D("1.85")},
    "apg_points.hospital_factor": D("0.96"),
}
PDPM_BASE = {"pdpm_points.point_value": D("4.35"), "pdpm_points.hospital_factor": D("1.05")}


def test_the_methods_are_known_by_their_names() -> None:
    for name in ("dip_score", "apg_points", "pdpm_points"):
        assert methods()[name].name == name


def test_a_visit_with_two_procedures_and_a_test() -> None:
    """Published APG arithmetic: first procedure in full, the further one at 50 %, the test apart."""
    parts = (
        Part("procedure", "13.4100x001", "P13A", "paid", share=D(1), weight=D("2.5")),
        Part("procedure", "08.2000", "P08A", "discounted", share=D("0.5"), weight=D("1.2")),
        Part("visit", "H26.900", "MCB1", "packaged", weight=D(1)),
        Part("line", "002103", "A2103", "paid", share=D(1), weight=D("0.3")),
    )
    one = row(kind="outpatient", group="P13A", weight=D("3.4"))
    policy = policy_of(APG_BASE)
    outcome, asked = asked_of(APG, policy, one, parts, insurance="employee")
    lines = asked.sheet.lines
    added = [each for each in lines if each.name == "part"]
    assert [each.value for each in added] == [D("2.5"), D("0.6"), D("0.3")]
    assert sum(each.number for each in added) == line(lines, "weight").number
    # 3.4 × 100 × 0.96 = 326.4 points; × 1.95
    assert (outcome.points, outcome.amount) == (D("326.4"), D("636.48"))
    assert (outcome.unit_weight, outcome.band) == (D("3.4"), Band.NORMAL)
    in_words(lines)
    assert agree(APG, policy, [one], insurance="employee") == [outcome]


def test_a_visit_of_which_nothing_is_paid_has_a_reason() -> None:
    rows = [
        row(kind="outpatient", group="V01", weight=D(0)),
        row(kind="outpatient", group="V01"),
        row(kind="outpatient", group="V01", weight=D(1)),
    ]
    found = agree(APG, policy_of(APG_BASE), rows, insurance="resident")
    assert [one.reason for one in found] == [
        PayReason.VISIT_NOT_PAYABLE,
        PayReason.GROUP_WITHOUT_WEIGHT,
        None,
    ]


@pytest.mark.parametrize(("method", "base"), [(APG, APG_BASE), (PDPM, PDPM_BASE)])
def test_the_fund_pays_its_share_where_the_policy_names_one(
    method: Method, base: dict[str, Any]
) -> None:
    one = row(weight=D(2), los=3)
    policy = policy_of(base | {f"{method.name}.fund_share": D("0.333")})
    (found,) = agree(method, policy, [one], insurance="employee")
    assert found.amount is not None
    exact = Fraction(found.amount) * Fraction("0.333")
    assert found.fund is not None
    assert abs(Fraction(found.fund) - exact) <= Fraction(1, 200)
    in_words(asked_of(method, policy, one, insurance="employee")[1].sheet.lines)


def test_a_stay_of_two_periods() -> None:
    """Own worked example: 10 days at 98.5 points and 20 at 80.25 are 2,590 points."""
    parts = (
        Part("period", group="T43-S3-PBC1-NF", start=ADMITTED, days=10, share=D(1), weight=D(985)),
        Part("period", group="T41-S3-PBC1-NF", days=20, share=D(1), weight=D(1605)),
        Part("period", group="T41-S3-PBC1-NF", days=0, share=D(1), weight=D(0)),
    )
    one = row(
        kind="long_stay",
        group="T41-S3-PBC1-NF",
        weight=D(2590),
        admission_time=noon(ADMITTED),
        discharge_time=noon(ADMITTED + timedelta(days=30)),
    )
    policy = policy_of(PDPM_BASE)
    outcome, asked = asked_of(PDPM, policy, one, parts)
    lines = asked.sheet.lines
    periods = [inputs(each) for each in lines if each.name == "period"]
    assert [(p["days"], p["daily"]) for p in periods] == [(D(10), D("98.5")), (D(20), D("80.25"))]
    # 2590 × 1.05 = 2719.5; × 4.35 = 11829.825
    assert (outcome.points, outcome.amount) == (D("2719.5"), D("11829.83"))
    assert outcome.band is Band.BED_DAY
    in_words(lines)
    assert agree(PDPM, policy, [one]) == [outcome]


def test_a_cap_on_days() -> None:
    policy = policy_of(PDPM_BASE | {"pdpm_points.cap_days": 20})
    stay = {"admission_time": noon(ADMITTED), "weight": D(2590), "group": "T"}
    rows = [
        row(**stay, discharge_time=noon(ADMITTED + timedelta(days=30))),
        row(**stay, discharge_time=noon(ADMITTED + timedelta(days=20))),
        row(**stay, los=21),
        row(**stay, los=0),
        row(**stay | {"admission_time": None}, discharge_time=noon(ADMITTED), los=7),
        row(**stay, discharge_time=noon(ADMITTED)),
    ]
    found = agree(PDPM, policy, rows)
    # 2590 × 20 ÷ 30 × 1.05 = 1813 points; × 4.35
    assert (found[0].points, found[0].amount) == (D(1813), D("7886.55"))
    bands = [one.band for one in found]
    assert bands[:3] == [Band.CAPPED, Band.BED_DAY, Band.CAPPED]
    assert found[3].reason == PayReason.DAYS_MISSING
    assert bands[4:] == [Band.BED_DAY, Band.BED_DAY]
    in_words(asked_of(PDPM, policy, rows[0])[1].sheet.lines)
    # Without a cap nobody asks for days.
    assert agree(PDPM, policy_of(PDPM_BASE), [rows[3]])[0].reason is None


def test_a_stay_without_points_has_a_reason() -> None:
    rows = [row(kind="long_stay", los=3), row(kind="long_stay", los=3, weight=D(0))]
    found = agree(PDPM, policy_of(PDPM_BASE), rows)
    assert {one.reason for one in found} == {PayReason.GROUP_WITHOUT_WEIGHT}


def test_the_united_states_figures(facts: Path) -> None:
    """Published: CMS FY2022, urban. The base rates are taken as points and a point as one dollar.

    A day agrees to the cent. Of 100 days CMS rounds each day, a point value only the sum.
    """
    told = json.loads((facts / "pdpm" / "us_pdpm_tables.json").read_text("utf-8"))
    bases = {name: D(str(amount)) for name, amount in told["base_urban_fy2022"].items()}
    scheme = load_scheme("us-pdpm-fy2022").compiled
    amounts = scheme_bases(scheme, bases)
    policy = policy_of(
        {"pdpm_points.point_value": D(1), "pdpm_points.hospital_factor": D(1)}, points=6
    )
    for code, unrounded in (("NHNC1", "65793.51"), ("KBKE1", "54865.47")):
        published = told["vectors_urban_fy2022"][code]
        days = [_day(scheme, code, day, amounts) for day in range(1, 101)]
        for day in (1, 4, 21, 98):
            one = row(kind="long_stay", group=code, weight=days[day - 1])
            (found,) = agree(PDPM, policy, [one])
            assert found.amount == D(str(published[f"d{day}"]))
        (whole,) = agree(PDPM, policy, [row(kind="long_stay", group=code, weight=sum(days))])
        assert whole.amount == D(unrounded)
        assert abs(whole.amount - D(str(published["sum100"]))) < D("0.05")


def scheme_bases(scheme: Any, bases: dict[str, Decimal]) -> dict[str, Decimal]:
    """The facts' base rates by the names of the book's components."""
    card = load_scheme("us-pdpm-fy2022").rates("urban", date(2022, 1, 1))
    by_amount = {amount: name for name, amount in card.amounts.items()}
    found = {by_amount[amount]: amount for amount in bases.values()}
    assert set(found) == {component.name for component in scheme.components}
    return found


def test_a_stay_grouped_by_the_jinhua_form() -> None:
    items = {"BARTHEL": "40", "MMSE": "20", "HAMD": "5", "SWALLOW": "1", "DIET_ALTERED": "0"}
    told = row_of(
        [(0, "admission", items), (30, "periodic", items | {"BARTHEL": "75"})],
        dx=("I63.900",),
        days=50,
        system="nhsa",
    )
    grouping = load_scheme("pdpm-jinhua-2021").group(case_of(told))
    assert grouping.weight is not None
    assert [part.days for part in grouping.parts] == [30, 20]
    one = row(kind="long_stay", group=grouping.group, weight=grouping.weight)
    outcome, asked = asked_of(
        PDPM,
        policies().on("demo", date(2025, 6, 1)),
        one | {"los": 50},
        grouping.parts,
        insurance="employee",
    )
    periods = sum(each.number for each in asked.sheet.lines if each.name == "period")
    assert abs(periods - Fraction(grouping.weight)) <= Fraction(2, 10**6)
    value = (
        policies()
        .on("demo", date(2025, 6, 1))
        .value("pdpm_points.point_value", insurance="employee")
    )
    assert outcome.amount == (outcome.points * value.number).quantize(D("0.01"))


@pytest.mark.parametrize(
    ("method", "topic", "day"),
    [(APG, "apg_points", date(2020, 1, 1)), (PDPM, "pdpm_points", date(2021, 10, 1))],
)
def test_jinhua_has_no_public_point_value(method: Method, topic: str, day: date) -> None:
    one = row(weight=D(1), los=3)
    policy = policies().on("jinhua", day)
    with pytest.raises(PolicyError) as caught:
        asked_of(method, policy, one, insurance="employee")
    assert caught.value.code == "POLICY_VALUE_MISSING"
    assert caught.value.params["path"] == f"{topic}.point_value"
    before = policies().on("jinhua", day - timedelta(days=1))
    assert f"{topic}.point_value" not in before.values


@pytest.mark.parametrize("insurance", ["employee", "resident"])
def test_a_visit_of_the_fictitious_region_is_worth_two_or_three_hundred_yuan(
    insurance: str,
) -> None:
    """By the mean weight of the bundled day of visits under the shipped scheme, 1.316737."""
    one = row(kind="outpatient", weight=D("1.316737"))
    facts = {"insurance": insurance, "level": "III"}
    (found,) = agree(APG, policies().on("demo", date(2025, 6, 1)), [one], **facts)
    assert found.amount is not None
    assert D(200) <= found.amount <= D(300)


NUMBER = st.decimals(0, 10, places=4)
POSITIVE = st.decimals("0.000001", 20, places=9)
WEIGHT = (
    st.none()
    | st.decimals(0, 5000, places=6)
    | st.sampled_from([D(0), D("0.000001"), D("999999999999.999999")])
)
DAYS = st.none() | st.integers(0, 400).map(lambda n: ADMITTED + timedelta(days=n))
CASE = st.builds(
    lambda weight, los, admitted, left: row(
        weight=weight, los=los, admission_time=noon(admitted), discharge_time=noon(left)
    ),
    WEIGHT,
    st.none() | st.integers(-3, 500),
    DAYS,
    DAYS,
)


@st.composite
def terms(draw: st.DrawFn, topic: str) -> Policy:
    """A policy of a topic that sets what it likes."""
    values: dict[str, Any] = {
        f"{topic}.point_value": draw(POSITIVE),
        f"{topic}.hospital_factor": draw(NUMBER),
    }
    if topic == "apg_points":
        values["apg_points.scale"] = draw(POSITIVE)
    elif draw(st.booleans()):
        values["pdpm_points.cap_days"] = draw(st.integers(1, 300))
    if draw(st.booleans()):
        values[f"{topic}.fund_share"] = draw(st.decimals(0, 1, places=4))
    return policy_of(values, points=draw(st.integers(0, 6)))


@settings(max_examples=examples(120), deadline=None)
@given(st.data(), st.sampled_from([APG, PDPM]), st.lists(CASE, max_size=6))
def test_both_ways_agree(data: st.DataObject, method: Method, rows: list[dict[str, Any]]) -> None:
    policy = data.draw(terms(method.name))
    for one, outcome in zip(rows, agree(method, policy, rows), strict=True):
        _, asked = asked_of(method, policy, one)
        if outcome.reason is not None:
            assert asked.sheet.lines == []
            continue
        last = line(asked.sheet.lines, "standard")
        value = Fraction(policy.value(f"{method.name}.point_value").number)
        assert last.value == outcome.amount
        assert abs(Fraction(inputs(last)["points"]) * value - Fraction(last.value)) <= Fraction(
            1, 200
        )
        in_words(asked.sheet.lines)


@settings(max_examples=examples(60), deadline=None)
@given(st.data(), st.sampled_from([APG, PDPM]), CASE, st.decimals(1, 3, places=3))
def test_more_points_or_a_greater_point_value_never_pays_less(
    data: st.DataObject, method: Method, one: dict[str, Any], times: Decimal
) -> None:
    policy = data.draw(terms(method.name))
    path = f"{method.name}.point_value"
    raised = policy.changed({path: policy.value(path).number * times}, "test")
    weight = None if one["weight"] is None else min(one["weight"], D(10**9))
    small = one | {"weight": weight}
    large = one | {"weight": weight and (weight * times).quantize(SIX)}
    lowest = said(method.price_block(block_of(policy, [small])), 0).get("amount")
    for case, on in ((large, policy), (small, raised), (large, raised)):
        found = said(method.price_block(block_of(on, [case])), 0).get("amount")
        assert (found is None) == (lowest is None)
        assert lowest is None or found >= lowest
