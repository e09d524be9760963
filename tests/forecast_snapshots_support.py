"""Stays made for a test, and their snapshots read with their features."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import forecast_plain as plain
import numpy as np
import pyarrow as pa

from grouper.case.fields import members
from grouper.case.record import Case
from grouper.forecast.course import Courses
from grouper.forecast.features import Vocabulary, feature_matrix
from grouper.forecast.snapshot import known_cases, snapshots_at, snapshots_of

WARDS = ("03.01", "04.02")
"""The departments that the model knows; 03.05 is new to it."""
WORDS = Vocabulary({"department": WARDS})
LISTS = (*members("dx"), *members("px"))


def read(courses: Courses, days: Any = None) -> tuple[pa.RecordBatch, Any]:
    """The snapshots of some days, or of every stay on one day, with their features."""
    if isinstance(days, int):
        snapshots = snapshots_at(courses, np.full(len(courses), days))
    else:
        snapshots = snapshots_of(courses, days)
    cases = known_cases(snapshots)
    return cases, feature_matrix(snapshots, cases, WORDS)


def listed(value: Any) -> Any:
    """A list as a tuple; one of nothing but empty places says nothing."""
    if not isinstance(value, (list, tuple)):
        return value
    return () if set(value) <= {None} else tuple(value)


def plainly(cases: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows in which a list of nothing but empty places is an empty one."""
    found = cases.to_pylist()
    return [
        {n: listed(() if v is None and n in LISTS else v) for n, v in row.items()} for row in found
    ]


def same(left: tuple[pa.RecordBatch, Any], right: tuple[pa.RecordBatch, Any]) -> None:
    """Hold two readings equal."""
    assert plainly(left[0]) == plainly(right[0])
    np.testing.assert_array_equal(left[1], right[1])


def made(**values: Any) -> Case:
    """A plain stay of four days from 2 March, with what a test adds to it."""
    return Case(
        **{
            "case_id": "A1",
            "region": "demo",
            "admission_time": plain.ADMITTED + timedelta(hours=9),
            "discharge_time": plain.ADMITTED + timedelta(days=4, hours=10),
            "admission_department": "03.01",
        }
        | values
    )


def charged(case: Case, *entries: tuple[float | None, str, str]) -> Case:
    """The case with a line for each (day from the admission's midnight, amount, class)."""
    empty = dict.fromkeys(n for n in Case.__dataclass_fields__ if n.startswith("line_"))
    made = [
        empty
        | {
            "line_time": None if day is None else plain.ADMITTED + timedelta(days=day),
            "line_amount": Decimal(amount),
            "line_class": kind,
            "line_scope": "A",
        }
        for day, amount, kind in entries
    ]
    return plain.with_lines(case, made)
