"""The commands ``settle``, ``simulate``, ``reconcile`` and ``indices`` on files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from settlement_support import D, case, table, when
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from grouper.cli.indices import indices_command
from grouper.cli.reconcile import reconcile_command
from grouper.cli.settle import settle_command
from grouper.cli.simulate import simulate_command
from grouper.payment.settlement.reading import read_priced
from grouper.run.writers import open_writer

PAID: dict[str, Any] = {
    "region": "demo",
    "hospital": "H00000000001",
    "group": "A01",
    "group_name": "甲组",
    "department": "内科",
    "unit_weight": D("1000"),
    "points": D("1000"),
    "point_value": D("5"),
    "amount": D("5000.00"),
    "deducted": D("1000.00"),
    "patient": D("1200.00"),
    "total_cost": D("5100.00"),
    "scope_cost": D("5000.00"),
    "los": 8,
}


def run(command: Callable[..., None], *arguments: object) -> str:
    """What a command prints."""
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=True)
    if isinstance(result.exception, GrouperError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def priced(tmp_path: Path) -> Path:
    path = tmp_path / "priced.parquet"
    dear = {**PAID, "group": "B02", "group_name": "乙组", "total_cost": D("9000.00")}
    pq.write_table(table(case(1, **PAID), case(2, **dear)), path)
    return path


def test_settle_prints_the_month(priced: Path, tmp_path: Path) -> None:
    text = run(settle_command, priced, "--region", "示范市")
    assert text.startswith("demo 2026-11 月度结算")
    # Fund 8000; × 0.95 = 7600; less 5 % = 7220.
    assert "本月实际拨付 7,220.00" in text
    assert text.index("结余最多的病组：\n  A01 甲组") < text.index("亏损最多的病组：\n  B02 乙组")
    path = tmp_path / "out.json"
    text = run(settle_command, priced, "--region", "demo", "--explain", "-o", path)
    assert "= 8,000.00 × 0.95 = 7,600.00 元" in text
    assert f"结果写入 {path.name}" in text
    assert json.loads(path.read_text("utf-8"))["paid"] == "7220.00"
    told = json.loads(run(settle_command, priced, "--region", "demo", "--format", "json"))
    assert told["totals"]["group"][1]["surplus"] == "-3800.00"
    english = run(settle_command, priced, "--region", "demo", "--lang", "en")
    assert "paid in all 7,220.00" in english


def test_settle_takes_deductions(priced: Path, tmp_path: Path) -> None:
    path = tmp_path / "deductions.csv"
    path.write_text("month,amount,kind\n2026-11,20.00,audit\n2026-10,7,audit\n", "utf-8")
    text = run(settle_command, priced, "--region", "demo", "--deductions", path)
    assert "本月实际拨付 7,200.00" in text


def test_settle_clears_a_year(priced: Path, tmp_path: Path) -> None:
    path = tmp_path / "advances.csv"
    path.write_text("month,amount,method,insurance\n2026-11,7220.00,dip_score,employee\n", "utf-8")
    year = ("--year", 2026, "--point-value", "dip_score=6", "--advances", path)
    text = run(settle_command, priced, "--region", "demo", *year)
    # 2000 × 6 − 2000 = 10000; × 0.99 = 9900; booked 11700: 1800 over; 495 × 0.6 + 495 × 0.4.
    assert "年度清算额 10,395.00" in text
    assert "年终实际应补（负数为应退） 3,175.00" in text
    for wrong in (
        ("--point-value", "dip_score=6"),
        ("--advances", path),
        ("--year", 2026, "--point-value", "6"),
    ):
        with pytest.raises(GrouperError) as caught:
            run(settle_command, priced, "--region", "demo", *wrong)
        assert caught.value.code in {"SETTLE_OPTION", "SIMULATE_POINT"}
    text = run(
        *(settle_command, priced, "--region", "demo", "--year", 2026),
        *("--point-value", "dip_score:employee=6"),
    )
    assert "年度清算额 10,395.00" in text


def test_settle_never_writes_over_its_input(priced: Path) -> None:
    with pytest.raises(GrouperError) as caught:
        run(settle_command, priced, "--region", "demo", "-o", priced)
    assert caught.value.code == "OUTPUT_IS_INPUT"


def test_simulate_prints_before_and_after(priced: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    text = run(
        *(simulate_command, priced, "--region", "demo", "--cases", "5%"),
        *("--point-value", "dip_score=4.6", "-o", path),
    )
    assert "支付标准：10,000.00 → 9,660.00，差 -340.00" in text
    assert path.read_text("utf-8-sig").splitlines()[2].endswith("10000.00,9660.00,-340.00")
    text = run(simulate_command, priced, "--region", "demo", "--set", "settlement.kept_back=0.1")
    assert "未计价病例" in text


def test_reconcile_compares_and_books(priced: Path, tmp_path: Path) -> None:
    bureau, book = tmp_path / "bureau.csv", tmp_path / "book.csv"
    bureau.write_text("结算ID,基金支付\nCASE1,4000.00\nCASE2,3900.00\n", "utf-8")
    arguments = ("--region", "demo", "--bureau", bureau, "--book", book)
    text = run(reconcile_command, priced, *arguments)
    assert "一致：1 例" in text
    assert "记入 1 条调整" in text
    assert "记入 0 条调整" in run(reconcile_command, priced, *arguments)
    told = run(reconcile_command, priced, *arguments, "--format", "json", "--month", "2026-11")
    assert json.loads(told)["theirs"] == "7900.00"
    other = run(reconcile_command, priced, *arguments[:4], "--month", "2026-10")
    assert "本院没有：2 例" in other
    with pytest.raises(GrouperError) as caught:
        run(reconcile_command, priced, "--region", "demo", "--bureau", bureau, "--book", bureau)
    assert caught.value.code == "OUTPUT_IS_INPUT"


def test_indices_print_the_hospital_and_the_fund(priced: Path, tmp_path: Path) -> None:
    fund, charges = tmp_path / "fund.csv", tmp_path / "charges.parquet"
    fund.write_text("month,insurance,spending,balance\n2026-10,employee,100,220\n", "utf-8")
    lines = {"case_id": ["CASE1", "CASE2"], "line_class": ["09", "08"]}
    amounts = pa.array([D("30.00"), D("70.00")], pa.decimal128(14, 2))
    pq.write_table(pa.table({**lines, "line_amount": amounts}), charges)
    path = tmp_path / "out.xlsx"
    text = run(
        *(indices_command, priced, "--region", "demo", "--by", "group", "--fund", fund),
        *("--charges", charges, "-o", path),
    )
    assert "CMI 1.00" in text
    assert "药占比 30%" in text
    assert "基金可支付月数（职工）2.20：告警" in text
    assert "A01 甲组：1 例" in text
    assert path.stat().st_size > 0
    charges.write_bytes(b"no parquet")
    with pytest.raises(GrouperError) as caught:
        run(indices_command, priced, "--region", "demo", "--charges", charges)
    assert caught.value.code == "SETTLE_FILE"


def test_a_priced_csv_settles_as_the_parquet_does(priced: Path, tmp_path: Path) -> None:
    rows = pq.read_table(priced)
    path = tmp_path / "priced.csv"
    writer = open_writer(path, rows.schema)
    for batch in rows.to_batches():
        writer.write(batch)
    writer.close()
    path.with_name("priced.csv.part").rename(path)
    one, other = (
        json.loads(run(settle_command, file, "--region", "demo", "--format", "json"))
        for file in (priced, path)
    )
    assert one == other
    both = run(settle_command, priced, path, "--region", "demo")
    assert "病例 4 例" in both


def test_files_of_cases_are_grouped_and_priced_first(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(
        "case_id,region,hospital,insurance_type,sex,age,admission_time,discharge_time,"
        "discharge_way,department,dx,total_cost,scope_cost,own_cost,over_limit_cost,"
        "first_share_cost\n"
        "CASE1,demo,H00000000001,310,1,40,2026-11-01 08:00:00,2026-11-08 08:00:00,"
        "1,内科,A03.900,2200.00,2000.00,100.00,0.00,100.00\n",
        "utf-8",
    )
    text = run(settle_command, path, "--region", "demo")
    assert "病例 1 例，已计价 1 例" in text
    later = {"discharge_time": when("2026-12-01T00:00:00")}
    pq.write_table(table(case(1, **{**PAID, **later})), tmp_path / "later.parquet")
    with pytest.raises(GrouperError) as caught:
        run(settle_command, path, tmp_path / "later.parquet", "--region", "demo")
    assert (caught.value.code, caught.value.params["found"]) == (
        "SETTLE_MONTHS",
        "2026-11, 2026-12",
    )


def test_files_that_cannot_be_read(priced: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1")
    torn = tmp_path / "torn.csv"
    torn.write_text("case_id,pay_status,amount\nC1,priced,much\n", "utf-8")
    for path, code in (
        (tmp_path / "none.csv", "FILE_NOT_FOUND"),
        (tmp_path / "none.parquet", "FILE_NOT_FOUND"),
        (broken, "SETTLE_FILE"),
        (torn, "SETTLE_FILE"),
    ):
        with pytest.raises(GrouperError) as caught:
            read_priced([path], region="demo")
        assert caught.value.code == code
        assert caught.value.describe("en")
    odd = tmp_path / "odd.parquet"
    rows = pq.read_table(priced)
    place = rows.column_names.index("amount")
    pq.write_table(rows.set_column(place, "amount", pa.array([["a"], ["b"]])), odd)
    with pytest.raises(GrouperError) as caught:
        read_priced([priced, odd], region="demo")
    assert caught.value.code == "SETTLE_FILES_APART"
