"""Parquet of odd types, columns and sizes: every row comes back once, with its values."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bad_input_support import DAY, REJECT, group, invoke, refused

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
