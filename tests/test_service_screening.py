"""Screenings of the store: what is found, goes on, goes, and comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from screening_stays_support import database, hospital, stand
from screening_support import (
    HANGING,
    NIGHT,
    REPEATED,
    RETURN,
    charge,
    ended,
    found,
    gone,
    held,
    screened,
    standing,
    visited,
)
from screening_support import both as both  # noqa: PLC0414 -- a fixture
from screening_support import few_rules as few_rules  # noqa: PLC0414 -- a fixture
from store_support import Feed

from codebooks.audit.books import audit_book
from codebooks.errors import GrouperError
from grouper.audit.planning import FIELDS, NotRun
from grouper.intake.event import Event, EventKind
from grouper.service import screening, screening_reading
from grouper.service.screening import How, month_of, screen_stored
from grouper.service.screening_choice import choose, reach_days
from grouper.service.screening_gaps import Gaps, not_run, unknown_rules
from grouper.store import audit, finding_events, findings, screenings
from grouper.store.database import Database, StoreError
from grouper.store.review_schema import screened_stay
from grouper.store.schema import stay
from grouper.store.screening_due import UPLOAD, Near

__all__ = ["database"]


def events(database: Database, number: int | None) -> list[str]:
    with database.reading() as connection:
        return [one.action for one in finding_events.events_of(connection, number or 0)]


def test_a_running_stay_keeps_its_finding_while_lines_come_and_go(both: Database) -> None:
    feed = Feed(both)
    feed(held(lines=(charge("a"), charge("b"))))
    row = screened(both)
    assert (row.state, row.moment, row.scope, row.cases, row.lines) == (
        *("done", "stay", "running", 1),
        2,
    )
    (first,) = found(feed)
    assert (first.rule, first.state, first.moment, first.shadow) == (REPEATED, "new", "stay", False)
    # The first of two equal lines stands; what the sender calls the other one is told beside.
    assert (first.document["lines"], first.document["line_names"]) == ([2], ["b"])
    assert (first.amount, first.version, first.screening_id) == (20, 1, row.id)
    assert first.due is not None
    # The same night again: it has been screened.
    again = screened(both)
    assert (again.cases, again.findings) == (0, 0)
    # Another night with nothing new: found again, and nothing happened to it.
    more = screened(both, night=1)
    assert (more.cases, more.findings, more.fresh, more.gone) == (1, 1, 0, 0)
    assert events(both, first.id) == ["found"]
    # A line comes before it in the bill, and a third equal one: the finding has grown.
    feed(held(lines=(charge("0", line_time="2026-03-02 09:00"), charge("c"))))
    grown = screened(both, night=2)
    (second,) = found(feed)
    assert (second.id, second.state, grown.fresh) == (first.id, "new", 0)
    assert (second.document["lines"], second.document["line_names"]) == ([2, 4], ["b", "c"])
    assert events(both, first.id) == ["found", "changed"]
    # Lines that are taken away leave the numbers of the others as they are.
    feed(held(lines=(gone("a"),)))
    screened(both, night=3)
    (third,) = found(feed)
    assert (third.id, third.document["lines"], third.document["line_names"]) == (
        *(first.id, [4]),
        ["c"],
    )
    # A refund takes back what was charged twice.
    feed(held(lines=(charge("r", line_quantity="-1", line_amount="-20.00"),)))
    last = screened(both, night=4)
    (fourth,) = found(feed)
    assert (fourth.id, fourth.state, last.gone, last.findings) == (first.id, "gone", 1, 0)
    assert fourth.gone == NIGHT + timedelta(days=4)


def test_what_was_corrected_is_gone_and_may_come_back(database: Database) -> None:
    feed = Feed(database)
    feed(ended(lines=(charge("a"), charge("b"))))
    row = screened(database, "discharged")
    assert (row.moment, row.cases, row.fresh) == ("upload", 1, 1)
    assert screened(database, "discharged", night=1).cases == 0
    feed(held(lines=(gone("b"),)))
    assert screened(database, "discharged", night=2).gone == 1
    feed(held(lines=(charge("b"),)))
    back = screened(database, "discharged", night=3)
    (one,) = found(feed)
    assert (back.fresh, one.state, one.gone) == (0, "new", None)
    assert events(database, one.id) == ["found", "gone", "back"]


def test_a_stay_that_ends_is_screened_as_ended_and_its_finding_goes_on(database: Database) -> None:
    feed = Feed(database)
    feed(held(lines=(charge("a"), charge("b"))))
    screened(database)
    feed(ended())
    assert screened(database, night=1).cases == 0
    assert screened(database, "discharged", night=1).fresh == 0
    (one,) = found(feed)
    assert (one.moment, one.version, events(database, one.id)) == ("upload", 2, ["found"])


@pytest.mark.parametrize("page", [1, 3, 1000])
def test_no_finding_depends_on_the_page(both: Database, page: int) -> None:
    database = both
    feed = Feed(database)
    hospital(feed)
    row = screened(database, "discharged", page=page)
    assert (row.state, row.cases, row.counts["cases"], row.counts["failed"]) == ("done", 18, 18, 0)
    told = {(one[0], one[2]) for one in standing(feed).values()}
    assert (RETURN, feed.head("V3").id) in told
    assert (HANGING, feed.head("V2").id) in told
    assert {number for rule, number in told if rule == REPEATED} == {
        feed.head("V1").id,
        feed.head("V5").id,
    }
    assert ("GZ10000204002000", feed.head("W11").id) in told
    known = _PAGES.setdefault("findings", _anonymous(feed))
    assert _anonymous(feed) == known
    # What could not be asked does not depend on it either.
    gaps = _PAGES.setdefault("gaps", row.not_run)
    assert row.not_run == gaps
    assert any(one["missing"] == ["ceilings"] for one in row.not_run["rules"])
    counts = _PAGES.setdefault("counts", dict(row.counts))
    assert row.counts == counts


_PAGES: dict[str, Any] = {}


def _anonymous(feed: Feed) -> set[str]:
    """What stands, by the hospital's own numbers: names of cases are made anew in each store."""
    with feed.database.reading() as connection:
        names = {
            row.case_id: row.visit
            for row in connection.execute(stay.select())  # each stay
        }
    told = set()
    for rule, row, number, moment, amount, document, shadow, state in standing(feed).values():
        evidence = [
            (one["key"], names.get(one["value"], one["value"])) for one in document["evidence"]
        ]
        said = (names[document["case_id"]], document["lines"], document["day"], evidence)
        told.add(str((rule, row, moment, amount, said, shadow, state, bool(number))))
    return told


def test_a_run_that_was_stopped_goes_on_in_its_row(both: Database) -> None:
    feed = Feed(both)
    hospital(feed)
    pages = iter([False, False, True])
    row = screened(both, "2026-03", page=1, stopped=lambda: next(pages))
    assert (row.state, row.cases) == ("stopped", 4)
    kept = len(standing(feed))
    more = screened(both, "2026-03", page=1)
    assert (more.id, more.state, more.cases, more.counts["cases"]) == (row.id, "done", 18, 18)
    assert len(standing(feed)) > kept
    with both.reading() as connection:
        actions = [one.action for one in audit.entries(connection, object=f"screening:{row.id}")]
    assert actions[::-1] == [
        *("screening_started", "screening_ended", "screening_resumed"),
        "screening_ended",
    ]
    # A month that was screened wholly is screened again when it is asked for.
    again = screened(both, "2026-03")
    assert (again.cases, again.fresh, again.gone) == (18, 0, 0)
    assert again.id != row.id
    # On another day a new run begins.
    halves = iter([False, True])
    half = screened(both, "2026-03", page=1, stopped=lambda: next(halves))
    other = screened(both, "2026-03", night=1)
    assert (half.state, other.state, other.cases) == ("stopped", "done", 18)
    assert other.id != half.id


def test_a_night_that_was_stopped_leaves_out_what_is_done(database: Database) -> None:
    feed = Feed(database)
    hospital(feed)
    pages = iter([False, True])
    screened(database, "discharged", page=1, stopped=lambda: next(pages))
    asked: list[int] = []
    row = screened(database, "discharged", page=2, progress=asked.append)
    assert (row.state, row.cases) == ("done", 18)
    assert asked[0] > 1


def test_a_month_is_what_ended_in_it_and_visits_without_an_end(database: Database) -> None:
    feed = Feed(database)
    feed(ended("V1", "P1", discharge_time="2026-02-28 23:59"))
    feed(ended("V2", "P2", discharge_time="2026-03-01 00:00"))
    feed(ended("V3", "P3", discharge_time="2026-03-31 23:59"))
    feed(ended("V4", "P4", discharge_time="2026-04-01 00:00"))
    feed(held("V5", "P5"))
    feed(visited("V6", "2026-03-09", "P6", discharge_time=None))
    row = screened(database, "2026-03", night=30)
    seen = {one["stay_id"] for one in feed.rows(screened_stay)}
    assert seen == {feed.head(name).id for name in ("V2", "V3", "V6")}
    assert row.cases == 3
    assert screened(database, "2026-12").cases == 0


def test_a_stay_near_one_that_changed_is_judged_again(both: Database) -> None:
    feed = Feed(both)
    feed(visited("V2", "2026-03-05"))
    screened(both, "discharged")
    assert found(feed, "V2") == []
    feed(held("V1"))
    screened(both, night=1)
    feed(ended("V1"))
    row = screened(both, "discharged", night=2)
    assert row.cases == 2
    (one,) = found(feed, "V2")
    assert (one.rule, one.state) == (HANGING, "new")
    # The stay was no stay: nothing is said of the visit any more.
    feed(Event(visit="V1", patient="P1", cancelled=True))
    row = screened(both, "discharged", night=3)
    assert (row.cases, [one.state for one in found(feed, "V2")]) == (1, ["gone"])
    assert screened(both, "discharged", night=4).cases == 0
    # It is one again.
    feed(Event(visit="V1", patient="P1", cancelled=False))
    row = screened(both, "discharged", night=5)
    assert (row.cases, [one.state for one in found(feed, "V2")]) == (2, ["new"])


def test_persons_that_turn_out_to_be_one(both: Database) -> None:
    feed = Feed(both)
    feed(ended("V1", "P1"))
    feed(visited("V2", "2026-03-05", "P2"))
    screened(both, "discharged")
    assert found(feed, "V2") == []
    feed(Event(kind=EventKind.MERGE_PERSON, patient="P1", prior_patient="P2"))
    assert screened(both, "discharged", night=1).cases == 2
    assert [one.rule for one in found(feed, "V2")] == [HANGING]


def test_a_stay_that_was_merged_into_another_leaves_nothing(both: Database) -> None:
    feed = Feed(both)
    feed(ended("V1", "P1", lines=(charge("a"), charge("b"))))
    feed(ended("V2", "P1", lines=(charge("c"),)))
    first = feed.head("V1").id
    screened(both, "discharged")
    feed(Event(kind=EventKind.MERGE_VISIT, patient="P1", visit="V2", prior_visit="V1"))
    row = screened(both, "discharged", night=1)
    assert row.cases == 1
    with both.reading() as connection:
        states = {one.state for one in findings.of_stay(connection, first)}
    assert states == {"gone"}
    # Its lines go on under names of their own.
    (one,) = found(feed, "V2", [REPEATED])
    assert one.document["line_names"] == [f"~{first}~a", f"~{first}~b"]


def test_a_book_that_cannot_be_used_is_told_once_a_day(database: Database) -> None:
    how = How(region="demo", book="no-such-book")
    for day in (0, 0, 1):
        with pytest.raises(GrouperError) as caught:
            screen_stored(database, "running", how, NIGHT + timedelta(days=day), actor="a")
    with database.reading() as connection:
        rows = screenings.listed(connection)
    assert [(row.state, row.reason) for row in rows] == [("failed", caught.value.code)] * 2
    # It can be used again: the row of the day goes on.
    feed = Feed(database)
    feed(held())
    assert screened(database, night=1).id == rows[0].id


def test_a_store_that_goes_away_ends_the_run(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed(database)
    feed(held())

    def away(*_arguments: Any) -> Any:
        raise StoreError("STORE_UNAVAILABLE")

    with monkeypatch.context() as patch:
        patch.setattr(screening_reading.history, "billed_at", away)
        with pytest.raises(StoreError, match="STORE_UNAVAILABLE"):
            screened(database)
    with database.reading() as connection:
        (row,) = screenings.listed(connection)
    assert (row.state, row.reason) == ("failed", "STORE_UNAVAILABLE")
    with monkeypatch.context() as patch:
        patch.setattr(screening_reading.history, "billed_at", away)
        patch.setattr(screening, "end", away)
        with pytest.raises(StoreError, match="STORE_UNAVAILABLE"):
            screened(database)


def test_an_old_stay_is_not_screened_again_for_another_book_alone(database: Database) -> None:
    feed = Feed(database)
    feed(ended("V1", "P1"))
    feed(ended("V2", "P2", discharge_time="2026-06-01 10:00"))
    days = 120
    assert screened(database, "discharged", night=days).cases == 2
    stand(database, REPEATED, "shadow")
    assert screened(database, "discharged", night=days + 1).cases == 1


def near(number: int, first: int | None, last: int | None, **values: Any) -> Near:
    """A stay from one day to another."""
    usual: dict[str, Any] = {
        "id": number,
        "case_id": str(number),
        "person_id": 1,
        "state": "running" if last is None else "discharged",
        "kind": "inpatient",
        "admitted": None if first is None else NIGHT + timedelta(days=first),
        "discharged": None if last is None else NIGHT + timedelta(days=last),
        "version": 1,
        "meant": False,
        "due": False,
    }
    return Near(**usual | values)


def test_which_stays_are_judged_and_which_stand_beside() -> None:
    stays = [
        near(1, 0, 2),
        near(2, 20, 22, meant=True, due=True),
        near(3, 40, 42, due=True),
        near(4, 55, None),
        near(5, None, None, state="discharged"),
        near(6, 21, 21, state="cancelled"),
        near(7, 21, 21, version=0),
        near(8, 60, 61),
    ]
    chosen = choose(stays, UPLOAD, 20)
    # A neighbour that was judged is judged again; one that has its own turn only stands beside.
    assert [one.id for one in chosen.judged] == [1, 2]
    assert [one.id for one in chosen.beside] == [3]
    assert chosen.void == ()
    chosen = choose(stays, UPLOAD, 35)
    assert ([one.id for one in chosen.judged], [one.id for one in chosen.beside]) == (
        [1, 2],
        [3, 4],
    )
    chosen = choose(stays, "stay", 20)
    assert ([one.id for one in chosen.judged], [one.id for one in chosen.beside]) == ([2], [1, 3])
    # A month that has not changed says nothing of its neighbours.
    calm = [replace(one, due=False) for one in stays]
    assert [one.id for one in choose(calm, UPLOAD, 20).judged] == [2]
    assert reach_days(audit_book()) >= 365


def test_what_no_page_could_ask() -> None:
    lacking = NotRun("A", FIELDS, ("line_time", "ceilings"), "t")
    gaps = Gaps({})
    assert gaps.document() == {}
    assert not_run({}) == ((), ())
    gaps.add([lacking, NotRun("B", FIELDS, ("sex",), None), NotRun("C", "NEEDS", ("x",))], [])
    gaps.add([replace(lacking, missing=("ceilings",)), NotRun("C", "NEEDS", ("x",))], [])
    # It goes on from what is kept.
    gaps = Gaps(gaps.document())
    gaps.add([lacking, NotRun("B", FIELDS, ("sex",), None), NotRun("C", "NEEDS", ("x",))], [])
    rules, rows = not_run(gaps.document())
    assert rules == (NotRun("A", FIELDS, ("ceilings",), "t"), NotRun("C", "NEEDS", ("x",)))
    assert rows == ()
    absent = [lacking, NotRun("B", FIELDS, ("sex", "visits")), NotRun("C", "NEEDS", ("x",))]
    # Of B no case states the sex any more: what it found before does not stand.
    assert unknown_rules([*absent, NotRun("D", "SHADOW", ("2",))]) == {"A", "C"}


def test_months() -> None:
    assert month_of("2026-12") == date(2026, 12, 1)
    assert [month_of(one) for one in ("2026-13", "1899-01", "2026-1", "running")] == [None] * 4
