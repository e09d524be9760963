"""The benchmark's data and files: what is used, what must not be, and what is refused."""

from __future__ import annotations

import copy
import gzip
from pathlib import Path

import numpy as np
import pytest
from benchmark_support import CHOICES, LATE, Table, stays, table, write
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codebooks.errors import GrouperError
from grouper.forecast.benchmark.columns import (
    COLUMNS,
    SETTINGS,
    TASKS,
    plan,
    read_columns,
    read_plan,
    shipped,
)
from grouper.forecast.benchmark.reading import read_stays
from grouper.forecast.errors import ForecastError
from grouper.forecast.tables import toml


@pytest.mark.parametrize("column", ["los", "charges", "discharge_status", "costs"])
def test_a_column_known_only_at_discharge_can_be_no_feature(column: str) -> None:
    document = copy.deepcopy(toml(COLUMNS))
    document["feature"].append(
        {"column": column, "short": "late", "kind": "category", "tasks": ["coded"]}
    )
    with pytest.raises(ForecastError) as caught:
        read_columns(document)
    assert caught.value.code == "BENCHMARK_FORBIDDEN"
    assert caught.value.where.column == column


@pytest.mark.parametrize(
    "entry",
    [
        {"column": "sex", "short": "sex2", "kind": "category", "tasks": ["coded"]},
        {"column": "new", "short": "sex", "kind": "category", "tasks": ["coded"]},
        {"column": "new", "short": "new", "kind": "number", "tasks": ["coded"]},
        {"column": "new", "short": "new", "kind": "category", "tasks": ["discharge"]},
        {"column": "birth_weight", "short": "new", "kind": "category", "tasks": ["coded"]},
    ],
)
def test_an_entry_that_does_not_fit_is_refused(entry: dict[str, object]) -> None:
    document = copy.deepcopy(toml(COLUMNS))
    document["feature"].append(entry)
    with pytest.raises(ForecastError) as caught:
        read_columns(document)
    assert caught.value.code == "BENCHMARK_DATA"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("terms", ["hospital*severity"]),
        ("plain", ["severity"]),
        ("group", ["nothing"]),
        ("calibrate_by", ["diagnosis"]),
        ("shown", ["age*sex"]),
        ("terms", ["hospital", "hospital*age*sex*race"]),
    ],
)
def test_a_plan_uses_what_its_task_knows(key: str, words: list[str]) -> None:
    document = copy.deepcopy(toml(SETTINGS))
    document["admission"][key] = words
    with pytest.raises(ForecastError) as caught:
        read_plan(document, "admission", shipped())
    assert caught.value.code == "BENCHMARK_DATA"


def test_the_coded_task_knows_all_that_admission_knows() -> None:
    columns = shipped()
    assert set(columns.names("admission")) < set(columns.names("coded"))
    assert {"severity", "procedure", "diagnosis"}.isdisjoint(columns.names("admission"))
    assert {len(one) for task in TASKS for one in plan(task).terms} == {1, 2, 3}


def test_the_facts_file_has_every_column_in_its_place(facts: Path) -> None:
    path = facts / "data" / "sparcs_2024_heart_failure.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        header = file.readline().strip().split(",")
    document = toml(COLUMNS)
    used = [one["column"] for one in document["feature"]]
    listed = [document["target"]["column"], *used, *document["forbidden"], *document["unused"]]
    assert sorted(listed) == sorted(header)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_reading(tmp_path: Path, name: str) -> None:
    made = table(30)
    made["apr_severity_code"][0] = " 3.0 "
    made["costs"][1] = ""
    found = stays(tmp_path / name, made)
    assert found.rows.tolist() == list(range(2, 32))
    assert found.values["severity"][0] == "3"
    assert found.values["hospital"].tolist() == made["hospital_id"]
    assert np.isnan(found.cost[1])
    assert found.cost[2] == float(made["costs"][2])
    assert len(found.known()) == 29
    assert set(found.values) == set(shipped().features)


def test_a_file_without_costs_is_read(tmp_path: Path) -> None:
    made = table(5)
    del made["costs"]
    found = stays(tmp_path / "a.csv", made)
    assert (len(found), len(found.known())) == (5, 0)


def test_columns_that_must_not_be_used_need_not_be_there(tmp_path: Path) -> None:
    made = table(5)
    slim = {name: cells for name, cells in made.items() if name not in LATE}
    one, other = stays(tmp_path / "a.csv", made), stays(tmp_path / "b.csv", slim)
    for name in CHOICES:
        short = next(f.short for f in shipped().features.values() if f.column == name)
        assert one.values[short].tolist() == other.values[short].tolist()


@pytest.mark.parametrize("cell", ["-1", "0", "nan", "inf", "1e10", "12,5", "abc"])
def test_a_cost_that_is_none_names_its_place(tmp_path: Path, cell: str) -> None:
    made = table(5)
    made["costs"][3] = cell
    with pytest.raises(ForecastError) as caught:
        stays(tmp_path / "a.csv", made)
    error = caught.value
    assert (error.code, error.where.row, error.where.column) == ("BENCHMARK_COST", 5, "costs")
    assert cell not in error.describe("en").replace("1000000000", "")
    assert "a.csv" in error.describe("en")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    made = table(5)
    del made["proc_group"]
    with pytest.raises(ForecastError) as caught:
        stays(tmp_path / "a.csv", made)
    assert (caught.value.code, caught.value.where.column) == ("BENCHMARK_COLUMN", "proc_group")


def broken(kind: str, made: Table, path: Path) -> Path:
    write(path, made)
    raw = path.read_bytes()
    changed = {
        "twice": raw.replace(b"ccsr_dx_code", b"sex", 1),
        "short row": raw + b"a,b\n",
        "empty": b"",
        "header alone": raw.split(b"\n")[0],
        "latin": raw.replace(b"Hospital A", b"H\xf4pital"),
        "cut gzip": b"\x1f\x8b\x08\x00",
        "bad gzip": b"\x1f\x8b" + raw,
        "open quote": raw + b'"a,b',
    }
    path.write_bytes(changed[kind])
    return path


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("twice", "BENCHMARK_COLUMN"),
        ("short row", "BENCHMARK_ROW"),
        ("empty", "BENCHMARK_COLUMN"),
        ("header alone", "BENCHMARK_EMPTY"),
        ("latin", "BENCHMARK_FILE"),
        ("cut gzip", "BENCHMARK_FILE"),
        ("bad gzip", "BENCHMARK_FILE"),
        ("open quote", "BENCHMARK_FILE"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, kind: str, code: str) -> None:
    path = broken(kind, table(20), tmp_path / "a.csv")
    with pytest.raises(ForecastError) as caught:
        read_stays(path, shipped())
    assert caught.value.code == code
    assert caught.value.describe("zh")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ForecastError) as caught:
        read_stays(tmp_path / "none.csv", shipped())
    assert caught.value.code == "BENCHMARK_FILE"


def test_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", table(3))
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\r\n\r\n"))
    assert read_stays(path, shipped()).rows.tolist() == [3, 5, 7]


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 4000), new=st.binary(max_size=6))
def test_damage_raises_declared_errors_alone(tmp_path: Path, at: int, new: bytes) -> None:
    path = write(tmp_path / "a.csv", table(25))
    raw = path.read_bytes()
    path.write_bytes(raw[:at] + new + raw[at + 3 :])
    try:
        found = read_stays(path, shipped())
    except GrouperError:
        return
    assert len(found)
