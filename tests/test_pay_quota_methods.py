"""Quotas, bed-days, dialysis, budget and by item: worked examples."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pay_quota_support import FACTS, asked, batch, block, both, policy, yuan
from pay_quota_terms_support import DIALYSIS_TERMS, QUOTA_TERMS, SEGMENTS

from codebooks.policies.policies import policies
from codebooks.policies.policy import Value
from codebooks.policies.yaml_nodes import PolicyError
from grouper.case.record import Case
from grouper.payment.budget import bands_of
from grouper.payment.methods.bed_day import METHOD as BED_DAY
from grouper.payment.methods.bed_day import segments_of
from grouper.payment.methods.by_item import METHOD as BY_ITEM
from grouper.payment.methods.dialysis_capitation import METHOD as DIALYSIS
from grouper.payment.methods.disease_quota import METHOD as QUOTA
from grouper.payment.methods.global_budget import METHOD as BUDGET
from grouper.payment.reasons import PayReason

if TYPE_CHECKING:
    from grouper.payment.methods import Method


def one(method: Method, case: Case, terms: dict[str, Any]) -> tuple[Any, list[Any]]:
    """One case in both ways: its outcome, and its lines."""
    ((outcome, shown),) = both(method, [case], policy(terms))
    return outcome, shown.sheet.lines


def test_by_item_is_the_cost_within_scope() -> None:
    # 10,000 − 1,200 own − 300 above limit − 500 first share = 8,000.
    case = Case(
        total_cost=yuan(10000),
        own_cost=yuan(1200),
        over_limit_cost=yuan(300),
        first_share_cost=yuan(500),
    )
    outcome, lines = one(BY_ITEM, case, {})
    assert outcome.amount == yuan(8000)
    assert [line.name for line in lines] == ["standard"]
    outcome, _ = one(BY_ITEM, case, {"by_item.basis": "total"})
    assert outcome.amount == yuan(10000)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (Case(), "PAY_COST_MISSING"),
        (Case(total_cost=yuan(100)), "PAY_SCOPE_MISSING"),
        (Case(total_cost=yuan(100), own_cost=yuan(0)), "PAY_SCOPE_MISSING"),
        (Case(total_cost=yuan(-1), scope_cost=yuan(0)), "PAY_COST_NEGATIVE"),
        (Case(total_cost=yuan(100), scope_cost=yuan(102)), "PAY_COST_MISMATCH"),
        (
            Case(total_cost=yuan(100), scope_cost=yuan(90), own_cost=yuan(5),
                 over_limit_cost=yuan(0), first_share_cost=yuan(0)),
            "PAY_COST_MISMATCH",
        ),
        (
            Case(total_cost=yuan(100), own_cost=yuan(101),
                 over_limit_cost=yuan(0), first_share_cost=yuan(0)),
            "PAY_COST_MISMATCH",
        ),
        (
            Case(total_cost=yuan(100), scope_cost=yuan(100),
                 line_amount=(yuan(60), yuan("38.99"), None)),
            "PAY_COST_MISMATCH",
        ),
    ],
)  # fmt: skip
def test_by_item_asks_for_costs_that_add_up(case: Case, reason: str) -> None:
    outcome, lines = one(BY_ITEM, case, {})
    assert (outcome.amount, outcome.reason) == (None, reason)
    assert not lines


def test_by_item_reads_the_scope_out_of_the_charge_lines() -> None:
    # A 60 in full; B 100 less its first share of 10; C 40 is the patient's: 60 + 90 = 150.
    lines: dict[str, Any] = {
        "line_item": ("X1", "X2", "X3"),
        "line_amount": (yuan(60), yuan(100), yuan(40)),
        "line_scope": ("A", "B", "C"),
        "line_first_share": (None, Decimal("0.1"), None),
    }
    for total in (None, yuan(200)):
        assert one(BY_ITEM, Case(total_cost=total, **lines), {})[0].amount == yuan(150)
    unknown = Case(total_cost=yuan(200), **{**lines, "line_scope": ("A", None, "C")})
    assert one(BY_ITEM, unknown, {})[0].reason == PayReason.SCOPE_MISSING


def test_by_item_tolerates_what_the_policy_tolerates() -> None:
    case = Case(total_cost=yuan(100), scope_cost=yuan(101), line_amount=(yuan(60), yuan(39), None))
    assert one(BY_ITEM, case, {})[0].amount == yuan(101)
    outcome, _ = one(BY_ITEM, case, {"general.total_tolerance": Decimal("0.99")})
    assert outcome.reason == "PAY_COST_MISMATCH"


def test_by_item_of_the_total_needs_the_total_alone() -> None:
    terms = {"by_item.basis": "total"}
    assert one(BY_ITEM, Case(total_cost=yuan(100)), terms)[0].amount == yuan(100)
    assert one(BY_ITEM, Case(scope_cost=yuan(100)), terms)[0].reason == "PAY_COST_MISSING"


def test_a_quota_pays_its_ratio_whatever_the_cost() -> None:
    # 7,800 × 0.85 = 6,630 from the fund, 1,170 from the patient; a cost of 7,000 leaves 800.
    case = Case(dx=("k35.800",), px=("54.5101", "47.0100"), total_cost=yuan(7000))
    outcome, lines = one(QUOTA, case, QUOTA_TERMS)
    assert (outcome.amount, outcome.fund) == (yuan(7800), yuan(6630))
    assert [line.value for line in lines] == [yuan(7800), yuan(6630)]


def test_the_first_disease_listed_counts_and_the_general_ratio_fills_in() -> None:
    # Without the procedure of D1 the case is D2; 5,600.50 × 0.8 = 4,480.40.
    outcome, _ = one(QUOTA, Case(dx=("K35.800",), px=("47.0901",)), QUOTA_TERMS)
    assert (outcome.amount, outcome.fund) == (yuan("5600.50"), yuan("4480.40"))
    terms = {k: v for k, v in QUOTA_TERMS.items() if not k.endswith("fund_ratio")}
    outcome, _ = one(QUOTA, Case(dx=("K35.800",)), terms)
    assert (outcome.amount, outcome.fund) == (yuan("5600.50"), None)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (Case(dx=("K35.800",), px=("47.0100",), pathway="left"), "PAY_NOT_LISTED"),
        (Case(dx=(None, "K35.800")), "PAY_NOT_LISTED"),
        (Case(), "PAY_NOT_LISTED"),
        (Case(dx=("K36",)), "PAY_NOT_LISTED"),
        (Case(dx=("K35.8",), kind="outpatient"), "PAY_NOT_LISTED"),
        (Case(dx=("J18.900",)), "PAY_QUOTA_MISSING"),
        (Case(dx=("N18.001",), kind="outpatient"), None),
        (Case(dx=("K35.800",), pathway="followed"), None),
    ],
)
def test_the_list_of_diseases(case: Case, reason: str | None) -> None:
    outcome, _ = one(QUOTA, case, QUOTA_TERMS)
    assert outcome.reason == reason
    terms = policy(QUOTA_TERMS)
    listed = reason != "PAY_NOT_LISTED"
    assert QUOTA.lists(asked(case, terms)) is listed
    assert QUOTA.lists_block(block([case], terms)).tolist() == [listed]


def test_a_level_without_quotas_is_missing_from_the_policy() -> None:
    for price in (
        lambda terms: QUOTA.price(asked(Case(), terms, facts={**FACTS, "level": "I"})),
        lambda terms: QUOTA.price_block(block([Case()], terms, facts={**FACTS, "level": "I"})),
    ):
        with pytest.raises(PolicyError, match="quotas") as error:
            price(policy(QUOTA_TERMS))
        assert error.value.code == "POLICY_VALUE_MISSING"


def test_bed_days_by_segments() -> None:
    # 100 days: 30 × 280 + 60 × 220.50 + 10 × 160.125 = 8,400 + 13,230 + 1,601.25 = 23,231.25.
    terms = {"bed_day.segments": {"*": {"III": SEGMENTS}}}
    outcome, lines = one(BED_DAY, Case(los=100), terms)
    assert outcome.amount == yuan("23231.25")
    assert outcome.band == "bed_day"
    assert [line.number for line in lines] == [
        8400,
        13230,
        Fraction("1601.25"),
        Fraction("23231.25"),
    ]
    assert one(BED_DAY, Case(los=30), terms)[0].amount == yuan(8400)
    assert one(BED_DAY, Case(los=31), terms)[0].amount == yuan("8620.50")


@pytest.mark.parametrize(
    ("rows", "los", "reason"),
    [
        (SEGMENTS, None, "PAY_DAYS_MISSING"),
        (SEGMENTS, 0, "PAY_DAYS_MISSING"),
        (SEGMENTS[:2], 91, "PAY_QUOTA_MISSING"),
        (SEGMENTS[:1], 40, "PAY_POLICY_UNUSABLE"),
        ((SEGMENTS[1], SEGMENTS[2]), 40, "PAY_POLICY_UNUSABLE"),
        ((SEGMENTS[1], {"from_day": 30, "to_day": None, "rate": Decimal(1)}), 3, "PAY_POLICY_UNUSABLE"),
        (({"from_day": 1, "to_day": 0, "rate": Decimal(1)},), 3, "PAY_POLICY_UNUSABLE"),
        ((), 3, "PAY_POLICY_UNUSABLE"),
    ],
)  # fmt: skip
def test_a_day_without_a_rate_is_never_worth_nothing(
    rows: tuple[dict[str, Any], ...], los: int | None, reason: str
) -> None:
    outcome, _ = one(BED_DAY, Case(los=los), {"bed_day.segments": rows})
    assert (outcome.amount, outcome.reason) == (None, reason)


@pytest.mark.parametrize(
    ("cost", "before", "paid", "place", "patient", "fund", "excess"),
    [
        # The first visit of the year: the deductible of 500, the rest from the fund.
        ("800", "0", "0", "before_cap", "500", "300", "0"),
        # A small first visit leaves 200 of the deductible for the next one.
        ("300", "0", "0", "before_cap", "300", "0", "0"),
        ("800", "300", "0", "before_cap", "200", "600", "0"),
        # Nothing more from the patient; the fund up to 42,000; the rest is the hospital's.
        ("800", "500", "41500", "before_cap", "0", "500", "300"),
        ("800", "500", "42000", "before_cap", "0", "0", "800"),
        # A cap that holds the deductible too: 42,000 − 500 − 41,100 = 400 are left.
        ("800", "500", "41100", "within_cap", "0", "400", "400"),
        ("800", "900", "50000", "within_cap", "0", "0", "800"),
    ],
)
def test_a_visit_for_dialysis(
    cost: str, before: str, paid: str, place: str, patient: str, fund: str, excess: str
) -> None:
    case = Case(scope_cost=yuan(cost), year_deductible=yuan(before), year_basic=yuan(paid))
    terms = DIALYSIS_TERMS | {"dialysis_capitation.deductible_place": place}
    outcome, lines = one(DIALYSIS, case, terms)
    assert outcome.fund == yuan(fund)
    assert outcome.amount == yuan(fund) + yuan(patient)
    assert outcome.band == ("capped" if Decimal(excess) else "normal")
    assert {line.name: line.number for line in lines} == {
        "cap": 42000,
        "patient": Fraction(patient),
        "fund": Fraction(fund),
        "standard": Fraction(fund) + Fraction(patient),
        "excess": Fraction(excess),
    }


def test_a_visit_for_dialysis_needs_the_year_so_far() -> None:
    for case in (
        Case(scope_cost=yuan(9), year_basic=yuan(0)),
        Case(scope_cost=yuan(9), year_deductible=yuan(0)),
    ):
        assert one(DIALYSIS, case, DIALYSIS_TERMS)[0].reason == "PAY_YEAR_MISSING"
    assert one(DIALYSIS, Case(), DIALYSIS_TERMS)[0].reason == "PAY_COST_MISSING"
    case = Case(scope_cost=yuan(9), year_basic=yuan(-1), year_deductible=yuan(0))
    assert one(DIALYSIS, case, DIALYSIS_TERMS)[0].reason == "PAY_COST_NEGATIVE"


def test_the_months_of_a_visits_cap() -> None:
    # 40,000 × 1 ÷ 12 = 3,333.33.
    terms = DIALYSIS_TERMS | {
        "dialysis_capitation.annual_benefit": Decimal(40000),
        "dialysis_capitation.visit_months": 1,
    }
    case = Case(scope_cost=yuan(9000), year_deductible=yuan(500), year_basic=yuan(0))
    assert one(DIALYSIS, case, terms)[0].fund == yuan("3333.33")


def test_the_diagnoses_of_dialysis() -> None:
    terms = policy(DIALYSIS_TERMS)
    cases = [Case(dx=("n18.001",)), Case(dx=("N17.9", "N18.0")), Case(), Case(dx=(None, "N18"))]
    assert [DIALYSIS.lists(asked(c, terms)) for c in cases] == [True, False, False, False]
    assert DIALYSIS.lists_block(block(cases, terms)).tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("terms", "marked", "lines"),
    [
        ({}, True, ["standard"]),
        ({"global_budget.exempt_below_share": Decimal("0.05")}, True, ["standard"]),
        (
            {
                "global_budget.exempt_below_share": Decimal("0.05"),
                "global_budget.spending_share": {"*": {"H00000000001": Decimal("0.05")}},
            },
            True,
            ["place", "standard"],
        ),
        (
            {
                "global_budget.exempt_below_share": Decimal("0.05"),
                "global_budget.spending_share": {"*": {"H00000000001": Decimal("0.0499")}},
            },
            False,
            ["place", "standard"],
        ),
    ],
)
def test_a_case_within_the_budget_is_marked(
    terms: dict[str, Any], *, marked: bool, lines: list[str]
) -> None:
    outcome, shown = one(BUDGET, Case(scope_cost=yuan(10)), terms)
    assert outcome.amount == yuan(10)
    assert outcome.warnings == (("PAY_BUDGET",) if marked else ())
    assert [line.name for line in shown] == lines
    assert one(BUDGET, Case(), terms)[0].reason == "PAY_COST_MISSING"


def test_a_quota_of_the_demonstration_region() -> None:
    # 7,800 × 0.72 = 5,616 for a resident.
    terms = policies().on("demo", date(2025, 6, 1))
    case = Case(dx=("K35.800",), px=("47.0100",))
    found = QUOTA.price(asked(case, terms, facts={**FACTS, "insurance": "resident"}))
    assert (found.amount, found.fund) == (yuan(7800), yuan(5616))


@pytest.mark.parametrize("region", policies().with_files)
def test_the_shipped_tables_fit_together(region: str) -> None:
    given_values = policies().given(region)
    diseases = {
        row["disease"]
        for one in given_values
        if one.path == "disease_quota.diseases"
        for row in one.value
    }
    for one in given_values:
        for keys, value in one.by_keys():
            told = Value(one, value, keys)
            if one.path == "disease_quota.quotas":
                assert {row["disease"] for row in value} == diseases
            elif one.path == "bed_day.segments":
                assert segments_of(told) is not None
            elif one.path == "global_budget.overspend":
                assert bands_of(told)[0].start == 0


def test_a_column_that_the_batch_lacks_is_empty() -> None:
    whole = batch([Case(los=3)])
    some = whole.select(["los", "status", "scheme"])
    many = block([Case()], policy({"bed_day.segments": SEGMENTS}))
    many.columns.batch = some
    outcomes = BED_DAY.price_block(many)
    assert outcomes.amount.decimals() == [yuan(840)]
    assert np.equal(outcomes.reasons, None).all()
