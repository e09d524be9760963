"""Stays and charges read from a hospital's files: what is taken, what is left out, what is refused."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codebooks.errors import GrouperError
from codebooks.messages import catalogue
from grouper.case.dates import LOCAL
from grouper.case.fields import CASE_SCHEMA
from grouper.forecast.archive import Archive, least_stays, months_of, read_archive
from grouper.forecast.course import LATE, NO_DAY
from grouper.forecast.errors import ForecastError
from grouper.forecast.tables import toml

BEGIN = datetime(2026, 3, 2, 9)  # noqa: DTZ001 -- a time without a zone, as records have it
LINES = {
    "case_id": ["A1", "A1", "A2"],
    "line_amount": [10.25, 4.0, 7.5],
    "line_time": pa.array([datetime(2026, 3, d, 8, tzinfo=LOCAL) for d in (2, 3, 2)]),
}
Columns = dict[str, Any]


def day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(int))


def stays(*names: str | None, days: int | None = 4, **columns: Any) -> pa.Table:
    """Stays as a typed table: admitted on 2 March 2026, for some days; None: they still run."""
    end = None if days is None else BEGIN + timedelta(days=days)
    found: Columns = {
        "case_id": pa.array(names, pa.string()),
        "kind": ["inpatient"] * len(names),
        "dx": [["I10.x00"]] * len(names),
        "admission_time": pa.array([BEGIN] * len(names), pa.timestamp("us")),
        "discharge_time": pa.array([end] * len(names), pa.timestamp("us")),
    }
    return pa.table(found | columns)


def lines(**columns: Any) -> pa.Table:
    """Three lines of two stays; a column given as None is left out."""
    return pa.table({n: v for n, v in (LINES | columns).items() if v is not None})


def put(path: Path, table: pa.Table) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def hospital(folder: Path) -> Path:
    """Two months of a hospital in its folder."""
    put(folder / "inpatient" / "2026-03.parquet", stays("A1", "A2"))
    put(folder / "inpatient" / "2026-04.parquet", stays("A3", days=40))
    put(folder / "charges" / "2026-03.parquet", lines())
    put(folder / "charges" / "2026-04.parquet", lines(case_id=["A3", "A3", "A9"]))
    return folder


def charged(archive: Archive) -> dict[str, list[tuple[int, int]]]:
    """Day and fen of each line by the case's id."""
    courses = archive.courses()
    found: dict[str, list[tuple[int, int]]] = {str(name): [] for name in courses.texts("case_id")}
    names = list(found)
    told = courses.lines
    for stay, on, fen in zip(
        told.stay.tolist(), told.day.tolist(), told.amount.tolist(), strict=True
    ):
        found[names[stay]].append((on, fen))
    return {name: sorted(values) for name, values in found.items()}


def refused(paths: list[Path], charges: list[Path]) -> GrouperError:
    with pytest.raises(GrouperError) as error:
        read_archive(paths, charges)
    for lang in ("zh", "en"):
        assert error.value.describe(lang)
    return error.value


def test_a_folder_holds_cases_and_charges(tmp_path: Path) -> None:
    told: list[str] = []
    archive = read_archive([hospital(tmp_path)], progress=told.append)
    assert archive.cases["case_id"].to_pylist() == ["A1", "A2", "A3"]
    assert archive.cases.schema.equals(CASE_SCHEMA)
    assert len(archive) == 3
    assert archive.left_out == {}
    assert charged(archive) == {
        "A1": [(0, 1025), (1, 400)],
        "A2": [(0, 750)],
        "A3": [(0, 1025), (1, 400)],
    }
    names = ["2026-03.parquet", "2026-04.parquet"] * 2
    assert told == [name for name, _ in archive.files] == names
    paths = [tmp_path / kind / name for kind in ("inpatient", "charges") for name in names[:2]]
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    assert [digest for _, digest in archive.files] == digests


def test_a_folder_without_inpatients_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "charges" / "2026-03.parquet", lines())
    error = refused([tmp_path], [])
    assert (error.code, error.where.file) == ("FORECAST_FOLDER", tmp_path.name)


def test_files_are_named_one_by_one(tmp_path: Path) -> None:
    root = hospital(tmp_path)
    cases, charges = (sorted((root / kind).glob("*")) for kind in ("inpatient", "charges"))
    named = read_archive(cases, charges)
    whole = read_archive([root])
    assert named.cases.equals(whole.cases)
    assert named.files == whole.files
    assert charged(named) == charged(whole)


def test_a_file_of_charges_that_is_named_again_counts_once(tmp_path: Path) -> None:
    root = hospital(tmp_path)
    again = read_archive([root], [root / "charges", root / "charges" / "2026-03.parquet"])
    assert charged(again) == charged(read_archive([root]))
    assert len(again.files) == 4
    # A folder of charges alone does for its files.
    cases = sorted((root / "inpatient").glob("*"))
    assert charged(read_archive(cases, [root / "charges"])) == charged(again)


def test_no_files_are_no_stays() -> None:
    archive = read_archive([])
    assert (len(archive), archive.charges, archive.files) == (0, None, ())
    assert len(archive.courses()) == 0
    assert archive.ends.tolist() == []


def test_text_files_of_cases_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "case_id,kind,dx1,admission_time,discharge_time\n"
        "A1,inpatient,I10.x00,2026-03-02 09:00,2026-03-06 09:00\n"
        "A2,inpatient,I10.x00,2026-03-02 09:00,\n",
        "utf-8",
    )
    archive = read_archive([path])
    assert archive.ends.tolist() == [day("2026-03-06"), NO_DAY]
    assert archive.charges is None


def test_lines_may_stand_in_the_cases(tmp_path: Path) -> None:
    when = [datetime(2026, 3, 2, 10, tzinfo=LOCAL), datetime(2026, 3, 4, 10, tzinfo=LOCAL)]
    nested: Columns = {
        "line_item": [["x", "y"], []],
        "line_amount": [[12.5, -2.5], []],
        "line_time": [when, []],
    }
    path = put(tmp_path / "a.parquet", stays("A1", "A2", **nested))
    archive = read_archive([path])
    assert archive.left_out == {}
    assert charged(archive) == {"A1": [(0, 1250), (2, -250)], "A2": []}
    # Beside files of charges nobody could say whether they are the same: the files count, and it is told.
    both = read_archive([path], [put(tmp_path / "lines.parquet", lines())])
    assert both.left_out == {"lines_in_cases": 2}
    assert charged(both)["A1"] == [(0, 1025), (1, 400)]


def test_a_repeated_or_missing_id_is_left_out(tmp_path: Path) -> None:
    first = put(tmp_path / "a.parquet", stays("A1", "A2", "A1", None))
    second = put(tmp_path / "b.parquet", stays("A2", "A4", days=9))
    archive = read_archive([first, second])
    assert archive.cases["case_id"].to_pylist() == ["A1", "A2", "A4"]
    assert archive.left_out == {"repeated": 3}
    # The first record of an id stands.
    assert archive.ends.tolist() == [day("2026-03-06"), day("2026-03-06"), day("2026-03-11")]


def test_other_kinds_are_left_out(tmp_path: Path) -> None:
    kinds = ["inpatient", "outpatient", "long_stay"]
    archive = read_archive([put(tmp_path / "a.parquet", stays("A1", "A2", "A3", kind=kinds))])
    assert archive.cases["case_id"].to_pylist() == ["A1"]
    assert archive.left_out == {"other_kind": 2}


def test_rejected_records_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    record = {"case_id": "A1", "kind": "inpatient", "dx": ["I10.x00"]}
    good, other = (json.dumps(record | more) for more in ({}, {"case_id": "A2"}))
    outpatient = json.dumps(record | {"case_id": "A3", "kind": "outpatient"})
    path.write_text(f"{good}\n{{broken\n{other}\n[1]\n{outpatient}\n", "utf-8")
    archive = read_archive([path])
    assert archive.cases["case_id"].to_pylist() == ["A1", "A2"]
    assert archive.left_out == {"rejected": 2, "other_kind": 1}


@pytest.mark.parametrize("why", ["rejected", "other_kind", "repeated", "lines_in_cases"])
def test_the_card_has_words_for_what_is_left_out(why: str) -> None:
    words = [catalogue(lang)[f"forecast_card.out_{why}"] for lang in ("zh", "en")]
    assert all(words)
    assert words[0] != words[1]


def test_some_stays_by_their_discharge(tmp_path: Path) -> None:
    paths = [
        put(tmp_path / f"{days}.parquet", stays(f"A{days}", days=days)) for days in (1, 5, 6, 30)
    ]
    running = put(tmp_path / "running.parquet", stays("B", days=None))
    archive = read_archive([*paths, running], [put(tmp_path / "lines.parquet", lines())])
    assert archive.ends.tolist() == [*(day("2026-03-02") + d for d in (1, 5, 6, 30)), NO_DAY]

    def names(some: Archive) -> list[str]:
        found: list[str] = some.cases["case_id"].to_pylist()
        return found

    assert names(archive.between(day("2026-03-07"), day("2026-04-01"))) == ["A5", "A6"]
    assert names(archive.between(day("2026-03-08"), day("2026-04-02"))) == ["A6", "A30"]
    assert names(archive.finished()) == ["A1", "A5", "A6", "A30"]
    assert names(archive.only(np.array([False, True, False, False, True]))) == ["A5", "B"]
    assert charged(archive.between(0, day("2026-03-04"))) == {"A1": [(0, 1025), (1, 400)]}


def test_the_hash_is_of_the_contents(tmp_path: Path) -> None:
    root = hospital(tmp_path)
    before = read_archive([root]).data_hash
    assert before == read_archive([root]).data_hash
    assert len(before) == 64
    put(root / "charges" / "2026-04.parquet", lines(case_id=["A3", "A3", "A3"]))
    assert read_archive([root]).data_hash != before


@pytest.mark.parametrize("name", ["case_id", "line_amount", "line_time"])
def test_charges_need_their_columns(tmp_path: Path, name: str) -> None:
    cases = put(tmp_path / "a.parquet", stays("A1"))
    own: Columns = {name: None}
    error = refused([cases], [put(tmp_path / "lines.parquet", lines(**own))])
    assert error.code == "FORECAST_CHARGES"
    assert (error.where.file, error.where.column) == ("lines.parquet", name)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("line_amount", ["1", "x", "2"]),
        ("line_amount", [float("nan"), 1.0, 2.0]),
        ("line_amount", [1e30, 1.0, 2.0]),
        ("line_amount", [[1.0], [2.0], [3.0]]),
        ("line_time", ["2026-03-02 08:00", "yesterday", "2026-03-02 08:00"]),
        ("line_time", [1.5, 2.5, 3.5]),
        ("case_id", [1, 2, 3]),
        ("line_class", [1, 2, 3]),
        ("line_limit", ["1", "2", "-"]),
    ],
)
def test_charges_of_another_type_are_refused(tmp_path: Path, name: str, values: list[Any]) -> None:
    cases = put(tmp_path / "a.parquet", stays("A1"))
    own: Columns = {name: values}
    error = refused([cases], [put(tmp_path / "lines.parquet", lines(**own))])
    assert error.code == "FORECAST_CHARGES"
    assert (error.where.file, error.where.column) == ("lines.parquet", name)
    # Which value it was is nobody's business.
    assert not any(str(value) in error.describe() for value in values if isinstance(value, str))


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    cases = put(tmp_path / "a.parquet", stays("A1"))
    for name in ("case_id", "line_class"):
        table = lines(line_class=["01", "02", "03"])
        twice = pa.Table.from_arrays(
            [*table.columns, table[name]], names=[*table.column_names, name]
        )
        error = refused([cases], [put(tmp_path / "lines.parquet", twice)])
        assert (error.code, error.where.column) == ("FORECAST_CHARGES", name)


@pytest.mark.parametrize("kind", ["large", "narrow", "fraction", "text"])
def test_other_spellings_of_a_type_say_the_same(tmp_path: Path, kind: str) -> None:
    cases = put(tmp_path / "a.parquet", stays("A1", "A2"))
    ids = pa.array(LINES["case_id"])
    own: Columns = {
        "large": {"case_id": ids.cast(pa.large_string())},
        "narrow": {"case_id": ids.dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string()))},
        "fraction": {"line_amount": pa.array(["10.25", "4", "7.5"]).cast(pa.decimal128(20, 4))},
        "text": {"line_amount": ["10.25", "4", "7.50"]},
    }[kind]
    archive = read_archive([cases], [put(tmp_path / "lines.parquet", lines(**own))])
    assert charged(archive) == {"A1": [(0, 1025), (1, 400)], "A2": [(0, 750)]}


def test_columns_of_charges_that_are_not_of_a_line_are_passed_over(tmp_path: Path) -> None:
    table = lines(line=[1, 2, 3], note=["a", "b", "c"], dx=[["x"]] * 3, line_class=pa.nulls(3))
    cases = put(tmp_path / "a.parquet", stays("A1"))
    archive = read_archive([cases], [put(tmp_path / "lines.parquet", table)])
    assert archive.charges is not None
    assert set(archive.charges.column_names) == {*LINES, "line_class"}
    assert charged(archive) == {"A1": [(0, 1025), (1, 400)]}


def test_times_of_charges_in_every_unit_and_zone(tmp_path: Path) -> None:
    """Half past eleven in the evening of the first day, and half past midnight; files side by side."""
    late, next_day = datetime(2026, 3, 2, 23, 30), datetime(2026, 3, 3, 0, 30)  # noqa: DTZ001 -- local
    aware = [one.replace(tzinfo=LOCAL).astimezone(UTC) for one in (late, next_day)]
    columns = [
        pa.array([late, next_day], pa.timestamp("us")),
        pa.array([late, next_day], pa.timestamp("ns")),
        pa.array(aware, pa.timestamp("ms", "UTC")),
        pa.array(aware, pa.timestamp("s", "Asia/Shanghai")),
        pa.array(aware, pa.timestamp("us", "America/New_York")),
        pa.array([date(2026, 3, 2), date(2026, 3, 3)]),
    ]
    names = [f"A{number}" for number in range(len(columns))]
    cases = put(tmp_path / "a.parquet", stays(*names))
    paths = [
        put(
            tmp_path / f"lines{number}.parquet",
            pa.table({"case_id": [name] * 2, "line_amount": [1.0, 2.0], "line_time": column}),
        )
        for number, (name, column) in enumerate(zip(names, columns, strict=True))
    ]
    assert charged(read_archive([cases], paths)) == {name: [(0, 100), (1, 200)] for name in names}


def test_a_time_the_clocks_left_out_is_read_all_the_same(tmp_path: Path) -> None:
    """In the summers of 1986 to 1991 the clocks in China were put forward."""
    times = pa.array([datetime(1986, 5, 4, 2, 30), datetime(1986, 9, 14, 1, 30)])  # noqa: DTZ001 -- local
    table = pa.table({"case_id": ["A1", "A1"], "line_amount": [1.0, 2.0], "line_time": times})
    begin = pa.array([datetime(1986, 5, 1)], pa.timestamp("us"))  # noqa: DTZ001 -- local
    cases = put(tmp_path / "a.parquet", stays("A1", admission_time=begin))
    archive = read_archive([cases], [put(tmp_path / "lines.parquet", table)])
    assert [on for on, _ in charged(archive)["A1"]] == [3, 136]


def test_lines_without_a_time_an_amount_or_a_case(tmp_path: Path) -> None:
    table = lines(
        case_id=["A1", "A1", None],
        line_amount=pa.array([10.0, None, 1.0]),
        line_time=pa.nulls(3),
    )
    cases = put(tmp_path / "a.parquet", stays("A1", "A2"))
    archive = read_archive([cases], [put(tmp_path / "lines.parquet", table)])
    assert charged(archive) == {"A1": [(LATE, 1000)], "A2": []}
    empty = lines().slice(0, 0)
    archive = read_archive([cases], [put(tmp_path / "lines.parquet", empty)])
    assert charged(archive) == {"A1": [], "A2": []}


def test_files_may_lack_columns_that_others_have(tmp_path: Path) -> None:
    cases = put(tmp_path / "a.parquet", stays("A1", "A2", "A3"))
    first = put(tmp_path / "1.parquet", lines(line_class=["01", "02", "06"]))
    second = put(tmp_path / "2.parquet", lines(case_id=["A3", "A3", "A3"]))
    archive = read_archive([cases], [first, second])
    assert sorted(archive.courses().lines.kind.tolist()) == [0, 0, 0, 1, 2, 6]


def test_files_that_are_none(tmp_path: Path) -> None:
    cases = put(tmp_path / "a.parquet", stays("A1"))
    text = tmp_path / "lines.parquet"
    text.write_text("case_id,line_amount\n", "utf-8")
    bare = tmp_path / "empty"
    bare.mkdir()
    for path in (text, tmp_path / "nowhere.parquet", bare):
        error = refused([cases], [path])
        assert (error.code, error.where.file) == ("FORECAST_CHARGES", path.name)
    assert refused([text], []).code == "FILE_BROKEN"
    assert refused([tmp_path / "nowhere.parquet"], []).code == "FILE_NOT_FOUND"
    assert isinstance(refused([cases], [text]), ForecastError)


@given(st.data())
@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_damaged_charges_raise_nothing_but_ours(tmp_path: Path, data: st.DataObject) -> None:
    cases = put(tmp_path / "a.parquet", stays("A1", "A2"))
    path = put(tmp_path / "lines.parquet", lines(line_name=["床位费", "护理", None]))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        # Not in the stored Arrow schema at the end alone: pages and their heads too.
        at = data.draw(st.integers(0, len(content) - 1) | st.integers(4, 400))
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        read_archive([cases], [path]).courses()
    except GrouperError as error:
        assert error.code == "FORECAST_CHARGES"  # noqa: PT017 -- either outcome is right


def test_months_in_order_and_once() -> None:
    days = [day("2026-11-30"), day("2026-01-01"), NO_DAY, day("2026-11-01"), day("2025-12-31")]
    assert months_of(days) == ["2025-12", "2026-01", "2026-11"]
    assert months_of(iter(days[:1])) == ["2026-11"]
    assert months_of([NO_DAY]) == months_of([]) == []


def test_training_states_how_many_stays_it_needs() -> None:
    assert least_stays() == toml("training.toml")["least_stays"] > 0
