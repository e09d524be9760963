"""What the workers of Spark do, asked without Spark: the same as one machine, however it is cut."""

from __future__ import annotations

import json
import os
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spark_support import ALL, Here, asked_audit, counted, month, one_machine, sorted_by

from codebooks.audit.books import NATIONAL
from codebooks.errors import GrouperError
from grouper.case.readers import open_source
from grouper.payment.run import priced_table
from grouper.run.choose import Chooser
from grouper.run.flow import run
from grouper.spark import books, flow, keeping, lines
from grouper.spark.books import pack, unpack
from grouper.spark.buckets import bucket_of, read_bucket, write_buckets, write_nothing
from grouper.spark.errors import SparkRunError
from grouper.spark.units import units_of


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return month(tmp_path_factory.mktemp("spark"))


@pytest.fixture(params=[1, pytest.param(500, marks=pytest.mark.slow)])
def cut(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Records of a unit and of a bucket: one row group each, and several."""
    size: int = request.param
    own = {"case_rows": size, "line_rows": size * 10, "bucket_cases": 400, "bucket_lines": 10**9}
    monkeypatch.setattr(flow, "settings", lambda: ALL | own)
    monkeypatch.setattr(lines, "settings", lambda: {"line_slice": 600})
    return size


def test_groups_are_those_of_one_machine(hospital: Path, tmp_path: Path, cut: int) -> None:
    files = sorted((hospital / "inpatient").glob("*.parquet"))
    found = flow.group_files(
        Here(), [hospital / "inpatient"], tmp_path / "out", scheme=None, region="demo"
    )
    one = []
    for at, path in enumerate(files):
        output = tmp_path / f"{at}.parquet"
        run(open_source(path), output, Chooser(None, "demo"))
        one += pq.read_table(output).to_pylist()
    parts = sorted((tmp_path / "out" / "grouped").glob("*.parquet"))
    assert len(parts) == found["parts"] >= (3 if cut == 1 else 1)
    assert [row for part in parts for row in pq.read_table(part).to_pylist()] == one
    assert found["counts"]["cases"] == len(one)
    assert sum(found["counts"][name] for name in ("grouped", "invalid")) <= len(one)


@pytest.mark.usefixtures("cut")
def test_payments_are_those_of_one_machine(hospital: Path, tmp_path: Path) -> None:
    folders = [hospital / "inpatient", hospital / "outpatient"]
    found = flow.price_files(Here(), folders, tmp_path / "out", scheme=None, region="demo")
    files = [path for folder in folders for path in sorted(folder.glob("*.parquet"))]
    one = priced_table(files, region="demo")
    parts = [
        pq.read_table(path) for path in sorted((tmp_path / "out" / "priced").glob("*.parquet"))
    ]
    assert len(parts) > 1
    whole = pa.concat_tables(parts, promote_options="permissive")
    whole = whole.sort_by([("file", "ascending"), ("row", "ascending")])
    assert whole.drop_columns(["file", "row"]).to_pylist() == one.to_pylist()
    funds = [amount for amount in one["fund"].to_pylist() if amount is not None]
    assert Decimal(found["sums"]["fund"]) == sum(funds, Decimal(0))


@pytest.mark.usefixtures("cut")
def test_findings_are_those_of_one_machine(hospital: Path, tmp_path: Path) -> None:
    found = asked_audit(Here(), [hospital], tmp_path / "out")
    one, left = one_machine([hospital])
    parts = [
        pq.read_table(path) for path in sorted((tmp_path / "out" / "findings").glob("*.parquet"))
    ]
    whole = sorted_by(pa.concat_tables(parts))
    assert whole == sorted_by(one.audited.findings)
    assert len(whole) > 10
    assert found["counts"] == counted(one)
    assert found["left_out"] == left
    assert {tuple(row) for row in found["not_run"]} == {
        (row.rule, row.template, row.reason) for row in one.audited.not_run
    }
    assert Decimal(found["amount"]) == sum(row["amount"] for row in whole)


def test_ids_that_repeat_and_lines_without_numbers_or_cases(hospital: Path, tmp_path: Path) -> None:
    """A file given twice, lines that the file does not number, lines of cases that are not there."""
    lines = sorted((hospital / "charges").glob("*.parquet"))
    table = pq.read_table(lines[0]).drop_columns(["line"])
    stranger = table.slice(0, 3).set_column(0, "case_id", pa.array(["stranger"] * 3))
    assert table.column_names[0] == "case_id"
    pq.write_table(
        pa.concat_tables([table, stranger.cast(table.schema)]), tmp_path / "lines.parquet"
    )
    case_files = sorted((hospital / "inpatient").glob("*.parquet"))
    paths = [*case_files, case_files[0]]
    found = asked_audit(Here(), paths, tmp_path / "out", charges=[tmp_path / "lines.parquet"])
    one, left = one_machine(paths, charges=[tmp_path / "lines.parquet"])
    parts = [
        pq.read_table(path) for path in sorted((tmp_path / "out" / "findings").glob("*.parquet"))
    ]
    assert sorted_by(pa.concat_tables(parts)) == sorted_by(one.audited.findings)
    assert found["left_out"] == left
    assert left["repeated"] > 0
    assert found["counts"] == counted(one)
    assert found["counts"]["lines_of_other_cases"] >= 3


@pytest.mark.slow
def test_buckets_and_units_without_rows_are_nothing(
    hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two cases, one of them without a person, in four buckets and more.
    monkeypatch.setattr(flow, "settings", lambda: ALL | {"case_rows": 2, "bucket_cases": 0.5})
    some = pq.read_table(next((hospital / "inpatient").glob("*.parquet"))).slice(0, 2)
    person = pa.array([None, some["person"][1].as_py()], pa.string())
    some = some.set_column(some.schema.get_field_index("person"), "person", person)
    pq.write_table(some, tmp_path / "some.parquet")
    (tmp_path / "none.csv").write_text("case_id,age\n", "utf-8")
    paths = [tmp_path / "some.parquet", tmp_path / "none.csv"]
    found = flow.price_files(Here(), paths, tmp_path / "price", scheme=None, region="demo")
    assert found["counts"]["cases"] == 2
    assert found["parts"] > len(list((tmp_path / "price" / "priced").glob("*.parquet")))
    lines = pq.read_table(min((hospital / "charges").glob("*.parquet"))).slice(0, 400)
    pq.write_table(lines, tmp_path / "lines.parquet")
    charges = [tmp_path / "lines.parquet"]
    told = asked_audit(Here(), paths[:1], tmp_path / "audit", charges=charges)
    one, left = one_machine(paths[:1], charges=charges)
    parts = [pq.read_table(path) for path in (tmp_path / "audit" / "findings").glob("*.parquet")]
    whole = pa.concat_tables([one.audited.findings.slice(0, 0), *parts])
    assert sorted_by(whole) == sorted_by(one.audited.findings)
    assert told["counts"] == counted(one)
    assert told["counts"]["lines_of_other_cases"] > 0
    assert told["left_out"] == left
    assert told["parts"] > len(parts)


def test_a_run_goes_on_where_it_was(hospital: Path, tmp_path: Path) -> None:
    ask = Here()
    first = flow.group_files(ask, [hospital / "inpatient"], tmp_path, scheme=None, region="demo")
    done = len(ask.done)
    stage = keeping.Stage(tmp_path / "grouped")
    stage.counted(0).unlink()
    stage.part(0).write_bytes(b"half")
    again = flow.group_files(ask, [hospital / "inpatient"], tmp_path, scheme=None, region="demo")
    assert ask.done[done:] == [("grouped", 0)]
    assert again == first
    assert pq.read_table(stage.part(0)).num_rows


def test_another_run_is_refused(hospital: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    flow.group_files(Here(), [hospital / "inpatient"], out, scheme=None, region="demo")
    with pytest.raises(SparkRunError) as caught:
        flow.group_files(Here(), [hospital / "inpatient"], out, scheme=None, region="national")
    assert caught.value.code == "SPARK_OTHER_RUN"
    assert caught.value.params == {"what": "region"}
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("x", "utf-8")
    with pytest.raises(SparkRunError) as caught:
        flow.group_files(
            Here(), [hospital / "inpatient"], tmp_path / "full", scheme=None, region="demo"
        )
    assert caught.value.code == "SPARK_NOT_EMPTY"


def test_units_take_row_groups_together_and_other_files_whole(tmp_path: Path) -> None:
    table = pa.table({"case_id": [f"{at}" for at in range(10)], "age": list(range(10))})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=3)
    (tmp_path / "b.csv").write_text("case_id,age\nx,1\n", "utf-8")
    found = units_of([tmp_path / "a.parquet", tmp_path / "b.csv"], 5)
    assert [(one.file, one.groups, one.first_row, one.rows) for one in found] == [
        (0, (0, 2), 1, 6),
        (0, (2, 4), 7, 4),
        (1, None, 1, None),
    ]
    rows = [
        (batch.first_row + at, number)
        for unit in found
        for batch in unit.cases()
        for at, number in enumerate(batch.cases["case_id"].to_pylist())
    ]
    assert rows == [*((at + 1, f"{at}") for at in range(10)), (1, "x")]
    (tmp_path / "none").mkdir()
    with pytest.raises(SparkRunError) as caught:
        units_of([tmp_path / "none"], 5)
    assert caught.value.code == "SPARK_NO_FILES"
    with pytest.raises(GrouperError) as absent:
        units_of([tmp_path / "gone.parquet"], 5)
    assert absent.value.code == "FILE_NOT_FOUND"
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(GrouperError) as broken:
        units_of([tmp_path / "broken.parquet"], 5)
    assert broken.value.code == "FILE_BROKEN"
    with pytest.raises(GrouperError) as lines:
        units_of([tmp_path / "a.parquet"], 5)[0].__class__(
            0, 0, str(tmp_path / "broken.parquet"), None, 1, None
        ).table(["case_id"])
    assert lines.value.code == "FILE_BROKEN"


@pytest.mark.parametrize(
    ("name", "start", "one"),
    [
        ("a.csv", "case_id,age\n", "case{:07},{:03}\n"),
        ("a.jsonl", "", '{{"case_id": "{:07}", "age": 1{:02}}}\n'),
    ],
)
def test_how_many_records_a_text_has_is_told_by_its_beginning(
    tmp_path: Path, name: str, start: str, one: str
) -> None:
    path = tmp_path / name
    count = 100_000
    records = (one.format(number, number % 100) for number in range(count))
    path.write_text(f"{start}{''.join(records)}", "utf-8")
    (unit,) = units_of([path], 5)
    assert unit.rows is None
    assert count * 0.99 < unit.about() < count * 1.01


WORDS = ("", "a", "b", "甲", "乙丙", "P0000012", "P0000013", "x" * 200)
TEXTS = st.lists(st.sampled_from([None, *WORDS]), max_size=30)


@settings(deadline=None)
@given(texts=TEXTS, count=st.integers(1, 7))
def test_buckets_hold_every_row_once_in_order(
    texts: list[str | None], count: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("buckets") / "part.parquet"
    # More words than rows: of them a bucket keeps those that its rows have.
    words = pa.array([*WORDS, *(f"unused {one}" for one in range(40))])
    own = [None if one is None else WORDS.index(one) for one in texts]
    encoded = pa.DictionaryArray.from_arrays(pa.array(own, pa.int32()), words)
    lists = [None if one == "a" else [one, None, "b"][: len(texts) % 4] for one in texts]
    kind = pa.list_(pa.dictionary(pa.int32(), pa.string()))
    every = pa.array([words.to_pylist(), *lists], kind).slice(1)
    table = pa.table(
        {
            "text": pa.array(texts, pa.string()),
            "at": np.arange(len(texts)),
            "encoded": encoded,
            "lists": every,
        }
    )
    buckets = bucket_of(table["text"], count, 3)
    plain = bucket_of(table["text"].combine_chunks().dictionary_encode(), count, 3)
    assert buckets.tolist() == plain.tolist()
    assert [one for one, text in zip(buckets, texts, strict=True) if text is None] == [
        3 % count for text in texts if text is None
    ]
    write_buckets(table, buckets, path, count)
    found = [(at, read_bucket([path], at)) for at in range(count)]
    read = pa.concat_tables([table.slice(0, 0), *(one for _, tables in found for one in tables)])
    assert read.sort_by("at").to_pylist() == table.to_pylist()
    assert all(len(one.dictionary) <= len(one) for one in read["encoded"].chunks if len(one))
    rows = [(at, row) for at, tables in found for one in tables for row in one.to_pylist()]
    assert sorted(row["at"] for _, row in rows) == list(range(len(texts)))
    for at, tables in found:
        own = [row for one in tables for row in one.to_pylist()]
        assert own == sorted(own, key=lambda row: row["at"])
        assert all(buckets[row["at"]] == at for row in own)


def test_buckets_without_rows_are_written_and_a_lost_file_is_no_empty_one(tmp_path: Path) -> None:
    write_nothing(tmp_path / "empty", 3)
    assert [read_bucket([tmp_path / "empty"], at) for at in range(3)] == [[], [], []]
    with pytest.raises(FileNotFoundError):
        read_bucket([tmp_path / "lost"], 0)


def test_books_are_packed_alike_and_unpacked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / "policies").mkdir(parents=True)
    (home / "policies" / "own.yaml").write_text("x", "utf-8")
    (home / "service").mkdir()
    (home / "service" / "secret").write_text("stays", "utf-8")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    packed = pack(home)
    assert packed == pack(home)
    base = unpack(packed)
    names = sorted(path.relative_to(base).as_posix() for path in base.rglob("*"))
    assert names == ["policies", "policies/own.yaml"]
    assert unpack(packed) == base
    # Of a machine that sweeps its temporary files by age, some may be gone or not what they were.
    (base / "policies" / "own.yaml").unlink()
    (base / "policies" / "old.yaml").write_text("z", "utf-8")
    books._HELD.clear()
    assert unpack(packed) == base
    assert [path.name for path in (base / "policies").iterdir()] == ["own.yaml"]
    assert (base / "policies" / "own.yaml").read_text("utf-8") == "x"
    (home / "policies" / "own.yaml").write_text("y", "utf-8")
    assert pack(home).sha256 != packed.sha256
    monkeypatch.setattr("grouper.spark.books.settings", lambda: ALL | {"most_bytes": 0})
    with pytest.raises(SparkRunError) as caught:
        pack(home)
    assert caught.value.code == "SPARK_BOOKS_LARGE"


def test_what_a_run_rests_on_names_no_path(hospital: Path, tmp_path: Path) -> None:
    flow.group_files(Here(), [hospital / "inpatient"], tmp_path, scheme=None, region="demo")
    asked = json.loads((tmp_path / "run.json").read_text("utf-8"))
    assert str(hospital) not in json.dumps(asked)
    assert {"kind", "version", "books", "inputs", "scheme", "region"} == set(asked)
    assert len(asked["inputs"][0]["cuts"]) >= 1


def test_the_day_of_an_audit_is_kept_with_the_run(hospital: Path, tmp_path: Path) -> None:
    asked_audit(Here(), [hospital], tmp_path)
    with pytest.raises(SparkRunError) as caught:
        asked_audit(Here(), [hospital], tmp_path, day=date(2020, 1, 1))
    assert caught.value.params == {"what": "day"}


def test_an_audit_goes_on_with_its_day(
    hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tomorrow:
        @staticmethod
        def now(zone: tzinfo) -> datetime:
            return datetime.now(zone) + timedelta(days=1)

    ask = Here()
    first = flow.audit_files(ask, [hospital], tmp_path, book=NATIONAL, region="demo")
    done = len(ask.done)
    keeping.Stage(tmp_path / "findings").counted(0).unlink()
    monkeypatch.setattr(flow, "datetime", Tomorrow)
    again = flow.audit_files(ask, [hospital], tmp_path, book=NATIONAL, region="demo")
    assert again == first
    assert ask.done[done:] == [("findings", 0)]


def test_a_run_that_is_cut_otherwise_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row groups of 5 and 3 are as many units as 4 and 4."""
    table = pa.table({"case_id": [f"{at}" for at in range(8)], "age": list(range(8))})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=1)
    paths = [tmp_path / "a.parquet"]
    for rows in (5, 4):
        monkeypatch.setattr(flow, "settings", lambda rows=rows: ALL | {"case_rows": rows})
        if rows == 5:
            flow.group_files(Here(), paths, tmp_path / "out", scheme=None, region="demo")
    with pytest.raises(SparkRunError) as caught:
        flow.group_files(Here(), paths, tmp_path / "out", scheme=None, region="demo")
    assert caught.value.params == {"what": "inputs"}
    # A file that is there twice holds its place in the order.
    pq.write_table(table, tmp_path / "b.parquet")
    a, b = tmp_path / "a.parquet", tmp_path / "b.parquet"
    assert keeping.inputs_of(units_of([a, a, b], 9)) != keeping.inputs_of(units_of([a, b, a], 9))


def test_counts_that_cannot_be_read_are_no_part_and_a_run_neither(
    hospital: Path, tmp_path: Path
) -> None:
    ask, out = Here(), tmp_path / "out"
    paths = [hospital / "inpatient"]
    first = flow.group_files(ask, paths, out, scheme=None, region="demo")
    done = len(ask.done)
    keeping.Stage(out / "grouped").counted(0).write_bytes(b"")
    assert flow.group_files(ask, paths, out, scheme=None, region="demo") == first
    assert ask.done[done:] == [("grouped", 0)]
    for broken in (b"", b"\x00\xff", b"[]"):
        (out / "run.json").write_bytes(broken)
        with pytest.raises(SparkRunError) as caught:
            flow.group_files(ask, paths, out, scheme=None, region="demo")
        assert caught.value.code == "SPARK_RUN_BROKEN"
    (out / "run.json").write_text('{"day": "soon"}', "utf-8")
    with pytest.raises(SparkRunError) as caught:
        flow.audit_files(ask, [hospital], out, book=NATIONAL, region="demo")
    assert caught.value.code == "SPARK_RUN_BROKEN"


def test_a_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[Path, list[str]]] = []

    def fsync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        told.append((path, [one.name for one in tmp_path.iterdir()]))

    monkeypatch.setattr("grouper.spark.keeping.os.fsync", fsync)
    keeping.write_json(tmp_path / "a.json", {"a": 1})
    part = f"a.json.{os.getpid()}.part"
    assert told == [(tmp_path / part, [part]), (tmp_path, ["a.json"])]
