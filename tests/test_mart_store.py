"""The service's mart: from its store, kept up to date at night, with Grouper's own names of cases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from mart_support import fact, write_mart
from service_support import Service, service
from typer.testing import CliRunner

from grouper.cli import mart as command
from grouper.mart.errors import MartError
from grouper.mart.manifest import read
from grouper.mart.mart import Mart
from grouper.mart.slices import Axis, Slice
from grouper.service import mart as stored
from grouper.service.mart import Keeper, StoredStays, build_stored, mart_folder
from grouper.service.month import priced_month
from grouper.service.settings import Settings
from grouper.store import discharges
from grouper.store.database import StoreError, connect

FACTS: dict[str, Any] = {
    "region": "demo",
    "hospital": "H00000000001",
    "insurance_type": "310",
    "sex": "1",
    "age": "40",
    "department": "心内科",
    "visit_type": "21",
    "total_cost": "2200.00",
    "scope_cost": "2000.00",
    "own_cost": "100.00",
    "over_limit_cost": "0.00",
    "first_share_cost": "100.00",
    "discharge_way": "1",
    # Not what the times of the stays say.
    "los": "5",
}
DAYS = {
    "V1": ("2025-12-20 08:00", "2025-12-31 23:59"),
    "V2": ("2026-01-20 08:00", "2026-01-31 23:59"),
    "V3": ("2026-03-20 08:00", "2026-03-31 23:59"),
}
YEARS = Slice(since=date(2025, 1, 1), until=date(2027, 1, 1), reach=None)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path, hospital="H00000000001") as found:
        for visit, (start, end) in DAYS.items():
            facts = {**FACTS, "admission_time": start, "discharge_time": end}
            found.stay(visit, facts=facts, dx=["A03.900"], px=[])
        yield found


@pytest.fixture
def how(tmp_path: Path) -> Settings:
    return Settings(folder=tmp_path / "service", region="demo")


def test_the_store_is_built_as_its_months_are_priced(
    running: Service, how: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discharges, "_PIECE", 2)
    built = build_stored(how, running.database)
    assert built.months == ("2025-12", "2026-01", "2026-03")
    mart = Mart.open(mart_folder(how))
    rows = mart.rows(YEARS, descending=False).to_pylist()
    told = {row["case_id"]: (row["amount"], row["fund"], row["surplus"]) for row in rows}
    wanted = {}
    for month in built.months:
        for row in priced_month(running.database, month, region="demo").to_pylist():
            wanted[row["case_id"]] = (row["amount"], row["fund"], row["surplus"])
    assert told == wanted
    assert len(told) == 3
    # Neither the number of a visit nor that of a patient is in any file.
    for name in read(mart_folder(how)).files:
        content = str(pq.read_table(mart_folder(how) / name).to_pylist())
        assert not [word for word in ("V1", "V2", "P1", "示例") if f"'{word}" in content]
    assert mart.by(YEARS, Axis.DEPARTMENT)["cost"].to_pylist() == [Decimal("6600.00")]
    noted = {row["reason"]: row["cases"] for row in mart.reasons(YEARS).to_pylist()}
    assert noted["LOS_CONFLICT"] == 3
    mart.close()


def test_only_years_of_stays_that_changed_are_made_again(running: Service, how: Settings) -> None:
    build_stored(how, running.database)
    assert build_stored(how, running.database).years == ()
    facts = {**FACTS, "total_cost": "2500.00", "admission_time": DAYS["V3"][0]}
    running.stay("V3", facts={**facts, "discharge_time": DAYS["V3"][1]}, dx=["A03.900"], px=[])
    assert build_stored(how, running.database).years == ("2026",)
    # A stay of December is also part of what the next year is made of.
    facts = {**facts, "admission_time": DAYS["V1"][0], "discharge_time": DAYS["V1"][1]}
    running.stay("V1", facts=facts, dx=["A03.900"], px=[])
    assert build_stored(how, running.database).years == ("2025", "2026")
    assert build_stored(how, running.database, anew=True).cases == 3


def test_the_mart_is_kept_once_a_night(running: Service, how: Settings) -> None:
    at = [datetime.now(UTC)]
    keeper = Keeper(how, running.database, lambda: at[0])
    assert keeper.look() is not None  # There was none.
    assert keeper.look() is None
    fresh = Keeper(how, running.database, lambda: at[0])
    assert fresh.look() is None  # Made since the last night.
    at[0] += timedelta(days=1)
    made = fresh.look()
    assert made is not None
    assert made.years == ()
    assert fresh.look() is None


def test_a_mart_of_a_hospital_folder_is_left_alone(running: Service, how: Settings) -> None:
    write_mart(mart_folder(how), [fact()])
    state = (mart_folder(how) / "manifest.json").read_text().replace('"store"', '"hospital"')
    (mart_folder(how) / "manifest.json").write_text(state)
    late = datetime.now(UTC) + timedelta(days=400)
    assert Keeper(how, running.database, lambda: late).look() is None
    assert read(mart_folder(how)).source == "hospital"


@pytest.mark.parametrize("fault", [MartError("MART_WRITE", cause="OSError"), RuntimeError("odd")])
def test_what_goes_wrong_at_night_ends_nothing(
    fault: Exception, running: Service, how: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise fault

    at = datetime.now(UTC)
    keeper = Keeper(how, running.database, lambda: at)
    with monkeypatch.context() as patch:
        patch.setattr(stored, "build_stored", fail)
        assert keeper.look() is None
    assert Mart.stamp(mart_folder(how)) == ""


def test_a_store_without_tables_is_said(tmp_path: Path) -> None:
    database = connect(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    try:
        with pytest.raises(StoreError, match="STORE_OLD"):
            StoredStays(database, "demo").years()
    finally:
        database.close()


@pytest.mark.usefixtures("running")
def test_the_command_builds_from_the_store(
    how: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GROUPER_SERVICE_FOLDER", str(how.folder))
    monkeypatch.setenv("GROUPER_SERVICE_REGION", "demo")
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    made = CliRunner().invoke(command.app, ["build", "--lang", "en"])
    assert made.exit_code == 0, made.output
    assert "Mart built: 3 cases, 3 months" in made.output
    assert "Mart: 3 cases" in CliRunner().invoke(command.app, ["show", "--lang", "en"]).output
