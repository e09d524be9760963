"""Pricing and settlement as an insurance office uses them: with gappy files, wrong words, wrong places.

What is not known is never shown as an amount of nought, every open case is named with what is to be
done, and a wrong command is one declared error.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
import typer
from settlement_support import D, case, table
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from codebooks.policies.policies import policies
from grouper.cli import main as command
from grouper.cli import settle
from grouper.cli.price import price_command
from grouper.cli.simulate import simulate_command
from grouper.payment.settlement.bureau import read_bureau
from grouper.payment.settlement.changes import Changes, read_growth, read_point
from grouper.payment.settlement.deductions import read_entries
from grouper.payment.settlement.document import document
from grouper.payment.settlement.month import settle_month
from grouper.payment.settlement.periods import last_policy
from grouper.payment.settlement.priced import Priced
from grouper.payment.settlement.simulate import simulate
from grouper.payment.settlement.telling import lines
from grouper.payment.settlement.year import settle_year
from grouper.service.month import priced_month
from grouper.store.database import connect

HERE: dict[str, Any] = {"hospital": "H00000000001", "region": "demo", "department": "内科"}
PAID: dict[str, Any] = {
    **HERE,
    "policy": "demo@2026-01-01#00000000",
    "group": "A01",
    "group_name": "甲组",
    "unit_weight": D("1000"),
    "points": D("1000"),
    "point_value": D("5"),
    "amount": D("5000.00"),
    "deducted": D("1000.00"),
    "patient": D("1200.00"),
    "total_cost": D("5100.00"),
}
UNKNOWN: dict[str, Any] = {
    **HERE,
    "method": "individual_review",
    "department": "外科",
    "group": "B02",
    "amount": D("4037.40"),
    "deducted": None,
    "total_cost": D("5800.00"),
    "share_reason": "PAY_INSURED_ELSEWHERE",
}
REFUSED: dict[str, Any] = {
    **HERE,
    "pay_status": "unpriced",
    "pay_reason": "PAY_COST_NEGATIVE",
    "method": None,
    "amount": None,
}
HEAD = (
    "case_id,person,hospital,region,kind,insurance_type,insured_region,visit_type,admission_number,sex,age,"
    "admission_time,discharge_time,los,dx,px,total_cost,scope_cost,own_cost,over_limit_cost,"
    "first_share_cost\n"
)
ROW = (
    "{id},P-{id},{hospital},demo,inpatient,310,{insured},21,1,1,30,2026-11-01 08:00,{discharged},4,"
    "K35.800,47.0100,{total},8000,500,0,500\n"
)


def run(of: Callable[..., None], *words: object, code: int = 0) -> str:
    app = typer.Typer()
    app.command()(of)
    result = CliRunner().invoke(app, [str(one) for one in words])
    if isinstance(result.exception, GrouperError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def row(name: str, **known: str) -> str:
    told = {"hospital": "H00000000001", "insured": "demo", "total": "9000.00"}
    told |= {"discharged": "2026-11-05 08:00"} | known
    return ROW.format(id=name, **told)


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "cases.csv"
    rows = [
        row("U1"),
        row("U2", total="-9000.00"),
        row("U3", insured="hangzhou"),
        row("U4", hospital="H99"),
        row("U5", discharged="2023-11-05 08:00"),
    ]
    path.write_text(HEAD + "".join(rows), "utf-8")
    return path


@pytest.fixture
def month(tmp_path: Path) -> Path:
    path = tmp_path / "priced.parquet"
    pq.write_table(table(case(1, **PAID), case(2, **UNKNOWN), case(3, **REFUSED)), path)
    return path


def test_a_part_of_unknown_fund_is_no_nought(month: Path, tmp_path: Path) -> None:
    out = tmp_path / "month.json"
    text = run(settle.settle_command, "2026-11", month, "--region", "demo", "-o", out)
    part = text[text.index("特病单议，职工") : text.index("合计\n")]
    assert "不能结算 [SETTLE_FUND_UNKNOWN] 各病例的基金应付都未知" in part
    assert "0.00 元" not in part
    assert "外科：1 例，基金应付 — 元，结余 — 元" in text
    # Only what is settled is in the sum: 4000 of the first case.
    assert "基金应付合计 4,000.00 元" in text
    told = json.loads(out.read_text("utf-8"))
    (unknown,) = [one for one in told["parts"] if one["method"] == "individual_review"]
    figures = ("fund", "patient", "deducted", "surplus", "cost", "booked", "points")
    assert {unknown["sums"][name] for name in figures} == {None}
    assert unknown["sums"]["amount"] == unknown["sums"]["unknown_amount"] == "4037.40"
    (none,) = [one for one in told["totals"]["method"] if one["key"] is None]
    assert (none["cases"], none["amount"], none["fund"]) == (1, None, None)


def test_every_open_case_is_named_with_what_is_to_be_done(month: Path, tmp_path: Path) -> None:
    out = tmp_path / "month.xlsx"
    run(settle.settle_command, "2026-11", month, "--region", "demo", "-o", out)
    book = openpyxl.load_workbook(out)
    rows = list(book["待处理病例"].iter_rows(values_only=True))
    assert rows == [
        ("病例编号", "病组", "原因", "说明", "建议", "状态"),
        (
            *("CASE2", "B02", "PAY_INSURED_ELSEWHERE", "异地参保，参保地没有可用的待遇政策"),
            *("请核对参保地，或补充参保地的待遇政策。", "基金应付未知"),
        ),
        (
            *("CASE3", "", "PAY_COST_NEGATIVE", "费用合计为负数"),
            *("请核对退费。", "未计价"),
        ),
    ]
    sums = list(book["合计"].iter_rows(values_only=True))
    fund = sums[0].index("基金应付")
    assert {line[1]: line[fund] for line in sums if line[0] == "department"} == {
        "内科": 4000,
        "外科": "",
    }
    book.close()
    plain = tmp_path / "month.csv"
    run(settle.settle_command, "2026-11", month, "--region", "demo", "-o", plain)
    with plain.open(encoding="utf-8-sig", newline="") as file:
        by = {(one["维度"], one["编码"]): one["基金应付"] for one in csv.DictReader(file)}
    assert (by["department", "外科"], by["department", "内科"]) == ("", "4000.00")


def test_deductions_of_a_part_that_is_not_settled_count_for_the_whole(tmp_path: Path) -> None:
    rows = table(case(1, **PAID), case(2, **UNKNOWN))
    path = tmp_path / "less.csv"
    head = "month,amount,method,insurance\n"
    path.write_text(head + "2026-11,100.00,individual_review,employee\n", "utf-8")
    less = read_entries(path)
    at_hand = policies()
    found = settle_month(rows, region="demo", month="2026-11", at_hand=at_hand, deductions=less)
    assert found.value("general_deductions") == D("100.00")
    # 4000 × 0.95 = 3800, less 5 % = 3610, less 100.
    assert found.paid == D("3510.00")
    year = settle_year(rows, region="demo", year=2026, at_hand=at_hand, advances=less)
    assert year.value("general_advances") == D("100.00")
    assert [one.reason for one in year.parts] == [None, "SETTLE_FUND_UNKNOWN"]


def test_a_settlement_of_unknown_cases_alone_has_no_sum() -> None:
    rows = table(case(2, **UNKNOWN))
    at_hand = policies()
    for found in (
        settle_month(rows, region="demo", month="2026-11", at_hand=at_hand),
        settle_year(rows, region="demo", year=2026, at_hand=at_hand),
    ):
        assert (found.paid, found.lines) == (None, ())
        told = document(found, "en")
        assert told["paid"] is None
        text = "\n".join(lines(told))
        assert "No part can be settled." in text
        assert "fund's part — CNY" in text


def test_an_empty_month_says_so(month: Path) -> None:
    words = (month, "--month", "2026-10", "--region", "demo")
    text = run(settle.settle_command, *words, code=1)
    assert "本期没有病例。" in text
    assert "另有 3 例不属于本期" in text


def test_cases_given_twice_and_of_another_region_are_told(month: Path) -> None:
    text = run(settle.settle_command, "2026-11", month, month, "--region", "pingdingshan")
    assert "其中 3 例的病例编号重复出现" in text
    assert "其中 2 例按其他地区的政策计价" in text
    text = run(settle.settle_command, "2026-11", month, "--region", "demo")
    assert "重复出现" not in text
    assert "其他地区" not in text
    nameless = table(*(case(1, **{**PAID, "case_id": None}) for _ in range(2)))
    assert Priced.of(nameless, policies().on("demo", last_day())).repeated == 0


def last_day() -> Any:
    return case(1)["discharge_time"].date()


@pytest.mark.parametrize("word", ["2026-13", "2026-00", "202611", "2026.1", "2026年13月"])
def test_a_word_that_is_no_month_is_an_error_of_the_month(word: str, month: Path) -> None:
    with pytest.raises(GrouperError, match="SETTLE_PERIOD"):
        run(settle.settle_command, word, month)


def test_a_folder_without_cases_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GrouperError, match="SETTLE_FOLDER_EMPTY"):
        run(settle.settle_command, "2026-11", tmp_path, "--region", "demo")


def test_a_store_without_tables_is_an_error(tmp_path: Path) -> None:
    database = connect(f"sqlite:///{tmp_path / 'none.sqlite'}")
    try:
        with pytest.raises(GrouperError, match="STORE_OLD"):
            priced_month(database, "2026-11", region="demo")
    finally:
        database.close()


def test_changes_that_mean_nothing_are_refused_or_told(month: Path) -> None:
    for word in ("no_such=5", "dip_score:farmer=5"):
        with pytest.raises(GrouperError, match="SIMULATE_WORD"):
            read_point(word)
    text = run(
        simulate_command,
        *(month, "--region", "demo", "--cases", "department:儿科=5%"),
        *("--point-value", "apg_points=5", "--point-value", "dip_score:employee=6"),
    )
    assert "没有病例符合“department:儿科”" in text
    assert "没有病例符合“apg_points”" in text
    assert "没有病例符合“dip_score" not in text
    # 1000 points at 6 in place of 5.
    assert "支付标准：5,000.00 → 6,000.00，差 1,000.00" in text
    part = text[text.index("特病单议，职工") : text.index("合计\n")]
    assert "基金应付：— → —，差 —" in part
    assert "支付标准：4,037.40 → 4,037.40，差 0.00" in part
    # Cases without a price are counted apart and are no part of their own.
    assert "（未填）" not in text
    rows = pq.read_table(month)
    growth = (read_growth("department:外科=100%"),)
    policy = last_policy(rows, "demo", policies())
    assert simulate(rows, Changes(growth=growth), policy=policy).unmet == ()


def test_a_file_priced_names_every_reason_with_its_advice(cases: Path, tmp_path: Path) -> None:
    text = run(price_command, cases, "-o", tmp_path / "out.parquet", "--region", "demo")
    assert "病例 5 例，已计价 2 例" in text
    for code, advice in (
        ("未计价 [PAY_COST_MISSING]", "请补总费用。"),
        ("未计价 [POLICY_VALUE_MISSING]", "请先核对病例的险种、医疗机构等是否填写"),
        ("未计价 [POLICY_MISSING]", "请在数据目录的 policies 下补充该统筹区的政策文件。"),
        ("基金应付未知 [PAY_INSURED_ELSEWHERE]", "请核对参保地"),
    ):
        assert f"{code} " in text
        assert text.index(advice) > text.index(code)
    # The negative total is told where it was read; it is no price.
    assert "读入提示 [NUMBER_INVALID] 数值无法识别或超出范围：1 处" in text
    # 1291.910037 points × 1.02 × 5.56 = 7326.68 each.
    assert "支付标准合计：14,653.36 元（2 例，其余未知）" in text
    paid = pq.read_table(tmp_path / "out.parquet")["fund"].drop_null()
    assert f"基金应付合计：{paid[0].as_py():,} 元（1 例，其余未知）" in text


def test_what_was_read_with_a_remark_is_told_of_a_settlement_too(cases: Path) -> None:
    app = typer.Typer()
    app.command()(settle.settle_command)
    result = CliRunner().invoke(app, ["2026-11", str(cases), "--region", "demo"])
    assert "读入提示 [NUMBER_INVALID] 数值无法识别或超出范围：1 处" in result.stderr
    assert "读入提示" not in result.stdout


def test_a_file_without_cases_has_no_sums_of_nought(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    path.write_text("a,b\n", "utf-8")
    out = tmp_path / "out.parquet"
    text = run(price_command, path, "-o", out, "--region", "demo", "--lang", "en", code=1)
    assert "Due from the fund: not known" in text
    assert "[FILE_EMPTY]" in text


def test_what_the_policy_lacks_is_named(cases: Path) -> None:
    text = run(price_command, cases, "--case", "U4", "--region", "demo")
    assert "医院系数（dip_score.hospital_factor；医院等级：（未填）；医疗机构：H99）" in text
    text = run(price_command, cases, "--case", "U4", "--region", "demo", "--lang", "en")
    assert "level of the hospital: (not stated); hospital: H99" in text
    text = run(price_command, cases, "--case", "U5", "--region", "demo")
    assert "没有支付政策（demo，2023-11-05）。请" in text
    text = run(price_command, cases, "--case", "U3", "--region", "demo")
    assert "参保地没有可用的待遇政策。请核对参保地" in text


def test_one_case_is_written_as_the_ending_says(cases: Path, tmp_path: Path) -> None:
    words = (cases, "--case", "U1", "--region", "demo")
    for name, start in (("a.json", "{"), ("a.html", "<!doctype"), ("a.txt", "政策：demo@")):
        assert f"结果写入 {name}" in run(price_command, *words, "-o", tmp_path / name)
        assert (tmp_path / name).read_text("utf-8").startswith(start)
    for more in (("-o", tmp_path / "a.xlsx"), ("--format", "json", "-o", tmp_path / "b.html")):
        with pytest.raises(GrouperError, match="OUTPUT_FORMAT"):
            run(price_command, *words, *more)
    assert not (tmp_path / "b.html").exists()


@pytest.mark.parametrize(
    ("words", "lang"),
    [
        (["--lang", "en"], "en"),
        (["x", "--lang=zh"], "zh"),
        (["--lang"], None),
        (["--lang", "fr"], None),
        ([], None),
    ],
)
def test_errors_are_told_in_the_language_asked_for(
    words: list[str], lang: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command._asked_language(words) == lang
    told = "file none.parquet" if lang == "en" else "文件 none.parquet"
    arguments = ["grouper", "settle", "2026-11", "none.parquet", *words[:2]]
    if lang == "en":
        monkeypatch.setattr("sys.argv", arguments)
        heard: list[str] = []
        monkeypatch.setattr(typer, "echo", lambda text, **_: heard.append(text))
        with pytest.raises(SystemExit):
            command.main()
        assert told in heard[0]


def test_a_flag_is_told_in_words(cases: Path) -> None:
    words = (cases, "--case", "U1", "--region", "demo", "--explain")
    assert "优先采用已结算的个人负担 是（benefit.stated_first）" in run(price_command, *words)
    told = run(price_command, *words, "--lang", "en")
    assert "whether what was settled goes first yes (benefit.stated_first)" in told


@pytest.mark.parametrize("cell", ["310101199001011234", "张三 13800138000", "13800138000元"])
def test_a_bureau_cell_that_may_name_a_person_is_not_repeated(cell: str, tmp_path: Path) -> None:
    path = tmp_path / "bureau.csv"
    path.write_text(f"结算ID,统筹基金支付\nZ1,{cell}\n", "utf-8")
    with pytest.raises(GrouperError, match="BUREAU_NUMBER") as caught:
        read_bureau(path)
    told = caught.value.describe("zh")
    assert not any(part in told for part in ("310101199001011234", "13800138000", "张三"))
    assert "第 2 行" in told


def test_a_band_says_its_bounds() -> None:
    # Booked 3900 (5100 less 1200) of 4000 × 0.99 = 3960: the surplus of 60 lies in the first band.
    found = settle_year(table(case(1, **PAID)), region="demo", year=2026, at_hand=policies())
    text = "\n".join(lines(document(found, "zh"), explain=True))
    assert "落入本段的金额 × 比例［自–至］ = 60.00 × 1.00［0.00–0.10］ = 60.00 元" in text
