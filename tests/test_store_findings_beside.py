"""What the store keeps beside findings: files, exceptions, standings of rules, checks of orders."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from review_support import AT, BOOK, RULE, keep, order_check, row
from store_findings_support import LAST, LATER, B, C, events, every, put
from store_support import database

from grouper.store import audit, finding_files, order_checks, rule_standings, whitelists
from grouper.store.database import Database, StoreError
from grouper.store.order_checks import OrderCount
from grouper.store.rule_standings import Judged, StandingRow
from grouper.store.whitelists import WhitelistRow

__all__ = ["database"]


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


def test_order_checks_and_their_answers(database: Database) -> None:
    rows = [
        order_check(),
        order_check(at=LATER),
        order_check("s", shadow=True),
        order_check("m", rule="R2", department="0302"),
        order_check("n", stay_id=None),
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
