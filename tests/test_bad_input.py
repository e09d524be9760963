"""Bad input as a hospital meets it: every row comes back once, every fault with row and reason."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_hqms_front_page import WIDTH, front_page, labelled, written
from typer.testing import CliRunner, Result

from codebooks.errors import GrouperError
from grouper.case.readers import open_source
from grouper.cli.main import app
from grouper.run import flow
from grouper.run.choose import Chooser
from grouper.run.destinations import OutputError
from grouper.run.flow import rejects_path, run

DAY = "2027-01-05"
RUN = CliRunner()
COLUMNS = "case_id,region,kind,sex,age,age_days,weight_g,discharge_time,dx,px"
PLAIN = "case_id,sex,age,discharge_time,dx"
GOOD = f"N1,1,45,{DAY},K80.101"


@dataclass(frozen=True)
class Told:
    """What a run left behind."""

    rows: list[dict[str, str]]
    rejects: list[dict[str, str]]
    summary: dict[str, Any]

    def of(self, row: int) -> list[tuple[str, str, str, str]]:
        """Severity, reason, field and value of what is said of a row."""
        return [
            (r["severity"], r["reason"], r["field"], r["value"])
            for r in self.rejects
            if r["row"] == str(row)
        ]


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def invoke(*words: object) -> Result:
    """A command; whatever it raises must be an error of ours."""
    result = RUN.invoke(app, [str(w) for w in words])
    wild = not isinstance(result.exception, GrouperError | SystemExit | None)
    assert not wild, repr(result.exception)
    return result


def refused(*words: object) -> str:
    """The code of the error that a command ends with; its words must be there in both languages."""
    error = invoke(*words).exception
    assert isinstance(error, GrouperError), words
    assert all(error.code in error.describe(lang) for lang in ("zh", "en"))
    return error.code


def group(source: Path, *words: object) -> Told:
    """Run ``grouper group`` and hold what must be true of every run."""
    out = source.with_name("out.csv")
    result = invoke("group", source, "-o", out, "--json", *words)
    assert result.exit_code in (0, 1), result.exception
    summary = json.loads(result.stdout)
    told = Told(table_of(out), table_of(rejects_path(out)), summary)
    hold(told)
    assert not list(source.parent.glob("*.part"))
    return told


def hold(told: Told) -> None:
    """Counts agree, and every row that is not grouped has its line with row, reason and words."""
    summary = told.summary
    assert len(told.rows) == summary["rows"] == sum(summary["statuses"].values())
    counted = Counter(r["reason"] for r in told.rejects if r["row"] != "0")
    assert counted == Counter(summary["rejects"]) + Counter(summary["warnings"])
    of_file = [r["reason"] for r in told.rejects if r["row"] == "0"]
    assert of_file == summary["file_issues"]
    numbers = [int(r["row"]) for r in told.rejects]
    assert numbers == sorted(numbers)
    assert all(r["reason"] and r["what"] and r["advice"] for r in told.rejects)
    for number, row in enumerate(told.rows, 1):
        severe = {reason for severity, reason, _, _ in told.of(number) if severity == "reject"}
        # An ambiguous case has its group (QY) and its reason beside it.
        assert (row["status"] in ("grouped", "ambiguous")) == (not severe), number
        assert bool(row["reason"]) == (row["status"] != "grouped")
        assert not severe or row["reason"] in severe


def csv_file(folder: Path, *rows: str, header: str = PLAIN, encoding: str = "utf-8") -> Path:
    path = folder / "in.csv"
    path.write_bytes("".join(f"{line}\n" for line in (header, *rows)).encode(encoding))
    return path


REJECT, WARN = "reject", "warning"
NO_DATE = (REJECT, "SCHEME_DATE_MISSING", "discharge_time", "")
RECORDS: list[tuple[str, list[tuple[str, str, str, str]]]] = [
    (f",,1,45,,,{DAY},X99.999,", [(REJECT, "DX_PRINCIPAL_UNKNOWN", "dx", "X99.999")]),
    (f",,1,45,,,{DAY},A01.000x002,", [(REJECT, "DX_PRINCIPAL_EDITION", "dx", "A01.000x002")]),
    (
        f",,1,45,,,{DAY},K80.101|E99.ZZZ,51.2300|99.ZZZZ",
        [(WARN, "DX_OTHER_UNKNOWN", "dx", "E99.ZZZ"), (WARN, "PX_UNKNOWN", "px", "99.ZZZZ")],
    ),
    (f",,1,45,,,{DAY},K80.101,99.ZZZZ", [(REJECT, "PX_MAIN_UNKNOWN", "px", "99.ZZZZ")]),
    (f",,1,45,,,{DAY},B95.000,", [(REJECT, "DX_NOT_PRINCIPAL", "dx", "B95.000")]),
    (f",,1,45,,,{DAY},,51.2300", [(REJECT, "DX_PRINCIPAL_MISSING", "dx", "")]),
    (f",,1,45,,,{DAY},|I50.900,", [(REJECT, "DX_PRINCIPAL_MISSING", "dx", "")]),
    (f",,2,45,,,{DAY},N40.x00,", [(REJECT, "SEX_CONFLICT", "sex", "2")]),
    (f",,,45,,,{DAY},K80.101,51.2300", [(WARN, "SEX_MISSING", "sex", "")]),
    (
        f",,9,45,,,{DAY},K80.101,51.2300",
        [(WARN, "SEX_UNSTATED", "sex", "9"), (WARN, "SEX_MISSING", "sex", "")],
    ),
    (f",,1,,,,{DAY},K80.101,51.2300", [(REJECT, "AGE_MISSING", "age", "")]),
    (
        f",,1,999,,,{DAY},K80.101,51.2300",
        [(WARN, "AGE_INVALID", "age", "999"), (REJECT, "AGE_MISSING", "age", "")],
    ),
    (f",,1,0,,,{DAY},P22.000,", [(REJECT, "AGE_DAYS_MISSING", "age_days", "")]),
    (f",,1,0,3,,{DAY},P22.000,", [(WARN, "NEWBORN_WEIGHT_MISSING", "weight_g", "")]),
    (
        f",,1,0,3,3.2,{DAY},P22.000,",
        [
            (WARN, "WEIGHT_INVALID", "weight_g", "3.2"),
            (WARN, "NEWBORN_WEIGHT_MISSING", "weight_g", ""),
        ],
    ),
    (",,1,45,,,,K80.101,", [NO_DATE]),
    (
        ",,1,45,,,05/01/2027,K80.101,",
        [(WARN, "DATE_AMBIGUOUS", "discharge_time", "05/01/2027"), NO_DATE],
    ),
    (
        ",,1,45,,,2027-02-30,K80.101,",
        [(WARN, "DATE_INVALID", "discharge_time", "2027-02-30"), NO_DATE],
    ),
    (",,1,45,,,2001-01-05,K80.101,", [(REJECT, "SCHEME_UNCOVERED", "discharge_time", "")]),
    (f"atlantis,,1,45,,,{DAY},K80.101,", [(REJECT, "REGION_UNKNOWN", "region", "")]),
    (f",outpatient,1,45,,,{DAY},K80.101,", [(REJECT, "KIND_UNSUPPORTED", "kind", "")]),
    (f",门诊,1,45,,,{DAY},K80.101,", [(REJECT, "KIND_UNSUPPORTED", "kind", "")]),
    (
        f",else,1,45,,,{DAY},K80.101,",
        [(WARN, "VALUE_UNKNOWN", "kind", "****"), (REJECT, "KIND_UNSUPPORTED", "kind", "")],
    ),
    (f"北京,,男,４５,,,{DAY},K80.101,51.2300", []),
    *(
        (f",,1,45,,,{when},K80.101,51.2300", [])
        for when in (
            "2027/1/5",
            "2027.1.5",
            "20270105",
            "20270105103000",
            "2027年1月5日",
            "2027-01-05T10:30:00+08:00",
            "２０２７-０１-０５",
        )
    ),
]


def test_each_fault_has_its_reason_row_and_field(tmp_path: Path) -> None:
    rows = [f"C{at},{record}" for at, (record, _) in enumerate(RECORDS, 1)]
    told = group(csv_file(tmp_path, *rows, header=COLUMNS))
    assert [r["case_id"] for r in told.rows] == [f"C{at}" for at in range(1, len(rows) + 1)]
    for at, (record, expected) in enumerate(RECORDS, 1):
        # The order of the lines of one row: the reader's first, then the grouping's.
        assert sorted(told.of(at)) == sorted(expected), record
    assert {r["case_id"] for r in told.rejects if r["row"] == "1"} == {"C1"}


def test_a_named_scheme_asks_for_no_date_and_no_region(tmp_path: Path) -> None:
    rows = ["C1,,,1,45,,,,K80.101,", "C2,atlantis,,1,45,,,05/01/2027,K80.101,"]
    told = group(csv_file(tmp_path, *rows, header=COLUMNS), "--scheme", "chs-drg-2.0")
    assert [r["status"] for r in told.rows] == ["grouped", "grouped"]
    assert [r["reason"] for r in told.rejects] == ["DATE_AMBIGUOUS"]


@pytest.mark.parametrize(
    ("rows", "reasons"),
    [
        ([f"N1,1,45,{DAY}", GOOD], {1: ["ROW_RAGGED"]}),
        ([GOOD, f"{GOOD},x", f"{GOOD},,"], {2: ["ROW_RAGGED"]}),
        ([f'N1,1,45,{DAY},"K80.101', GOOD, GOOD], {1: ["ROW_QUOTE"]}),
        ([GOOD, "N2,1,4\0005,2027-01-05,K80.101", GOOD], {2: ["ROW_NUL"]}),
        ([GOOD, "\0\0", GOOD], {2: ["ROW_NUL"]}),
        ([GOOD, "", "  ,,,,", GOOD], {2: ["SCHEME_DATE_MISSING"]}),
    ],
)
def test_broken_rows_cost_themselves_alone(
    tmp_path: Path, rows: list[str], reasons: dict[int, list[str]]
) -> None:
    told = group(csv_file(tmp_path, *rows))
    assert len(told.rows) == sum(bool(row) for row in rows)
    for at in range(1, len(told.rows) + 1):
        assert [reason for _, reason, _, _ in told.of(at)] == reasons.get(at, [])


def test_a_column_twice(tmp_path: Path) -> None:
    header = "case_id,sex,sex,age,discharge_time,dx"
    rows = [f"N1,1,2,45,{DAY},K80.101", f"N2,1,男,45,{DAY},K80.101"]
    told = group(csv_file(tmp_path, *rows, header=header))
    assert told.of(0) == [(WARN, "COLUMN_TWICE", "sex", "sex")]
    assert told.of(1) == [(REJECT, "COLUMN_CONFLICT", "sex", "")]
    assert told.of(2) == []
    assert [(r["sex"], r["sex (2)"]) for r in told.rows] == [("1", "2"), ("1", "男")]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", PLAIN.encode() + b"\r\n"])
def test_a_file_without_a_record(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.csv").write_bytes(content)
    told = group(tmp_path / "in.csv")
    assert told.summary["file_issues"] == ["FILE_EMPTY"]
    assert (told.rows, len(told.rejects)) == ([], 1)


NAMED = ["N1,张三,男,45,2027-01-05,K80.101", "N2,-,1,45,2027-01-05,K80.101"]
NAMED_HEADER = "case_id,name,sex,age,discharge_time,dx"


@pytest.mark.parametrize("words", [(), ("--encoding", "gb18030")])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_gb18030_with_and_without_a_mark(tmp_path: Path, mark: str, words: tuple[str, ...]) -> None:
    path = csv_file(tmp_path, *NAMED, header=mark + NAMED_HEADER, encoding="gb18030")
    told = group(path, *words)
    assert [(r["case_id"], r["name"]) for r in told.rows] == [("N1", "张三"), ("N2", "-")]
    assert told.rejects == []


def test_bytes_that_are_not_of_the_declared_encoding(tmp_path: Path) -> None:
    told = group(
        csv_file(tmp_path, *NAMED, header=NAMED_HEADER, encoding="gbk"), "--encoding", "utf-8"
    )
    assert told.of(1) == [(REJECT, "ROW_ENCODING", "", "")]
    assert told.of(2) == []


@pytest.mark.parametrize(
    ("real", "declared"),
    [("utf-8-sig", "gb18030"), ("utf-8-sig", "utf-16"), ("utf-16", "utf-8"), ("gb18030", "utf-8")],
)
def test_a_mark_that_gainsays_the_declared_encoding(
    tmp_path: Path, real: str, declared: str
) -> None:
    mark = "\ufeff" if real == "gb18030" else ""
    path = csv_file(tmp_path, *NAMED, header=mark + NAMED_HEADER, encoding=real)
    words = ("group", path, "-o", tmp_path / "o.csv", "--encoding", declared)
    assert refused(*words) == "FILE_ENCODING_CONFLICT"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv"]


def test_lines_that_are_no_records(tmp_path: Path) -> None:
    good = {"case_id": "J1", "sex": 1, "age": 45, "discharge_time": DAY, "dx": ["K80.101"]}
    lines = [
        json.dumps(good).encode(),
        b"not json",
        b"[1, 2]",
        b'{"sex": 1, "sex": 2}',
        b'{"case_id": "\xff"}',
        b'{"dx": "\\ud800"}',
        b'{"case_id": "a\\u0000b", "dx": 80.1, "note": NaN}',
        json.dumps(good | {"case_id": "J8", "age": "４５", "more": [1, {"a": None}]}).encode(),
    ]
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\n".join(lines))
    told = group(path)
    first = [told.of(at)[0][1] if told.of(at) else "" for at in range(1, len(lines) + 1)]
    assert first == [
        "",
        "ROW_JSON",
        "ROW_JSON",
        "COLUMN_CONFLICT",
        "ROW_ENCODING",
        "ROW_ENCODING",
        "CODE_INVALID",
        "",
    ]
    assert [r["case_id"] for r in told.rows if r["case_id"]] == ["J1", "a\0b", "J8"]


def test_front_pages_of_full_width(facts: Path, tmp_path: Path) -> None:
    pages = [front_page(r, at) for at, r in enumerate(labelled(facts, "chs-drg-3.0", 8))]
    for page in pages:
        page["B15"] = f"{DAY} 10:00:00"
    pages[1]["C03C"], pages[2]["A12C"], pages[3]["B15"] = "X99.999", "张三", "05/01/2027"
    path = tmp_path / "in.csv"
    text = written(pages)
    path.write_bytes((text + "too,short\r\n").encode("gb18030"))
    told = group(path)
    assert len(told.rows) == len(pages) + 1
    assert len(told.rows[0]) > WIDTH
    assert told.summary["file_issues"] == ["CODE_SYSTEM_UNSTATED"]
    assert (REJECT, "DX_PRINCIPAL_UNKNOWN", "dx", "X99.999") in told.of(2)
    assert (WARN, "SEX_INVALID", "sex", "**") in told.of(3)
    assert NO_DATE in told.of(4)
    assert told.of(9) == [(REJECT, "ROW_RAGGED", "", f"2/{WIDTH}")]
    named = group(path, "--scheme", "chs-drg-3.0")
    assert NO_DATE not in named.of(4)
    assert named.rows[3]["scheme"] == "chs-drg-3.0"


BASE: dict[str, Any] = {
    "case_id": pa.array(["P1", "P2"]),
    "sex": pa.array([1.0, 2.0]),
    "age": pa.array(["４５", "46岁"]),
    "discharge_time": pa.array([DAY, "20270105"]),
    "dx": pa.array(["K80.101|I50.900", "K80.101"]),
}
LAST = 2**63 - 1


def stamps(values: list[int], kind: pa.DataType) -> pa.Array:
    return pa.array(values, pa.int64()).view(kind)


ODD: dict[str, dict[str, Any]] = {
    "texts and floats": {},
    "decimals": {"sex": pa.array([Decimal("1.0"), Decimal("2.0")]), "age": pa.array([45, 46])},
    "impossible numbers": {"age": pa.array([float("inf"), -1.0]), "sex": pa.array([1.5, np.nan])},
    "impossible days": {
        "discharge_time": pa.array([2**31 - 1, 20270105], pa.int32()).view(pa.date32())
    },
    "impossible times": {"discharge_time": stamps([LAST, -LAST], pa.timestamp("us"))},
    "impossible zoned": {"discharge_time": stamps([LAST, -LAST], pa.timestamp("us", "UTC"))},
    "nanoseconds": {
        "discharge_time": stamps(
            [1_799_100_000_000_000_001, 1], pa.timestamp("ns", "Asia/Shanghai")
        )
    },
    "lists of days": {
        "px_date": pa.array([[2**31 - 1], None], pa.list_(pa.int32())).cast(pa.list_(pa.date32()))
    },
    "clock": {"discharge_time": pa.array([time(1), None])},
    "own columns": {
        "nano": stamps([1, LAST], pa.timestamp("ns")),
        "far": stamps([LAST, 0], pa.timestamp("us", "Asia/Shanghai")),
        "span": pa.array([1, 2], pa.duration("ns")),
        "long": pa.array([timedelta(days=1), None]),
        "clock": pa.array([1, 2], pa.time64("ns")),
        "bytes": pa.array([b"\xff\x00", b"ab"]),
        "struct": pa.array([{"a": 1, "at": datetime(2027, 1, 5)}, None]),  # noqa: DTZ001 -- a file's
        "deep": pa.array([[[1]], None]),
        "list of bytes": pa.array([[b"\xff", None, b"a"], None]),
        "far list": pa.array([[2**31 - 1], []], pa.list_(pa.int32())).cast(pa.list_(pa.date32())),
        "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
        "fixed": pa.array([["a", "b"], ["c", None]], pa.list_(pa.string(), 2)),
        "nothing": pa.nulls(2),
        "floats": pa.array([float("nan"), float("-inf")]),
        "text": pa.array(['a\0b|"', "x\r\n,y"]),
        "day": pa.array([date(2027, 1, 5), None]),
        "group": pa.array(["a", "b"]),
        "group_input": pa.array(["c", "d"]),
        "": pa.array([True, None]),
    },
    "codes in bytes": {"dx": pa.array([b"K80.101", b"\xff"])},
    "codes in structs": {"dx": pa.array([{"a": 1}, None]), "sex": pa.array([{"a": 1}, None])},
    "codes as numbers": {"dx": pa.array([[80], None])},
    "fixed lists of codes": {
        "dx": pa.array([["K80.101", None], ["K80.101", ""]], pa.list_(pa.string(), 2))
    },
    "numbers of cases": {"case_id": pa.array([1, 2])},
    "no codes": {"dx": pa.nulls(2), "px": pa.nulls(2)},
}
REFUSED = {
    "impossible numbers": "AGE_MISSING",
    "impossible days": "SCHEME_DATE_MISSING",
    "impossible times": "SCHEME_DATE_MISSING",
    "impossible zoned": "SCHEME_DATE_MISSING",
    "clock": "SCHEME_DATE_MISSING",
    "codes in bytes": "DX_PRINCIPAL_MISSING",
    "codes in structs": "DX_PRINCIPAL_MISSING",
    "codes as numbers": "DX_PRINCIPAL_MISSING",
    "no codes": "DX_PRINCIPAL_MISSING",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_types_of_parquet(tmp_path: Path, name: str) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table(BASE | ODD[name]), path)
    told = group(path)
    assert [r["case_id"] for r in told.rows] in (["P1", "P2"], ["1", "2"])
    assert told.rows[0]["reason"] == REFUSED.get(name, "")
    for ending in ("jsonl", "parquet"):
        assert invoke("group", path, "-o", tmp_path / f"out.{ending}").exit_code == 0
    lines = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    found = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    assert [r["reason"] or "" for r in found] == [r["reason"] for r in told.rows]
    assert pq.read_table(tmp_path / "out.parquet").num_rows == len(told.rows)
    assert invoke("explain", path, "--row", 1, "--scheme", "chs-drg-3.0").exit_code == 0


def test_own_columns_keep_their_values(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table(BASE | ODD["own columns"]), path)
    row = group(path).rows[0]
    kept = {
        "bytes": "ff00",
        "struct": '{"a": 1, "at": "2027-01-05T00:00:00"}',
        "deep": "[[1]]",
        "list of bytes": "ff||a",
        "map": '[["a", 1]]',
        "fixed": "a|b",
        "text": 'a\0b|"',
        "long": "1 day, 0:00:00",
        "group_input": "c",
    }
    assert {name: row[name] for name in kept} == kept
    assert row["group_input_input"] == "a"
    invoke("group", path, "-o", tmp_path / "out.jsonl")
    line = json.loads((tmp_path / "out.jsonl").read_text("utf-8").splitlines()[0])
    assert line["nano"].endswith(".000000001")
    assert (line["floats"], line["struct"]["a"], line["deep"]) == (None, 1, [[1]])
    assert str(LAST) in line["far"]
    assert str(2**31 - 1) in line["far list"][0]


def test_columns_of_one_name_in_parquet(tmp_path: Path) -> None:
    names = ["sex", "sex", "age", "discharge_time", "dx"]
    columns = [["1", "2"], ["1", "1"], ["45", "45"], [DAY, DAY], ["K80.101"] * 2]
    path = tmp_path / "in.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(c) for c in columns], names=names), path)
    told = group(path)
    assert told.of(2) == [(REJECT, "COLUMN_CONFLICT", "sex", "")]
    invoke("group", path, "-o", tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet")
    assert (found["sex"].to_pylist(), found["sex (2)"].to_pylist()) == (columns[0], columns[1])


@pytest.mark.parametrize("count", [0, 1])
def test_parquet_of_few_rows(tmp_path: Path, count: int) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table(BASE).slice(0, count), path)
    told = group(path)
    assert len(told.rows) == count
    assert told.summary["file_issues"] == ([] if count else ["FILE_EMPTY"])


def test_parquet_that_breaks_in_the_middle(tmp_path: Path) -> None:
    path, out = tmp_path / "in.parquet", tmp_path / "out.csv"
    pq.write_table(pa.table(BASE), tmp_path / "whole.parquet")
    assert invoke("group", tmp_path / "whole.parquet", "-o", out).exit_code == 0
    before = out.read_bytes()
    rows = pa.table({name: pa.concat_arrays([c] * 500) for name, c in BASE.items()})
    pq.write_table(rows, path, row_group_size=100)
    group_at = pq.ParquetFile(path).metadata.row_group(6).column(0)
    content = bytearray(path.read_bytes())
    start = group_at.dictionary_page_offset
    content[start : start + 24] = b"\xff" * 24
    path.write_bytes(content)
    assert refused("group", path, "-o", out) == "FILE_BROKEN"
    assert out.read_bytes() == before
    kept = ["in.parquet", "out.csv", "out.rejects.csv", "whole.parquet"]
    assert sorted(p.name for p in tmp_path.iterdir()) == kept


def test_a_folder_or_a_closed_file_is_no_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.csv"
    for command in (("group", tmp_path, "-o", out), ("explain", tmp_path)):
        assert refused(*command) == "FILE_NOT_FOUND"
    path = csv_file(tmp_path, GOOD)
    opened = Path.open

    def closed(self: Path, *args: Any, **options: Any) -> Any:
        if self == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(self, *args, **options)

    monkeypatch.setattr(Path, "open", closed)
    assert refused("group", path, "-o", out) == "FILE_DENIED"
    assert not out.exists()


@pytest.mark.parametrize(
    ("source", "output", "explain", "code"),
    [
        ("in.csv", "in.csv", None, "OUTPUT_IS_INPUT"),
        ("in.csv", "./sub/../in.csv", None, "OUTPUT_IS_INPUT"),
        ("in.csv", "hard.csv", None, "OUTPUT_IS_INPUT"),
        ("in.csv", "soft.csv", None, "OUTPUT_IS_INPUT"),
        ("x.rejects.csv", "x.csv", None, "OUTPUT_IS_INPUT"),
        ("y.csv.part", "y.csv", None, "OUTPUT_IS_INPUT"),
        ("in.csv", "out.csv", "in.csv", "OUTPUT_IS_INPUT"),
        ("in.csv", "out.csv", "out.csv", "OUTPUT_TWICE"),
        ("in.csv", "out.csv", "out.rejects.csv", "OUTPUT_TWICE"),
        ("in.csv", "out.csv", "no/why.jsonl", "OUTPUT_FOLDER"),
        ("in.csv", "no/out.csv", None, "OUTPUT_FOLDER"),
        ("in.csv", "sub", None, "OUTPUT_IS_FOLDER"),
        ("in.csv", "out.xlsx", None, "OUTPUT_FORMAT"),
    ],
)
def test_outputs_that_would_harm(
    tmp_path: Path, source: str, output: str, explain: str | None, code: str
) -> None:
    (tmp_path / "sub").mkdir()
    content = csv_file(tmp_path, GOOD).read_bytes()
    for name in ("x.rejects.csv", "y.csv.part"):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "in.csv")
    (tmp_path / "soft.csv").symlink_to(tmp_path / "in.csv")
    before = {p.name for p in tmp_path.iterdir()}
    words = ["--explain", tmp_path / explain] if explain else []
    where = f"{tmp_path}/{output}"
    assert refused("group", tmp_path / source, "-o", where, "--format", "csv", *words) == code
    assert (tmp_path / source).read_bytes() == content
    assert {p.name for p in tmp_path.iterdir()} == before


def test_no_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = csv_file(tmp_path, GOOD)

    class Full:
        def write(self, _: pa.RecordBatch) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def close(self) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(flow, "open_writer", lambda *_: Full())
    assert refused("group", path, "-o", tmp_path / "out.csv") == "OUTPUT_FAILED"
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


def test_words_of_arrow_are_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def quoting(*_: object) -> None:
        raise pa.ArrowInvalid("张三")

    monkeypatch.setattr(flow, "open_writer", quoting)
    with pytest.raises(OutputError) as caught:
        run(open_source(csv_file(tmp_path, GOOD)), tmp_path / "out.csv", Chooser())
    assert "张三" not in str(caught.value)
    assert "ArrowInvalid" in str(caught.value)


def test_explain_of_bad_cases(tmp_path: Path) -> None:
    rows = [
        f"C1,张三,,1,45,,,{DAY},K80.101,",
        f"C2,,李四,1,45,,,{DAY},K80.101,",
        f"C3,,,王五,45,,,{DAY},K80.101,51.2300",
        "C4,,,1,45,,,,K80.101,",
        "C5,,,1",
    ]
    path = csv_file(tmp_path, *rows, header=COLUMNS)
    codes = ("REGION_UNKNOWN", "SCHEME_UNCOVERED", None, "DATE_NEEDED", "CASE_UNREADABLE")
    for row, code in enumerate(codes, 1):
        result = invoke("explain", path, "--row", row)
        error = result.exception
        assert (error.code if isinstance(error, GrouperError) else None) == code
        said = result.stderr + (error.describe() if isinstance(error, GrouperError) else "")
        assert not [name for name in ("张三", "李四", "王五") if name in said]
        assert ("SEX_INVALID" in said) == (row == 3)
    assert refused("explain", path, "--row", 3, "-o", path) == "OUTPUT_IS_INPUT"
    assert refused("explain", path, "--row", 3, "-o", tmp_path) == "OUTPUT_FAILED"
    assert refused("explain", path, "--case", "张三") == "CASE_NOT_FOUND"


def test_explain_takes_any_words() -> None:
    for dx in ("张三", "\udcff", "K80\0.101", "", "|||", "K" * 10_000):
        result = invoke("explain", "--dx", dx, "--sex", "李四", "--scheme", "chs-drg-3.0")
        assert result.exit_code == 0
        assert "李四" not in result.stderr


def test_names_in_columns_of_codes_are_starred(tmp_path: Path) -> None:
    rows = [f"N1,1,45,{DAY},张三", f"N2,1,45,{DAY},K80.101|李四 13812345678|ZhangSan"]
    told = group(csv_file(tmp_path, *rows))
    values = [r["value"] for r in told.rejects]
    assert values == ["**", "** ***********", "********"]


@pytest.mark.parametrize(
    "words",
    [
        ("group", "none.csv", "-o", "out.csv"),
        ("group", "in.csv", "-o", "out.csv", "--lang", "fr"),
    ],
)
def test_the_command_itself_ends_with_two(tmp_path: Path, words: tuple[str, ...]) -> None:
    csv_file(tmp_path, *NAMED, header=NAMED_HEADER)
    done = subprocess.run(
        [sys.executable, "-m", "grouper", *words], cwd=tmp_path, capture_output=True, check=False
    )
    told = done.stderr.decode()
    assert done.returncode == 2
    assert told.strip()
    assert "Traceback" not in told
    assert "张三" not in told
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


CELL = st.sampled_from(
    [
        "",
        "1",
        "女",
        "45",
        "４５",
        DAY,
        "05/01/2027",
        "K80.101",
        "X9|",
        '"',
        'a"b',
        '""',
        "\0",
        "\r",
        "é",
        "-",
    ]
) | st.text(max_size=3)
HEADER = st.lists(
    st.sampled_from([*COLUMNS.split(","), "姓名", "sex", "group", "#1", "", "px_date"]),
    min_size=1,
    max_size=6,
)
TEXT = st.builds(
    lambda header, rows, end: end.join(",".join(row) for row in [header, *rows]),
    HEADER,
    st.lists(st.lists(CELL, max_size=7), max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
ENCODED = st.builds(
    lambda text, encoding: text.encode(encoding, "replace"),
    TEXT,
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
)
BROKEN = st.builds(lambda start, rest: start + rest, ENCODED, st.binary(max_size=20))


@settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    content=ENCODED | BROKEN | st.binary(max_size=60),
    encoding=st.sampled_from([None, None, "utf-8", "gb18030", "utf-16"]),
    scheme=st.sampled_from([None, "chs-drg-3.0"]),
)
def test_no_bytes_break_a_run_or_lose_a_row(
    tmp_path: Path, content: bytes, encoding: str | None, scheme: str | None
) -> None:
    path, out = tmp_path / "any.csv", tmp_path / "out.csv"
    path.write_bytes(content)
    out.unlink(missing_ok=True)
    found_out: list[str] = []
    try:
        source = open_source(path, encoding=encoding, format="csv")
        rows = [row for batch in source.batches() for row in batch.original.to_pylist()]
        again = open_source(path, encoding=encoding, format="csv")
        summary = run(again, out, Chooser(scheme), workers=1)
    except GrouperError as refusal:
        found_out += [refusal.code, refusal.describe("zh")]
    assert not list(tmp_path.glob("*.part"))
    if found_out:
        assert found_out[0] in found_out[1]
        assert not out.exists()
        return
    text = out.read_bytes().decode("utf-8-sig")
    found = list(csv.reader(io.StringIO(text, newline="")))
    width = len(source.schema)
    assert [[value or "" for value in row.values()] for row in rows] == [
        r[:width] for r in found[1:]
    ]
    told = Told(
        [dict(zip(found[0], row, strict=True)) for row in found[1:]],
        table_of(rejects_path(out)),
        summary.to_json(),
    )
    hold(told)
