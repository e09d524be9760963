"""Forecasts in the store: one of a stay, a day and a model; due, listed, scored."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from store_support import START, Feed, database, stay

from grouper.intake.event import EventKind
from grouper.store import forecasts
from grouper.store.database import Database
from grouper.store.forecasts import ForecastRow, Scored
from grouper.store.schema import forecast as table

__all__ = ["database"]

DAY = date(2026, 3, 4)
MIDNIGHT = datetime(2026, 3, 4, 16, tzinfo=UTC)
"""The local midnight after the day."""
LATER = datetime(2026, 3, 5, tzinfo=UTC)


@pytest.fixture
def feed(database: Database) -> Feed:
    return Feed(database)


@pytest.fixture
def ward(feed: Feed) -> Feed:
    for number in range(1, 6):
        feed(
            stay(
                f"V{number}",
                f"P{number}",
                department=f"030{number % 2}",
                admission_time=f"2026030{number} 08:00",
            )
        )
    return feed


def row(feed: Feed, visit: str = "V1", **values: Any) -> ForecastRow:
    head = feed.head(visit)
    made = ForecastRow(
        stay_id=head.id,
        version=head.version,
        as_of=DAY,
        made=LATER,
        model="m1",
        scheme="demo-dip",
        status="forecast",
        reason=None,
        day=2,
        document={"cost_middle": "1200.00", "groups": [{"group": "A", "probability": 0.75}]},
    )
    return replace(made, **values)


def write(feed: Feed, *rows: ForecastRow) -> int:
    with feed.database.writing_store() as connection:
        return forecasts.write(connection, rows)


def due(feed: Feed, model: str = "m1", at: datetime = LATER, **asked: Any) -> list[str]:
    with feed.database.reading() as connection:
        found = forecasts.due(connection, DAY, model, MIDNIGHT, at, **asked)
    heads = {feed.head(f"V{n}").case_id: f"V{n}" for n in range(1, 6)}
    return [heads[one.case_id] for one in found]


def kept(feed: Feed, visit: str = "V1", as_of: date | None = None) -> list[ForecastRow]:
    with feed.database.reading() as connection:
        return forecasts.of_stay(connection, feed.head(visit).id, as_of)


def test_what_is_kept_is_what_was_written(ward: Feed) -> None:
    made = row(ward)
    assert write(ward, made) == 1
    assert kept(ward) == [made]
    assert kept(ward, as_of=DAY) == [made]
    assert kept(ward, as_of=date(2026, 3, 3)) == []
    assert write(ward) == 0


def test_of_a_stay_a_day_and_a_model_the_newest_is_kept(ward: Feed) -> None:
    first = row(ward, day=1)
    second = replace(first, made=LATER + timedelta(hours=1), document={"cost_middle": "7.00"})
    assert write(ward, first) == 1
    assert write(ward, second, row(ward, model="m2")) == 2
    assert write(ward, first, row(ward, "V2")) == 1
    assert [one.document["cost_middle"] for one in kept(ward)] == ["1200.00", "7.00"]
    with ward.database.reading() as connection:
        assert forecasts.newest(connection, ward.head("V1").id) == second
        assert forecasts.newest(connection, ward.head("V3").id) is None
    earlier = row(ward, as_of=date(2026, 3, 3), made=LATER + timedelta(days=9))
    write(ward, earlier)
    assert [one.as_of.day for one in kept(ward)] == [3, 4, 4]
    with ward.database.reading() as connection:
        assert forecasts.newest(connection, ward.head("V1").id) == second


def test_many_are_kept_at_once(ward: Feed) -> None:
    days = [DAY - timedelta(days=n) for n in range(1001)]
    assert write(ward, *(row(ward, as_of=day) for day in days)) == 1001
    assert write(ward, *(row(ward, as_of=day) for day in days)) == 1001
    assert len(kept(ward)) == 1001


def test_running_inpatient_stays_without_a_forecast_are_due(ward: Feed) -> None:
    # V5 was admitted after the day; it is the next day's.
    assert due(ward) == ["V1", "V2", "V3", "V4"]
    write(ward, row(ward, "V2"), row(ward, "V3", status="refused", reason="FORECAST_FAILED"))
    assert due(ward) == ["V1", "V4"]
    assert due(ward, "m2") == ["V1", "V2", "V3", "V4"]
    assert due(ward, anew=True) == ["V1", "V2", "V3", "V4"]
    assert due(ward, limit=1) == ["V1"]
    assert due(ward, after=ward.head("V1").id) == ["V4"]
    ward(stay("V1", "P1", discharge_time="20260305 07:00"))
    ward(stay("V4", "P4", facts={"kind": "outpatient"}))
    assert due(ward) == []


def test_cancelled_and_merged_stays_are_not_due_those_without_admission_are(feed: Feed) -> None:
    for number in range(1, 6):
        feed(stay(f"V{number}", f"P{number % 2}"))
    feed(stay("V1", "P1", cancelled=True))
    feed(stay("V3", "P1", kind=EventKind.MERGE_VISIT, prior_visit="V5"))
    assert feed.head("V1").state == "cancelled"
    with feed.database.reading() as connection:
        found = forecasts.due(connection, DAY, "m1", MIDNIGHT, LATER)
    names = [feed.head(f"V{n}").case_id for n in (2, 3, 4)]
    assert [one.case_id for one in found] == names


def test_at_an_earlier_moment_stays_are_due_as_they_were_known(ward: Feed) -> None:
    # The five messages came one second after the other.
    third = START + timedelta(seconds=3)
    ward(stay("V1", "P1", discharge_time="20260303 10:00", total_cost="90.00"))
    with ward.database.reading() as connection:
        found = forecasts.due(connection, DAY, "m1", MIDNIGHT, third)
        assert [one.version for one in found] == [1, 1, 1]
        assert forecasts.due(connection, DAY, "m1", MIDNIGHT, START) == []
    assert ward.head("V1").version == 2
    assert due(ward, at=third) == ["V1", "V2", "V3"]
    assert due(ward) == ["V2", "V3", "V4"]


def listed(feed: Feed, day: date = DAY, **asked: Any) -> list[tuple[str, str]]:
    with feed.database.reading() as connection:
        found = forecasts.page(connection, day, **asked)
    return [(one.visit, one.forecast.model) for one in found]


def test_a_days_forecasts_are_listed_of_each_stay_the_last(ward: Feed) -> None:
    with ward.database.reading() as connection:
        assert forecasts.last_day(connection) is None
    for visit in ("V3", "V1", "V2"):
        write(ward, row(ward, visit))
    write(ward, row(ward, "V1", model="m2"), row(ward, "V4", status="refused", reason="X"))
    write(ward, row(ward, "V1", as_of=date(2026, 3, 3)))
    with ward.database.reading() as connection:
        assert forecasts.last_day(connection) == DAY
    assert listed(ward) == [("V1", "m2"), ("V2", "m1"), ("V3", "m1"), ("V4", "m1")]
    assert listed(ward, limit=2) == [("V1", "m2"), ("V2", "m1")]
    assert listed(ward, after=ward.head("V2").id) == [("V3", "m1"), ("V4", "m1")]
    assert listed(ward, departments=["0301"]) == [("V1", "m2"), ("V3", "m1")]
    assert listed(ward, departments=[]) == []
    assert listed(ward, status="refused") == [("V4", "m1")]
    assert listed(ward, date(2026, 3, 3)) == [("V1", "m1")]
    with ward.database.reading() as connection:
        (one, *_) = forecasts.page(connection, DAY)
    assert (one.case_id, one.department, one.state) == (
        ward.head("V1").case_id,
        "0301",
        "running",
    )
    assert one.forecast == row(ward, model="m2")


def to_score(feed: Feed, **asked: Any) -> list[int]:
    with feed.database.reading() as connection:
        return forecasts.to_score(connection, **asked)


def score(feed: Feed, visit: str, said: dict[str, Any]) -> None:
    head = feed.head(visit)
    scores = [Scored(as_of=one.as_of, model=one.model, score=said) for one in kept(feed, visit)]
    with feed.database.writing_store() as connection:
        forecasts.score(connection, head.id, head.version, LATER, scores)
        forecasts.score(connection, head.id, head.version, LATER, [])


def test_discharged_stays_are_scored_once_for_each_version(ward: Feed) -> None:
    write(ward, row(ward, "V1"), row(ward, "V2"), row(ward, "V1", model="m2"))
    assert to_score(ward) == []
    ward(stay("V1", "P1", discharge_time="20260307 10:00"))
    ward(stay("V2", "P2", discharge_time="20260307 10:00"))
    ward(stay("V3", "P3", discharge_time="20260307 10:00"))
    first, second = ward.head("V1").id, ward.head("V2").id
    assert to_score(ward) == [first, second]
    assert to_score(ward, limit=1) == [first]
    assert to_score(ward, after=first) == [second]
    score(ward, "V1", {"level": 0.9, "cost": {"true": "1000.00"}})
    assert to_score(ward) == [second]
    (one, other) = kept(ward)
    assert one.score == other.score == {"level": 0.9, "cost": {"true": "1000.00"}}
    assert (one.scored, one.scored_version) == (LATER, 2)
    ward(stay("V1", "P1", total_cost="900.00"))
    assert to_score(ward) == [first, second]


def test_a_discharge_that_is_taken_back_takes_the_score(ward: Feed) -> None:
    write(ward, row(ward, "V1"), row(ward, "V2"))
    for visit in ("V1", "V2"):
        ward(stay(visit, f"P{visit[1]}", discharge_time="20260307 10:00"))
        score(ward, visit, {"late": True})
    with ward.database.writing_store() as connection:
        assert forecasts.unscore(connection) == 0
    ward(stay("V1", "P1", cancelled=True))
    with ward.database.writing_store() as connection:
        assert forecasts.unscore(connection) == 1
    (gone,) = kept(ward, "V1")
    assert (gone.score, gone.scored, gone.scored_version) == (None, None, None)
    (stands,) = kept(ward, "V2")
    assert stands.score == {"late": True}
    null = [one["score"] for one in ward.rows(table) if one["stay_id"] == ward.head("V1").id]
    assert null == [None]


def test_what_came_is_read_in_order_and_by_model(ward: Feed) -> None:
    days = [date(2026, 3, 2), date(2026, 3, 3), DAY]
    write(ward, *(row(ward, "V1", as_of=day, day=n) for n, day in enumerate(days)))
    write(ward, row(ward, "V1", model="m2"), row(ward, "V2"))
    ward(stay("V1", "P1", discharge_time="20260307 10:00"))
    score(ward, "V1", {"level": 0.9})
    with ward.database.reading() as connection:
        came = list(forecasts.scored(connection))
        assert [(one.as_of, one.day, one.model) for one in came] == [
            (days[0], 0, "m1"),
            (days[1], 1, "m1"),
            (DAY, 2, "m1"),
            (DAY, 2, "m2"),
        ]
        assert {one.status for one in came} == {"forecast"}
        assert [one.score for one in came] == [{"level": 0.9}] * 4
        assert len(list(forecasts.scored(connection, days[1], "m1"))) == 2
