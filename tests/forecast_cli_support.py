"""The commands of forecasting under test: run in this process, with settings small enough for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner, Result

from codebooks.errors import GrouperError
from grouper.case.dates import LOCAL
from grouper.cli.forecast_commands import add_forecast
from grouper.demo.hospital.build import make_hospital
from grouper.demo.hospital.plan import make_plan
from grouper.demo.hospital.tables import toml as hospital_table
from grouper.forecast.tables import toml

FIRST, MONTHS, SCALE, SEED = "2026-01", 7, 0.05, 20250101
UNTIL = datetime(2026, 5, 1, tzinfo=LOCAL)
AT = datetime(2026, 5, 20, 8, tzinfo=LOCAL)
WARDS = ("--region", "demo")
DAYS = [0, 1, 3, 6]
_SMALL: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {
    "training.toml": {(): {"least_stays": 60, "days": DAYS}},
    "amounts.toml": {("training", "booster"): {"rounds": 5, "depth": 3}},
    "groups.toml": {("ranker", "trees"): {"rounds": 5, "depth": 3}},
    "evaluation.toml": {
        ("backtest",): {
            "least_months": 2,
            "step_months": 1,
            "most_origins": 1,
            "tail_days": 10,
            "days": [0, 1, 3],
        },
        ("scores",): {"draws": 20},
        ("drift",): {"least_weeks": 6, "least_values": 5},
    },
}


def shrink(patch: pytest.MonkeyPatch) -> None:
    """Settings by which a few hundred stays are enough, and a few trees."""
    for file, parts in _SMALL.items():
        for path, values in parts.items():
            table = toml(file)
            for name in path:
                table = table[name]
            for name, value in values.items():
                assert name in table
                patch.setitem(table, name, value)


def run(*words: str) -> Result:
    """``grouper forecast …`` in this process; an error stands in the result's ``exception``."""
    app = typer.Typer()
    app.callback()(lambda: None)
    add_forecast(app, ["forecast", *words])
    return CliRunner().invoke(app, ["forecast", *words])


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """These settings for all tests of a module."""
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        yield


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demonstration hospital of seven months."""
    folder = tmp_path_factory.mktemp("hospital")
    own = hospital_table("hospital.toml")["hospital"]
    make_hospital(
        folder, make_plan(FIRST, MONTHS, SEED, SCALE, region="demo", scheme=own["scheme"])
    )
    return folder


def stays(folder: Path) -> list[dict[str, Any]]:
    """The inpatient stays of the hospital, by plain reading."""
    names = ["case_id", "admission_time", "discharge_time", "department"]
    parts = [pq.read_table(one, columns=names) for one in sorted((folder / "inpatient").iterdir())]
    return [row for part in parts for row in part.to_pylist()]


def code(*words: str) -> str:
    """The code of the error by which a command ends."""
    found = run(*words)
    assert isinstance(found.exception, GrouperError), (found.exit_code, found.exception)
    return found.exception.code
