"""Stays of one person in one group after another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grouper.payment.columns import HISTORY_SCHEMA
from grouper.payment.history import NONE, with_history

START = datetime(2025, 3, 1, 2, tzinfo=UTC)  # ten o'clock, local time
TIME = pa.timestamp("s", tz="Asia/Shanghai")
Row = tuple[str | None, str | None, int | None, int | None]


def table(rows: list[Row], *, chunks: int = 1) -> pa.Table:
    """Persons, groups, and days of admission and discharge after the first of March."""
    columns: dict[str, Any] = {
        "person": pa.array([row[0] for row in rows], pa.string()),
        "group": pa.array([row[1] for row in rows], pa.string()).dictionary_encode(),
    }
    for name, place in (("admission_time", 2), ("discharge_time", 3)):
        days = [row[place] for row in rows]
        times = [None if day is None else START + timedelta(days=day) for day in days]
        columns[name] = pa.array(times, TIME)
    whole = pa.table(columns)
    step = max(1, len(rows) // chunks)
    pieces = [whole.slice(at, step) for at in range(0, len(rows), step)]
    return pa.concat_tables(pieces) if pieces else whole


def days(rows: list[Row], **how: Any) -> tuple[list[int | None], list[int | None]]:
    found = with_history(table(rows, **how))
    since, until = (found.column(name).to_pylist() for name in HISTORY_SCHEMA.names)
    return since, until


def test_days_between_stays_in_the_same_group() -> None:
    rows: list[Row] = [
        ("P1", "ES31", 20, 25),
        ("P1", "ES31", 0, 5),
        ("P2", "ES31", 6, 7),
        ("P1", "GD25", 8, 9),
        ("P1", "ES31", 25, 30),
    ]
    assert days(rows) == ([15, NONE, NONE, NONE, 0], [0, 15, NONE, NONE, NONE])
    assert days(rows, chunks=3) == days(rows)


@pytest.mark.parametrize("gap", range(4))
def test_what_is_not_known_is_null(gap: int) -> None:
    row: list[Any] = ["P1", "ES31", 6, 7]
    row[gap] = None
    since, until = days([("P1", "ES31", 0, 5), tuple(row)])
    assert (since, until) == ([NONE, None], [NONE, None])


def test_local_days_count() -> None:
    found = table([("P1", "ES31", 0, 5), ("P1", "ES31", 6, 7)])
    # Discharged at 23:30 and back at 0:30, local time: the next day.
    late, early = datetime(2025, 3, 6, 15, 30, tzinfo=UTC), datetime(2025, 3, 6, 16, 30, tzinfo=UTC)
    place = found.column_names.index("admission_time")
    times = [START, early]
    found = found.set_column(place, "admission_time", pa.array(times, TIME))
    ends = pa.array([late, START + timedelta(days=9)], TIME)
    found = found.set_column(place + 1, "discharge_time", ends)
    assert with_history(found).column("days_since_same").to_pylist() == [NONE, 1]


def test_stays_that_overlap_are_nought_days_apart() -> None:
    # The second lies within the first; the third begins five days after the first has ended.
    rows: list[Row] = [("P1", "X", 0, 20), ("P1", "X", 3, 4), ("P1", "X", 25, 26)]
    assert days(rows) == ([NONE, 0, 5], [0, 21, NONE])


def test_an_empty_table_and_columns_that_are_there_already() -> None:
    assert days([]) == ([], [])
    once = with_history(table([("P1", "X", 0, 1)]))
    again = with_history(once)
    assert again.schema == once.schema
    assert again.column_names[-2:] == HISTORY_SCHEMA.names
    bare = with_history(pa.table({"group": pa.array(["X"])}))
    assert bare.column("days_since_same").to_pylist() == [None]


ROWS = st.tuples(
    st.sampled_from([None, "P1", "P2"]),
    st.sampled_from([None, "X", "Y"]),
    st.none() | st.integers(0, 30),
    st.none() | st.integers(0, 40),
)


@given(st.lists(ROWS, max_size=8))
def test_a_plain_reading_agrees(rows: list[Row]) -> None:
    since, until = days(rows)
    for number, row in enumerate(rows):
        if None in row:
            assert since[number] is until[number] is None
            continue
        same = [
            (other[2], other[3], place)
            for place, other in enumerate(rows)
            if None not in other and other[:2] == row[:2]
        ]
        ranked = sorted(same)
        at = ranked.index((row[2], row[3], number))
        before, after = ranked[:at], ranked[at + 1 :]
        assert since[number] == (
            max(0, (row[2] or 0) - max(end or 0 for _, end, _ in before)) if before else NONE
        )
        assert until[number] == (max(0, (after[0][0] or 0) - (row[3] or 0)) if after else NONE)
