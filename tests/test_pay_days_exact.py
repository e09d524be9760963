"""The days of a long stay at the edges, in both ways."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pay_share_support import batch_of

from grouper.case.record import Case
from grouper.payment.columns import Columns
from grouper.payment.methods.pdpm_points import days_of, days_of_columns

CHINA = timezone(timedelta(hours=8))


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2025, 3, day, hour, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("values", "days"),
    [
        ({}, None),
        ({"los": 0}, None),
        ({"los": 1}, 1),
        ({"los": 2}, 2),
        ({"admission_time": at(3)}, None),
        ({"admission_time": at(3), "los": 9}, 9),
        ({"discharge_time": at(3), "los": 9}, 9),
        ({"admission_time": at(3), "discharge_time": at(3, 20)}, 1),
        ({"admission_time": at(3), "discharge_time": at(4, 1)}, 1),
        ({"admission_time": at(3), "discharge_time": at(5, 1)}, 2),
        # The days in China count, and what the case states besides does not.
        ({"admission_time": at(3, 0), "discharge_time": at(5, 0), "los": 9}, 2),
        ({"admission_time": at(3, 23), "discharge_time": at(6, 1), "los": 1}, 3),
    ],
)
def test_days_of_a_stay(values: dict[str, Any], days: int | None) -> None:
    case = Case(**values)
    assert days_of(case) == days
    found, known = days_of_columns(Columns(batch_of([case, Case(), case])))
    assert found.tolist() == [days or 0, 0, days or 0]
    assert known.tolist() == [days is not None, False, days is not None]
