"""Charge lines and functional assessments: nested in JSON, parallel in columns, the same either way."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grouper.case.expand import expand
from grouper.case.normalise import normalise, plain
from grouper.case.readers import open_source
from grouper.case.record import Case

if TYPE_CHECKING:
    from pathlib import Path

LINES = [
    {"item": "001102000010000", "class": "诊察费", "amount": "20"},
    {"name": "药", "class": "09", "quantity": 2, "amount": "1,200.5", "time": "2026-12-01 09:30"},
    {"class": "西药费", "amount": "-600.25", "quantity": "-1"},
]
ASSESSMENTS = [
    {"date": "2026-12-01", "type": "入院", "items": {"BARTHEL": 45, "MMSE": "20"}},
    {"date": "2026-12-31", "type": "periodic", "items": {"BARTHEL": 60}},
]


def read(record: dict[str, Any]) -> Case:
    case, issues = Case.from_mapping(record)
    assert issues == []
    return case


def test_nested_lines_are_parallel_lists() -> None:
    case = read({"dx": ["H26.900"], "lines": LINES})
    assert case.line_item == ("001102000010000", None, None)
    assert case.line_name == (None, "药", None)
    assert case.line_class == ("02", "09", "09")
    assert case.line_quantity == (None, Decimal(2), Decimal(-1))
    assert case.line_amount == (Decimal("20.00"), Decimal("1200.50"), Decimal("-600.25"))
    assert [t.isoformat() if t else None for t in case.line_time] == [
        None,
        "2026-12-01T09:30:00+08:00",
        None,
    ]


def test_nested_assessments_have_a_place_for_each_item() -> None:
    case = read({"assessments": ASSESSMENTS})
    assert case.assessment_item == ("BARTHEL", "MMSE", "BARTHEL")
    assert case.assessment_value == ("45", "20", "60")
    assert case.assessment_date == (date(2026, 12, 1), date(2026, 12, 1), date(2026, 12, 31))
    assert case.assessment_type == ("admission", "admission", "periodic")


def test_an_assessment_without_items_keeps_its_place() -> None:
    case = read({"assessments": [{"date": "2026-12-01", "type": "入院", "items": {}}]})
    assert (case.assessment_item, case.assessment_date) == ((), (date(2026, 12, 1),))
    assert read({"assessments": []}).assessment_date == ()


@pytest.mark.parametrize(
    "record",
    [
        {"lines": "no list"},
        {"lines": [1, 2]},
        {"lines": [{"item": "x", "colour": "red"}]},
        {"lines": [{"item": "x"}], "line_item": ["y"]},
        {"assessments": [{"date": "2026-12-01"}]},
        {"assessments": [{"items": [1]}]},
        {"assessments": [{"items": {"BARTHEL": 1}, "by": "nobody"}]},
        {"assessments": {"items": {}}},
    ],
)
def test_what_has_another_shape_stays_as_it_is(record: dict[str, Any]) -> None:
    assert expand(record) == record


def test_a_record_without_nested_lists_is_the_same_one() -> None:
    record = {"dx": ["A"]}
    assert expand(record) is record


def test_a_row_of_gaps_is_left_out_and_lists_stay_aligned() -> None:
    case = read({"line_item": ["a", "", "c"], "line_amount": ["1", "", ""], "line_class": "06||04"})
    assert case.line_item == ("a", "c")
    assert case.line_amount == (Decimal("1.00"), None)
    assert case.line_class == ("06", "04")


def test_columns_files_and_records_say_the_same(tmp_path: Path) -> None:
    record = {"case_id": "1", "kind": "门诊", "lines": LINES, "assessments": ASSESSMENTS}
    wanted = read(record)
    source = tmp_path / "cases.jsonl"
    source.write_text(json.dumps(record, ensure_ascii=False) + "\n", "utf-8")
    (batch,) = open_source(source).batches()
    assert Case.from_batch(batch.cases, 0) == wanted
    # The original keeps what it had, under its own names.
    assert "lines" in batch.original.schema.names
    table = pa.Table.from_batches([plain(batch.cases)])
    pq.write_table(table, tmp_path / "cases.parquet")
    (again,) = open_source(tmp_path / "cases.parquet").batches()
    assert Case.from_batch(again.cases, 0) == wanted


def test_typed_quantities_pass_and_others_are_read() -> None:
    def quantities(values: list[Any], kind: pa.DataType) -> tuple[Any, list[str]]:
        lists = pa.array([values], pa.list_(kind))
        found = normalise(pa.RecordBatch.from_arrays([lists], names=["line_quantity"]))
        return found.cases.column("line_quantity")[0].as_py(), found.issues["reason"].to_pylist()

    two = [Decimal("2.0000"), Decimal("1.5000")]
    assert quantities([2, 1], pa.int64()) == ([Decimal(2), Decimal(1)], [])
    assert quantities(two, pa.decimal128(14, 4)) == (two, [])
    assert quantities([2.0, 1.5], pa.float64()) == (two, [])
    assert quantities(["2", "x"], pa.string()) == ([two[0]], ["NUMBER_INVALID"])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-500, 500)), max_size=6))
def test_lines_keep_their_order_and_number(lines: list[tuple[str, int]]) -> None:
    nested = [{"item": item, "amount": str(amount)} for item, amount in lines]
    case = read({"lines": nested})
    assert case.line_item == tuple(item for item, _ in lines)
    assert case.line_amount == tuple(Decimal(amount) for _, amount in lines)
    assert Case.from_mapping(case.to_mapping())[0] == case
