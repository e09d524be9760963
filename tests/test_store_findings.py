"""Findings in the store: kept, grown, gone and back; listed; files, exceptions, standings."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from review_support import AT, BOOK, RULE, keep, row
from store_support import Feed, database, stay

from grouper.store import (
    audit,
    finding_events,
    finding_files,
    finding_statistics,
    findings,
    order_checks,
    rule_standings,
    whitelists,
)
from grouper.store.database import Database, StoreError
from grouper.store.finding_events import Change
from grouper.store.finding_rows import FindingRow
from grouper.store.findings import Kept, Wanted
from grouper.store.order_checks import OrderCheckRow, OrderCount
from grouper.store.rule_standings import Judged, StandingRow
from grouper.store.whitelists import WhitelistRow

__all__ = ["database"]

A, B, C = "a" * 24, "b" * 24, "c" * 24
LATER = AT + timedelta(days=1)
LAST = AT + timedelta(days=2)


def only(found: Database) -> FindingRow:
    (one,) = every(found)
    return one


def every(found: Database) -> list[FindingRow]:
    with found.reading() as connection:
        return findings.of_stay(connection, 1)


def events(found: Database, number: int) -> list[tuple[str, str, str]]:
    with found.reading() as connection:
        told = finding_events.events_of(connection, number)
    return [(one.action, one.before, one.after) for one in told]


def put(found: Database, number: int, after: str, **values: Any) -> None:
    """A step, whatever the review says."""
    with found.writing_store() as connection:
        now = findings.one(connection, number)
        assert now is not None
        change = Change(action="put", after=after, values=values)
        findings.step(connection, number, now.state, change, at=AT, actor="office1")


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


@pytest.fixture
def ward(database: Database) -> Feed:
    feed = Feed(database)
    for number, department in ((1, "0301"), (2, "0302"), (3, "0301")):
        feed(stay(f"V{number}", f"P{number}", department=department))
    one, two, three = (feed.head(f"V{number}").id for number in (1, 2, 3))
    rows = [
        row(A, stay_id=one, department="0301", due=LATER),
        row(B, stay_id=two, department="0309", level="suspect", amount="3.00", rule="R2"),
        row(C, stay_id=three, department="0309", shadow=True, day=None),
        row("d" * 24, stay_id=None, department=None, source="insurer", batch_id=4),
    ]
    keep(database, rows)
    return feed


def asked(feed: Feed, **wanted: Any) -> str:
    with feed.database.reading() as connection:
        found = findings.page(connection, Wanted(**wanted))
    return "".join(one.finding.key[0] for one in found)


def test_findings_are_listed(ward: Feed) -> None:
    assert asked(ward) == "dcba"
    with ward.database.reading() as connection:
        page = findings.page(connection, Wanted(), after=3, limit=1)
        assert [one.finding.key[0] for one in page] == ["b"]
        assert (page[0].visit, page[0].stay_department) == ("V2", "0302")
        (last,) = findings.page(connection, Wanted(source="insurer"))
        assert (last.case_id, last.visit, last.stay_state) == (None, None, None)
        counted = findings.counts(connection, Wanted(shadow=False))
    assert [(one.state, one.level, one.count, one.amount) for one in counted] == [
        ("new", "suspect", 1, 3),
        ("new", "violation", 1, Decimal("12.50")),
        ("notified", "violation", 1, Decimal("12.50")),
    ]
    assert asked(ward, states=["new"]) == "ba"
    assert asked(ward, states=[]) == ""
    assert asked(ward, levels=["suspect"], rules=["R2", "R9"]) == "b"
    assert asked(ward, department="0309") == "cb"
    assert asked(ward, physician="D1", shadow=True) == "c"
    assert asked(ward, batch_id=4) == "d"
    assert asked(ward, day_from=date(2026, 3, 2), day_until=date(2026, 3, 3)) == "dba"
    assert asked(ward, day_from=date(2026, 3, 3)) == ""
    assert asked(ward, due_before=LAST) == "a"
    assert asked(ward, gone=True) == ""
    assert asked(ward, closed=False) == "dcba"
    assert asked(ward, text="V2") == "b"
    assert asked(ward, text=A) == "a"
    assert asked(ward, text=ward.head("V3").case_id) == asked(ward, case_id=ward.head("V3").case_id)
    assert asked(ward, text="\x00") == ""


def test_reach_is_by_finding_stay_question_and_assignee(ward: Feed) -> None:
    assert asked(ward, departments=["0301"]) == "ca"
    assert asked(ward, departments=["0309"]) == "cb"
    assert asked(ward, departments=[], account="doctor1") == ""
    with ward.database.writing_store() as connection:
        for number, values in ((1, {"assignee": "doctor1"}), (4, {"asked_department": "0305"})):
            now = findings.one(connection, number)
            assert now is not None
            change = Change(action="ask", after="asked", values=values)
            findings.step(connection, number, now.state, change, at=AT, actor="office1")
    assert asked(ward, departments=[], account="doctor1") == "a"
    assert asked(ward, departments=["0305"]) == "d"
    assert asked(ward, assignee="doctor1") == "a"
    with ward.database.reading() as connection:
        assert findings.listed(connection, 1, Wanted(departments=["0301"])) is not None
        assert findings.listed(connection, 2, Wanted(departments=["0301"])) is None


def test_findings_of_stays_that_are_no_more_are_withdrawn(ward: Feed) -> None:
    ward(stay("V1", "P1", cancelled=True))
    with ward.database.writing_store() as connection:
        assert findings.withdraw(connection, at=LATER, actor="screening") == 1
        assert findings.withdraw(connection, at=LATER, actor="screening") == 0
    with ward.database.reading() as connection:
        one = findings.one(connection, 1)
    assert one is not None
    assert (one.state, one.gone) == ("gone", LATER)


def test_files_are_kept_once(database: Database) -> None:
    with database.writing_store() as connection:
        one, fresh = finding_files.add(
            connection, 1, "a.txt", "text/plain", b"evidence", at=AT, actor="doctor1"
        )
        again, twice = finding_files.add(
            connection, 1, "b.txt", "text/plain", b"evidence", at=LATER, actor="doctor2"
        )
        other, _ = finding_files.add(
            connection, 2, "a.txt", "text/plain", b"evidence", at=AT, actor="x"
        )
    assert (fresh, twice, again) == (True, False, one)
    with database.reading() as connection:
        assert finding_files.files_of(connection, 1) == [one]
        assert finding_files.held(connection, 1) == (1, 8)
        assert finding_files.held(connection, 9) == (0, 0)
        assert finding_files.content_of(connection, 2, other.id) == (other, b"evidence")
        with pytest.raises(StoreError) as refused:
            finding_files.content_of(connection, 1, other.id)
    assert refused.value.code == "FINDING_FILE_UNKNOWN"


def exception(**values: Any) -> WhitelistRow:
    made: dict[str, Any] = {
        "rule": RULE,
        "row": None,
        "scope": {"dx": "Z51"},
        "reason": "化疗",
        "valid_from": date(2026, 1, 1),
        "valid_to": date(2027, 1, 1),
        "created": AT,
        "created_by": "office1",
    }
    return WhitelistRow(**(made | values))


def test_an_exception_holds_once_another_has_approved_it(database: Database) -> None:
    with database.writing_store() as connection:
        number = whitelists.add(connection, exception())
        other = whitelists.add(connection, exception(rule="R2"))
        assert whitelists.holding(connection) == []
        for actor, code in (("office1", "SECOND_PERSON"),):
            with pytest.raises(StoreError) as refused:
                whitelists.approve(connection, number, actor, AT)
            assert refused.value.code == code
        whitelists.approve(connection, number, "office2", LATER)
        held = whitelists.one(connection, number)
        assert (held.approved, held.approved_by) == (LATER, "office2")
        assert whitelists.holding(connection) == [held]
        assert whitelists.holding(connection, date(2026, 12, 31)) == [held]
        assert whitelists.holding(connection, date(2027, 1, 1)) == []
        assert [one.id for one in whitelists.every(connection)] == [other, number]
        assert [one.id for one in whitelists.every(connection, rule="R2")] == [other]
        for broken, code in (
            (lambda: whitelists.approve(connection, number, "office3", AT), "WHITELIST_SETTLED"),
            (lambda: whitelists.one(connection, 99), "WHITELIST_UNKNOWN"),
        ):
            with pytest.raises(StoreError) as refused:
                broken()
            assert refused.value.code == code
        whitelists.end(connection, number, "office1", "no more", LAST)
        assert whitelists.holding(connection) == []
        with pytest.raises(StoreError) as refused:
            whitelists.end(connection, number, "office1", "again", LAST)
        assert refused.value.code == "WHITELIST_SETTLED"
        entries = audit.entries(connection)
    told = [(one.actor, one.action) for one in entries]
    assert told[:2] == [("office1", "whitelist_ended"), ("office2", "whitelist_approved")]
    assert "化疗" not in str(entries)


def test_a_rule_that_is_no_longer_live_hides_its_findings(database: Database) -> None:
    keep(database, [row(), row(B, lines=[2]), row(C, rule="R2", lines=[3])], screened=[1])
    put(database, 2, "confirmed", opinion_by="office1")
    given = StandingRow(
        book=BOOK, rule=RULE, standing="shadow", at=LATER, actor="office1", reason="often wrong"
    )
    with database.writing_store() as connection:
        assert rule_standings.set_standing(connection, given) == 2
        assert rule_standings.standings(connection, BOOK) == {RULE: "shadow"}
        assert rule_standings.standings(connection, "other") == {}
    assert [(one.state, one.shadow) for one in every(database)] == [
        ("shadow", True),
        ("confirmed", True),
        ("new", False),
    ]
    assert events(database, 1)[-1] == ("shadow", "new", "shadow")
    with database.writing_store() as connection:
        live = replace(given, standing="live", at=LAST)
        assert rule_standings.set_standing(connection, live) == 0
        assert rule_standings.history(connection, BOOK, RULE) == [given, live]
        assert rule_standings.latest(connection, BOOK) == {RULE: live}
    assert every(database)[0].state == "shadow"


def test_how_a_rule_was_judged(database: Database) -> None:
    keep(database, [row(f"{n:024x}", lines=[n]) for n in range(1, 5)], screened=[1])
    put(database, 1, "dismissed", judged=AT, closed=AT, false_positive=True)
    put(database, 2, "dismissed", judged=LATER, closed=LATER, false_positive=False)
    put(database, 3, "dismissed", judged=LATER, closed=LATER, false_positive=True)
    with database.reading() as connection:
        assert rule_standings.judged(connection, BOOK, RULE) == Judged(4, 3, 2)
        assert rule_standings.judged(connection, BOOK, RULE, AT) == Judged(2, 2, 1)
        assert rule_standings.judged(connection, BOOK, "R9") == Judged(0, 0, 0)
        assert rule_standings.marks(connection, BOOK, RULE) == 2
        assert rule_standings.judged_by_rule(connection, BOOK) == {RULE: Judged(4, 3, 2)}


def order(key: str = "k", **values: Any) -> OrderCheckRow:
    made: dict[str, Any] = {
        "at": AT,
        "via": "cds",
        "moment": "order",
        "actor": "his",
        "stay_id": 1,
        "rule": RULE,
        "row": None,
        "level": "violation",
        "item": "i",
        "department": "0301",
        "physician": "D1",
        "amount": Decimal("1.50"),
        "document": {"finding": key},
    }
    return OrderCheckRow(key=key, **(made | values))


def test_order_checks_and_their_answers(database: Database) -> None:
    rows = [
        order(),
        order(at=LATER),
        order("s", shadow=True),
        order("m", rule="R2", department="0302"),
        order("n", stay_id=None),
    ]
    with database.writing_store() as connection:
        assert order_checks.keep(connection, rows) == 5
        assert order_checks.answer(connection, "k", "1", "急诊", "doctor1", LATER) == 2
        assert order_checks.answer(connection, "m", "2", None, "doctor1", LATER) == 1
        assert order_checks.answer(connection, "s", "1", "x", "doctor1", LATER) == 0
        assert order_checks.answer(connection, "no", "1", "x", "doctor1", LATER) == 0
        kept = order_checks.of_stay(connection, 1)
        assert [one.key for one in kept] == ["k", "k", "s", "m"]
        assert kept[0] == replace(
            rows[0],
            id=1,
            answer="1",
            answer_reason="急诊",
            answered=LATER,
            answered_by="doctor1",
        )
        assert [one.id for one in order_checks.of_key(connection, "k")] == [1, 2]
        assert order_checks.counts(connection) == [
            OrderCount(
                rule=RULE,
                told=3,
                gone_on=2,
                gone_back=0,
                unanswered=1,
                shadow=1,
                reasons={"急诊": 2},
            ),
            OrderCount(
                rule="R2", told=1, gone_on=0, gone_back=1, unanswered=0, shadow=0, reasons={}
            ),
        ]
        assert [one.told for one in order_checks.counts(connection, LATER, LAST)] == [1]
        assert [one.rule for one in order_checks.counts(connection, None, None, ["0302"])] == ["R2"]


def test_facts_and_deductions(ward: Feed) -> None:
    database = ward.database
    put(database, 1, "deducted", closed=LATER, closed_by="x", deduction=Decimal("5.00"))
    put(database, 2, "deducted", closed=AT, closed_by="x", deduction=Decimal("2.50"))
    put(database, 4, "granted", closed=AT, closed_by="x", deduction=Decimal("0.00"))
    with database.reading() as connection:
        assert len(list(finding_statistics.facts(connection))) == 4
        (one,) = finding_statistics.facts(connection, source="insurer")
        assert (one.state, one.deduction) == ("granted", Decimal("0.00"))
        assert len(list(finding_statistics.facts(connection, departments=["0301"]))) == 2
        days = {"day_from": date(2026, 3, 2), "day_until": date(2026, 3, 3)}
        within = finding_statistics.facts(connection, since=AT, until=LATER, **days)
        assert len(list(within)) == 4
        early = finding_statistics.facts(connection, since=LATER, until=LAST, **days)
        assert len(list(early)) == 3
        table = finding_statistics.deductions(connection, AT, LAST)
        assert [one.finding.key[0] for one in table] == ["b", "a"]
        assert table[0].case_id == ward.head("V2").case_id
        assert len(finding_statistics.deductions(connection, LATER, LAST)) == 1
        assert len(finding_statistics.deductions(connection, AT, LAST, ["0301"])) == 1
