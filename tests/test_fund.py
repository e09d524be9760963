"""The ledger, the months payable and the budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fund_support import code, data, write
from fund_view_support import HEAD, a_month, part, settled, statement
from hypothesis import given
from hypothesis import strategies as st

from codebooks.audit.books import audit_book
from codebooks.errors import CodebookError, Where
from codebooks.policies.policies import policies
from grouper.audit.errors import AuditError
from grouper.audit.fund.budget import (
    NO_BUDGET,
    REGION,
    UNKNOWN,
    Budget,
    Statement,
    budget_of,
    once,
    statement_of,
    uses,
)
from grouper.audit.fund.ledger import LedgerMonth, name_of, number_of, read_ledger
from grouper.audit.fund.payable import FEW, SPENT, payable
from grouper.audit.fund.settings import shipped
from grouper.audit.fund.view import last_day
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.looked import Looked

__all__ = ["data"]


# --- ledger ------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_ledger_is_read_in_order(tmp_path: Path, encoding: str) -> None:
    text = HEAD + "2026-02,resident,1,2,-3.5,示例\n2026-01,employee,100.00,90.00,500.00,\n"
    one, other = read_ledger(write(tmp_path, text, encoding=encoding))
    assert (one.insurance, one.balance, one.source) == ("employee", Decimal(500), "")
    assert (other.month, other.balance, other.source) == ("2026-02", Decimal("-3.5"), "示例")


@pytest.mark.parametrize(
    ("row", "wanted", "column"),
    [
        ("2026-13,employee,1,1,1,", "SETTLE_MONTH", "month"),
        ("2026-1,employee,1,1,1,", "SETTLE_MONTH", "month"),
        ("2026-01,other,1,1,1,", "SETTLE_WORD", "insurance"),
        ("2026-01,employee,x,1,1,", "SETTLE_AMOUNT", "income"),
        ("2026-01,employee,1,1.234,1,", "SETTLE_AMOUNT", "outlay"),
        ("2026-01,employee,1,1,,", "SETTLE_AMOUNT", "balance"),
    ],
)
def test_a_row_of_a_ledger_that_cannot_be_read_is_named(
    tmp_path: Path, row: str, wanted: str, column: str
) -> None:
    with pytest.raises(SettlementError) as error:
        read_ledger(write(tmp_path, HEAD + row + "\n"))
    assert code(error) == wanted
    where = error.value.where
    assert (where.file, where.row, where.column) == ("table.csv", 2, column)


def test_a_ledger_has_each_month_once_and_all_its_columns(tmp_path: Path) -> None:
    row = "2026-01,employee,1,1,1,\n"
    with pytest.raises(SettlementError) as error:
        read_ledger(write(tmp_path, HEAD + row + row))
    assert code(error) == "FUND_MONTH_TWICE"
    with pytest.raises(CodebookError) as missing:
        read_ledger(write(tmp_path, "month,insurance,outlay,balance\n"))
    assert code(missing) == "TABLE_COLUMN_MISSING"


@given(st.integers(1900 * 12, 2200 * 12 - 1))
def test_months_count_on(number: int) -> None:
    assert number_of(name_of(number)) == number
    assert last_day(name_of(number)) < last_day(name_of(number + 1))


# --- months payable ----------------------------------------------------------------------------


def months(count: int, balance: str, outlay: str = "100") -> list[LedgerMonth]:
    first = number_of("2026-01")
    return [a_month(name_of(first + at), balance, outlay, outlay) for at in range(count)]


@pytest.mark.parametrize(
    ("balance", "value", "level"),
    [
        ("599.99", "6.00", "warning"),
        ("600", "6.00", "caution"),
        ("899.99", "9.00", "caution"),
        ("900", "9.00", "normal"),
        ("-10", "-0.10", "warning"),
    ],
)
def test_months_payable_are_judged_by_their_exact_value(
    balance: str, value: str, level: str
) -> None:
    (found,) = payable(months(12, balance), shipped())
    assert (found.value, found.level) == (Decimal(value), level)
    assert (found.by, found.standing, found.averaged) == ("LOC-FUND", "proposal", 12)


def test_the_mean_is_of_the_last_calendar_months_and_gaps_are_told() -> None:
    rows = [
        a_month("2025-01", "9000", "900"),
        a_month("2025-02", "8200", "900"),
        a_month("2025-12", "8200", "300"),
        a_month("2026-02", "2400", "100", "95"),
        a_month("2026-05", "1", "1"),
    ]
    (found,) = payable(rows, shipped(), month="2026-03")
    # 2025-03 to 2026-02; what was spent before is no part of it.
    assert found.value is None
    assert found.reason == FEW
    assert (found.month, found.late, found.averaged) == ("2026-02", 1, 2)
    assert len(found.missing) == 10
    enough = replace(shipped(), least=2)
    (found,) = payable(rows, enough, month="2026-03")
    assert (found.value, found.outlay) == (Decimal("12.00"), Decimal(400))
    # Only neighbours are compared: 9000 + 100 - 900 = 8200 in 2025-02.
    assert found.broken == ()
    off = [a_month("2025-02", "8200.01", "900"), *rows[:1]]
    (found,) = payable(off, enough)
    assert found.broken == (("2025-02", Decimal("0.01")),)


def test_a_fund_that_spends_nothing_has_no_months() -> None:
    (found,) = payable(months(12, "5", "0"), shipped())
    assert (found.value, found.level, found.reason) == (None, None, SPENT)
    assert payable(months(12, "5"), shipped(), month="2025-01") == []


def test_what_the_region_states_goes_before_the_rule() -> None:
    looked = Looked(policies().on("demo", date(2026, 12, 31)))
    (found,) = payable(months(12, "250"), shipped(), looked=looked)
    assert (found.level, found.by, found.standing) == (
        "alarm",
        "fund_warning.levels",
        "assumption",
    )
    # The nation's levels are our own reading: the rule's limits stand.
    jinhua = Looked(policies().on("jinhua", date(2026, 12, 31)))
    (found,) = payable(months(12, "250"), shipped(), looked=jinhua)
    assert (found.level, found.by) == ("warning", "LOC-FUND")


def test_the_rule_book_states_limits_of_its_own(data: Path) -> None:
    head = "row,rule,parameter,value,unit,level,valid_from,valid_to,source,note\n"
    own = (
        "LOC-FUND/warn_below,LOC-FUND,warn_below,3,times,,,,示例,\n"
        "LOC-FUND/months_averaged,LOC-FUND,months_averaged,2,times,,,,示例,\n"
    )
    write(data / "audit" / "national-2025" / "rows", head + own, "behaviour.csv")
    how = shipped().of_book(audit_book(), date(2026, 12, 31))
    assert (how.warn_below, how.caution_below, how.averaged, how.source) == (
        Decimal(3),
        Decimal(9),
        2,
        "示例",
    )
    (found,) = payable(months(12, "500"), how)
    assert (found.value, found.level, found.averaged) == (Decimal("5.00"), "caution", 2)


def test_a_settled_month_is_read() -> None:
    found = statement_of(settled(), Where(file="m.json"))
    assert found.fund == {"employee": Decimal("15.00"), "resident": None}
    assert found.unknown == {"employee": Decimal("2.00"), "resident": Decimal("7.00")}
    assert found.other == Decimal("3.00")


@pytest.mark.parametrize(
    "changes",
    [
        {"period": "year"},
        {"when": "2026"},
        {"when": None},
        {"parts": None},
        {"parts": [{}]},
        {"parts": [part("employee", "x")]},
        {"parts": [part("employee", "NaN")]},
        {"parts": ["x"]},
    ],
)
def test_what_is_no_settled_month_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(AuditError) as error:
        statement_of(settled(**changes), Where(file="m.json"))
    assert code(error) == "FUND_STATEMENT"


def budget(value: str | None, basis: str | None = "hospital") -> Budget:
    return Budget(value=None if value is None else Decimal(value), basis=basis)


def test_the_use_is_held_against_the_days_of_the_settled_months() -> None:
    budgets = {"employee": budget("3650.00"), "resident": budget("365.00")}
    months_of = [statement("2026-01", "400.00"), statement("2026-02", "300.00")]
    employee, resident, both = uses(months_of, budgets, Decimal("0.05"))
    # 59 days of 365.
    assert (employee.used, employee.expected) == (Decimal("700.00"), Decimal("590.00"))
    assert (employee.share, employee.course) == (Decimal("0.1918"), "ahead")
    assert employee.projected == Decimal("4330.51")
    assert (resident.used, resident.course) == (Decimal("0.00"), "behind")
    assert (both.insurance, both.budget.value) == (None, Decimal("4015.00"))
    assert both.used == Decimal("700.00")
    (near, *_) = uses([statement("2026-01", "320.00")], budgets, Decimal("0.05"))
    assert near.course == "on_course"
    (leap, *_) = uses([statement("2028-02", "290.00")], budgets, Decimal(0))
    assert leap.projected == Decimal("3660.00")


def test_what_is_not_known_is_no_use_of_nought() -> None:
    budgets = {"employee": budget("100.00"), "resident": budget(None, None)}
    employee, resident, both = uses([statement("2026-01", None, "5.00")], budgets, Decimal(0))
    assert (employee.used, employee.reason) == (None, UNKNOWN)
    assert (resident.reason, resident.projected) == (NO_BUDGET, Decimal("58.87"))
    assert (both.used, both.reason) == (None, UNKNOWN)
    whole = {"employee": budget("100.00", REGION), "resident": budget("100.00", REGION)}
    employee, _, both = uses([statement("2026-01", "9.00")], whole, Decimal(0))
    # Of a budget for all hospitals nothing is expected of one of them.
    assert (employee.share, employee.expected, both.budget.value) == (
        Decimal("0.0900"),
        None,
        Decimal("200.00"),
    )
    mixed = {"employee": budget("100.00", REGION), "resident": budget("100.00")}
    assert uses([statement("2026-01", "9.00")], mixed, Decimal(0))[-1].budget.value is None
    none = Statement(month="2026-01", region="demo", hospital=None, fund={}, unknown={})
    assert uses([none], budgets, Decimal(0))[0].used == 0


def test_the_budget_is_the_hospitals_else_its_share_else_the_regions() -> None:
    policy = policies().on("demo", date(2026, 12, 31))
    own = budget_of(Looked(policy, {"hospital": "H00000000001"}), "employee")
    assert (own.value, own.basis) == (Decimal(80000000), "hospital")
    assert own.assumptions == ("global_budget.budget",)
    other = budget_of(Looked(policy, {"hospital": "H2"}), "employee")
    assert (other.value, other.basis) == (Decimal(127800000), "region")
    assert len(other.paths) == 3
    without = replace(
        policy, values={k: v for k, v in policy.values.items() if k != "global_budget.budget"}
    )
    share = budget_of(Looked(without, {"hospital": "H00000000001"}), "employee")
    assert (share.value, share.basis) == (Decimal("38340000.00"), "share")
    nothing = policies().on("jinhua", date(2026, 12, 31))
    assert budget_of(Looked(nothing, {"hospital": "H2"}), "employee").value is None


def test_each_month_counts_once() -> None:
    some = [statement("2026-02", "1"), statement("2025-12", "1"), statement("2026-01", "1")]
    assert [one.month for one in once(some, 2026, "2026-01")] == ["2026-01"]
    with pytest.raises(AuditError) as error:
        once([some[0], some[0]], 2026, "2026-12")
    assert code(error) == "FUND_STATEMENT_TWICE"
