"""Point values, indicators of the fund, and their warning levels."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from settlement_support import D, case, policies_of, table, value

from codebooks.errors import GrouperError
from codebooks.policies.policies import policies
from codebooks.policies.yaml_nodes import PolicyError
from grouper.payment.indices.fund_words import fund_document, fund_lines
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.fund import FundMonth, level_of, months_payable, rates, read_fund
from grouper.payment.settlement.looked import Looked
from grouper.payment.settlement.point_value import by_budget, by_fund, forecast
from grouper.payment.settlement.priced import Priced


def looked(region: str = "demo", day: date = date(2026, 11, 30), **facts: str) -> Looked:
    return Looked(policies().on(region, day), facts)


def test_the_point_value_of_a_budget() -> None:
    """(annual budget − spending outside the system) ÷ total points: (1.2 − 0.2) 亿 ÷ 125 万 = 80."""
    found = by_budget(looked(), D("1250000"), budget=D("120000000"), outside=D("20000000"))
    assert found.value == D("80.0000")
    assert [one.name for one in found.lines] == ["budget_left", "point_value"]


def test_the_budget_of_the_policy_is_asked() -> None:
    own = looked(method="dip_score", insurance="employee")
    found = by_budget(own, D("12000000"))
    budget = own.policy.value("budget.annual_budget", method="dip_score", insurance="employee")
    spent = own.policy.value("budget.outside_spending", method="dip_score", insurance="employee")
    exact = (budget.number - spent.number) / 12_000_000
    assert found.value == exact.quantize(D("0.0001"))
    assert "budget.annual_budget" in own.assumptions
    with pytest.raises(PolicyError):
        by_budget(looked("harbin", date(2024, 5, 1)), D(1))


def test_the_point_value_of_a_fund() -> None:
    """(fund available ÷ payment ratio) ÷ total score: 800 万 ÷ 0.8 ÷ 200 万 = 5."""
    found = by_fund(looked(), D("2000000"), fund=D("8000000"), payment_ratio=D("0.8"))
    assert found.value == D("5.0000")
    own = by_fund(looked(insurance="resident"), D("2000000"), fund=D("6500000"))
    assert own.value == D("5.0000")


def test_the_forecast_of_a_year() -> None:
    """Weighted 1 : 2 : 7: (100 + 220 + 840) 百万 ÷ (20 + 42 + 154) 百万 = 1160 ÷ 216."""
    years = [(D(100), D(20)), (D(110), D(21)), (D(120), D(22))]
    assert forecast(looked(), years).value == D("5.3704")
    # Of two years the weights are 2 and 7: (220 + 840) ÷ (42 + 154) = 1060 ÷ 196.
    assert forecast(looked(), years[1:]).value == D("5.4082")


def test_pingdingshan_rounds_to_six_places() -> None:
    """The published mean is 5718.153489 for a score of 1000."""
    own = looked("pingdingshan", date(2026, 1, 1))
    found = by_fund(own, D("1000"), fund=D("5718.153489"), payment_ratio=D(1))
    assert found.value == D("5.718153")


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: by_budget(looked(), D(0), budget=D(2), outside=D(1)), "SETTLE_NO_POINTS"),
        (lambda: by_budget(looked(), D(1), budget=D(1), outside=D(2)), "SETTLE_BUDGET_SPENT"),
        (lambda: by_fund(looked(), D(1), fund=D(1), payment_ratio=D(0)), "SETTLE_RATIO"),
        (lambda: by_fund(looked(), D(1), fund=D(1), payment_ratio=D("1.01")), "SETTLE_RATIO"),
        (lambda: forecast(looked(), []), "SETTLE_YEARS"),
        (lambda: forecast(looked(), [(D(1), D(1))] * 4), "SETTLE_YEARS"),
        (lambda: forecast(looked(), [(D(1), D(0))]), "SETTLE_NO_POINTS"),
    ],
)
def test_what_has_no_point_value(make, code: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    with pytest.raises(SettlementError) as caught:
        make()
    assert caught.value.code == code
    assert caught.value.describe("zh")
    assert caught.value.describe("en")


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.integers(1, 10**10))
@settings(max_examples=examples(50), deadline=None)
def test_a_point_value_is_monotone(budget: int, more: int, points: int) -> None:
    one = by_budget(looked(), D(points), budget=D(budget), outside=D(0))
    other = by_budget(looked(), D(points), budget=D(budget + more), outside=D(0))
    fewer = by_budget(looked(), D(points) + 1, budget=D(budget), outside=D(0))
    assert fewer.value <= one.value <= other.value


def test_ningde_states_how_long_its_fund_lasts() -> None:
    """2022: 31.68 months of the employees' fund, 8.27 of the residents'; before 18.52 and 4.89."""
    now = Looked(policies().on("ningde", date(2022, 6, 1)))
    before = Looked(policies().on("ningde", date(2021, 6, 1)))
    found = [months_payable(now, who, ()) for who in ("employee", "resident")]
    assert [(one.value, one.level, one.stated) for one in found] == [
        (D("31.68"), "watch", True),
        (D("8.27"), "normal", True),
    ]
    found = [months_payable(before, who, ()) for who in ("employee", "resident")]
    assert [(one.value, one.level) for one in found] == [
        (D("18.52"), "watch"),
        (D("4.89"), "warning"),
    ]


def test_months_payable_are_balance_over_mean_spending() -> None:
    """A balance of 31.68 mean months gives 31.68 back: 3,168,000 ÷ (1,200,000 ÷ 12)."""
    months = [
        FundMonth(
            month=f"2026-{n:02d}",
            insurance="employee",
            spending=D(80000 + 40000 * (n % 2)),
            balance=D("3168000.00"),
        )
        for n in range(1, 13)
    ]
    old = FundMonth(month="2025-12", insurance="employee", spending=D(10**9), balance=D(1))
    found = months_payable(looked(), "employee", [*months, old])
    assert (found.value, found.level, found.stated) == (D("31.68"), "watch", False)
    short = [FundMonth(month="2026-01", insurance="resident", spending=D(100), balance=D(299))]
    assert months_payable(looked(), "resident", short).level == "alarm"
    none = [FundMonth(month="2026-01", insurance="resident", spending=D(0), balance=D(299))]
    assert months_payable(looked(), "resident", none).value is None


def test_rates_of_priced_cases() -> None:
    paid = {"amount": D("800.00"), "deducted": D("200.00"), "patient": D("200.00")}
    rows = [
        case(1, **paid, scope_cost=D("1000.00")),
        case(2, **paid, scope_cost=D("1000.00"), insured_region="harbin"),
        case(3, **paid, scope_cost=None, insurance_type="390"),
        case(4, **paid, scope_cost=D("500.00"), kind="outpatient"),
    ]
    own = looked()
    priced = Priced.of(table(*rows), own.policy)
    found = {one.name: one for one in rates(own, priced)}
    # Fund 600 × 3 of the cases that state their scope, out of 2500; one of four is from elsewhere.
    assert found["execution_rate"].value == D("0.7200")
    assert found["execution_rate"].level == "normal"
    assert found["out_of_area_rate"].value == D("0.2500")
    assert found["out_of_area_rate"].level == "warning"
    assert found["admission_rate"].value is None
    mine = {one.name: one for one in rates(own, priced, "employee")}
    persons = own.policy.value("fund_warning.insured_persons", insurance="employee").number
    # Two cases in one month, of which one is an inpatient insured here: 12 a year.
    assert mine["admission_rate"].value == (Decimal(12) / persons).quantize(D("0.0001"))
    assert mine["admission_rate"].level == "normal"
    empty = rates(own, Priced.of(table(), own.policy))
    assert [one.value for one in empty] == [None, None, None]
    told = fund_document([*found.values(), months_payable(own, "employee", ())], "zh")
    text = "\n".join(fund_lines(told, "zh"))
    assert "异地就医率（全部）25%：预警" in text
    assert "住院率" not in text


def test_stated_months_are_told_as_such() -> None:
    own = Looked(policies().on("ningde", date(2022, 6, 1)))
    told = fund_document([months_payable(own, "employee", ())], "en")
    assert fund_lines(told, "en")[1] == (
        "  months the fund lasts (employee) 31.68: watch (as published)"
    )


def test_a_region_without_levels_says_no_level(tmp_path: Path) -> None:
    at_hand = policies_of(tmp_path, fund_warning=value("levels", "null"))
    own = Looked(at_hand.on("demo", date(2026, 1, 1)))
    assert level_of(own, "months_payable", D(5)) is None
    months = [FundMonth(month="2026-01", insurance="employee", spending=D(1), balance=D(7))]
    found = months_payable(own, "employee", months)
    assert (found.value, found.level) == (D("7.00"), None)
    assert "7.00" in fund_lines(fund_document([found], "zh"), "zh")[1]
    assert level_of(looked(), "no_such", D(5)) is None


def test_the_fund_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "fund.csv"
    head = "month,insurance,spending,balance\n"
    path.write_text(f"{head}2026-02,employee,1.50,2\n2026-01,employee,1,2\n", "utf-8")
    assert [one.month for one in read_fund(path)] == ["2026-01", "2026-02"]
    for line, code in (
        ("2026-2,employee,1,1", "SETTLE_MONTH"),
        ("2026-02,310,1,1", "SETTLE_WORD"),
        ("2026-02,employee,x,1", "SETTLE_AMOUNT"),
        ("2026-02,employee,1,1\n2026-02,employee,1,1", "FUND_MONTH_TWICE"),
    ):
        path.write_text(head + line + "\n", "utf-8")
        with pytest.raises(GrouperError) as caught:
            read_fund(path)
        assert caught.value.code == code
        assert caught.value.where.row == line.count("\n") + 2
