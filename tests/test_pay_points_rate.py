"""DRG by rate: Harbin's own figures, and outliers where a policy sets limits."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pay_points_support import Stay, both, number, one, stay, stays, written
from pay_quota_support import FACTS, policy

from codebooks.policies.policies import policies
from codebooks.policies.yaml_nodes import PolicyError
from grouper.payment.methods.drg_rate import METHOD
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band

D = Decimal


def facts(insurance: str, level: str = "I") -> dict[str, str | None]:
    return {**FACTS, "insurance": insurance, "level": level}


@pytest.mark.parametrize(
    ("day", "group", "insurance", "weight", "amount"),
    [
        # 36.2185 × 12252.70 = 443774.41495; 36.2185 × 9649.24 = 349480.99894.
        (date(2024, 6, 1), "AB19", "employee", "36.2185", "443774.41"),
        (date(2024, 6, 1), "AB19", "resident", "36.2185", "349481.00"),
        # 0.8526 × 12252.70 = 10446.65202; 0.637 × 9649.24 = 6146.56588.
        (date(2024, 12, 31), "ES31", "employee", "0.8526", "10446.65"),
        (date(2024, 1, 1), "ES33", "resident", "0.637", "6146.57"),
        # 36.2185 × 12165.26 = 440607.46931.
        (date(2023, 12, 31), "AB19", "employee", "36.2185", "440607.47"),
    ],
)
def test_harbin(day: date, group: str, insurance: str, weight: str, amount: str) -> None:
    terms = policies().on("harbin", day)
    outcome, asked = both(METHOD, [stay(None, group)], terms, facts(insurance))[0]
    assert (outcome.amount, outcome.points) == (D(amount), D(weight).quantize(D("0.000001")))
    assert outcome.band is Band.NORMAL
    assert weight in written(asked)[0]


def test_every_weight_and_rate_of_the_facts_prices_its_group(facts_folder: Path) -> None:
    with (facts_folder / "drg_rates_harbin.csv").open(encoding="utf-8-sig") as file:
        rates = list(csv.DictReader(file))
    with (facts_folder / "drg_weights_harbin.csv").open(encoding="utf-8-sig") as file:
        weights = list(csv.DictReader(file))
    checked = 0
    for rate in rates:
        terms = policies().on("harbin", date(int(rate["year"]), 7, 1))
        rows = [row for row in weights if row["year"] == rate["year"]]
        found = [stay(None, row["drg"]) for row in rows]
        told = facts(rate["insurance"], rate["hospital_level"])
        for row, (outcome, _) in zip(rows, both(METHOD, found, terms, told), strict=True):
            due = D(row["weight"]) * D(rate["rate_cny"])
            assert outcome.amount is not None, row
            assert abs(outcome.amount - due) <= D("0.005")
            checked += 1
    assert checked > 2000


@pytest.fixture
def facts_folder(facts: Path) -> Path:
    return facts / "payment"


def test_harbin_publishes_no_rate_of_other_levels() -> None:
    terms = policies().on("harbin", date(2024, 6, 1))
    with pytest.raises(PolicyError, match="POLICY_VALUE_MISSING"):
        one(METHOD, stay(100, "AB19"), terms, facts("employee", "III"))


def bands(*rows: tuple[Any, Any]) -> tuple[dict[str, Decimal], ...]:
    return tuple({"at_least": D(least), "limit": D(limit)} for least, limit in rows)


PLAIN: dict[str, Any] = {
    "drg_rate.weights": (
        {"group": "G1", "weight": D("1.5")},
        {"group": "G2", "weight": D("0.1234567891")},
        {"group": "G0", "weight": D(0)},
        {"group": "G3", "weight": D("12.25")},
    ),
    "drg_rate.rate": {"employee": D(10000)},
    "drg_rate.hospital_factor": D("1.02"),
}
LIMITS = PLAIN | {
    "drg_rate.low_limit": D("0.4"),
    "drg_rate.high_limits": bands((0, 3), (2, "2.5")),
    "drg_rate.high_share": D("0.8"),
    "drg_rate.review_ratio": D(4),
}


def test_outliers() -> None:
    # The standard of G1 is 1.5 × 10000 × 1.02 = 15300.
    found = [stay(cost) for cost in ("6119.99", "6120.00", "45900.00", "45900.01", "61200.01")]
    outcomes = both(METHOD, found, policy(LIMITS))
    assert [o.band for o, _ in outcomes] == [
        *(Band.LOW, Band.NORMAL, Band.NORMAL),
        *(Band.HIGH, Band.HIGH),
    ]
    # Above three times the standard: 15300 + 0.01 × 0.8; 15300 + 15300.01 × 0.8 = 27540.008.
    assert [o.amount for o, _ in outcomes] == [
        *(D("6119.99"), D("15300.00"), D("15300.00")),
        *(D("15300.01"), D("27540.01")),
    ]
    assert [o.review for o, _ in outcomes] == [False, False, False, False, True]
    assert any("低于 0.4：低倍率" in row for row in written(outcomes[0][1]))
    # G3: 12.25 × 10200 = 124950; a limit of 2.5: 124950 + (374850 − 312375) × 0.8 = 174930.
    assert one(METHOD, stay(374850, "G3"), policy(LIMITS)).amount == D("174930.00")
    whole = policy({p: v for p, v in LIMITS.items() if not p.endswith("high_share")})
    assert one(METHOD, stay(374850, "G3"), whole).amount == D("187425.00")


def test_reasons() -> None:
    for group in ("ZZ99", None, "G0"):
        assert one(METHOD, stay(100, group), policy(LIMITS)).reason == (
            PayReason.GROUP_WITHOUT_WEIGHT
        )
    assert one(METHOD, stay(None), policy(LIMITS)).reason == PayReason.COST_MISSING
    assert one(METHOD, stay(None), policy(PLAIN)).amount == D("15300.00")


@st.composite
def terms_of(draw: st.DrawFn) -> Any:
    values = dict(PLAIN)
    optional: dict[str, st.SearchStrategy[Any]] = {
        "low_limit": number(1, 2),
        "high_share": number(1, 3),
        "review_ratio": number(5, 1),
        "high_limits": st.sampled_from([bands((0, 3), (2, "2.5")), bands((10, 2))]),
    }
    for name, strategy in optional.items():
        if draw(st.booleans()):
            values[f"drg_rate.{name}"] = draw(strategy)
    values["drg_rate.hospital_factor"] = draw(number(2, 4))
    values["drg_rate.rate"] = {"employee": draw(number(20000, 2))}
    values["general.money_rounding"] = draw(st.sampled_from(["half_up", "half_even", "down", "up"]))
    return policy(values)


@settings(max_examples=examples(100), deadline=None)
@given(terms_of(), st.lists(stays(("G1", "G1", "G2", "G3", "G0", "ZZ99", None)), max_size=8))
def test_both_ways_are_alike(terms: Any, found: list[Stay]) -> None:
    for _, asked in both(METHOD, found, terms):
        for lang in ("zh", "en"):
            written(asked, lang)


@settings(max_examples=examples(60), deadline=None)
@given(stays(("G1",)), number(50, 4), number(50, 4), number(20000, 2), number(20000, 2))
def test_the_amount_grows_with_weight_and_rate(
    found: Stay, weight: Decimal, more: Decimal, rate: Decimal, worth: Decimal
) -> None:
    # Without limits: a limit is a multiple of the standard, so a greater one may make a stay of the
    # same cost a low outlier that is paid its cost.
    def amount(rw: Decimal, yuan: Decimal) -> Decimal | None:
        rows = ({"group": "G1", "weight": rw},)
        told = PLAIN | {"drg_rate.weights": rows, "drg_rate.rate": {"employee": yuan}}
        return one(METHOD, found, policy(told)).amount

    few = amount(weight, rate)
    assert (few is None) == (weight == 0)
    if few is not None:
        assert (amount(weight + more, rate) or 0) >= few
        assert (amount(weight, rate + worth) or 0) >= few
