"""``grouper price``: one case with its arithmetic, and whole files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from grouper.case.readers import open_source
from grouper.cli.payment_commands import NAMES, add_payment
from grouper.payment.place import Terms
from grouper.payment.result import PAYMENT_SCHEMA
from grouper.payment.run import BATCH_ROWS, ISSUES, grouped_table, price_table, priced_table

RUN = CliRunner()
HEAD = "病案号,统筹区,性别,年龄,出院时间,医保类型,总费用,主要诊断编码,主要手术编码\n"
ROWS = (
    "N1,哈尔滨,男,45,2024-05-05,310,30000.00,K80.101,51.2300\n"
    "N2,哈尔滨,男,45,2024-05-05,390,20000.00,K80.101,51.2300\n"
    "N3,哈尔滨,男,45,2019-05-05,310,20000.00,K80.101,51.2300\n"
    "N4,哈尔滨,男,45,2024-05-05,,20000.00,K80.101,51.2300\n"
)


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "cases.csv"
    path.write_text(HEAD + ROWS, "utf-8")
    return path


def app() -> typer.Typer:
    found = typer.Typer()
    found.callback()(lambda: None)
    add_payment(found, ["price"])
    return found


def call(*words: object) -> str:
    result = RUN.invoke(app(), ["price", *(str(w) for w in words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_one_case_of_a_file_with_its_arithmetic(cases: Path, tmp_path: Path) -> None:
    text = call(cases, "--row", 1, "--explain")
    assert "DRG 费率法" in text
    assert "drg_rate.rate[employee][I]" in text
    assert "假设" in text
    told = json.loads(call(cases, "--case", "N2", "--format", "json", "--lang", "en"))
    assert told["method_name"] == "DRG by rate"
    page = tmp_path / "page.html"
    call(cases, "--row", 1, "--format", "html", "-o", page)
    assert page.read_text("utf-8").startswith("<!doctype html>")
    with pytest.raises(GrouperError, match="OUTPUT_IS_INPUT"):
        call(cases, "--row", 1, "--format", "html", "-o", cases)


def test_a_typed_case(tmp_path: Path) -> None:
    words = ["--dx", "K80.101", "--px", "51.2300", "--sex", "1", "--age", "45"]
    more = ["--discharge", "2024-05-05", "--region", "harbin", "--insurance", "310"]
    text = call(*words, *more, "--cost", "30000", "--days", "5", "--hospital", "H1")
    assert "支付标准" in text
    out = tmp_path / "one.txt"
    call(*words, *more, "-o", out)
    assert "支付标准" in out.read_text("utf-8")


def test_one_case_is_written_as_the_ending_says(cases: Path, tmp_path: Path) -> None:
    page = tmp_path / "case.json"
    told = call(cases, "--row", 1, "-o", page, "--explain")
    assert page.name in told
    assert json.loads(page.read_text("utf-8"))["method"] == "drg_rate"
    for name, words in (("case.json", ["--format", "html"]), ("case.docx", [])):
        with pytest.raises(GrouperError, match="OUTPUT_FORMAT"):
            call(cases, "--row", 1, "--explain", *words, "-o", tmp_path / name)
    assert not (tmp_path / "case.docx").exists()


def test_what_a_typed_case_cannot_use_is_told() -> None:
    words = ["--dx", "K80.101", "--sex", "1", "--age", "45", "--discharge", "2024-05-05"]
    result = RUN.invoke(app(), ["price", *words, "--region", "harbin", "--cost", "much"])
    assert result.exit_code == 0
    assert "NUMBER_INVALID" in result.stderr
    assert "much" not in result.output


def test_a_whole_file(cases: Path, tmp_path: Path) -> None:
    out = tmp_path / "priced.parquet"
    text = call(cases, "-o", out)
    assert "病例 4 例，已计价 2 例" in text
    assert "POLICY_VALUE_MISSING" in text
    table = pq.read_table(out)
    assert table.column("pay_reason").to_pylist()[:2] == [None, None]
    assert set(PAYMENT_SCHEMA.names) <= set(table.column_names)
    english = call(cases, "-o", tmp_path / "priced.csv", "--lang", "en")
    assert "4 cases, 2 of them priced" in english
    (tmp_path / "empty.csv").write_text(HEAD, "utf-8")
    result = RUN.invoke(app(), ["price", str(tmp_path / "empty.csv"), "-o", str(out)])
    assert result.exit_code == 1


def test_files_together_and_in_any_pieces(cases: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(HEAD + ROWS.replace("N", "M"), "utf-8")
    seen: list[int] = []
    both = priced_table([cases, other], region="national", progress=seen.append)
    assert both.num_rows == 8
    # Remarks of the reader are a column for who asks for it.
    noted = priced_table([cases, other], region="national", noted=True)
    assert set(noted.column_names) - set(both.column_names) == {ISSUES}
    assert seen == [4, 4]
    grouped = grouped_table(open_source(cases), region="national")
    pieces = price_table(grouped, Terms(), seen.append, batch_rows=1)
    assert (
        pieces.select(PAYMENT_SCHEMA.names).to_pylist()
        == both.slice(0, 4).select(PAYMENT_SCHEMA.names).to_pylist()
    )
    again = price_table(pieces, Terms())
    assert again.column_names == pieces.column_names
    assert BATCH_ROWS > 1


def test_a_patients_year_goes_across_files_in_any_split(tmp_path: Path) -> None:
    head = (
        "case_id,person,region,hospital,insurance_type,sex,age,visit_type,admission_time,"
        "discharge_time,discharge_way,dx,total_cost,scope_cost,own_cost,over_limit_cost,"
        "first_share_cost\n"
    )
    rows = [
        f"C{n},P{n % 2},demo,H00000000001,310,1,40,21,2026-0{1 + n // 2}-01,2026-0{1 + n // 2}-09,"
        "1,A03.900,2200.00,2000.00,100.00,0.00,100.00\n"
        for n in range(6)
    ]

    def table(*parts: list[str]) -> dict[str, Any]:
        paths = []
        for number, part in enumerate(parts):
            paths.append(tmp_path / f"{len(parts)}-{number}.csv")
            paths[-1].write_text(head + "".join(part), "utf-8")
        found = priced_table(paths, region="national")
        return {row["case_id"]: row for row in found.to_pylist()}

    whole = table(rows)
    # The deductible of 1200.00 a year is left by the first two stays; then it is spent.
    assert [whole[f"C{n}"]["year_deductible"] for n in (0, 2, 4)] == [0, 800, 1200]
    assert whole["C0"]["fund"] < whole["C2"]["fund"] < whole["C4"]["fund"]
    assert table(rows[:1], rows[1:]) == whole
    assert table(rows[3:], rows[:2], rows[2:3]) == whole
    assert table(rows[::-1]) == whole


def test_commands_are_loaded_one_by_one() -> None:
    found = typer.Typer()
    add_payment(found, ["group"])
    assert not found.registered_commands
    add_payment(found, [])
    names = {one.name for one in found.registered_commands}
    assert names | {one.name for one in found.registered_groups} == set(NAMES)
