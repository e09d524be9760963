"""Findings in the store: kept, grown, gone and back."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from review_support import AT, RULE, keep, row
from store_findings_support import LAST, LATER, A, B, C, events, every, put
from store_support import database

from grouper.store import audit, finding_events, findings
from grouper.store.database import Database, StoreError
from grouper.store.finding_events import Change
from grouper.store.finding_rows import FindingRow
from grouper.store.findings import Kept

__all__ = ["database"]


def only(found: Database) -> FindingRow:
    (one,) = every(found)
    return one


def test_a_new_finding_begins_its_review(database: Database) -> None:
    assert keep(database, [row()]) == Kept(1, 0, 0, 0)
    kept = only(database)
    assert kept.id is not None
    assert kept == replace(row(), id=kept.id, state="new", first_seen=AT, last_seen=AT)
    assert events(database, kept.id) == [("found", "new", "new")]
    with database.reading() as connection:
        (entry,) = audit.entries(connection)
        assert findings.number_of(connection, A) == kept.id
        assert findings.one(connection, 999) is None
    assert (entry.actor, entry.action, entry.about["fresh"]) == ("screening", "findings_kept", 1)


def test_what_is_found_again_goes_on_in_its_review(database: Database) -> None:
    keep(database, [row()], screened=[1])
    put(database, 1, "confirmed", opinion_by="office1", assignee="doctor1")
    again = row(moment="upload", amount="20.00", screening_id=7, version=3)
    assert keep(database, [again], at=LATER, screened=[1]) == Kept(0, 1, 0, 0)
    kept = only(database)
    assert (kept.state, kept.opinion_by, kept.assignee) == ("confirmed", "office1", "doctor1")
    assert (kept.amount, kept.moment, kept.screening_id, kept.version) == (20, "upload", 7, 3)
    assert (kept.first_seen, kept.last_seen) == (AT, LATER)
    assert kept.document["amount"] == "20.00"
    assert events(database, 1)[-1] == ("changed", "confirmed", "confirmed")
    # Found at an earlier moment later on: the later one stays. Nothing changed, nothing is told.
    count = len(events(database, 1))
    keep(database, [row(amount="20.00")], at=LAST, screened=[1])
    assert (only(database).moment, len(events(database, 1))) == ("upload", count)


def test_what_is_not_found_any_more_is_gone_and_may_come_back(database: Database) -> None:
    keep(database, [row(), row(B, rule="R2", lines=[2])], screened=[1])
    put(database, 2, "confirmed", opinion_by="office1")
    assert keep(database, [], at=LATER, screened=[1]) == Kept(0, 0, 0, 2)
    assert [(one.state, one.gone) for one in every(database)] == [
        ("gone", LATER),
        ("confirmed", LATER),
    ]
    assert events(database, 1)[-1] == ("gone", "new", "gone")
    assert events(database, 2)[-1] == ("gone", "confirmed", "confirmed")
    assert keep(database, [], at=LAST, screened=[1]) == Kept(0, 0, 0, 0)
    assert keep(database, [row(), row(B, rule="R2", lines=[2])], at=LAST, screened=[1]) == Kept(
        0, 2, 2, 0
    )
    assert [(one.state, one.gone) for one in every(database)] == [
        ("new", None),
        ("confirmed", None),
    ]
    assert events(database, 1)[-1] == ("back", "gone", "new")


def test_only_what_was_asked_can_be_gone(database: Database) -> None:
    rows = [row(), row(B, rule="R2", lines=[2]), row(C, stay_id=2)]
    other = row("d" * 24, source="insurer", lines=[9])
    keep(database, [*rows, other], screened=[1, 2])
    put_upload = row("e" * 24, rule="R3", moment="upload", lines=[5])
    keep(database, [*rows, put_upload], screened=[1, 2])
    keep(database, [], at=LATER, screened=[1], rules=frozenset({RULE, "R3"}), moment="stay")
    gone = {one.key for one in every(database) if one.gone is not None}
    # R2 was not asked, R3 is found at the upload alone, the insurer's is not ours, the other stay
    # was not screened.
    assert gone == {A}
    keep(database, [], at=LATER, screened=[1], rules=frozenset({"R3"}), moment="upload")
    assert {one.key for one in every(database) if one.gone is not None} == {A, "e" * 24}
    keep(database, [row()], at=LAST)
    assert {one.key for one in every(database) if one.gone is not None} == {"e" * 24}


def test_a_finding_that_grows_goes_on_under_its_new_key(database: Database) -> None:
    keep(database, [row(lines=[1, 2])], screened=[1])
    put(database, 1, "confirmed", opinion_by="office1")
    assert keep(database, [row(B, lines=[1, 2, 3])], at=LATER, screened=[1]) == Kept(0, 1, 0, 0)
    kept = only(database)
    assert (kept.id, kept.key, kept.state) == (1, B, "confirmed")
    with database.reading() as connection:
        last = finding_events.events_of(connection, 1)[-1]
    assert (last.action, last.about["key"]) == ("changed", [A, B])
    # Another rule, another row, another stay, or no line in common: another finding.
    others = [
        row("d" * 24, rule="R2", lines=[1]),
        row("e" * 24, row="r", lines=[1]),
        row("f" * 24, lines=[7]),
    ]
    assert keep(database, others, at=LAST, screened=[1]) == Kept(3, 0, 0, 1)


def test_findings_without_lines_are_the_same_by_their_day(database: Database) -> None:
    keep(database, [row(lines=[])], screened=[1])
    assert keep(database, [row(B, lines=[])], screened=[1]) == Kept(0, 1, 0, 0)
    other = row(C, lines=[], day=date(2026, 3, 3))
    assert keep(database, [other], screened=[1]) == Kept(1, 0, 0, 1)


def test_what_was_decided_is_open_again_where_more_is_found(database: Database) -> None:
    keep(database, [row(lines=[1, 2])], screened=[1])
    put(
        database,
        1,
        "dismissed",
        closed=AT,
        closed_by="office2",
        opinion_by="office1",
        judged=AT,
        false_positive=True,
        deduction=Decimal("1.00"),
    )
    keep(database, [row(B, lines=[1])], at=LATER, screened=[1])
    assert (only(database).state, only(database).closed_by) == ("dismissed", "office2")
    keep(database, [row(C, lines=[1, 9], due=LAST)], at=LAST, screened=[1])
    kept = only(database)
    assert (kept.state, kept.closed, kept.opinion_by, kept.deduction) == ("new", None, None, None)
    assert (kept.false_positive, kept.judged, kept.due) == (False, None, LAST)
    assert events(database, 1)[-1] == ("changed", "dismissed", "new")


def test_what_was_corrected_and_comes_back_is_open_again(database: Database) -> None:
    keep(database, [row()], screened=[1])
    put(database, 1, "corrected", closed=AT, closed_by="office2")
    keep(database, [row()], at=LATER, screened=[1])
    assert only(database).state == "corrected"
    keep(database, [], at=LATER, screened=[1])
    assert (only(database).state, only(database).gone) == ("corrected", LATER)
    keep(database, [row()], at=LAST, screened=[1])
    assert (only(database).state, only(database).closed) == ("new", None)


def test_shadow_and_exceptions_change_what_nobody_reviewed(database: Database) -> None:
    keep(database, [row(shadow=True)], screened=[1])
    assert only(database).state == "shadow"
    keep(database, [row()], screened=[1])
    assert only(database).state == "new"
    keep(database, [row(whitelist_id=4)], screened=[1])
    assert (only(database).state, only(database).whitelist_id) == ("exempt", 4)
    keep(database, [], screened=[1])
    assert only(database).state == "gone"
    keep(database, [row(shadow=True)], screened=[1])
    put(database, 1, "judged", judged=AT, false_positive=True)
    keep(database, [row(shadow=True)], screened=[1])
    assert (only(database).state, only(database).false_positive) == ("judged", True)
    keep(database, [row()], screened=[1])
    assert (only(database).state, only(database).judged) == ("new", None)
    put(database, 1, "confirmed")
    keep(database, [row(shadow=True)], screened=[1])
    assert (only(database).state, only(database).shadow) == ("confirmed", True)
    told = events(database, 1)
    assert all(one[2] == other[1] for one, other in pairwise(told))
    assert told[-1][2] == only(database).state


def test_what_was_closed_stays_shown_when_its_rule_is_tried_out(database: Database) -> None:
    keep(database, [row(), row(B, lines=[2], shadow=True)], screened=[1])
    for number in (1, 2):
        put(database, number, "deducted", closed=AT, closed_by="office2", deduction=Decimal(5))
    keep(database, [row(shadow=True), row(B, lines=[2], shadow=True)], at=LATER, screened=[1])
    assert [(one.state, one.shadow) for one in every(database)] == [
        ("deducted", False),
        ("deducted", True),
    ]
    keep(database, [row(), row(B, lines=[2])], at=LAST, screened=[1])
    assert [one.shadow for one in every(database)] == [False, False]


def test_the_insurers_findings_begin_where_they_stand(database: Database) -> None:
    one = row(source="insurer", raised_by="insurer", batch_id=1, due=LATER, stay_id=None)
    keep(database, [one])
    keep(database, [replace(one, batch_id=2, due=LAST)], at=LATER)
    keep(database, [replace(one, batch_id=3, due=None)], at=LATER)
    with database.reading() as connection:
        kept = findings.one(connection, 1)
    assert kept is not None
    assert (kept.state, kept.batch_id, kept.due) == ("notified", 3, LAST)
    keep(database, [row(B, source="person", raised_by="office1")])
    assert every(database)[0].state == "new"


def test_the_order_of_what_is_found_does_not_matter(database: Database) -> None:
    first = [row(f"{n:024x}", lines=[n, n + 1]) for n in range(1, 12, 2)]
    grown = [row(f"{n + 100:024x}", lines=[n, n + 1, n + 50]) for n in range(1, 12, 2)]
    seen = set()
    for seed in range(4):
        keep(database, [], screened=[1])
        with database.writing_store() as connection:
            connection.exec_driver_sql("DELETE FROM finding")
        rows = list(first)
        keep(database, rows, screened=[1])
        more = list(grown)
        random.Random(seed).shuffle(more)  # noqa: S311 -- a test's order
        assert keep(database, more, screened=[1]) == Kept(0, 6, 0, 0)
        seen.add(tuple(sorted((one.key, tuple(one.document["lines"])) for one in every(database))))
    assert len(seen) == 1


def test_many_findings_of_many_stays(database: Database) -> None:
    rows = [row(f"{n:024x}", stay_id=n, lines=[1]) for n in range(1, 1203)]
    assert keep(database, rows, screened=range(1, 1203)) == Kept(1202, 0, 0, 0)
    assert keep(database, rows[1:], screened=range(1, 1203)) == Kept(0, 1201, 0, 1)


def test_a_step_needs_the_state_it_was_read_in(database: Database) -> None:
    keep(database, [row()])
    put(database, 1, "confirmed", opinion_by="office1")
    with database.writing_store() as connection, pytest.raises(StoreError) as refused:
        findings.step(connection, 1, "new", Change(action="x", after="y"), at=AT, actor="z")
    assert refused.value.code == "FINDING_MOVED"
    assert only(database).state == "confirmed"
