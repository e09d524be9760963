"""Reading stays: by number, by what is asked, page by page; figures of a group."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from store_support import HOSPITAL, START, Feed, database, stay

from grouper.store import groupings, reading
from grouper.store.database import Database
from grouper.store.groupings import GroupingRow
from grouper.store.reading import Wanted
from grouper.store.reference import reference

__all__ = ["database"]

HASH = "0" * 64


@pytest.fixture
def feed(database: Database) -> Feed:
    return Feed(database)


def grouped(feed: Feed, visit: str, group: str, **values: Any) -> None:
    head = feed.head(visit)
    row = {"scheme": "chs-drg-x", "content_hash": HASH, "binding": True, "status": "grouped"}
    with feed.database.writing_store() as connection:
        found = GroupingRow(
            stay_id=head.id, version=head.version, at=START, group=group, **{**row, **values}
        )
        assert len(groupings.write(connection, [found])) == 1


@pytest.fixture
def ward(feed: Feed) -> Feed:
    for number in range(1, 8):
        feed(
            stay(
                f"V{number}",
                f"P{number % 3}",
                department=f"030{number % 2}",
                admission_time=f"2026030{number}",
                **({"discharge_time": f"2026031{number}"} if number > 4 else {}),
            )
        )
    return feed


def visits(feed: Feed, **asked: Any) -> list[str]:
    with feed.database.reading() as connection:
        found, more = reading.stays(connection, Wanted(**asked))
        assert more is None
        assert reading.count(connection, Wanted(**asked)) == len(found)
    return [head.visit for head in found]


def test_a_stay_by_its_names(ward: Feed) -> None:
    head = ward.head("V3")
    with ward.database.reading() as connection:
        assert reading.stay_by_case(connection, head.case_id) == head
        assert reading.stay_by_id(connection, head.id) == head
        assert reading.stay_by_visit(connection, HOSPITAL, "V9") is None
        assert reading.stay_by_visit(connection, "H2", "V3") is None
        assert reading.stay_by_case(connection, "V3") is None
        assert reading.who(connection, 99) is None


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, "7654321"),
        ({"states": ["discharged"]}, "765"),
        ({"states": ["discharged", "running"], "departments": ["0300"]}, "642"),
        ({"departments": []}, ""),
        ({"kind": "outpatient"}, ""),
        ({"admitted_from": datetime(2026, 3, 4, tzinfo=UTC)}, "765"),
        ({"admitted_until": datetime(2026, 3, 3, tzinfo=UTC)}, "321"),
        (
            {
                "discharged_from": datetime(2026, 3, 14, tzinfo=UTC),
                "discharged_until": datetime(2026, 3, 15, 16, tzinfo=UTC),
            },
            "5",
        ),
        ({"text": "V4"}, "4"),
        ({"text": "V"}, "7654321"),
        ({"text": "P1"}, "741"),
        ({"text": "%"}, ""),
        ({"text": "\x00"}, ""),
        ({"group": "FR1", "scheme": "chs-drg-x", "status": "grouped"}, "2"),
        ({"reason": "NO_GROUP"}, "3"),
    ],
)
def test_lists(ward: Feed, asked: dict[str, Any], found: str) -> None:
    grouped(ward, "V2", "FR1")
    grouped(ward, "V3", "", status="ungrouped", reason="NO_GROUP")
    grouped(ward, "V4", "FR1", binding=False)
    assert visits(ward, **asked) == [f"V{number}" for number in found]


def test_pages_meet_without_gap_or_overlap(ward: Feed) -> None:
    for size in (1, 2, 3, 6, 7, 8):
        found: list[str] = []
        after = None
        with ward.database.reading() as connection:
            while True:
                page, after = reading.stays(connection, Wanted(), after, size)
                found += [head.visit for head in page]
                if after is None:
                    break
                assert len(page) == size
        assert found == [f"V{number}" for number in range(7, 0, -1)]


def test_stays_that_changed_at_once_are_paged_by_number(feed: Feed) -> None:
    feed(*(stay(f"V{number}") for number in range(5)))
    with feed.database.reading() as connection:
        first, after = reading.stays(connection, Wanted(), None, 2)
        second, _ = reading.stays(connection, Wanted(), after, 5)
    assert [head.visit for head in [*first, *second]] == ["V4", "V3", "V2", "V1", "V0"]


def test_counts_by_state(ward: Feed) -> None:
    ward(stay("V1", "P1", cancelled=True))
    with ward.database.reading() as connection:
        assert reading.counts_by_state(connection) == {
            "cancelled": 1,
            "discharged": 3,
            "running": 3,
        }


def test_groupings_are_kept_and_one_counts(ward: Feed) -> None:
    grouped(ward, "V1", "FR1", weight="1.25", warnings="A;B")
    grouped(ward, "V1", "GB1", binding=False)
    ward(stay("V1", "P1", sex="1"))
    grouped(ward, "V1", "FR2")
    head = ward.head("V1")
    assert head.grouping is not None
    assert (head.grouping.group, head.grouping.version) == ("FR2", 2)
    with ward.database.reading() as connection:
        found = groupings.of_stay(connection, head.id)
        assert [row.group for row in found] == ["FR1", "GB1", "FR2"]
        assert (found[0].weight, found[0].warnings) == ("1.25", "A;B")
        assert len(groupings.of_stay(connection, head.id, 2)) == 1
    with ward.database.writing_store() as connection:
        assert groupings.write(connection, []) == []
        groupings.withdraw(connection, [])
        groupings.withdraw(connection, [head.id])
    assert ward.head("V1").grouping is None


def test_figures_of_a_group(feed: Feed) -> None:
    begin, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    for number, (cost, days) in enumerate([("100.00", 1), ("200.01", 2), ("900.00", 9), (None, 4)]):
        left = datetime(2026, 3, 2) + timedelta(days=days)  # noqa: DTZ001 -- local, as senders write
        feed(
            stay(
                f"V{number}",
                f"P{number}",
                admission_time="20260302233000",
                discharge_time=f"{left:%Y%m%d}001000",
                total_cost=cost,
            )
        )
        grouped(feed, f"V{number}", "FR1")
    feed(stay("V8", "P8", discharge_time="20260402", total_cost="1"), stay("V9", "P9"))
    grouped(feed, "V8", "FR1")
    grouped(feed, "V9", "FR1")
    with feed.database.reading() as connection:
        found = reference(connection, "chs-drg-x", "FR1", begin, until)
        none = reference(connection, "chs-drg-x", "FR9", begin, until)
        other = reference(connection, "chs-drg-y", "FR1", begin, until)
    assert (found.stays, found.costed) == (4, 3)
    assert (found.mean_cost, found.median_cost) == (Decimal("400.00"), Decimal("200.01"))
    assert (found.mean_days, found.median_days) == (Decimal("4.0"), Decimal("3.0"))
    assert none == other
    assert (none.stays, none.mean_cost, none.median_days) == (0, None, None)
