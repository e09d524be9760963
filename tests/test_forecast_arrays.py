"""Arrow columns as arrays: the short ways say what the long ones say."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grouper.forecast import arrays
from grouper.payment.columns import Columns

LISTS = st.lists(st.none() | st.lists(st.sampled_from("abc") | st.none(), max_size=3), max_size=6)


@given(LISTS, st.integers(0, 3))
def test_lengths_are_those_of_the_lists(lists: list[list[str] | None], skipped: int) -> None:
    column = pa.array(lists, pa.list_(pa.string())).slice(skipped)
    assert arrays.lengths(column).tolist() == [len(one or []) for one in lists[skipped:]]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.float64(), [1.5, -2.0]),
        (pa.float64(), [1.5, None]),
        (pa.int32(), [7, None, 3]),
        (pa.decimal128(12, 2), [Decimal("1.25"), None]),
        (pa.decimal128(12, 2), [None, None]),
        (pa.bool_(), [True, None, False]),
        (pa.int32(), []),
    ],
)
def test_numbers_and_where_they_are(kind: pa.DataType, values: list[float | None]) -> None:
    wanted = [math.nan if one is None else float(one) for one in values]
    for column in (pa.array(values, kind), pa.chunked_array([values[:1], values[1:]], kind)):
        np.testing.assert_array_equal(arrays.floats(column), wanted)
        assert arrays.stated(column).tolist() == [one is not None for one in values]
        assert arrays.empty(column) == all(one is None for one in values)
        assert len(arrays.whole(column)) == len(values)


def test_whole_numbers_texts_and_places() -> None:
    assert arrays.numbers(pa.array([3, None]), -1).tolist() == [3, -1]
    encoded = pa.array(["a", None, "a"]).dictionary_encode()
    assert arrays.texts(encoded).to_pylist() == ["a", None, "a"]
    assert arrays.texts(pa.array(["b"])).type == pa.string()
    some = pa.array(["a", "b"])
    assert arrays.taken(some, np.array([1, -1, 0])).to_pylist() == ["b", None, "a"]
    assert arrays.taken(some, np.array([1, 1])).to_pylist() == ["b", "b"]


def test_columns_of_payments_read_what_stands_there() -> None:
    """Missing, empty, encoded and sliced columns; what lies under a missing number is not read."""
    kind = pa.decimal128(12, 2)
    halves = np.array([[150, 0], [999, 7], [-25, -1]], np.int64)
    valid = pa.py_buffer(np.packbits([True, False, True], bitorder="little"))
    money = pa.Array.from_buffers(kind, 3, [valid, pa.py_buffer(halves.tobytes())])
    when = datetime(2025, 3, 1, 20, tzinfo=UTC)
    batch = pa.RecordBatch.from_arrays(
        [
            money,
            pa.array([None, None, None], pa.string()),
            pa.array(["x", None, ""]),
            pa.array([2, None, 5], pa.int32()),
            pa.array([when, None, when], pa.timestamp("s", "UTC")),
            pa.array([[Decimal("1.00"), Decimal("2.50")], None, []], pa.list_(kind)),
        ],
        ["total_cost", "visit_type", "department", "los", "discharge_time", "line_amount"],
    )
    for first in (0, 1):
        columns = Columns(batch.slice(first))
        numbers, stated = columns.fixed("total_cost")
        assert numbers.units.tolist() == [150, 0, -25][first:]
        assert stated.tolist() == [True, False, True][first:]
        assert columns.words("visit_type").codes.tolist() == [-1] * (3 - first)
        words = columns.words("department")
        told = [words.words[code] if code >= 0 else None for code in words.codes]
        assert told == ["x", None, ""][first:]
        assert columns.whole("los")[0].tolist() == [2, 0, 5][first:]
        assert columns.day("discharge_time")[0].tolist() == [20149, 0, 20149][first:]
        sums, some = columns.sums("line_amount")
        assert sums.units.tolist() == [350, 0, 0][first:]
        assert some.tolist() == [True, False, False][first:]
        nothing, none = columns.fixed("scope_cost")
        assert nothing.units.tolist() == [0] * (3 - first)
        assert not none.any()
        assert not columns.sums("line_limit")[1].any()
