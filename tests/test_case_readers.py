"""Files: formats, JSON Lines and Parquet, broken ones, any bytes, and the memory they take."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from case_readers_support import opened, rows_of
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codebooks.errors import GrouperError
from grouper.case.readers import json_lines, open_source, text_input
from grouper.case.readers.source import CaseBatch, Source

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"id,dx\n", b"\xef\xbb\xbf", b"\xef\xbb\xbfid,dx\n\n", b"x"]
)
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_empty_files(tmp_path: Path, content: bytes, suffix: str) -> None:
    if suffix == "jsonl":
        content = content.partition(b"id")[0].partition(b"x")[0]
    source = opened(tmp_path / f"a.{suffix}", content)
    assert [i.reason for i in source.file_issues] == ["FILE_EMPTY"]
    assert list(source.batches()) == []


def test_absent_diagnoses_are_said_and_defaults_fill(tmp_path: Path) -> None:
    source = opened(
        tmp_path / "a.csv",
        "id,region\n1,\n2,beijing\n",
        defaults={"region": "wuhan", "kind": "门诊"},
    )
    assert [(i.row, i.field, i.reason) for i in source.file_issues] == [(0, "dx", "FIELD_ABSENT")]
    cases = rows_of(source)[1]
    assert [(c.region, c.kind) for c in cases] == [
        ("wuhan", "outpatient"),
        ("beijing", "outpatient"),
    ]


@pytest.mark.parametrize("column", ["参保地", "insuplc", "insuplc_admdvs", "参保地医保区划"])
def test_who_is_insured_elsewhere_stays_in_the_region_of_the_file(
    tmp_path: Path, column: str
) -> None:
    content = f"id,dx,{column}\n1,I10,110105\n2,I10,\n"
    source = opened(tmp_path / "a.csv", content, defaults={"region": "金华"})
    cases = rows_of(source)[1]
    assert [(c.region, c.insured_region) for c in cases] == [("金华", "110105"), ("金华", None)]
    own = opened(tmp_path / "b.csv", f"id,dx,统筹区,{column}\n1,I10,厦门,110105\n")
    assert [(c.region, c.insured_region) for c in rows_of(own)[1]] == [("厦门", "110105")]


LINES = [
    {
        "id": "a",
        "sex": 1,
        "age": 45,
        "dx": ["I10", "E11.900"],
        "px": [],
        "expect": "FV15",
        "w": 1.5,
        "f": True,
    },
    {
        "id": "b",
        "sex": 2,
        "age": 0,
        "dx": ["P07.200"],
        "px": None,
        "age_days": 10,
        "weight_g": 1200,
        "w": 2,
    },
]


def test_json_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "_SAMPLE", 2)
    bad = [
        "{",
        "[1]",
        '{"id": 1, "id": 2}',
        '{"id": "\\ud800"}',
        "[" * 100_000,
        '{"id": "d", "id": "d", "new": {"a": 1}, "sex": "x", "age": 99999999999999999999, "dx": [1], "w": "q"}',
    ]
    text = "\n".join([json.dumps(x) for x in LINES] + ["", *bad]) + "\n"
    source = opened(tmp_path / "a.jsonl", text.encode() + b'{"id": "\xff"}\n')
    originals, cases, said, rejected = rows_of(source)
    assert source.schema.field("sex").type == pa.int64()
    assert source.schema.field("w").type == pa.float64()
    assert source.schema.field("f").type == pa.bool_()
    assert source.schema.field("dx").type == pa.list_(pa.string())
    assert source.schema.field("px").type == pa.list_(pa.string())
    assert source.schema.names[-2:] == ["_rest", "_line"]
    assert cases[0].dx == ("I10", "E11.900")
    assert (cases[1].age_days, cases[1].weight_g, cases[1].sex) == (10, 1200, 2)
    assert originals[0]["expect"] == "FV15"
    assert said == [
        (3, "", "ROW_JSON"),
        (4, "", "ROW_JSON"),
        (5, "", "COLUMN_CONFLICT"),
        (6, "", "ROW_ENCODING"),
        (7, "", "ROW_JSON"),
        (8, "sex", "SEX_INVALID"),
        (8, "age", "AGE_INVALID"),
        (8, "dx", "CODE_INVALID"),
        (9, "", "ROW_ENCODING"),
    ]
    assert rejected == [False, False, True, True, True, True, True, False, True]
    assert originals[2]["_line"] == "{"
    assert json.loads(originals[7]["_rest"]) == {
        "new": {"a": 1}, "sex": "x", "age": 99999999999999999999, "dx": [1], "w": "q"
    }  # fmt: skip
    assert originals[7]["age"] is None
    assert cases[7].case_id == "d"
    assert source.bytes_read == source.size


def test_json_lines_layouts_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "_LAYOUTS", 2)
    text = "".join(json.dumps({"id": str(at), f"k{at}": at}) + "\n" for at in range(9))
    source = opened(tmp_path / "a.json", text, defaults={"region": "wuhan"})
    cases = rows_of(source)[1]
    assert [c.case_id for c in cases] == [str(at) for at in range(9)]
    assert {c.region for c in cases} == {"wuhan"}


def parquet(path: Path, table: pa.Table, **options: object) -> Source:
    pq.write_table(table, path, row_group_size=3)
    return open_source(path, dialects=(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("batch_rows", [1, 2, 4, 100])
def test_parquet_typed(tmp_path: Path, batch_rows: int) -> None:
    table = pa.table(
        {
            "case_id": [f"case-{at:04d}" for at in range(10)],
            "sex": pa.array([1, 2] * 5, pa.int8()),
            "age": pa.array([45.0, None] * 5),
            "discharge_time": pa.array([datetime(2026, 1, 9)] * 10, pa.timestamp("us")),  # noqa: DTZ001 -- local
            "birth_date": pa.array([date(2026, 1, 1)] * 10),
            "dx": [["I10", "E11.900"], ["K80.101"]] * 5,
            "note": ["x", None] * 5,
        }
    )
    source = parquet(tmp_path / "a.parquet", table, batch_rows=batch_rows)
    assert source.total_rows == 10
    originals, cases, said, _ = rows_of(source)
    assert originals == table.to_pylist()
    assert said == []
    assert [c.age for c in cases] == [45, None] * 5
    assert cases[1].dx == ("K80.101",)
    assert source.bytes_read == source.size
    batch = next(iter(source.batches()))
    assert batch.cases.schema.field("dx").type.value_type == pa.dictionary(pa.int32(), pa.string())
    assert batch.original.schema.field("case_id").type == pa.string()


def test_parquet_of_texts(tmp_path: Path) -> None:
    table = pa.table(
        {
            "性别": ["男", "女", "x"],
            "dx1": ["", "I10", "I10"],
            "dx2": ["E11.900", "", None],
            "入院时间": ["20260131"] * 3,
        }
    )
    source = parquet(tmp_path / "a.pq", table)
    _, cases, said, _ = rows_of(source)
    assert [c.dx for c in cases] == [(None, "E11.900"), ("I10",), ("I10",)]
    assert said == [(3, "sex", "SEX_INVALID")]


def test_parquet_empty_or_broken(tmp_path: Path) -> None:
    table = pa.table({"id": ["a"] * 50, "dx": [["I10"]] * 50})
    source = parquet(tmp_path / "a.parquet", table.slice(0, 0))
    assert [i.reason for i in source.file_issues] == ["FILE_EMPTY"]
    assert list(source.batches()) == []
    whole = tmp_path / "a.parquet"
    pq.write_table(table, whole)
    content = whole.read_bytes()
    whole.write_bytes(content[:-10])
    with pytest.raises(GrouperError) as error:
        open_source(whole)
    assert error.value.code == "FILE_BROKEN"
    whole.write_bytes(content)
    source = open_source(whole, dialects=())
    whole.write_bytes(content[:4] + b"\xff" * 60 + content[64:])
    with pytest.raises(GrouperError) as error:
        list(source.batches())
    assert error.value.code == "FILE_BROKEN"


def test_parquet_with_fewer_rows_than_it_states(tmp_path: Path) -> None:
    source = parquet(tmp_path / "a.parquet", pa.table({"id": ["a"], "dx": [["I10"]]}))
    source.total_rows = 0
    with pytest.raises(GrouperError) as error:
        list(source.batches())
    assert error.value.code == "FILE_BROKEN"


@pytest.mark.parametrize(
    ("name", "content", "options", "code"),
    [
        ("a.xlsx", b"PK\x03\x04", {}, "FILE_FORMAT"),
        ("a.csv", b"\x1f\x8b", {}, "FILE_FORMAT"),
        ("a.json", b' [{"id": 1}]', {}, "FILE_FORMAT"),
        ("a.csv", b"id,dx\n", {"format": "xml"}, "FILE_FORMAT"),
        ("a.csv", b"i\0d\0,\0", {}, "FILE_ENCODING"),
        ("a.csv", b"x,y\n1,2\n", {}, "FILE_COLUMNS"),
        ("a.jsonl", b'{"x": 1}\n', {}, "FILE_COLUMNS"),
        ("a.parquet", b"id,dx\n", {}, "FILE_BROKEN"),
        ("a.csv", b"id,dx\n1,2\n", {"defaults": {"nobody": "1"}}, "DEFAULT_INVALID"),
        ("a.csv", b"id,dx\n1,2\n", {"defaults": {"sex": "x"}}, "DEFAULT_INVALID"),
        ("a.csv", b"id,dx\n1,2\n", {"defaults": {"dx": "I10"}}, "DEFAULT_INVALID"),
    ],
)
def test_files_that_are_none(
    tmp_path: Path, name: str, content: bytes, options: dict[str, Any], code: str
) -> None:
    with pytest.raises(GrouperError) as error:
        opened(tmp_path / name, content, **options)
    assert error.value.code == code
    assert code in error.value.describe("zh")
    assert error.value.describe("zh") != error.value.describe("en")


def test_content_tells_the_format(tmp_path: Path) -> None:
    assert opened(tmp_path / "a.dat", b'{"id": 1}\n').format == "jsonl"
    assert opened(tmp_path / "b.dat", b"id,dx\n1,I10\n").format == "csv"
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "c.dat")
    assert open_source(str(tmp_path / "c.dat")).format == "parquet"


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv", tmp_path / "none" / "a.csv"):
        with pytest.raises(GrouperError) as error:
            open_source(path)
        assert error.value.code == "FILE_NOT_FOUND"
    with pytest.raises(GrouperError) as error:
        open_source("a\0b")
    assert error.value.code == "FILE_DENIED"


def test_a_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_input, "LONGEST_LINE", 100)
    with pytest.raises(GrouperError) as error:
        opened(tmp_path / "a.csv", "id,dx," + "x" * 200)
    assert error.value.code == "FILE_LINE"


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", "id,dx\n1,I10\n")
    source.path.unlink()
    with pytest.raises(GrouperError) as error:
        list(source.batches())
    assert error.value.code == "FILE_BROKEN"


@given(st.binary(max_size=200), st.sampled_from(["csv", "jsonl", "parquet", "dat"]), st.booleans())
@settings(
    max_examples=examples(200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_bytes_raise_nothing_but_ours(
    tmp_path: Path, content: bytes, suffix: str, headed: bool
) -> None:
    path = tmp_path / f"a.{suffix}"
    head = {"csv": b"id,dx\n", "jsonl": b'{"id": "a"}\n', "parquet": b"PAR1"}.get(suffix, b"")
    path.write_bytes(head * headed + content)
    try:
        rows_of(open_source(path))
    except GrouperError as error:
        assert error.describe("zh")  # noqa: PT017 -- either outcome is right


@given(st.data())
@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_damaged_parquet_raises_nothing_but_ours(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"id": ["a", "b"], "dx": [["I10"], ["I10", "E11"]], "sex": [1, 2]}), path
    )
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(4, len(content) - 9))
    content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        rows_of(open_source(path))
    except GrouperError as error:
        assert error.code.startswith("FILE_")  # noqa: PT017 -- either outcome is right


def test_labelled_cases_read_alike_from_every_format(facts: Path, tmp_path: Path) -> None:
    text = gzip.decompress((facts / "cases" / "chs_drg" / "harbin-2022.jsonl.gz").read_bytes())
    lines = [json.loads(line) for line in text.splitlines()][:300]
    source = opened(tmp_path / "a.jsonl", text)
    originals, cases, said, _ = rows_of(source)
    assert said == []
    assert [o["expect"] for o in originals[:300]] == [line["expect"] for line in lines]
    assert [c.dx for c in cases[:300]] == [tuple(line["dx"]) for line in lines]
    assert [c.department for c in cases[:300]] == [line["dept"] for line in lines]
    flat = [
        {k: "|".join(v) if isinstance(v, list) else v for k, v in line.items()} for line in lines
    ]
    names = list(flat[0])
    table = "\n".join(
        [
            ",".join(names),
            *(",".join("" if r[n] is None else str(r[n]) for n in names) for r in flat),
        ]
    )
    from_csv = rows_of(opened(tmp_path / "a.csv", table))[1]
    from_parquet = rows_of(parquet(tmp_path / "a.parquet", pa.Table.from_pylist(lines)))[1]
    assert from_csv == cases[:300]
    assert [asdict(c) for c in from_parquet] == [asdict(c) for c in from_csv]


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """A file of many blocks never holds more than a few of them at once."""
    path = tmp_path / "a.csv"
    with path.open("w") as file:
        file.write("id,sex,dx,note\n")
        for at in range(100_000):
            file.write(f"{at:09d},1,I10|E11.900,{'x' * 150}\n")
    before = pa.total_allocated_bytes()
    most = 0
    rows = 0
    for batch in open_source(path, dialects=(), batch_rows=10_000).batches():
        assert isinstance(batch, CaseBatch)
        rows += batch.cases.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert rows == 100_000
    assert most < path.stat().st_size


def test_a_column_of_procedures_that_is_not_read_is_told(tmp_path: Path) -> None:
    source = tmp_path / "cases.csv"
    source.write_text("dx,手术编号,备注\nK80.101,51.2300,\n", "utf-8")
    told = [(i.field, i.reason, i.value) for i in open_source(source).file_issues]
    assert told == [("px", "FIELD_ABSENT", "手术编号")]
    # Where the codes are read, further columns about procedures are nobody's concern.
    source.write_text("dx,px,手术名称\nK80.101,51.2300,\n", "utf-8")
    assert open_source(source).file_issues == []
