"""Findings in the store as they are listed: what is asked, who may see it, facts for statistics."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from review_support import AT, keep, row
from store_findings_support import LAST, LATER, A, B, C, put
from store_support import Feed, database, stay

from grouper.store import finding_statistics, findings
from grouper.store.database import Database
from grouper.store.finding_events import Change
from grouper.store.findings import Wanted

__all__ = ["database"]


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
