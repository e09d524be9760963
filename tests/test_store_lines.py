"""Charge lines: only ever added, and which of them stand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from store_support import Feed, database, line, stay

from grouper.intake.event import ItemAction, Line
from grouper.store.database import Database, StoreError
from grouper.store.history import case_at, lines_at, typed_lines, versions
from grouper.store.lines import Entry, is_marker, last_rows, line_name, standing
from grouper.store.schema import charge_line

__all__ = ["database"]


@pytest.fixture
def feed(database: Database) -> Feed:
    return Feed(database)


def cost(feed: Feed) -> Decimal | None:
    return feed.head().total_cost


def test_lines_are_added_corrected_and_taken_away(feed: Feed) -> None:
    feed(stay(lines=(line("1", "10.00"), line("2", "2.50"))))
    assert cost(feed) == Decimal("12.50")
    feed(stay(lines=(line("1", "4.00"),)))
    assert cost(feed) == Decimal("6.50")
    feed(stay(lines=(Line(key="2", action=ItemAction.DELETE),)))
    assert cost(feed) == Decimal("4.00")
    feed(stay(lines=(line("3", "-1.00"),)))
    assert cost(feed) == Decimal("3.00")
    with feed.database.reading() as connection:
        number = feed.head().id
        sums = [sum(c.amount or 0 for c in lines_at(connection, number, v)) for v in (1, 2, 3, 4)]
        assert case_at(connection, number, 2)[0].line_item == ("I2", "I1")
        costs = [case_at(connection, number, v)[0].total_cost for v in (1, 2, 3, 4)]
        assert costs == sums
    assert sums == [Decimal("12.50"), Decimal("6.50"), Decimal("4.00"), Decimal("3.00")]
    assert len(feed.rows(charge_line)) == 5


def test_a_whole_bill_takes_the_place_of_all_lines(feed: Feed) -> None:
    feed(stay(lines=(line("1", "10.00"), line("2", "2.00"))))
    feed(stay(lines=(line("3", "5.00"), line("3", "6.00"), line("", "1.00")), lines_whole=True))
    assert cost(feed) == Decimal("12.00")
    feed(stay(lines=(), lines_whole=True))
    assert cost(feed) == Decimal("0.00")
    feed(stay(lines=(line("4", "7.00"),)))
    assert cost(feed) == Decimal("7.00")


def test_what_is_said_again_makes_no_version(feed: Feed) -> None:
    said = stay(lines=(line("1", "10.00"), line("2", "2.00")), lines_whole=True)
    feed(said)
    feed(said)
    rows = len(feed.rows(charge_line))
    # The very same message applied once more adds nothing.
    feed(said, stamp=2)
    feed(stay(lines=(line("2", "2.00"),)))
    feed(stay(lines=(line("2", "2.00"),)), stamp=4)
    assert len(feed.rows(charge_line)) == rows + 1
    assert (feed.head().version, cost(feed)) == (1, Decimal("12.00"))


def test_an_older_line_is_kept_and_does_not_count(feed: Feed) -> None:
    feed(stay(lines=(line("1", "10.00"),)))
    feed(stay(lines=(line("1", "20.00"),)))
    feed(stay(lines=(line("5", "3.00"),), lines_whole=True))
    feed(stay(lines=(line("1", "99.00"), line("6", "1.00"))), stamp=1)
    feed(stay(lines=(line("7", "50.00"),), lines_whole=True), stamp=2)
    assert (feed.head().version, cost(feed)) == (3, Decimal("3.00"))
    assert len(feed.rows(charge_line)) == 8


def test_the_stated_total_goes_before_the_sum(feed: Feed) -> None:
    feed(stay(lines=(line("1", "10.00"),)))
    feed(stay(total_cost="99.00"))
    feed(stay(lines=(line("2", "5.00"),)))
    assert cost(feed) == Decimal("99.00")
    feed(stay(total_cost=None))
    assert cost(feed) == Decimal("15.00")
    feed(stay(total_cost="a lot"))
    feed(stay(lines=(line("3", "1.00"),)))
    assert cost(feed) == Decimal("16.00")


def test_lines_without_amounts_come_to_no_sum(feed: Feed) -> None:
    feed(stay(lines=(Line(key="1", about={"line_name": "床位"}), Line(key="2"))))
    assert cost(feed) is None
    feed(stay(sex="1"))
    assert cost(feed) is None


def test_a_sum_that_cannot_be_kept_is_none(feed: Feed) -> None:
    feed(stay(lines=tuple(line(str(n), "999999999999.00") for n in range(101))))
    assert cost(feed) is None


def test_lines_have_typed_values(feed: Feed) -> None:
    about = {
        "line_name": "阿司匹林",
        "line_class": "09",
        "line_quantity": "1.5",
        "line_time": "20260302080000",
    }
    feed(stay(lines=(line("1", "3.00", **about), Line(key="2", about={}), line("3", "x"))))
    with feed.database.reading() as connection:
        rows = lines_at(connection, feed.head().id)
        first, second, third = typed_lines(connection, rows)
        (version,) = versions(connection, feed.head().id)
        assert typed_lines(connection, []) == []
    assert first["quantity"] == Decimal("1.5")
    assert first["charged"].isoformat() == "2026-03-02T00:00:00+00:00"
    assert (first["item"], first["class"], first["amount"]) == ("I1", "09", Decimal("3.00"))
    assert set(second.values()) == {"2", None}
    assert third["amount"] is None
    assert [i["line"] for i in version.issues if "line" in i] == ["3"]


def test_charges_repeat_no_record(feed: Feed) -> None:
    feed(stay(dx=["I10.x00"], sex="1"))
    for number in range(3):
        feed(stay(lines=(line(str(number)),)))
    feed(stay(sex="1"))
    feed(stay(sex="2"), stamp=1)
    with feed.database.reading() as connection:
        found = [case_at(connection, feed.head().id, v)[0] for v in (1, 4)]
    assert [case.dx for case in found] == [("I10.x00",)] * 2
    assert [len(case.line_item) for case in found] == [0, 3]
    assert found[1].sex == 1


def test_a_charge_that_restates_the_record_moves_its_stamps(feed: Feed) -> None:
    feed(stay(sex="1"))
    feed(stay(sex="1", lines=(line("1"),)))
    feed(stay(sex="2"), stamp=1)
    assert feed.head().version == 2
    with feed.database.reading() as connection:
        assert case_at(connection, feed.head().id)[0].sex == 1


def test_a_version_that_is_not_there(feed: Feed) -> None:
    feed(stay())
    for version in (0, 2):
        with feed.database.reading() as connection, pytest.raises(StoreError) as absent:
            case_at(connection, feed.head().id, version)
        assert absent.value.code == "VERSION_ABSENT"
        assert str(version) in absent.value.describe("en")


def test_names_of_lines_never_meet() -> None:
    keys = ["1", "~1", "*", "~17~1", "~@3.0", "@3.0", "~17~*"]
    named = [line_name(key, prefix) for prefix in ("", "~17~", "~17~~5~") for key in keys]
    assert len(set(named)) == len(named)
    assert not any(is_marker(name) for name in named)
    assert is_marker("*")
    assert is_marker("~17~~5~*")


def test_markers_take_away_what_came_before_them() -> None:
    rows = [
        Entry("1", stamp=1, id=1),
        Entry("~5~1", stamp=1, id=2),
        Entry("~5~*", stamp=2, id=3, gone=True),
        Entry("~5~2", stamp=2, id=4),
        Entry("~5~3", stamp=1, id=5),
        Entry("2", stamp=1, id=6),
    ]
    assert list(standing(last_rows(rows))) == ["1", "~5~2", "2"]
    whole = [*rows, Entry("*", stamp=1, id=5, gone=True)]
    assert list(standing(last_rows(reversed(whole)))) == ["~5~2", "2"]
