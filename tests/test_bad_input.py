"""Bad input as a hospital meets it: every row comes back once, every fault with row and reason."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from bad_input_support import (
    COLUMNS,
    DAY,
    GOOD,
    NAMED,
    NAMED_HEADER,
    PLAIN,
    REJECT,
    WARN,
    Told,
    csv_file,
    group,
    hold,
    refused,
    table_of,
)
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_hqms_front_page import WIDTH, front_page, labelled, written

from codebooks.errors import GrouperError
from grouper.case.readers import open_source
from grouper.run.choose import Chooser
from grouper.run.flow import rejects_path, run

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


def test_names_in_columns_of_codes_are_starred(tmp_path: Path) -> None:
    rows = [f"N1,1,45,{DAY},张三", f"N2,1,45,{DAY},K80.101|李四 13812345678|ZhangSan"]
    told = group(csv_file(tmp_path, *rows))
    values = [r["value"] for r in told.rejects]
    assert values == ["**", "** ***********", "********"]


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
