"""The month and the year: worked examples, and a month that equals the sum of its cases."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from settlement_support import D, case, policies_of, random_rows, table, value, when

from codebooks.errors import CodebookError, GrouperError
from codebooks.policies.policies import Policies, policies
from grouper.payment.settlement.deductions import Entry, read_entries
from grouper.payment.settlement.document import document
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.files import write_result
from grouper.payment.settlement.month import settle_month
from grouper.payment.settlement.periods import last_policy, the_month
from grouper.payment.settlement.priced import Priced
from grouper.payment.settlement.result import AXES, Settlement
from grouper.payment.settlement.sums import AMOUNTS, COUNTS, Sums
from grouper.payment.settlement.tables import sheets
from grouper.payment.settlement.telling import lines
from grouper.payment.settlement.totals import largest, totals, unknown, unpriced
from grouper.payment.settlement.year import settle_year

BANDS = (
    "[{side: surplus, from: 0, to: 0.1, share: 1}, {side: surplus, from: 0.1, to: 0.2, share: 0.5},"
    " {side: overspend, from: 0, to: 0.05, share: 0.6},"
    " {side: overspend, from: 0.05, to: 0.1, share: 0.4}]"
)
# At 5 yuan a score: 1000 × 5 = 5000.00, 642.11 × 5 = 3210.55.
FIRST: dict[str, Any] = {
    "group": "A01",
    "group_name": "甲组",
    "department": "内科",
    "physician": "D1",
    "points": D("1000"),
    "point_value": D("5"),
    "amount": D("5000.00"),
    "deducted": D("1200.00"),
    "patient": D("1500.00"),
    "total_cost": D("5500.00"),
}
SECOND: dict[str, Any] = {
    "group": "B02",
    "group_name": "乙组",
    "department": "外科",
    "points": D("642.11"),
    "point_value": D("5"),
    "amount": D("3210.55"),
    "deducted": D("900.10"),
    "patient": D("1000.00"),
    "total_cost": D("2500.00"),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Policies:
    topic = (
        value("prepaid_share", "0.95")
        + value("kept_back", "0.05")
        + value("assessment_factor", "{dip_score: 0.99, '*': 1}")
        + value("bands", BANDS)
        + value("fund_share", "0.8")
    )
    return policies_of(tmp_path_factory.mktemp("demo"), settlement=topic)


def month(rows: pa.Table, at_hand: Policies, **more: Any) -> Settlement:
    return settle_month(rows, region="demo", month="2026-11", at_hand=at_hand, **more)


def test_a_month_worked_by_hand(demo: Policies) -> None:
    """(score × rate − paid by the patient) × prepaid share − kept back − deductions (DIP)."""
    taken = [Entry(month="2026-11", amount=D("100.00"), method="dip_score", insurance="employee")]
    found = month(table(case(1, **FIRST), case(2, **SECOND)), demo, deductions=taken)
    (part,) = found.parts
    # 5000.00 + 3210.55 − 1200.00 − 900.10 = 6110.45; × 0.95 = 5804.9275; × 0.05 = 290.2465.
    assert part.value("fund") == D("6110.45")
    assert part.value("due") == D("5804.93")
    assert part.value("kept_back") == D("290.25")
    assert part.value("paid") == found.paid == D("5414.68")
    assert (part.method, part.insurance, part.sums.cases) == ("dip_score", "employee", 2)
    assert found.sums.surplus == D("6110.45") - (D("4000.00") + D("1500.00"))


def test_a_year_worked_by_hand(demo: Policies) -> None:
    """Σ (points × point value − patient) × factor − deductions, bands, less advances."""
    told: dict[str, Any] = {
        "point_values": {("dip_score", "employee"): D("5.2")},
        "deductions": [
            Entry(month="2026-11", amount=D("100.00"), method="dip_score", insurance="employee")
        ],
        "advances": [
            Entry(month="2026-11", amount=D("5414.68"), method="dip_score", insurance="employee")
        ],
    }
    rows = table(case(1, **FIRST), case(2, **SECOND))
    found = settle_year(rows, region="demo", year=2026, at_hand=demo, **told)
    (part,) = found.parts
    # 1642.11 × 5.2 = 8538.972; − 2100.10 = 6438.872; × 0.99 = 6374.48328; − 100.
    assert part.value("worth") == D("8538.972")
    assert part.value("assessed") == D("6374.48")
    assert part.value("standard") == D("6274.48")
    # Booked 5500 − 1500 + 2500 − 1000 = 5500, so 774.48 is left: a tenth of the standard (627.448)
    # wholly, and half of the remaining 147.032.
    assert part.value("surplus") == D("774.48")
    assert [one.value for one in part.lines if one.name == "surplus_band"] == [
        D("627.45"),
        D("73.52"),
    ]
    assert part.value("final") == D("6200.97")
    assert found.paid == D("786.29")


def test_an_overspend_is_shared_in_bands(demo: Policies) -> None:
    second = {**SECOND, "total_cost": D("4000.00")}
    rows = table(case(1, **FIRST), case(2, **second))
    taken = [Entry(month="2026-03", amount=D("100.00"), method="dip_score", insurance="employee")]
    final = {("dip_score", "employee"): D("5.2")}
    found = settle_year(
        rows, region="demo", year=2026, at_hand=demo, point_values=final, deductions=taken
    )
    (part,) = found.parts
    # Booked 7000 against 6274.48: 725.52 over. 5 % is 313.724: 0.6 of it 188.23, 0.4 of the next
    # 125.49; what lies above a tenth is the hospital's.
    assert part.value("overspend") == D("725.52")
    assert part.value("final") == D("6274.48") + D("188.23") + D("125.49")
    assert found.paid == D("6588.20")


def test_without_bands_the_standard_is_due(tmp_path: Path) -> None:
    at_hand = policies_of(tmp_path, settlement=value("assessment_factor", "1"))
    found = settle_year(table(case(1, **FIRST)), region="demo", year=2026, at_hand=at_hand)
    (part,) = found.parts
    assert part.value("final") == D("3800.00")
    assert [one.value for one in part.lines if one.name == "bands"] == ["no_bands"]
    assert "settlement.fund_basis" in found.assumptions


def test_a_year_by_the_funds_share(tmp_path: Path) -> None:
    """Σ (points × point value × fund share): 1642.11 × 5.2 × 0.8 = 6831.1776; by item stays."""
    at_hand = policies_of(
        tmp_path,
        settlement=value("fund_basis", "share")
        + value("fund_share", "0.8")
        + value("final_point_value", "{'*': {dip_score: 5.2}}"),
    )
    by_item = {"method": "dip_score", "amount": D("300.00"), "deducted": D("50.00")}
    rows = [case(1, **FIRST), case(2, **SECOND)]
    found = settle_year(table(*rows), region="demo", year=2026, at_hand=at_hand)
    assert found.parts[0].value("final") == D("6831.18")
    found = settle_year(table(*rows, case(3, **by_item)), region="demo", year=2026, at_hand=at_hand)
    # A case without a cost has no known surplus: it is paid as priced and compared with nothing.
    assert found.parts[0].value("gross") == D("7081.1776")
    assert found.parts[0].value("compared") == D("7081.18") - D("250.00")
    assert found.parts[0].value("final") == D("7081.18")


def test_amounts_with_a_factor_of_their_own_move_in_proportion(demo: Policies) -> None:
    """1000 × 5 × 0.9 = 4500.00 was paid; at 5.2 it is 4680.00, beside 642.11 × 5.2 = 3338.972."""
    rows = table(case(1, **{**FIRST, "amount": D("4500.00")}), case(2, **SECOND))
    final = {("dip_score", "employee"): D("5.2")}
    found = settle_year(rows, region="demo", year=2026, at_hand=demo, point_values=final)
    (part,) = found.parts
    assert part.value("worth") == D("3338.972")
    assert part.value("worth_moved") == D("4680.00")
    assert part.value("gross_difference") == D("3338.972") + D("4680.00") - D("2100.10")


def test_as_priced_a_year_by_share(tmp_path: Path) -> None:
    at_hand = policies_of(
        tmp_path, settlement=value("fund_basis", "share") + value("fund_share", "0.5")
    )
    found = settle_year(table(case(1, **FIRST)), region="demo", year=2026, at_hand=at_hand)
    assert found.parts[0].value("final") == D("2500.00")


def test_a_value_that_the_policy_lacks_is_a_reason(tmp_path: Path) -> None:
    at_hand = policies_of(
        tmp_path,
        settlement=value("prepaid_share", "{employee: 0.9}") + value("fund_basis", "share"),
    )
    rows = table(case(1, **FIRST), case(2, **{**SECOND, "insurance_type": "390"}))
    found = month(rows, at_hand)
    assert [(one.insurance, one.reason) for one in found.parts] == [
        ("employee", None),
        ("resident", "POLICY_VALUE_MISSING"),
    ]
    assert found.value("sum_fund") == D("3800.00")
    text = "\n".join(lines(document(found, "zh")))
    assert "不能结算 [POLICY_VALUE_MISSING]" in text
    cleared = settle_year(rows, region="demo", year=2026, at_hand=at_hand)
    assert {one.reason for one in cleared.parts} == {"POLICY_VALUE_MISSING"}
    assert cleared.paid is None


def test_bands_that_overlap_are_refused(tmp_path: Path) -> None:
    bands = "[{side: surplus, from: 0, share: 1}, {side: surplus, from: 0.1, to: 0.2, share: 1}]"
    at_hand = policies_of(tmp_path, settlement=value("bands", bands))
    with pytest.raises(SettlementError) as caught:
        settle_year(table(case(1, **FIRST)), region="demo", year=2026, at_hand=at_hand)
    assert caught.value.code == "SETTLE_BANDS"


def test_only_the_month_is_settled(demo: Policies) -> None:
    """The month is that of the local time of discharge; the others are counted."""
    last = {**FIRST, "discharge_time": when("2026-11-30T23:59:59")}
    first = {**FIRST, "discharge_time": when("2026-12-01T00:00:00")}
    rows = table(case(1, **last), case(2, **first), case(3, **{**FIRST, "discharge_time": None}))
    found = month(rows, demo)
    assert (found.sums.cases, found.elsewhere, found.undated) == (1, 1, 1)
    told = "\n".join(lines(document(found, "en")))
    assert "1 further cases fall into another period" in told
    assert "1 further cases have no day of discharge" in told


def test_what_is_open_is_told_by_reason(demo: Policies) -> None:
    refused = {"pay_status": "unpriced", "pay_reason": "PAY_METHOD_NONE", "method": None}
    open_ = {"amount": D("700.00"), "deducted": None, "share_reason": "PAY_SCOPE_MISSING"}
    found = month(table(case(1, **refused), case(2, **open_), case(3, **FIRST)), demo)
    assert [(one.reason, one.cases) for one in unpriced(found.priced)] == [("PAY_METHOD_NONE", 1)]
    assert [(one.reason, one.cases) for one in unknown(found.priced)] == [("PAY_SCOPE_MISSING", 1)]
    assert found.sums.unknown_amount == D("700.00")
    assert found.value("sum_fund") == D("3800.00")
    text = "\n".join(lines(document(found, "zh")))
    assert "PAY_METHOD_NONE" in text
    assert "PAY_SCOPE_MISSING" in text


def test_deductions_of_no_part_count_for_the_whole(demo: Policies) -> None:
    taken = [
        Entry(month="2026-11", amount=D("10.00")),
        Entry(month="2026-11", amount=D("5.00"), method="dip_score"),
        Entry(month="2026-10", amount=D("999.00")),
    ]
    found = month(table(case(1, **FIRST)), demo, deductions=taken)
    whole = month(table(case(1, **FIRST)), demo)
    assert whole.paid - found.paid == D("15.00")
    assert found.value("general_deductions") == D("15.00")


@settings(max_examples=examples(60), deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 25))
def test_a_month_is_the_sum_of_its_cases(rng: random.Random, count: int) -> None:
    """By every axis, and against a plain sum over the rows."""
    rows = random_rows(rng, count)
    found = month(table(*rows), policies())
    mine = [
        one
        for one in rows
        if one["discharge_time"] is not None and one["discharge_time"].month == 11
    ]
    priced = [one for one in mine if one["pay_status"] == "priced"]
    funded = [one for one in priced if one["fund"] is not None]
    known = [one for one in funded if one["surplus"] is not None]
    sums = found.sums
    assert (sums.cases, sums.priced, sums.funded, sums.known) == tuple(
        map(len, (mine, priced, funded, known))
    )
    assert sums.amount == sum(one["amount"] for one in priced)
    assert sums.fund == sum(one["fund"] for one in funded)
    assert sums.surplus == sum(one["surplus"] for one in known)
    assert sums.booked == sum(one["total_cost"] - one["patient"] for one in known)
    assert sums.amount == sums.fund + sums.deducted + sums.unknown_amount
    assert sums.surplus == sums.known_fund - sums.booked
    assert len(rows) == sums.cases + found.elsewhere + found.undated
    for axis in (*AXES, "month"):
        assert Sums.together(one.sums for one in totals(found.priced, axis)) == sums
    assert sum(one.cases for one in unpriced(found.priced)) == sums.unpriced
    parts = sum((one.sums.fund for one in found.parts), Decimal(0))
    assert parts == sums.fund
    # Where there are cases, and the fund's part of none is known, nothing is settled.
    open_ = bool(found.parts) and all(one.reason for one in found.parts)
    assert found.value("sum_fund") == (None if open_ else parts)
    assert (found.paid or 0) == sum((one.value("paid") or D(0) for one in found.parts), Decimal(0))


@settings(max_examples=examples(40), deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 10**8), st.integers(0, 10**8))
def test_a_year_is_monotone_in_the_point_value(rng: random.Random, one: int, other: int) -> None:
    rows = table(*random_rows(rng, 12))
    values = sorted(D(v).scaleb(-4) for v in (one, other))
    finals = []
    for point in values:
        keys = [(m, i) for m in ("dip_score", "drg_points") for i in ("employee", "resident", None)]
        told = dict.fromkeys(keys, point)
        found = settle_year(rows, region="demo", year=2026, at_hand=policies(), point_values=told)
        finals.append([part.value("final") for part in found.parts])
    for low, high in zip(*finals, strict=True):
        # A part of which no case knows the fund's part is not cleared, at any point value.
        assert (low is None) == (high is None)
        if low is None or high is None:
            continue
        # Bands round each piece: two fen may be lost on the way.
        assert low <= high + D("0.02")


def test_lines_lead_to_the_amount(demo: Policies) -> None:
    rows = table(case(1, **FIRST), case(2, **SECOND))
    told = document(month(rows, demo), "zh")
    (part,) = told["parts"]
    written = {line["name"]: line for line in part["lines"]}
    assert written["paid"]["worked"] == "5,804.93 − 290.25 − 0.00"
    assert written["due"]["worked"] == "6,110.45 × 0.95"
    assert [one["path"] for one in written["due"]["inputs"]] == [None, "settlement.prepaid_share"]
    told = document(settle_year(rows, region="demo", year=2026, at_hand=demo), "en")
    text = "\n".join(lines(told, explain=True))
    assert "after assessment" in text
    assert "6,110.45 × 0.99" in text


def test_it_ends_with_the_largest_surpluses_and_losses(demo: Policies) -> None:
    rows = [
        case(number, **{**FIRST, "group": f"G{number}", "total_cost": D(5300 + number * -100)})
        for number in range(-7, 8)
    ]
    found = month(table(*rows), demo)
    up, down = largest(totals(found.priced, "group"))
    assert [one.key for one in up] == ["G7", "G6", "G5", "G4", "G3"]
    assert [one.key for one in down] == ["G-7", "G-6", "G-5", "G-4", "G-3"]
    text = lines(document(found, "zh"))
    assert text.index("结余最多的病组：") < text.index("亏损最多的病组：")
    assert "  G7 甲组：1 例，结余 700.00 元" in text
    assert "没有亏损的病组。" in lines(document(month(table(case(1, **SECOND)), demo), "zh"))


def test_a_result_is_written_as_its_ending_says(demo: Policies, tmp_path: Path) -> None:
    told = document(month(table(case(1, **FIRST), case(2, **SECOND)), demo), "zh")
    for ending in ("json", "txt", "csv", "xlsx"):
        path = tmp_path / f"out.{ending}"
        write_result(path, told, lines(told), sheets(told))
        assert path.stat().st_size > 0
    assert json.loads((tmp_path / "out.json").read_text("utf-8"))["paid"] == told["paid"]
    rows = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()
    assert rows[0].startswith("维度,编码,名称,例数")
    assert any(row.startswith("group,A01,甲组,1,1,0,1,1,1,1000.000000,5000.00") for row in rows)
    with pytest.raises(GrouperError) as caught:
        write_result(tmp_path / "out.doc", told, [], sheets(told))
    assert caught.value.code == "OUTPUT_FORMAT"


def test_tables_that_are_not_priced_are_refused(demo: Policies) -> None:
    rows = table(case(1, **FIRST))
    with pytest.raises(SettlementError) as caught:
        month(rows.drop_columns(["fund"]), demo)
    assert (caught.value.code, caught.value.where.column) == ("SETTLE_COLUMN", "fund")
    place = rows.column_names.index("amount")
    with pytest.raises(SettlementError) as caught:
        month(rows.set_column(place, "amount", pa.array(["much"])), demo)
    assert caught.value.code == "SETTLE_COLUMN_TYPE"
    for bad in ("2026", "2026-13", "november"):
        with pytest.raises(SettlementError) as caught:
            settle_month(rows, region="demo", month=bad, at_hand=demo)
        assert caught.value.code == "SETTLE_PERIOD"
    with pytest.raises(SettlementError):
        settle_year(rows, region="demo", year=0, at_hand=demo)
    with pytest.raises(CodebookError):
        settle_month(rows, region="demo", month="2019-01", at_hand=demo)


def test_the_month_of_a_table(demo: Policies) -> None:
    rows = table(case(1, **FIRST))
    assert the_month(rows) == "2026-11"
    assert last_policy(rows, "demo", demo).region == "demo"
    later = {**FIRST, "discharge_time": when("2026-12-01T00:00:00")}
    none = table(case(3, **{**FIRST, "discharge_time": None}))
    for wrong in (table(case(1, **FIRST), case(2, **later)), none):
        with pytest.raises(SettlementError) as caught:
            the_month(wrong)
        assert caught.value.code == "SETTLE_MONTHS"
    with pytest.raises(SettlementError):
        last_policy(none, "demo", demo)
    with pytest.raises(SettlementError):
        the_month(rows.drop_columns(["discharge_time"]))
    place = rows.column_names.index("discharge_time")
    with pytest.raises(SettlementError):
        the_month(rows.set_column(place, "discharge_time", pa.array(["soon"])))


def test_a_column_that_is_missing_is_empty(demo: Policies) -> None:
    rows = table(case(1, **FIRST)).drop_columns(["department", "hospital", "insurance_type"])
    found = month(rows, demo)
    assert found.parts[0].insurance is None
    assert [one.key for one in totals(found.priced, "department")] == [None]
    assert document(found, "zh")["totals"]["department"][0]["name"] == "（未填）"


def test_the_level_of_the_one_hospital_is_asked(demo: Policies) -> None:
    found = month(table(case(1, **{**FIRST, "hospital": "H00000000001"})), demo)
    assert found.hospital == "H00000000001"
    both = table(case(1, **{**FIRST, "hospital": "H1"}), case(2, **{**FIRST, "hospital": "H2"}))
    assert month(both, demo).hospital is None
    assert month(both, demo, hospital="H2").hospital == "H2"


def test_entries_are_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "deductions.csv"
    path.write_text(
        "month,amount,method,insurance,kind,reason\n2026-11,-12.50,dip_score,resident,audit,重复收费\n",
        "utf-8",
    )
    assert read_entries(path) == (
        Entry(
            month="2026-11",
            amount=D("-12.50"),
            method="dip_score",
            insurance="resident",
            kind="audit",
            reason="重复收费",
        ),
    )
    for line, code, column in (
        ("2026-1,1,,", "SETTLE_MONTH", "month"),
        ("2026-01,1.234,,", "SETTLE_AMOUNT", "amount"),
        ("2026-01,1e3,,", "SETTLE_AMOUNT", "amount"),
        ("2026-01,1,,310", "SETTLE_WORD", "insurance"),
    ):
        path.write_text(f"month,amount,method,insurance\n{line}\n", "utf-8")
        with pytest.raises(SettlementError) as caught:
            read_entries(path)
        where = caught.value.where
        assert (caught.value.code, where.file, where.row, where.column) == (
            code,
            "deductions.csv",
            2,
            column,
        )


@settings(max_examples=examples(100), deadline=None)
@given(st.text(max_size=80))
def test_entries_of_any_text_raise_declared_errors_alone(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("entries") / "any.csv"
    path.write_text("month,amount\n" + text, "utf-8", errors="replace")
    # Any other error fails the test.
    with suppress(GrouperError):
        assert all(one.amount.is_finite() for one in read_entries(path))


def test_sums_keep_every_digit() -> None:
    rows = [case(n, amount=D("9999999999999999.99"), deducted=D("0.01")) for n in range(40)]
    priced = Priced.of(table(*rows), policies().on("demo", when("2026-11-01").date()))
    assert Fraction(priced.sums.amount) == 40 * Fraction("9999999999999999.99")
    assert set(COUNTS) == {"cases", "priced", "funded", "known", "losing"}
    assert "surplus" in AMOUNTS
