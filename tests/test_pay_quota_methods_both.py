"""Quotas, bed-days, dialysis, budget and by item: both ways agree on random cases."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pay_quota_support import both, policy, yuan
from pay_quota_terms_support import DIALYSIS_TERMS, QUOTA_TERMS, QUOTAS

from grouper.case.record import Case
from grouper.payment.methods.bed_day import METHOD as BED_DAY
from grouper.payment.methods.by_item import METHOD as BY_ITEM
from grouper.payment.methods.dialysis_capitation import METHOD as DIALYSIS
from grouper.payment.methods.disease_quota import METHOD as QUOTA
from grouper.payment.methods.global_budget import METHOD as BUDGET

_MONEY = st.one_of(
    st.none(),
    st.decimals(0, 100_000, places=2),
    st.sampled_from([yuan(0), yuan(100), yuan("999999999999.99"), yuan(-5)]),
)
_CODES = st.sampled_from(["K35.800", "k35.9", "J18.900", "N18.001", "I10", None, " K35"])
CASES = st.lists(
    st.builds(
        Case,
        kind=st.sampled_from(["inpatient", "outpatient", "long_stay"]),
        pathway=st.sampled_from([None, "left", "followed"]),
        los=st.one_of(st.none(), st.integers(0, 200), st.just(36500)),
        dx=st.lists(_CODES, max_size=3).map(tuple),
        px=st.lists(st.sampled_from(["47.0100", "47.0901", None]), max_size=2).map(tuple),
        total_cost=_MONEY,
        scope_cost=_MONEY,
        own_cost=_MONEY,
        over_limit_cost=_MONEY,
        first_share_cost=_MONEY,
        year_deductible=_MONEY,
        year_basic=_MONEY,
        line_amount=st.lists(_MONEY, max_size=2).map(tuple),
    ),
    max_size=6,
)
GENERAL = st.fixed_dictionaries(
    {
        "general.money_places": st.integers(0, 2),
        "general.money_rounding": st.sampled_from(["half_up", "half_even", "down", "up"]),
        "general.total_tolerance": st.sampled_from([Decimal(0), Decimal(1), Decimal(10**9)]),
    }
)
_RATE = st.decimals(0, 1000, places=3)


@settings(max_examples=examples(60), deadline=None)
@given(CASES, GENERAL, st.sampled_from(["scope", "total"]), st.sampled_from(["0.04", "0.06", None]))
def test_by_item_and_budget_agree_in_both_ways(
    cases: list[Case], general: dict[str, Any], basis: str, share: str | None
) -> None:
    terms = general | {"by_item.basis": basis, "global_budget.exempt_below_share": Decimal("0.05")}
    if share is not None:
        terms["global_budget.spending_share"] = {"*": {"*": Decimal(share)}}
    for method in (BY_ITEM, BUDGET):
        for outcome, shown in both(method, cases, policy(terms)):
            _leads_to(outcome, shown.sheet.lines)


@settings(max_examples=examples(60), deadline=None)
@given(CASES, GENERAL, st.lists(_RATE, min_size=3, max_size=3), st.booleans())
def test_quotas_agree_in_both_ways(
    cases: list[Case],
    general: dict[str, Any],
    quotas: list[Decimal],
    general_ratio: bool,
) -> None:
    rows = tuple({**row, "quota": quota} for row, quota in zip(QUOTAS, quotas, strict=True))
    terms = general | QUOTA_TERMS | {"disease_quota.quotas": rows}
    if not general_ratio:
        del terms["disease_quota.fund_ratio"]
    for outcome, shown in both(QUOTA, cases, policy(terms)):
        _leads_to(outcome, shown.sheet.lines)
        if outcome.fund is not None:
            assert 0 <= outcome.fund <= outcome.amount


@settings(max_examples=examples(60), deadline=None)
@given(CASES, GENERAL, st.lists(_RATE, min_size=1, max_size=4), st.integers(1, 60), st.booleans())
def test_bed_days_agree_in_both_ways_and_never_fall_with_a_day_more(
    cases: list[Case],
    general: dict[str, Any],
    rates: list[Decimal],
    length: int,
    open_end: bool,
) -> None:
    rows = [
        {"from_day": n * length + 1, "to_day": (n + 1) * length, "rate": rate}
        for n, rate in enumerate(rates)
    ]
    if open_end:
        rows[-1]["to_day"] = None
    terms = policy(general | {"bed_day.segments": tuple(rows)})
    found = both(BED_DAY, cases, terms)
    for outcome, shown in found:
        _leads_to(outcome, shown.sheet.lines)
        if outcome.reason is None:
            assert (
                sum(n.number for n in shown.sheet.lines[:-1])
                == shown.sheet.lines[-1].inputs[-1].value
            )
    priced = sorted((c.los or 0, o.amount) for c, (o, _) in zip(cases, found, strict=True) if o.amount is not None)  # fmt: skip
    assert [amount for _, amount in priced] == sorted(amount for _, amount in priced)


@settings(max_examples=examples(100), deadline=None)
@given(
    CASES,
    GENERAL,
    st.decimals(0, 2000, places=2),
    st.decimals(0, 90000, places=2),
    st.sampled_from(["before_cap", "within_cap"]),
    st.integers(1, 12),
)
def test_dialysis_agrees_in_both_ways_and_its_parts_are_the_cost(
    cases: list[Case],
    general: dict[str, Any],
    deductible: Decimal,
    annual: Decimal,
    place: str,
    months: int,
) -> None:
    terms = (
        DIALYSIS_TERMS
        | general
        | {
            "dialysis_capitation.deductible": deductible,
            "dialysis_capitation.annual_benefit": annual,
            "dialysis_capitation.deductible_place": place,
            "dialysis_capitation.visit_months": months,
        }
    )
    for outcome, shown in both(DIALYSIS, cases, policy(terms)):
        if outcome.reason is not None:
            continue
        lines = {line.name: line.number for line in shown.sheet.lines}
        cost = Fraction(shown.sheet.lines[1].inputs[0].value)
        assert lines["patient"] + lines["fund"] + lines["excess"] == cost
        assert Fraction(outcome.amount) == lines["patient"] + lines["fund"]
        assert Fraction(outcome.fund) == lines["fund"] >= 0
        if general["general.money_places"] == 2:
            assert lines["excess"] >= 0
            assert lines["patient"] <= Fraction(deductible)


def _leads_to(outcome: Any, lines: list[Any]) -> None:
    """The line of the standard is the amount, and that of the fund what the fund pays."""
    if outcome.reason is not None:
        assert outcome.amount is None
        return
    told = {line.name: line.number for line in lines if line.unit}
    assert told["standard"] == outcome.amount
    if outcome.fund is not None:
        assert told["fund"] == outcome.fund
