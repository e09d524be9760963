"""Beside the bureau's file: every case stands somewhere, and the adjustments make the month equal."""

from __future__ import annotations

import csv
import random
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from settlement_support import D, case, money, random_rows, table, when

from codebooks.errors import GrouperError
from codebooks.policies.policies import policies
from grouper.payment.settlement.adjust import (
    BOOK_SCHEMA,
    adjusted,
    adjustments,
    append,
    read_book,
)
from grouper.payment.settlement.bureau import number_of, read_bureau
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.exactly import minus, total
from grouper.payment.settlement.files import write_result
from grouper.payment.settlement.priced import Priced
from grouper.payment.settlement.reconcile import Reconciliation, State, reconcile
from grouper.payment.settlement.reconciliation_words import (
    reconciliation_document,
    reconciliation_lines,
    reconciliation_sheets,
)

MADE = when("2026-12-05T09:00:00")
PAID: dict[str, Any] = {
    "group": "K35.8:47.01",
    "points": D("1000"),
    "amount": D("5000.00"),
    "deducted": D("1000.00"),
}


def priced(*rows: dict[str, Any]) -> Priced:
    return Priced.of(table(*rows), policies().on("demo", when("2026-11-30T00:00:00").date()))


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.fixture
def found(tmp_path: Path) -> Reconciliation:
    """One case of every state; what the bureau pays is 12,500.00 less 120.00."""
    file = written(
        tmp_path / "bureau.csv",
        "结算编号,病组编码,分值,基金支付,扣款金额,扣款原因",
        'CASE1,k35.8:47.01,1000,"4,000.00",,',
        "CASE2,K35.8:47.02,1000.5,3900.00,120.00,超频次收费",
        "CASE4,K35.8:47.01,1000,500.00,,",
        "CASE5,K35.8:47.01,1000,2000.00,,",
        "CASE5,K35.8:47.01,1000,2000.00,,",
        "CASE6,K35.8:47.01,1000,100.00,,",
        "合计,,,12500.00,120.00,",
    )
    unpriced = {"pay_status": "unpriced", "pay_reason": "PAY_METHOD_NONE", "amount": None}
    rows = [case(n, **PAID) for n in (1, 2, 3, 5)]
    return reconcile(priced(*rows, case(6, **{**PAID, **unpriced})), read_bureau(file))


def test_every_case_has_its_state(found: Reconciliation) -> None:
    states = {one.case_id: one.state for one in found.entries}
    assert states == {
        "CASE1": State.MATCHED,
        "CASE2": State.DIFFERENT,
        "CASE3": State.MISSING_THERE,
        "CASE4": State.MISSING_HERE,
        "CASE5": State.DUPLICATE,
        "CASE6": State.UNPRICED,
    }
    by = {one.case_id: one for one in found.entries}
    assert by["CASE2"].differs == ("group", "points", "fund")
    assert by["CASE2"].difference == D("-100.00")
    assert (by["CASE2"].deduction, by["CASE2"].reason) == (D("120.00"), "超频次收费")
    assert by["CASE5"].rows == (5, 6)
    assert by["CASE5"].difference == D("0.00")
    assert by["CASE6"].difference == D("100.00")
    assert found.stated == ()


def test_totals_add_up(found: Reconciliation) -> None:
    assert found.ours == D("16000.00")
    assert found.theirs == D("12500.00") == found.file.total("fund")
    assert found.deduction == D("120.00")
    assert sum(one.cases for one in found.totals) == 6
    assert sum((one.difference for one in found.totals), Decimal(0)) == D("-3500.00")
    assert found.differing == {"group": 1, "points": 2, "fund": 2}


def test_adjustments_make_the_month_equal(found: Reconciliation, tmp_path: Path) -> None:
    for ending in ("csv", "parquet", "xlsx"):
        path = tmp_path / f"book.{ending}"
        told = {"region": "demo", "month": "2026-11", "made": MADE}
        book = read_book(path)
        added = adjustments(found, book, **told)
        assert {(r["case_id"], r["field"], r["amount"]) for r in added.to_pylist()} == {
            ("CASE2", "fund", D("-100.00")),
            ("CASE2", "deduction", D("-120.00")),
            ("CASE3", "fund", D("-4000.00")),
            ("CASE4", "fund", D("500.00")),
            ("CASE6", "fund", D("100.00")),
        }
        append(path, book, added)
        again = read_book(path)
        assert again.to_pylist() == added.to_pylist()
        assert adjustments(found, again, **told).num_rows == 0
        assert found.ours + adjusted(again, "demo", "2026-11") == D("12500.00") - D("120.00")
        assert adjusted(again, "demo", "2026-10") == 0


def test_a_deduction_that_is_taken_off_already_is_entered_once(tmp_path: Path) -> None:
    file = written(
        tmp_path / "net.csv",
        "case_id,fund,deduction",
        "CASE1,3900.00,100.00",
        "CASE2,4000.00,50.00",
        "CASE3,3900.00,90.00",
    )
    mine = priced(*(case(n, **PAID) for n in (1, 2, 3)))
    net = reconcile(mine, read_bureau(file))
    assert [one.net for one in net.entries] == [True, False, False]
    assert [one.difference for one in net.entries] == [D("0.00"), D("0.00"), D("-100.00")]
    told = {"region": "demo", "month": "2026-11", "made": MADE}
    book = adjustments(net, BOOK_SCHEMA.empty_table(), **told)
    assert {(r["case_id"], r["field"], r["amount"]) for r in book.to_pylist()} == {
        ("CASE1", "deduction", D("-100.00")),
        ("CASE2", "deduction", D("-50.00")),
        ("CASE3", "fund", D("-100.00")),
        ("CASE3", "deduction", D("-90.00")),
    }
    # The bureau pays 3900, 3950 and 3810.
    assert net.ours + adjusted(book, "demo", "2026-11") == D("11660.00")
    assert minus(net.theirs, net.deduction) == D("11660.00")
    document = reconciliation_document(net, "zh")
    assert document["net"] == net.net == 1
    assert "医保金额已减扣款：1 例" in "\n".join(reconciliation_lines(document))


def test_a_corrected_file_adds_its_correction_alone(found: Reconciliation, tmp_path: Path) -> None:
    told = {"region": "demo", "month": "2026-11", "made": MADE}
    book = adjustments(found, BOOK_SCHEMA.empty_table(), **told)
    file = written(tmp_path / "corrected.csv", "case_id,fund", "CASE1,4000", "CASE2,4000.00")
    rows = [case(n, **PAID) for n in (1, 2, 3, 5)]
    later = reconcile(priced(*rows), read_bureau(file))
    added = adjustments(later, book, **told)
    states = {(r["case_id"], r["field"]): (r["amount"], r["state"]) for r in added.to_pylist()}
    assert states == {
        ("CASE2", "fund"): (D("100.00"), "matched"),
        ("CASE2", "deduction"): (D("120.00"), "matched"),
        ("CASE5", "fund"): (D("-4000.00"), "missing_there"),
        ("CASE4", "fund"): (D("-500.00"), "withdrawn"),
        ("CASE6", "fund"): (D("-100.00"), "withdrawn"),
    }
    both = append(tmp_path / "book.parquet", book, added)
    assert both.slice(0, book.num_rows).equals(book)
    assert [r["entry"] for r in both.to_pylist()] == list(range(1, both.num_rows + 1))
    assert later.ours + adjusted(both, "demo", "2026-11") == later.theirs


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_month_becomes_equal(
    tmp_path_factory: pytest.TempPathFactory, rng: random.Random
) -> None:
    """Whatever the bureau's rows are: each case once, sums of both sides, and nothing twice."""
    ours = random_rows(rng, rng.randrange(15))
    path = tmp_path_factory.mktemp("bureau") / "file.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["case_id", "group", "points", "fund", "deduction", "reason"])
        for _ in range(rng.randrange(1, 20)):
            ids = [one["case_id"] for one in ours if one["case_id"]] or ["X"]
            name = rng.choice([*ids, "OTHER1", "OTHER2"])
            cells = [rng.choice(["", str(money(rng))]) for _ in range(2)]
            out.writerow([name, rng.choice(["A01", ""]), "", *cells, "r"])
    mine = priced(*ours)
    found = reconcile(mine, read_bureau(path))
    assert found.ours == mine.sums.fund
    back = total(one.deduction for one in found.entries if one.net)
    assert minus(found.theirs, back) == found.file.total("fund")
    assert sum(len(one.rows) for one in found.entries) == len(found.file.rows)
    book = BOOK_SCHEMA.empty_table()
    told = {"region": "demo", "month": "2026-11", "made": MADE}
    book = pa.concat_tables([book, adjustments(found, book, **told)])
    settled = minus(found.theirs, found.deduction)
    assert total((found.ours, adjusted(book, "demo", "2026-11"))) == settled
    assert adjustments(found, book, **told).num_rows == 0


def test_a_workbook_is_read_as_a_csv_is(tmp_path: Path) -> None:
    path = tmp_path / "bureau.xlsx"
    book = xlsxwriter.Workbook(str(path))
    book.add_worksheet("empty")
    sheet = book.add_worksheet("结算")
    for at, name in enumerate(("病案号", "结算ID", "权重", "结算金额", "备注")):
        sheet.write_string(0, at, name)
    sheet.write_number(1, 0, 777)
    sheet.write_number(1, 1, 20261105)
    sheet.write_number(1, 2, 0.1 + 0.2)
    sheet.write_number(1, 3, 1234.45 * 3)
    book.close()
    found = read_bureau(path)
    (row,) = found.rows
    # The settlement's number goes before the record's; what a spreadsheet's sum leaves is no digit.
    assert (row.case_id, row.points, row.amount) == ("20261105", D("0.300000"), D("3703.35"))
    assert found.measure == "amount"
    assert (row.where.sheet, row.where.row) == ("结算", 2)


def test_a_total_that_is_none_is_told(tmp_path: Path) -> None:
    file = written(tmp_path / "b.csv", "case_id\tfund", "CASE1\t4000", "Total\t4100.00")
    found = reconcile(priced(case(1, **PAID)), read_bureau(file))
    assert found.stated == (("fund", D("4100.00"), D("4000.00")),)
    text = "\n".join(reconciliation_lines(reconciliation_document(found, "zh")))
    assert "基金应付的合计行写 4100.00，各行相加为 4000.00" in text


def test_screens_name_no_case(found: Reconciliation, tmp_path: Path) -> None:
    told = reconciliation_document(found, "zh")
    text = "\n".join(reconciliation_lines(told))
    assert "CASE" not in text
    assert "第 3 行（不一致）：差 -100.00 元" in text
    assert "病组不一致：1 例" in text
    tables = reconciliation_sheets(told)
    write_result(tmp_path / "out.csv", told, [], tables)
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:3] == ["病例编号", "核对结果", "本院 病组"]
    assert rows[2][0] == "CASE2"
    write_result(tmp_path / "out.xlsx", told, [], tables)
    assert "CASE" not in "\n".join(reconciliation_lines(reconciliation_document(found, "en")))


@pytest.mark.parametrize(
    ("lines", "code", "row", "column"),
    [
        (["", " , "], "BUREAU_EMPTY", None, None),
        (["case_id,fund"], "BUREAU_EMPTY", None, None),
        (["case_id,fund", "合计,3"], "BUREAU_EMPTY", None, None),
        (["name,fund", "a,1"], "BUREAU_COLUMN", 1, None),
        (["case_id,points", "a,1"], "BUREAU_COLUMN", 1, None),
        (["case_id,病例编号,fund", "a,b,1"], "BUREAU_COLUMN_TWICE", 1, "病例编号"),
        (["case_id,fund", ",1"], "BUREAU_CASE", 2, "case_id"),
        (["case_id,fund", "a,1", "b,1.234"], "BUREAU_NUMBER", 3, "fund"),
        (["case_id,fund", "a,1e3"], "BUREAU_NUMBER", 2, "fund"),
        (["case_id,fund", 'a,"1'], "BUREAU_TEXT", 2, None),
        (["case_id,fund", "a\0,1"], "BUREAU_TEXT", 2, None),
    ],
)
def test_what_cannot_be_read_says_where(
    tmp_path: Path, lines: list[str], code: str, row: int | None, column: str | None
) -> None:
    with pytest.raises(SettlementError) as caught:
        read_bureau(written(tmp_path / "b.csv", *lines))
    where = caught.value.where
    assert (caught.value.code, where.row, where.column) == (code, row, column)
    assert where.file == "b.csv"
    assert caught.value.describe("zh")
    assert caught.value.describe("en")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path / "none.xlsx", tmp_path):
        with pytest.raises(GrouperError):
            read_bureau(path)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["csv", "xlsx"]), st.booleans())
def test_any_bytes_raise_declared_errors_alone(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str, headed: bool
) -> None:
    path = tmp_path_factory.mktemp("any") / f"file.{ending}"
    path.write_bytes((b"case_id,fund,points\n" if headed else b"") + content)
    for reads in (read_bureau, read_book):
        # Any other error fails the test.
        with suppress(GrouperError):
            assert reads(path) is not None


@given(st.decimals(-(10**12), 10**12, places=2))
@settings(max_examples=200, deadline=None)
def test_a_number_is_the_same_from_text_and_workbook(value: Decimal) -> None:
    assert number_of(f"{value:,f}", 2) == value == number_of(float(value), 2)


@pytest.mark.parametrize(
    "cell", [True, "x", "1.234", float("nan"), float("inf"), 1e30, 0.125, "", "--1"]
)
def test_what_is_no_amount(cell: object) -> None:
    assert number_of(cell, 2) is None


def test_a_book_is_refused_where_it_is_none(tmp_path: Path) -> None:
    with pytest.raises(SettlementError) as caught:
        read_book(tmp_path / "book.txt")
    assert caught.value.code == "BOOK_FORMAT"
    with pytest.raises(SettlementError) as caught:
        read_book(written(tmp_path / "book.csv", "entry,made", "1,x"))
    assert caught.value.code == "BOOK_UNUSABLE"
    names = ",".join(BOOK_SCHEMA.names)
    with pytest.raises(SettlementError) as caught:
        read_book(written(tmp_path / "book.csv", names, "1,x,demo,2026-11,C,matched,fund,much"))
    assert (caught.value.where.row, caught.value.params["column"]) == (2, "ours")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    for name in ("a", "b"):
        with pytest.raises(SettlementError):
            read_book(tmp_path / f"{name}.parquet")


def test_large_amounts_keep_their_fen_in_a_workbook(tmp_path: Path) -> None:
    file = written(tmp_path / "b.csv", "case_id,fund", "=A1,123456789012345.67")
    found = reconcile(priced(), read_bureau(file))
    told = {"region": "demo", "month": "2026-11", "made": datetime.now(tz=MADE.tzinfo)}
    added = adjustments(found, BOOK_SCHEMA.empty_table(), **told)
    append(tmp_path / "book.xlsx", BOOK_SCHEMA.empty_table(), added)
    (row,) = read_book(tmp_path / "book.xlsx").to_pylist()
    assert (row["case_id"], row["amount"]) == ("=A1", D("123456789012345.67"))
