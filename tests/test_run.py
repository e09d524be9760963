"""Whole files: every row comes back, in order, with its scheme, its reason and its own columns."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codebooks.errors import GrouperError
from codebooks.registry import registry
from grouper.case.readers import open_source
from grouper.run import choose, flow
from grouper.run.choose import Chooser
from grouper.run.flow import rejects_path, run
from grouper.run.writers import output_schema
from grouper.schemes.protocol import RESULT_SCHEMA

HEADER = "case_id,region,sex,age,discharge_time,dx,px\n"
ROWS = [
    "A1,,1,45,2026-12-31,K80.101|I50.900,51.2300",
    "A2,,1,45,2027-01-01,K80.101|I50.900,51.2300",
    "A3,wuhan,1,45,2023-05-01,K80.101|I50.900,51.2300",
    "A4,atlantis,1,45,2027-01-01,K80.101,51.2300",
    "A5,,1,45,,K80.101,51.2300",
    "A6,,1,45,2001-01-01,K80.101,51.2300",
    "A7,,2,45,2027-01-01,N40.x00,",
    "A8,,1,45,2027-01-01,K80.101,51.2300,surplus,cells",
    "A9,,,45,2027-01-01,K80.101|X99.XXX,51.2300",
]
EXPECTED = [
    ("chs-drg-2.0", "grouped", "", "HC23"),
    ("chs-drg-3.0", "grouped", "", "HC43"),
    ("wuhan-2022", "grouped", "", None),
    ("", "invalid", "REGION_UNKNOWN", ""),
    ("", "invalid", "SCHEME_DATE_MISSING", ""),
    ("", "invalid", "SCHEME_UNCOVERED", ""),
    ("chs-drg-3.0", "invalid", "SEX_CONFLICT", "0000"),
    ("", "invalid", "ROW_RAGGED", ""),
    ("chs-drg-3.0", "grouped", "", "HC45"),
]


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "cases.csv"
    path.write_text(HEADER + "\n".join(ROWS) + "\n", "utf-8")
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def grouped(source: Path, output: Path, *, size: int = 65536, **options: Any) -> Any:
    chooser = options.pop("chooser", Chooser())
    return run(open_source(source, batch_rows=size), output, chooser, **options)


def test_each_row_gets_its_scheme_and_reason(cases: Path, tmp_path: Path) -> None:
    summary = grouped(cases, tmp_path / "out.csv")
    rows = rows_of(tmp_path / "out.csv")
    assert [r["case_id"] for r in rows] == [f"A{i}" for i in range(1, 10)]
    for row, (scheme, status, reason, group) in zip(rows, EXPECTED, strict=True):
        assert (row["scheme"], row["status"], row["reason"]) == (scheme, status, reason)
        assert group is None or row["group"] == group
    assert list(rows[0])[-len(RESULT_SCHEMA) :] == RESULT_SCHEMA.names
    assert summary.rows == 9
    assert summary.statuses == {"grouped": 4, "invalid": 5}
    assert summary.rejects == Counter({r: 1 for _, status, r, _ in EXPECTED if status != "grouped"})
    assert summary.warnings == {"SEX_MISSING": 1, "DX_OTHER_UNKNOWN": 1}


def test_the_rejects_file_names_row_case_field_and_advice(cases: Path, tmp_path: Path) -> None:
    grouped(cases, tmp_path / "out.csv")
    rejects = rows_of(tmp_path / "out.rejects.csv")
    assert rejects_path(tmp_path / "out.csv") == tmp_path / "out.rejects.csv"
    told = [(r["row"], r["case_id"], r["severity"], r["reason"], r["field"]) for r in rejects]
    assert told == [
        ("4", "A4", "reject", "REGION_UNKNOWN", "region"),
        ("5", "A5", "reject", "SCHEME_DATE_MISSING", "discharge_time"),
        ("6", "A6", "reject", "SCHEME_UNCOVERED", "discharge_time"),
        ("7", "A7", "reject", "SEX_CONFLICT", "sex"),
        ("8", told[4][1], "reject", "ROW_RAGGED", told[4][4]),
        ("9", "A9", "warning", "DX_OTHER_UNKNOWN", "dx"),
        ("9", "A9", "warning", "SEX_MISSING", "sex"),
    ]
    assert all(r["what"] and r["advice"] for r in rejects)
    assert rejects[5]["value"] == "X99.XXX"


@pytest.mark.parametrize("size", [1, 2, 7, 65536])
@pytest.mark.parametrize("workers", [1, 3])
def test_batch_size_and_workers_do_not_matter(
    cases: Path, tmp_path: Path, size: int, workers: int
) -> None:
    grouped(cases, tmp_path / "whole.csv")
    grouped(cases, tmp_path / "cut.csv", size=size, workers=workers)
    assert (tmp_path / "cut.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    rejects = [(tmp_path / f"{name}.rejects.csv").read_bytes() for name in ("cut", "whole")]
    assert rejects[0] == rejects[1]


def test_every_kind_of_output_says_the_same(cases: Path, tmp_path: Path) -> None:
    for ending in ("csv", "parquet", "jsonl", "ndjson"):
        grouped(cases, tmp_path / f"out.{ending}")
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    lines = [json.loads(x) for x in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    flat = rows_of(tmp_path / "out.csv")
    assert table == lines
    assert (tmp_path / "out.ndjson").read_bytes() == (tmp_path / "out.jsonl").read_bytes()
    assert [{k: v or "" for k, v in row.items()} for row in table] == flat


def typed_file(path: Path) -> list[dict[str, Any]]:
    when = datetime(2027, 1, 5, 2, tzinfo=UTC)
    rows = [
        {"id": "B1", "sex": 1, "age": 45, "discharge_time": when, "dx": ["K80.101", "I50.900"]},
        {"id": "B2", "sex": 1, "age": 45, "discharge_time": when, "dx": None},
        {"id": "B3", "sex": 2, "age": 45, "discharge_time": None, "dx": []},
    ]
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("sex", pa.int8()),
            ("age", pa.int16()),
            ("discharge_time", pa.timestamp("s", "Asia/Shanghai")),
            ("dx", pa.list_(pa.string())),
        ]
    )
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    return rows


def test_lists_and_times_keep_their_values(tmp_path: Path) -> None:
    rows = typed_file(tmp_path / "in.parquet")
    grouped(tmp_path / "in.parquet", tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [r["dx"] for r in found] == [r["dx"] for r in rows]
    assert found[0]["discharge_time"] == rows[0]["discharge_time"]
    assert [r["reason"] for r in found] == [None, "DX_PRINCIPAL_MISSING", "SCHEME_DATE_MISSING"]
    grouped(tmp_path / "in.parquet", tmp_path / "out.csv")
    assert [r["dx"] for r in rows_of(tmp_path / "out.csv")] == ["K80.101|I50.900", "", ""]
    grouped(tmp_path / "in.parquet", tmp_path / "out.jsonl")
    line = json.loads((tmp_path / "out.jsonl").read_text("utf-8").splitlines()[0])
    assert line["discharge_time"] == "2027-01-05T10:00:00+08:00"


def test_a_result_can_be_grouped_again(cases: Path, tmp_path: Path) -> None:
    grouped(cases, tmp_path / "one.csv")
    grouped(tmp_path / "one.csv", tmp_path / "two.csv", chooser=Chooser("chs-drg-2.0"))
    first, second = rows_of(tmp_path / "one.csv"), rows_of(tmp_path / "two.csv")
    assert second[1]["group_input"] == first[1]["group"] == "HC43"
    assert second[1]["group"] == "HC23"


def test_a_named_scheme_needs_no_date(cases: Path, tmp_path: Path) -> None:
    grouped(cases, tmp_path / "out.csv", chooser=Chooser("chs-drg-2.0"))
    rows = rows_of(tmp_path / "out.csv")
    assert {r["scheme"] for r in rows if r["reason"] != "ROW_RAGGED"} == {"chs-drg-2.0"}
    assert rows[4]["group"] == "HC25"


def test_a_named_scheme_serves_only_its_kind(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("kind,sex,age,dx,px\noutpatient,1,45,K80.101,\ninpatient,1,45,K80.101,\n")
    grouped(source, tmp_path / "out.csv", chooser=Chooser("chs-drg-2.0"))
    rows = rows_of(tmp_path / "out.csv")
    assert [r["reason"] for r in rows] == ["KIND_UNSUPPORTED", ""]


def test_traces_of_all_cases_can_be_written(cases: Path, tmp_path: Path) -> None:
    grouped(cases, tmp_path / "out.csv", explain=tmp_path / "why.jsonl", lang="en")
    lines = [json.loads(x) for x in (tmp_path / "why.jsonl").read_text("utf-8").splitlines()]
    assert [line["row"] for line in lines] == list(range(1, 10))
    assert lines[1]["path"][-1]["code"] == "HC43"
    assert lines[3]["reason"] == "REGION_UNKNOWN"
    assert lines[1]["language"] == "en"
    assert lines[1]["binding"]["valid_from"] == "2027-01-01"


@pytest.mark.parametrize("content", ["", "case_id,sex,dx\n"])
def test_an_empty_file_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "in.csv").write_text(content, "utf-8")
    summary = grouped(tmp_path / "in.csv", tmp_path / "out.csv")
    assert summary.rows == 0
    assert [i.reason for i in summary.file_issues] == ["FILE_EMPTY"]
    assert [r["reason"] for r in rows_of(tmp_path / "out.rejects.csv")] == ["FILE_EMPTY"]
    assert any("0" in line for line in summary.lines())


def test_an_interrupted_run_leaves_no_file(cases: Path, tmp_path: Path) -> None:
    done = []

    def stop(rows: int) -> None:
        done.append(rows)
        raise KeyboardInterrupt

    with pytest.raises(GrouperError, match="RUN_INTERRUPTED") as caught:
        grouped(cases, tmp_path / "out.parquet", size=2, progress=stop)
    assert caught.value.params["rows"] == done[0] == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cases.csv"]


def test_a_failed_run_keeps_the_earlier_result(
    cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grouped(cases, tmp_path / "out.csv")
    before = (tmp_path / "out.csv").read_bytes()

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(flow, "group_cases", broken)
    with pytest.raises(OSError, match="No space"):
        grouped(cases, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("name", "code"), [("out.xlsx", "OUTPUT_FORMAT"), ("no/out.csv", "OUTPUT_FOLDER")]
)
def test_an_output_that_cannot_be_is_told(
    cases: Path, tmp_path: Path, name: str, code: str
) -> None:
    with pytest.raises(GrouperError, match=code):
        grouped(cases, tmp_path / name)


def test_progress_and_summary(cases: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    summary = grouped(cases, tmp_path / "out.csv", size=4, progress=seen.append)
    assert seen == [4, 8, 9]
    assert summary.to_json()["groups"] == len(summary.groups)
    assert summary.rate > 0
    for lang in ("zh", "en"):
        text = "\n".join(summary.lines(lang))
        assert "SEX_CONFLICT" in text
        assert "out.rejects.csv" in text


def test_output_columns_never_collide() -> None:
    schema = output_schema(pa.schema([("group", pa.string()), ("x", pa.int8())]))
    assert schema.names == ["group_input", "x", *RESULT_SCHEMA.names]


def test_days_are_local_days() -> None:
    zone = pa.timestamp("s", "Asia/Shanghai")
    # 2026-12-31 15:59:59 and 16:00:00 UTC are the last and the first second of a day in Shanghai.
    edge = int(datetime(2026, 12, 31, 16, tzinfo=UTC).timestamp())
    times = pa.array([edge - 1, edge, None], pa.int64()).cast(zone)
    batch = pa.record_batch({"discharge_time": times})
    choice = Chooser().choose(batch)
    schemes = [choice.schemes[i] if i >= 0 else choice.reasons[-1 - i] for i in choice.scheme]
    assert schemes == ["chs-drg-2.0", "chs-drg-3.0", "SCHEME_DATE_MISSING"]


def test_days_far_apart_and_changing_offsets() -> None:
    # Clocks in Shanghai stood at other offsets before 1992: the long way must agree.
    zone = pa.timestamp("s", "Asia/Shanghai")
    stamps = [datetime(y, 7, 1, 15, 30, tzinfo=UTC) for y in (1988, 2026, 2100)]
    column = pa.array([int(s.timestamp()) for s in stamps], pa.int64()).cast(zone)
    days = choose._days(column)
    dates = [datetime.fromtimestamp(int(d) * 86400, UTC).date().isoformat() for d in days]
    assert dates == ["1988-07-02", "2026-07-01", "2100-07-01"]


def test_no_days_at_all() -> None:
    for column in (pa.nulls(2), pa.nulls(2, pa.timestamp("s", "Asia/Shanghai"))):
        choice = Chooser().choose(pa.record_batch({"discharge_time": column}))
        assert set(choice.scheme.tolist()) == {-1}
    choose.forget()


def test_an_item_of_the_book_is_told_and_a_word_of_the_record_is_not(tmp_path: Path) -> None:
    scores = {"date": "2026-09-02", "type": "入院", "items": {"BARTHEL": 35}}
    record = {"kind": "long_stay", "region": "金华", "dx": ["I69.300"], "sex": "张三"}
    days = {"admission_time": "2026-09-01", "discharge_time": "2026-09-20"}
    source = tmp_path / "stay.jsonl"
    source.write_text(json.dumps({**record, **days, "assessments": [scores]}) + "\n", "utf-8")
    run(open_source(source), tmp_path / "out.csv", Chooser())
    with (tmp_path / "out.rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        values = {row["reason"]: row["value"] for row in csv.DictReader(file)}
    book = registry().book("pdpm-jinhua-2021")
    assert values["ASSESSMENT_ITEM_MISSING"] in book.tables["items"].column("item").to_pylist()
    assert values["SEX_INVALID"] == "**"
