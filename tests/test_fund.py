"""Fund and credit: months payable, use of the budget, leads by topic, points and grade."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fund_support import FULL, VALUES, code, data, write
from hypothesis import given
from hypothesis import strategies as st
from service_support import Service, service
from store_support import Feed, database, stay
from typer.testing import CliRunner

from codebooks.audit.books import AuditBook, audit_book
from codebooks.errors import CodebookError, GrouperError, Where
from codebooks.messages import catalogue
from codebooks.policies.policies import policies
from grouper.audit.errors import AuditError
from grouper.audit.fund import ledger, view
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
from grouper.audit.fund.credit import Quantity
from grouper.audit.fund.document import document
from grouper.audit.fund.leads import Counted, leads, standing_states, topic_of
from grouper.audit.fund.ledger import LedgerMonth, name_of, number_of, read_ledger
from grouper.audit.fund.outlook import read_outlook
from grouper.audit.fund.payable import FEW, SPENT, payable
from grouper.audit.fund.settings import shipped, toml
from grouper.audit.fund.telling import lines, sheets
from grouper.audit.fund.view import Known, last_day, look
from grouper.audit.review.tables import states
from grouper.cli import fund as fund_cli
from grouper.cli.fund import fund_command
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.looked import Looked
from grouper.service import fund as fund_service
from grouper.service.fund import Files, fund_view, last_month
from grouper.store import finding_events as events
from grouper.store import findings
from grouper.store.database import Database
from grouper.store.finding_events import Change
from grouper.store.findings import FindingRow

__all__ = ["data", "database"]

NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)
HEAD = "month,insurance,income,outlay,balance,source\n"


def a_month(
    month: str, balance: str, outlay: str = "100", income: str = "100", insurance: str = "employee"
) -> LedgerMonth:
    return LedgerMonth(
        month=month,
        insurance=insurance,
        income=Decimal(income),
        outlay=Decimal(outlay),
        balance=Decimal(balance),
    )


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


# --- the budget --------------------------------------------------------------------------------


def part(insurance: str | None, fund: str | None, unknown: str = "0.00") -> dict[str, Any]:
    return {"insurance": insurance, "sums": {"fund": fund, "unknown_amount": unknown}}


def settled(month: str = "2026-01", **changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "period": "month",
        "when": month,
        "region": "demo",
        "hospital": "H00000000001",
        "parts": [
            part("employee", "10.00"),
            part("employee", "5.00", "2.00"),
            part("resident", None, "7.00"),
            part(None, "3.00"),
        ],
    }
    return told | changes


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


def statement(month: str, employee: str | None, resident: str | None = "0.00") -> Statement:
    fund = {
        name: None if value is None else Decimal(value)
        for name, value in (("employee", employee), ("resident", resident))
    }
    return Statement(month=month, region="demo", hospital=None, fund=fund, unknown={})


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


# --- the outlook -------------------------------------------------------------------------------


def outlook(**figure: Any) -> dict[str, Any]:
    told = {
        "expected": "1000.00",
        "intervals": [
            {"level": 0.8, "low": "900.00", "high": "1100.00"},
            {"level": 0.9, "low": None, "high": None},
        ],
    }
    periods = [
        {"name": "2026-03", "whole": {}},
        {"name": "2026", "whole": {"fund": told | figure}},
    ]
    return {"region": "demo", "as_of": "2026-03-10", "periods": periods}


def test_an_outlook_gives_its_year_with_intervals(tmp_path: Path) -> None:
    found = read_outlook(write(tmp_path, json.dumps(outlook()), "o.json"), 2026)
    assert (found.expected, found.region, found.year) == (Decimal("1000.00"), "demo", "2026")
    assert [(one.level, one.low, one.high) for one in found.spans] == [
        ("0.8", Decimal(900), Decimal(1100))
    ]
    none = outlook() | {"periods": [{"name": "2026", "whole": {}}]}
    assert read_outlook(write(tmp_path, json.dumps(none), "o.json"), 2026).expected is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps(outlook() | {"periods": 3}),
        json.dumps(outlook(expected="x")),
        json.dumps(outlook(expected="NaN")),
        json.dumps(outlook(intervals=[{}])),
        "[" * 100_000,
    ],
)
def test_what_is_no_outlook_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(AuditError) as error:
        read_outlook(write(tmp_path, text, "o.json"), 2026)
    assert code(error) == "FUND_OUTLOOK"


def test_an_outlook_of_another_year_is_none(tmp_path: Path) -> None:
    with pytest.raises(AuditError) as error:
        read_outlook(write(tmp_path, json.dumps(outlook()), "o.json"), 2027)
    assert code(error) == "FUND_OUTLOOK"


# --- leads -------------------------------------------------------------------------------------


def counted(state: str, rule: str = "GZ10000102012000", **values: Any) -> Counted:
    given: dict[str, Any] = {
        "department": "心内科",
        "source": "own",
        "count": 1,
        "amount": Decimal("10.00"),
        "oldest": date(2026, 3, 1),
    }
    return Counted(rule=rule, state=state, **given | values)


def test_findings_are_summed_by_topic_and_department() -> None:
    found = leads(
        [
            counted("new", count=2),
            counted("confirmed", department="骨科", oldest=date(2026, 2, 1)),
            counted("deducted", amount=Decimal("90.00"), oldest=date(2026, 1, 1)),
            counted("dismissed", count=5),
            counted("shadow"),
            counted("exempt"),
            counted("notified", "external:某规则", source="insurer", amount=Decimal("1.00")),
        ],
        audit_book(),
    )
    assert [one.key for one in found] == ["duplicate", "external"]
    sums = found[0].sums
    assert (sums.found, sums.open, sums.confirmed, sums.cleared) == (9, 3, 2, 5)
    assert (sums.amount, sums.open_amount, sums.confirmed_amount) == (
        Decimal("110.00"),
        Decimal("20.00"),
        Decimal("100.00"),
    )
    # The oldest one that is still open.
    assert sums.oldest == date(2026, 2, 1)
    assert found[0].departments["心内科"].amount == Decimal("100.00")
    assert dict(found[1].sources) == {"insurer": 1}


def test_every_rule_of_the_book_has_a_topic() -> None:
    book = audit_book()
    keys = {one["key"] for one in toml("topics.toml")["topic"]}
    topics = {rule: topic_of(rule, book) for rule in book.rules}
    assert set(topics.values()) <= keys
    assert topics["LOC-SPLIT"] == "admission"
    assert topics["ZB10000205001000"] == "statistics"
    assert topic_of("external:x", book) == "external"
    assert topic_of("no rule", book) == "other"
    named = {rule for one in toml("topics.toml")["topic"] for rule in one.get("rules", ())}
    assert named <= set(book.rules)


def test_the_states_that_count_are_states_of_the_review() -> None:
    said = standing_states()
    for names in said.values():
        assert names <= set(states())
    assert not said["confirmed"] & (said["cleared"] | said["left_out"])
    closed = {name for name, state in states().items() if state.closed}
    # Whatever is closed is decided in one way or the other.
    assert closed <= said["confirmed"] | said["cleared"]


# --- the view ----------------------------------------------------------------------------------


def seen(known: Known, **more: Any) -> view.View:
    book: AuditBook = audit_book()
    given_: dict[str, Any] = {"region": "demo", "month": "2026-02"} | more
    return look(known, book, **given_)


def test_a_view_without_anything_says_what_is_missing() -> None:
    found = seen(Known())
    assert found.missing == {
        "payable": "FUND_NO_LEDGER",
        "budget": "FUND_NO_STATEMENTS",
        "leads": "FUND_NO_STORE",
    }
    assert seen(Known(), region="national").missing["budget"] == "FUND_NO_STATEMENTS"
    assert seen(Known(), month="2020-01").missing["credit"] == "FUND_NO_SCHEME"
    for lang in ("zh", "en"):
        told = document(found, lang)
        assert told["missing"]["payable"]["text"] != "FUND_NO_LEDGER"
        assert any("FUND_NO_LEDGER" in line for line in lines(told))
        assert len(sheets(told)) == 4


def test_a_view_tells_all_of_it(tmp_path: Path) -> None:
    of_region = [
        statement_of(settled(month), Where()) for month in ("2026-01", "2025-12", "2026-03")
    ]
    foreign = statement_of(settled(region="jinhua"), Where())
    known = Known(
        ledger=[a_month("2026-01", "500"), a_month("2026-02", "499.99", "90")],
        statements=[*of_region, foreign],
        outlook=read_outlook(write(tmp_path, json.dumps(outlook()), "o.json"), 2026),
        findings=[
            counted("new"),
            *(counted("deducted", department=f"科{at}") for at in range(11)),
            counted("new", "LOC-SPLIT", department=None, oldest=None),
        ],
        quantities={name: one for name, one in FULL.items() if name != "deducted_share"},
        deducted=Decimal("3.00"),
    )
    found = seen(known)
    assert found.hospital == "H00000000001"
    assert (found.settled, found.open_months) == (("2026-01",), ("2026-02",))
    assert found.left_out == (
        ("2025-12", "FUND_STATEMENT_YEAR"),
        ("2026-01", "FUND_STATEMENT_REGION"),
        ("2026-03", "FUND_STATEMENT_YEAR"),
    )
    assert found.missing == {}
    told = document(found, "zh")
    assert json.loads(json.dumps(told)) == told
    assert told["payable"][0]["broken"] == [{"month": "2026-02", "off": "-10.01"}]
    assert told["payable_absent"] == ["居民"]
    # The part of the residents is not known, so there is no sum to divide by.
    assert "deducted_share" in told["credit"]["missing"]
    assert told["leads"][0]["more_departments"] == 2
    for lang in ("zh", "en"):
        again = document(found, lang)
        words = "\n".join(lines(again))
        assert "{" not in words
        for wanted in ("FUND_PART_UNKNOWN", "1000.00", "2026-03-10", "-10.01"):
            assert wanted in words
        for sheet in sheets(again):
            assert {len(row) for row in sheet.rows} <= {len(sheet.header)}
    known = replace(known, statements=[statement("2026-01", "1000.00", "2000.00")])
    told = document(seen(known), "en")
    share = next(one for one in told["credit"]["inputs"] if one["input"] == "deducted_share")
    assert (share["part"], share["whole"], share["value"]) == ("3.00", "3000.00", "0.0010")
    assert told["credit"]["grade"] == "A"
    assert any("grade A" in line for line in lines(told))


def test_an_outlook_of_another_region_does_not_count(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(outlook() | {"region": "jinhua"}), "o.json")
    found = seen(Known(outlook=read_outlook(path, 2026)))
    assert found.outlook is None
    told = document(found, "en")
    assert any("FUND_OUTLOOK_REGION" in line for line in lines(told))


def test_a_region_without_a_policy_has_no_budget() -> None:
    found = seen(
        Known(
            statements=[replace(statement("2026-01", "1.00"), region="national")],
            findings=[],
            ledger=[a_month("2026-03", "1")],
        ),
        region="national",
    )
    assert found.policy is None
    assert found.missing == {"payable": "FUND_NO_MONTHS", "budget": "FUND_NO_POLICY"}
    assert found.uses[0].reason == NO_BUDGET
    assert any("没有线索" in line for line in lines(document(found, "zh")))


# --- the store ---------------------------------------------------------------------------------


def row(stay_id: int, at: int, **values: Any) -> FindingRow:
    given_: dict[str, Any] = {
        "key": f"{at:024x}",
        "source": "own",
        "moment": "upload",
        "stay_id": stay_id,
        "version": 1,
        "rule": "GZ10000102012000",
        "book": "national-2025",
        "book_hash": "0" * 64,
        "level": "violation",
        "amount": Decimal("10.00"),
        "department": "心内科",
        "day": date(2026, 3, at),
        "document": {},
        "raised_by": "screening",
    }
    return FindingRow(**given_ | values)


def insurer(stay_id: int, at: int, deadline: datetime | None) -> FindingRow:
    said = {} if deadline is None else {"deadline": deadline.isoformat()}
    return row(stay_id, at, source="insurer", rule="external:某规则", document=said)


def step(database: Database, number: int, after: str, at: datetime, **values: Any) -> None:
    with database.writing_store() as connection:
        one = findings.one(connection, number)
        assert one is not None
        change = Change(action=after, after=after, values=values)
        events.step(connection, number, one.state, change, at=at, actor="office1")


def test_the_store_tells_leads_and_quantities(database: Database, tmp_path: Path) -> None:
    feed = Feed(database)
    for visit, day in (("V1", "2026-03-05"), ("V2", "2026-03-31"), ("V3", "2026-04-01")):
        feed(stay(visit, f"P{visit}", discharge_time=f"{day} 10:00"))
    one, two, later = (feed.head(visit).id for visit in ("V1", "V2", "V3"))
    deadline = NOW - timedelta(days=3)
    with database.writing_store() as connection:
        findings.keep(
            connection,
            [
                row(one, 1),
                row(one, 2),
                row(two, 3, rule="LOC-SPLIT", level="suspect"),
                row(later, 4),
                row(two, 5, shadow=True),
                insurer(one, 6, deadline),
                insurer(one, 7, deadline),
                insurer(one, 8, NOW + timedelta(days=90)),
                insurer(one, 9, None),
            ],
            at=NOW - timedelta(days=20),
            actor="screening",
        )
    early = NOW - timedelta(days=10)
    for number in (1, 2, 4):
        step(database, number, "confirmed", early)
    step(database, 2, "corrected", early, closed=early)
    step(database, 6, "accepted", early)
    # In time; the other one was answered too late and won its appeal.
    step(database, 6, "deducted", early, closed=early, deduction=Decimal("8.00"))
    step(database, 7, "objected", NOW - timedelta(days=2))
    step(database, 7, "granted", NOW - timedelta(days=1), closed=NOW - timedelta(days=1))
    found = fund_view(database, audit_book(), Files(), region="demo", month="2026-03")
    assert found.credit is not None
    values = {
        one.input.name: one.quantity and (one.quantity.part, one.quantity.whole)
        for one in found.credit.inputs
    }
    assert values == {
        # One rule of one stay counts once, whoever found it and how often; V3 ended later.
        "violations": (2, 2),
        "corrected_before_upload": (1, 2),
        "answered_in_time": (1, 2),
        "appeals_won": (1, 1),
        "deducted_share": None,
        "lists_in_time": None,
        "upload_errors": None,
    }
    by_topic = {one.key: one.sums for one in found.leads}
    assert (by_topic["duplicate"].open, by_topic["duplicate"].confirmed) == (2, 3)
    assert by_topic["external"].cleared == 1
    assert by_topic["admission"].oldest == (NOW - timedelta(days=20)).date()
    assert found.missing["budget"] == "FUND_NO_STATEMENTS"
    handed = write(tmp_path, VALUES + "2026-03,violations,9,10,报表\n")
    again = fund_view(database, audit_book(), Files(values=handed), region="demo", month="2026-03")
    assert again.credit is not None
    assert again.credit.inputs[0].quantity == Quantity(
        part=Decimal(9), whole=Decimal(10), source="报表"
    )


def test_files_of_the_data_folder_are_taken_where_none_are_handed_in(
    data: Path, tmp_path: Path
) -> None:
    assert Files().or_at_hand() == Files()
    folder = data / "fund"
    own = write(folder, HEAD + "2026-01,employee,1,1,1,\n", "ledger.csv")
    month = write(folder / "settled", json.dumps(settled()), "2026-01.json")
    assert Files().or_at_hand() == Files(ledger=own, settled=(month,))
    other = write(tmp_path, HEAD)
    assert Files(ledger=other).or_at_hand().ledger == other


def test_the_last_month_is_the_last_that_is_over() -> None:
    assert last_month(datetime(2026, 1, 31, 15, 59, tzinfo=UTC)) == "2025-12"
    # In Shanghai February has begun.
    assert last_month(datetime(2026, 1, 31, 16, tzinfo=UTC)) == "2026-01"


# --- REST and the command ----------------------------------------------------------------------


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path / "app", region="demo") as found:
        yield found


def test_the_route_tells_the_view(running: Service, data: Path) -> None:
    write(data / "fund", HEAD + "2026-01,employee,1,1,1,\n", "ledger.csv")
    write(data / "fund" / "settled", json.dumps(settled()), "2026-01.json")
    answer = running.ask("manager", "GET", "/api/v1/fund", params={"month": "2026-02"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["region"], told["month"], told["budget"]["settled"]) == (
        "demo",
        "2026-02",
        ["2026-01"],
    )
    assert told["missing"] == {}
    assert ("manager1", "fund_shown", "fund") in running.looks()
    for role in ("physician", "admin", "interface"):
        assert running.ask(role, "GET", "/api/v1/fund").status_code == 403
    assert running.ask("office", "GET", "/api/v1/fund").status_code == 200
    wrong = running.ask("office", "GET", "/api/v1/fund", params={"month": "2026-13"})
    assert wrong.status_code == 422
    unknown = running.ask("office", "GET", "/api/v1/fund", params={"region": "nowhere"})
    assert unknown.json()["code"] == "REGION_UNKNOWN"
    write(data / "fund", "x\n", "ledger.csv")
    broken = running.ask("office", "GET", "/api/v1/fund")
    assert broken.status_code == 503
    assert broken.json()["code"] == "TABLE_COLUMN_MISSING"


def run(*words: str) -> Any:
    import typer  # noqa: PLC0415 -- only here

    app = typer.Typer()
    app.command()(fund_command)
    return CliRunner().invoke(app, list(words))


def test_the_command_tells_the_view(tmp_path: Path, data: Path) -> None:
    book = write(tmp_path, HEAD + "2026-01,employee,1,1,1,\n")
    month = write(tmp_path, json.dumps(settled()), "m.json")
    # There is no store yet; that is told.
    words = ["--ledger", str(book), "--settled", str(month), "--month", "2026-02"]
    found = run(*words, "--region", "demo", "--lang", "en")
    assert found.exit_code == 0, found.output
    assert "FUND_NO_STORE" in found.output
    out = tmp_path / "view.json"
    found = run(*words, "--region", "demo", "--no-store", "--format", "json", "-o", str(out))
    assert json.loads(found.stdout)["month"] == "2026-02"
    assert json.loads(out.read_text("utf-8"))["budget"]["settled"] == ["2026-01"]
    wrong = run("--month", "2026-13")
    assert isinstance(wrong.exception, AuditError)
    assert wrong.exception.code == "FUND_VIEW_MONTH"
    assert data.is_dir()


def test_the_command_settles_the_months_of_the_store(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{running.settings.folder.parent / 'grouper.sqlite'}"
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", url)
    monkeypatch.setenv("GROUPER_SERVICE_REGION", "demo")
    empty = json.loads(run("--month", "2026-03", "--format", "json").stdout)
    assert empty["missing"]["budget"]["code"] == "FUND_NO_STATEMENTS"
    facts = {
        "region": "demo",
        "hospital": "H00000000001",
        "kind": "inpatient",
        "insurance_type": "310",
        "insured_region": "demo",
        "discharge_way": "1",
        "visit_type": "21",
        "admission_time": "2026-02-20 08:00",
        "discharge_time": "2026-03-01 10:00",
    }
    running.stay("V1", "P1", facts=facts, dx=["J18.900"], px=[])
    found = run("--month", "2026-03", "--format", "json")
    told = json.loads(found.stdout)
    assert told["budget"]["settled"] == ["2026-03"]
    assert told["budget"]["open_months"] == ["2026-01", "2026-02"]
    assert told["region"] == "demo"
    nowhere = json.loads(run("--month", "2026-03", "--region", "xiamen", "--format", "json").stdout)
    assert nowhere["region"] == "xiamen"


def test_only_a_missing_policy_leaves_the_store_unsettled(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.stay("V1", "P1")

    def refuse(*_: Any, **__: Any) -> None:
        raise GrouperError(refused)

    monkeypatch.setattr(fund_service, "settle_month", refuse)
    refused = "POLICY_MISSING"
    how: dict[str, Any] = {"region": "demo", "month": "2026-03", "settle": True}
    found = fund_view(running.database, audit_book(), Files(), **how)
    assert found.missing["budget"] == "FUND_NO_STATEMENTS"
    refused = "POLICY_VALUE_MISSING"
    with pytest.raises(GrouperError) as error:
        fund_view(running.database, audit_book(), Files(), **how)
    assert error.value.code == "POLICY_VALUE_MISSING"


def test_other_errors_of_the_store_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise GrouperError("STORE_URL")

    monkeypatch.setattr(fund_cli, "opened", refuse)
    found = run("--month", "2026-03", "--region", "demo")
    assert isinstance(found.exception, GrouperError)
    assert found.exception.code == "STORE_URL"


def test_every_reason_of_the_view_has_its_words() -> None:
    names = [
        getattr(module, name)
        for module in (view,)
        for name in dir(module)
        if name.isupper() and isinstance(getattr(module, name), str)
    ]
    codes = {one for one in names if one.startswith("FUND_")} | {FEW, SPENT, NO_BUDGET, UNKNOWN}
    assert len(codes) >= 12
    for lang in ("zh", "en"):
        words = catalogue(lang)
        assert {f"reason.{one}" for one in codes} <= set(words)
        assert {f"advice.{one}" for one in codes} <= set(words)
    assert ledger.YEAR == 12
