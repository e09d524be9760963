"""Typed lists with gaps: read as a whole or place by place, the case is the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from grouper.case import FIELDS, Case, normalise, plain
from grouper.case.columns import passed_lists

START = datetime(2026, 1, 5, 1, tzinfo=UTC)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "line_class": st.sampled_from(["01", "09", None]),
    "line_quantity": st.sampled_from([Decimal("1.0000"), Decimal("-2.5000"), None]),
    "line_amount": st.sampled_from([Decimal("10.00"), Decimal("-0.01"), None]),
    "line_time": st.sampled_from([START, START + timedelta(hours=30), None]),
    "line_scope": st.sampled_from(["A", "C", None]),
    "line_first_share": st.sampled_from([Decimal("0.1000"), None]),
    "line_department": st.sampled_from(["03.01", "", None]),
}
TYPES = {"line_time": pa.timestamp("ms", "Asia/Shanghai")}


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(0, 3))
    found: dict[str, Any] = {"line_item": ["X1"] * count}
    for name, values in VALUES.items():
        length = draw(st.sampled_from([count, count, count, 0]))
        found[name] = draw(st.none() | st.lists(values, min_size=length, max_size=length))
    return found


@given(st.lists(rows(), min_size=1, max_size=5))
def test_both_readings_are_one(cases: list[dict[str, Any]]) -> None:
    batch = pa.RecordBatch.from_pydict(
        {
            name: pa.array(
                [one[name] for one in cases],
                pa.list_(TYPES.get(name, FIELDS[name].value_type)),
            )
            for name in ("line_item", *VALUES)
        }
    )
    found = plain(normalise(batch).cases)
    for at, one in enumerate(cases):
        expected, _ = Case.from_mapping({k: v for k, v in one.items() if v is not None})
        got = Case.from_batch(found, at)
        assert {n: getattr(got, n) for n in one} == {n: getattr(expected, n) for n in one}


def test_what_is_cut_below_a_second_and_what_is_not_passed() -> None:
    fields = [FIELDS["line_item"], FIELDS["line_time"], FIELDS["line_class"]]
    times = pa.array([[START + timedelta(milliseconds=7)]], pa.list_(TYPES["line_time"]))
    items, classes = pa.array([["X"]]), pa.array([["01"]])
    found = passed_lists(fields, [items, times, classes])
    assert found is not None
    assert found[1].to_pylist()[0][0] == START
    assert passed_lists(fields, [pa.array([[None]], pa.list_(pa.string())), times, classes]) is None
    assert passed_lists(fields, [items, times, pa.array([["01", "01"]])]) is None
    assert passed_lists(fields, [items, times, pa.array([["床位费"]])]) is None
