"""A global budget: advances, the year's end in bands, and the area's target by hospital."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pay_quota_support import policy, yuan

from codebooks.policies.policies import policies
from codebooks.policies.yaml_nodes import PolicyError
from grouper.payment.budget import advances, allot, clear

HOSPITAL = {"insurance": "employee", "hospital": "H1"}
BANDS = (
    {"from": Decimal("0.05"), "to": Decimal("0.15"), "fund_share": Decimal("0.4")},
    {"from": Decimal(0), "to": Decimal("0.05"), "fund_share": Decimal("0.7")},
)
TERMS: dict[str, Any] = {
    "global_budget.budget": {"employee": {"H1": Decimal(10_000_000)}},
    "global_budget.target": {"employee": Decimal(59_870_000), "resident": Decimal(39_140_000)},
    "global_budget.exempt_below_share": Decimal("0.05"),
    "global_budget.periods": 12,
    "global_budget.reserve": Decimal("0.1"),
    "global_budget.surplus_kept": Decimal(1),
    "global_budget.overspend": BANDS,
}


def test_the_advances_of_a_year() -> None:
    # 10,000,000 ÷ 12 × 0.9 = 750,000; twelve of them leave 1,000,000.
    found = advances(policy(TERMS), HOSPITAL)
    assert (found.amount, found.periods, found.kept) == (yuan(750000), 12, yuan(1000000))
    # 10,000,000 ÷ 7 × 0.9 = 1,285,714.2857…
    found = advances(policy(TERMS | {"global_budget.periods": 7}), HOSPITAL)
    assert (found.amount, found.kept) == (yuan("1285714.29"), yuan("999999.97"))
    assert [line.name for line in found.lines] == ["budget", "advance", "kept_back"]


def test_baichengs_target_of_2015_by_the_month() -> None:
    # The target of employees, 59,870,000, by the assumptions of the file: ÷ 12 × 0.9 = 4,490,250.
    terms = policies().on("baicheng", date(2015, 6, 1))
    target = terms.value("global_budget.target", insurance="employee").number
    found = advances(terms, {"insurance": "employee", "hospital": None}, budget=target)
    assert found.budget == yuan(59_870_000)
    assert found.amount == yuan(4_490_250)
    open_values = {one.path for one in found.asked if one.assumption}
    assert {"global_budget.periods", "global_budget.reserve"} <= open_values


@pytest.mark.parametrize(
    ("spent", "due", "kept", "shared", "borne"),
    [
        # A surplus is kept whole: the fund owes the budget.
        ("9200000", "10000000", "800000", "0", "0"),
        ("10000000", "10000000", "0", "0", "0"),
        # 400,000 over lie in the first band: 0.7 of them is the fund's.
        ("10400000", "10280000", "0", "280000", "120000"),
        # 1,200,000 over: 500,000 × 0.7 + 700,000 × 0.4 = 630,000.
        ("11200000", "10630000", "0", "630000", "570000"),
        # Above 1,500,000 the hospital bears all: 500,000 × 0.7 + 1,000,000 × 0.4 = 750,000.
        ("13000000", "10750000", "0", "750000", "2250000"),
    ],
)
def test_the_end_of_a_year(spent: str, due: str, kept: str, shared: str, borne: str) -> None:
    found = clear(
        policy(TERMS), HOSPITAL, yuan(spent), paid=yuan(9_000_000), deducted=yuan("12345.67")
    )
    assert (found.due, found.kept, found.shared, found.borne) == tuple(
        yuan(one) for one in (due, kept, shared, borne)
    )
    assert found.rest == yuan(due) - yuan(9_000_000) - yuan("12345.67")
    assert found.lines[-1].number == found.rest


def test_a_band_that_is_only_reached_takes_no_part() -> None:
    # 500,000 over are the whole first band; the second begins where they end.
    lines = clear(policy(TERMS), HOSPITAL, yuan(10_500_000)).lines
    assert [line.name for line in lines].count("band") == 1


def test_a_band_without_an_end_and_a_part_of_the_surplus() -> None:
    terms = TERMS | {
        "global_budget.overspend": (
            {"from": Decimal(0), "to": None, "fund_share": Decimal("0.5")},
        ),
        "global_budget.surplus_kept": Decimal("0.333333"),
    }
    found = clear(policy(terms), HOSPITAL, yuan(30_000_000))
    assert (found.due, found.borne) == (yuan(20_000_000), yuan(10_000_000))
    # 1,000 × 0.333333 = 333.333, to the fen.
    found = clear(policy(terms), HOSPITAL, yuan(9_999_000))
    assert (found.kept, found.due) == (yuan("333.33"), yuan("9999333.33"))


@pytest.mark.parametrize(
    "rows",
    [
        [("0.01", "0.05")],
        [("0", "0.05"), ("0.06", "0.1")],
        [("0", "0.05"), ("0.04", "0.1")],
        [("0", "0")],
        [("0", None), ("0.1", "0.2")],
    ],
)
def test_bands_with_a_gap_or_an_overlap_are_refused(rows: list[tuple[str, str | None]]) -> None:
    bands = tuple(
        {"from": Decimal(a), "to": None if b is None else Decimal(b), "fund_share": Decimal(1)}
        for a, b in rows
    )
    with pytest.raises(PolicyError) as error:
        clear(policy(TERMS | {"global_budget.overspend": bands}), HOSPITAL, yuan(1))
    assert error.value.code == "POLICY_BANDS"
    assert error.value.params["path"] == "global_budget.overspend"


def test_without_bands_an_overspend_is_the_hospitals() -> None:
    found = clear(policy(TERMS | {"global_budget.overspend": ()}), HOSPITAL, yuan(11_000_000))
    assert (found.due, found.borne) == (yuan(10_000_000), yuan(1_000_000))


def test_a_hospital_without_a_budget_is_missing_from_the_policy() -> None:
    with pytest.raises(PolicyError) as error:
        advances(policy(TERMS), {**HOSPITAL, "hospital": "H2"})
    assert error.value.code == "POLICY_VALUE_MISSING"


def test_the_target_goes_to_those_that_are_not_exempt() -> None:
    # Of 100 million H1 has 60 %, H2 36 % and H3 4 %: H3 is below 5 % and paid by item.
    # 59,870,000 × 60 ÷ 96 = 37,418,750; the rest 22,451,250.
    found = allot(
        policy(TERMS),
        {"insurance": "employee"},
        {"H1": yuan(60_000_000), "H2": yuan(36_000_000), "H3": yuan(4_000_000)},
    )
    assert {name: one.budget for name, one in found.items()} == {
        "H1": yuan(37_418_750),
        "H2": yuan(22_451_250),
        "H3": None,
    }
    assert found["H3"].spending_share == Fraction(4, 100)
    nothing = allot(policy(TERMS), {"insurance": "employee"}, {"H1": yuan(0)})
    assert nothing["H1"].budget is None
    with pytest.raises(PolicyError) as error:
        allot(policy(TERMS), {"insurance": "employee"}, {"H1": yuan(-1)})
    assert error.value.code == "BUDGET_SPENDING"


@settings(max_examples=examples(100), deadline=None)
@given(
    st.dictionaries(st.text("ABC", min_size=1, max_size=2), st.decimals(0, 10**9, places=2)),
    st.decimals(0, 10**9, places=2),
)
def test_the_budgets_sum_to_the_target_to_the_fen(
    spending: dict[str, Decimal], target: Decimal
) -> None:
    terms = policy(TERMS | {"global_budget.target": target})
    budgets = [one.budget for one in allot(terms, {}, spending).values() if one.budget is not None]
    assert not budgets or sum(budgets) == target
    turned = dict(reversed(spending.items()))
    assert allot(terms, {}, turned) == allot(terms, {}, spending)


@settings(max_examples=examples(100), deadline=None)
@given(
    st.decimals(0, 10**8, places=2), st.decimals(0, 10**8, places=2), st.decimals(0, 1, places=3)
)
def test_the_fund_owes_between_budget_and_spending(
    budget: Decimal, spent: Decimal, kept: Decimal
) -> None:
    terms = policy(TERMS | {"global_budget.surplus_kept": kept})
    found = clear(terms, HOSPITAL, spent, budget=budget)
    assert min(budget, spent) <= found.due <= max(budget, spent)
    assert found.due + found.borne == max(spent, found.due)
    more = clear(terms, HOSPITAL, spent + 1, budget=budget)
    assert more.due >= found.due or spent < budget
