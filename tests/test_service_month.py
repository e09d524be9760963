"""A month of the service's store: its stays, priced together, and settled by the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from service_support import Service, service
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from grouper.cli import settle
from grouper.cli.service_commands import service_parts
from grouper.payment.history import with_history
from grouper.payment.place import Terms
from grouper.payment.run import price_table
from grouper.payment.settlement.reading import read_priced
from grouper.service import month as stored
from grouper.service.month import priced_month

FACTS: dict[str, Any] = {
    "region": "demo",
    "hospital": "H00000000001",
    "insurance_type": "310",
    "sex": "1",
    "age": "40",
    "visit_type": "21",
    "total_cost": "2200.00",
    "scope_cost": "2000.00",
    "own_cost": "100.00",
    "over_limit_cost": "0.00",
    "first_share_cost": "100.00",
    "discharge_way": "1",
}
DAYS = {
    "V1": ("2026-02-20 08:00", "2026-02-28 23:59"),
    "V2": ("2026-02-20 08:00", "2026-03-01 00:00"),
    "V3": ("2026-03-20 08:00", "2026-03-31 23:59"),
    "V4": ("2026-03-20 08:00", "2026-04-01 00:00"),
    "V5": ("2025-12-20 08:00", "2025-12-31 23:59"),
    "V6": ("2026-12-20 08:00", "2026-12-31 23:59"),
}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path, hospital="H00000000001") as found:
        for visit, (start, end) in DAYS.items():
            facts = {**FACTS, "admission_time": start, "discharge_time": end}
            found.stay(visit, facts=facts, dx=["A03.900"], px=[])
        yield found


def days(table: pa.Table) -> list[str]:
    return sorted(f"{one:%m-%d}" for one in table["discharge_time"].to_pylist())


def test_a_month_is_what_was_discharged_in_it(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "_PAGE", 2)
    seen: list[int] = []
    march = priced_month(running.database, "2026-03", region="demo", progress=seen.append)
    # A day begins and ends at the local midnight; the year's earlier stays and the next month's are
    # read along.
    assert days(march) == ["03-01", "03-31"]
    assert seen == [2, 4]
    assert march["pay_status"].to_pylist() == ["priced", "priced"]
    # Of 2000.00 within scope February left 800.00 as the deductible and the fund 85 % of the rest,
    # 1020.00; the second stay left 400.00 of it, and the fund paid 85 % of 1600.00.
    march = march.sort_by("discharge_time")
    assert march["admission_number"].to_pylist() == [2, 3]
    assert march["year_deductible"].to_pylist() == [Decimal(800), Decimal(1200)]
    assert march["year_basic"].to_pylist() == [Decimal(1020), Decimal(2380)]
    first = priced_month(running.database, "2026-02", region="demo")
    assert (days(first), first["admission_number"].to_pylist()) == (["02-28"], [1])
    funds = [*first["fund"].to_pylist(), *march["fund"].to_pylist()]
    assert funds[1:] == [funds[0] + 340, funds[0] + 680]
    assert days(priced_month(running.database, "2026-12", region="demo")) == ["12-31"]
    assert days(priced_month(running.database, "2025-12", region="demo")) == ["12-31"]
    assert priced_month(running.database, "2026-01", region="demo").num_rows == 0
    alone = price_table(march, Terms(region="demo"))
    assert alone["amount"].to_pylist() == march["amount"].to_pylist()


def test_who_comes_back_in_the_next_month_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = {
        "2026-02": ("02-20", "02-25"),
        "2026-03": ("03-02", "03-06"),
        "2026-05": ("05-01", "05-03"),
    }
    seen: list[list[int]] = []

    def pricing(table: pa.Table, terms: Terms) -> pa.Table:
        known = with_history(table).sort_by("discharge_time")
        seen.append(known["days_until_same"].to_pylist())
        return price_table(table, terms)

    monkeypatch.setattr(stored, "price_table", pricing)
    with service(tmp_path, hospital="H00000000001") as found:
        for number, (begun, end) in enumerate(ends.values()):
            times = {"admission_time": f"2026-{begun} 08:00", "discharge_time": f"2026-{end} 08:00"}
            facts = {**FACTS, **times, "person": "N1"}
            found.stay(f"B{number}", facts=facts, dx=["A03.900"], px=[])
        # Five days until the stay of March, which is priced along and is no part of February.
        for whole in (False, True):
            february = priced_month(found.database, "2026-02", region="demo", whole_year=whole)
            assert days(february) == ["02-25"]
        # A stay two months later is not looked for.
        assert days(priced_month(found.database, "2026-03", region="demo")) == ["03-06"]
        assert seen == [[5, -1], [5, -1], [5, -1]]


def test_a_month_without_stays_has_all_columns(tmp_path: Path) -> None:
    with service(tmp_path) as found:
        table = priced_month(found.database, "2026-11", region="demo")
        assert (table.num_rows, "amount" in table.column_names) == (0, True)


def call(*words: object, code: int = 0) -> str:
    app = typer.Typer()
    app.command()(settle.settle_command)
    result = CliRunner().invoke(app, [str(one) for one in words])
    if isinstance(result.exception, GrouperError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def test_the_command_settles_a_month_of_the_store(
    running: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    monkeypatch.setenv("GROUPER_SERVICE_REGION", "demo")
    told = json.loads(call("2026-03", "--format", "json"))
    march = priced_month(running.database, "2026-03", region="demo")
    expected = sum(march["fund"].to_pylist(), Decimal(0))
    (part,) = told["parts"]
    (fund,) = [line for line in part["lines"] if line["name"] == "fund"]
    assert (Decimal(fund["value"]), told["when"]) == (expected, "2026-03")
    named = call("--month", "2026-03", "--region", "demo", "--format", "json")
    assert json.loads(named) == told
    for words in ((), ("--year", 2026), ("2026-03", "--year", 2026)):
        with pytest.raises(GrouperError, match="SETTLE_FILES_NEEDED"):
            call(*words)


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    house = tmp_path / "hospital"
    names = [
        *("inpatient/2025-12", "inpatient/2026-10", "inpatient/2026-11", "inpatient/2026-12"),
        "outpatient/2026-11",
    ]
    inside = [house / f"{name}.parquet" for name in names]
    for path in inside:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert settle.asked_for([house], None) == (None, inside)
    # The year's months before it are read along, for what a patient paid in them.
    november = [inside[1], inside[2], inside[4]]
    assert settle.asked_for([Path("2026-11"), house], None) == ("2026-11", november)
    assert settle.asked_for([house], "2026-11") == ("2026-11", november)
    # A folder whose files have other names is taken whole; one without any is no folder of cases.
    plain, one = tmp_path / "plain", tmp_path / "plain" / "one.parquet"
    plain.mkdir()
    with pytest.raises(GrouperError, match="SETTLE_FOLDER_EMPTY"):
        settle.asked_for([plain], "2026-11")
    one.touch()
    assert settle.asked_for([Path("2026-11"), plain], None) == ("2026-11", [one])
    assert settle.asked_for([one], None) == (None, [one])
    # What is no month is a file, and so is a second month.
    assert settle.asked_for([Path("november")], None) == (None, [Path("november")])
    assert settle.asked_for([Path("2026-11")], "2026-10") == ("2026-10", [Path("2026-11")])
    assert settle.asked_for([], "2026-10") == ("2026-10", [])


def test_a_folder_of_cases_settles_as_its_files_do(running: Service, tmp_path: Path) -> None:
    folder = tmp_path / "cases"
    folder.mkdir()
    march = priced_month(running.database, "2026-03", region="demo")
    pq.write_table(march, folder / "2026-03.parquet")
    one = json.loads(call("2026-03", folder, "--region", "demo", "--format", "json"))
    other = json.loads(call(folder / "2026-03.parquet", "--region", "demo", "--format", "json"))
    assert one == other
    assert read_priced([folder / "2026-03.parquet"], region="demo").num_rows == march.num_rows
    assert service_parts()[2] is priced_month
