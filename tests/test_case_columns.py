"""The columnar path gives what the scalar path gives, whatever the columns are."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from grouper.case import CASE_SCHEMA, FIELDS, Case, Normaliser, normalise, plain
from grouper.case.issues import issues_of
from grouper.case.layout import bind

module = sys.modules["grouper.case.normalise"]
"""The package's ``normalise`` is the function; this is the module behind it."""

CODES = st.sampled_from(
    ["I10", "E11.900", " K80.101 ", "", " ", "-", "J10.801+G94.8*", "51.2300", "x", "无", "I10|E11"]
)
TEXTS: dict[str, st.SearchStrategy[Any]] = {
    "case_id": st.sampled_from(["a", "A-0000001", " b ", "", "-", "病例一", "　c"]),
    "hospital": st.sampled_from(["H1", "第一医院", "", "null", "/"]),
    "kind": st.sampled_from(["inpatient", "住院", "门诊", "", "ward", "INPATIENT"]),
    "性别": st.sampled_from(["1", "2", "男", "F", "0", "9", "", "？", "１", "3"]),
    "出生日期": st.sampled_from(
        [
            "2026-01-03",
            "1950.2.28",
            "20240229",
            "20230229",
            "01/02/2026",
            "",
            "2027-01-01",
            "1700-01-01",
        ]
    ),
    "age": st.sampled_from(["0", "75", "75岁", "1.0", "1.5", "", "999", "-1"]),
    "age_days": st.sampled_from(["0", "10", "364", "365", "天", "", "3天"]),
    "birth_weight_g": st.sampled_from(["3200", "3.2kg", "3.2", "3200g", "", "99999"]),
    "入院时间": st.sampled_from(
        ["2026-01-13 10:00:00", "2026年1月13日", "20260113235959", "2026-01-12T23:30:00Z", "", "x"]
    ),
    "出院时间": st.sampled_from(
        ["2026-01-13", "2026/1/20 08:00", "2026-01-01", "", "1988-04-17 01:30"]
    ),
    "离院方式": st.sampled_from(["1", "死亡", "7", "", "1.0"]),
    "los": st.sampled_from(["1", "7", "7天", "", "0", "a"]),
    "icu_hours": st.sampled_from(["12.5", "1/2/30", "", "-", "1/30/0"]),
    "code_system": st.sampled_from(["", "yibao-2.0", "医保", "clinical", "icd-9"]),
    "dx": st.lists(CODES, max_size=4).map("|".join),
    "入院病情": st.lists(st.sampled_from(["1", "有", "", "5"]), max_size=4).map(";".join),
    "主要手术编码": CODES,
    "其他手术编码1": CODES,
    "其他手术编码2": CODES,
    "px_date_1": st.sampled_from(["2026-01-14", "", "14/01/2026"]),
    "px_date_2": st.sampled_from(["2026-01-14", ""]),
    "total_cost": st.sampled_from(["1234.5", "1,234.56", "0.005", "12.345", "", "-3"]),
    "其他": st.text(st.characters(codec="utf-8"), max_size=5),
}


def expected(rows: list[dict[str, Any]], first_row: int = 1) -> tuple[list[Case], list[Any]]:
    cases, issues = [], []
    for at, row in enumerate(rows, first_row):
        case, said = Case.from_mapping(row, row=at)
        cases.append(case)
        issues += said
    return cases, issues


def check(raw: pa.RecordBatch, rows: list[dict[str, Any]], first_row: int = 1) -> None:
    found = normalise(raw, first_row)
    cases, issues = expected(rows, first_row)
    got = [Case.from_batch(found.cases, at) for at in range(found.cases.num_rows)]
    for one, other in zip(got, cases, strict=True):
        assert asdict(one) == asdict(other)
    assert list(issues_of(found.issues)) == issues
    assert plain(found.cases).schema == CASE_SCHEMA
    assert list(found.rejected) == [
        any(i.row == at and i.severity == "reject" for i in issues)
        for at in range(first_row, first_row + len(rows))
    ]


@st.composite
def text_tables(draw: st.DrawFn) -> tuple[list[str], list[dict[str, Any]]]:
    names = draw(st.lists(st.sampled_from(list(TEXTS)), min_size=1, unique=True))
    value = {name: st.none() | TEXTS[name] for name in names}
    rows = draw(st.lists(st.fixed_dictionaries(value), min_size=1, max_size=6))
    return names, rows


@given(text_tables(), st.integers(1, 1000), st.booleans())
@settings(max_examples=examples(150), deadline=None)
def test_text_columns(
    table: tuple[list[str], list[dict[str, Any]]], first_row: int, coded: bool
) -> None:
    names, rows = table
    arrays = [pa.array([row[n] for row in rows], pa.string()) for n in names]
    if coded:
        arrays = [a.dictionary_encode() for a in arrays]
    raw = pa.RecordBatch.from_arrays(arrays, names=names)
    check(raw, rows, first_row)
    for size in (1, 2):
        parts = [normalise(raw.slice(at, size), first_row + at) for at in range(0, len(rows), size)]
        whole = normalise(raw, first_row)
        assert pa.Table.from_batches([plain(p.cases) for p in parts]).equals(
            pa.Table.from_batches([plain(whole.cases)])
        )
        assert pa.concat_tables([p.issues for p in parts]).equals(whole.issues)


DAYS = st.dates(date(1992, 1, 2), date(2030, 1, 1))
MOMENTS = st.datetimes(datetime(1985, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001 -- local times are meant
TYPED: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "case_id": (pa.string(), st.sampled_from(["case-0001", "", " x", "case-0002", "-"])),
    "hospital": (pa.large_string(), st.sampled_from(["H000001", "医院", " "])),
    "department": (
        pa.dictionary(pa.int32(), pa.string()),
        st.sampled_from(["内科", "ICU", " 内科"]),
    ),
    "region": (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["wuhan", "beijing"])),
    "sex": (pa.int64(), st.integers(0, 3)),
    "age": (pa.int32(), st.integers(-1, 160)),
    "age_days": (pa.float64(), st.sampled_from([0.0, 1.0, 1.5, float("nan"), 400.0])),
    "weight_g": (pa.int16(), st.sampled_from([50, 3000, 9999])),
    "birth_weight_g": (pa.bool_(), st.booleans()),
    "birth_date": (pa.date32(), DAYS),
    "admission_time": (pa.timestamp("us"), MOMENTS),
    "discharge_time": (pa.timestamp("ms", "UTC"), MOMENTS.map(lambda m: m.replace(tzinfo=UTC))),
    "discharge_way": (pa.int64(), st.integers(0, 9)),
    "los": (pa.decimal128(6, 1), st.sampled_from([Decimal("1.0"), Decimal("1.5")])),
    "icu_hours": (pa.float64(), st.sampled_from([0.0, 12.25, -1.0, float("nan"), float("inf")])),
    "ventilator_hours": (pa.int64(), st.sampled_from([0, 5, -1])),
    "total_cost": (
        pa.float64(),
        st.floats(-1, 1e7) | st.sampled_from([1.005, 12.34, 1e15, float("nan")]),
    ),
    "dx": (
        pa.list_(pa.string()),
        st.lists(st.sampled_from(["I10", "E11.900", "", " a", None, "-"]), max_size=4),
    ),
    "dx_poa": (
        pa.list_(pa.string()),
        st.lists(st.sampled_from(["1", "2", "有", None]), max_size=4),
    ),
    "px": (
        pa.list_(pa.dictionary(pa.int32(), pa.string())),
        st.lists(st.sampled_from(["51.2300", "00.0100x001"]), max_size=3),
    ),
    "px_date": (pa.list_(pa.date32()), st.lists(st.none() | DAYS, max_size=3)),
    "px_level": (pa.list_(pa.int64()), st.lists(st.integers(1, 4), max_size=3)),
}


@st.composite
def typed_tables(draw: st.DrawFn) -> tuple[pa.RecordBatch, list[dict[str, Any]]]:
    names = draw(st.lists(st.sampled_from(list(TYPED)), min_size=1, unique=True))
    nullable = draw(st.booleans())
    value = {n: (st.none() | TYPED[n][1]) if nullable else TYPED[n][1] for n in names}
    rows = draw(st.lists(st.fixed_dictionaries(value), min_size=1, max_size=6))
    arrays = [pa.array([row[n] for row in rows], TYPED[n][0]) for n in names]
    start = draw(st.integers(0, len(rows) - 1))
    raw = pa.RecordBatch.from_arrays(arrays, names=names).slice(start)
    return raw, [
        dict(zip(names, v, strict=True))
        for v in zip(*(c.to_pylist() for c in raw.columns), strict=True)
    ]


@given(typed_tables())
@settings(max_examples=examples(250), deadline=None)
def test_typed_columns(table: tuple[pa.RecordBatch, list[dict[str, Any]]]) -> None:
    raw, rows = table
    check(raw, rows)


def column(name: str, array: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([array], names=[name])


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("sex", pa.array([1, 2, None], pa.int8())),
        ("case_id", pa.array(["case-01", None])),
        ("icu_hours", pa.array([1.5, None])),
        ("birth_date", pa.array([date(2000, 1, 1), None])),
        ("discharge_way", pa.array(["1", "5"]).dictionary_encode()),
        ("department", pa.array(["内科", "外科"]).dictionary_encode()),
        ("dx", pa.array([["I10.x00", "E11.900"], None, []])),
        ("dx", pa.array([["I10.x00"]], pa.list_(pa.dictionary(pa.int32(), pa.string())))),
        ("total_cost", pa.array([Decimal("1.25")], pa.decimal128(14, 2))),
    ],
)
def test_clean_columns_are_not_rewritten(name: str, array: pa.Array) -> None:
    found = normalise(column(name, array)).cases.column(name)
    before = [b and b.address for b in array.buffers()]
    assert [b and b.address for b in found.buffers()] == before


def test_absent_columns_are_null_and_defaults_fill_gaps() -> None:
    found = normalise(column("kind", pa.array(["门诊", None])))
    assert found.cases.column("kind").to_pylist() == ["outpatient", "inpatient"]
    assert found.cases.column("code_system").to_pylist() == ["nhsa", "nhsa"]
    assert found.cases.column("age").null_count == 2
    assert not found.issues.num_rows


def test_null_and_nested_columns() -> None:
    raw = pa.RecordBatch.from_arrays(
        [
            pa.nulls(2),
            pa.array([["1"], ["2"]]),
            pa.nulls(2, pa.list_(pa.null())),
            pa.array([[[1]], None]),
        ],
        names=["age", "sex", "dx", "px"],
    )
    found = normalise(raw)
    assert found.cases.column("age").null_count == 2
    assert found.cases.column("sex").null_count == 2
    assert [(i.row, i.field, i.reason) for i in issues_of(found.issues)] == [
        (1, "sex", "SEX_INVALID"),
        (1, "px", "CODE_INVALID"),
        (2, "sex", "SEX_INVALID"),
    ]


def test_money_of_binary_fractions_is_exact() -> None:
    values = [0.1 + 0.2, 1234.5600000000001, 99999999.99, None]
    raw = column("total_cost", pa.array(values))
    assert normalise(raw).cases.column("total_cost").to_pylist() == [
        Decimal("0.30"),
        Decimal("1234.56"),
        Decimal("99999999.99"),
        None,
    ]


def test_money_of_other_types() -> None:
    for array, wanted in (
        (pa.array([12, None]), Decimal("12.00")),
        (pa.array([Decimal("12.5000")], pa.decimal128(20, 4)), Decimal("12.50")),
        (pa.array([Decimal("12.3456")], pa.decimal128(20, 4)), Decimal("12.35")),
        (pa.array([Decimal(-1)], pa.decimal128(5, 0)), None),
    ):
        assert (
            normalise(column("total_cost", array)).cases.column("total_cost")[0].as_py() == wanted
        )


def test_types_that_arrow_cannot_encode_or_we_cannot_read() -> None:
    half = pa.array([np.float16(45), None], pa.float16())
    assert normalise(column("age", half)).cases.column("age").to_pylist() == [45, None]
    for array in (
        pa.array([b"45"]),
        pa.array([timedelta(days=45)]),
        pa.array([{"a": 1}]),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
    ):
        found = normalise(column("age", array))
        assert [i.reason for i in issues_of(found.issues)] == ["AGE_INVALID"]
    empty = normalise(column("hospital", pa.array(["", ""])))
    assert empty.cases.column("hospital").null_count == 2


def test_readings_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 2)
    normaliser = Normaliser(bind(("age",)))
    for start in range(0, 40, 4):
        ages = [f"{at}岁" for at in range(start, start + 4)]
        found = normaliser(column("age", pa.array(ages)))
        assert found.cases.column("age").to_pylist() == list(range(start, start + 4))
        known = next(memo for group, memo in normaliser._groups if group.bindings)._known
        assert len(known) <= 6


def test_derived_columns_at_size() -> None:
    """A thousand random stays: the columns agree with the scalar rule."""
    random = np.random.default_rng(7)
    size = 1000
    births = random.integers(-20_000, 20_000, size)
    stays = births + random.integers(-3, 9000, size)
    ends = stays + random.integers(-2, 40, size)
    day = timedelta(days=1)
    epoch = date(1970, 1, 1)
    rows = [
        {
            "birth_date": epoch + int(b) * day,
            "admission_time": epoch + int(a) * day,
            "discharge_time": epoch + int(d) * day,
        }
        for b, a, d in zip(births, stays, ends, strict=True)
    ]
    check(pa.RecordBatch.from_pylist(rows), rows)


def test_every_field_is_compared() -> None:
    assert list(FIELDS) == CASE_SCHEMA.names
