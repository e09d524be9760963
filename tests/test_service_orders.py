"""Orders checked over REST: what is told, kept as shadow, exempt, logged and answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from orders_support import (
    CYCLE_RULE,
    CYCLED,
    SECOND,
    SEX_RULE,
    WOMEN,
    check,
    every,
    kept,
    order,
    ordering,
    put_exception,
    put_standing,
    stay,
)
from postgres_support import fresh_database
from service_support import Service

from codebooks.errors import CodebookError
from grouper.audit.planning import on_trial
from grouper.case.record import Case
from grouper.service import order_desk
from grouper.service.order_answers import OrderAnswer, ReactionsKept
from grouper.service.order_desk import Ruling, order_data
from grouper.service.order_reading import Proposed, Subject, proposed_lines, subject_of_stay
from grouper.store.database import StoreError
from grouper.store.order_checks import GOES_BACK, GOES_ON
from grouper.store.order_lines import Charged, NumberedLine
from grouper.store.schema import now


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with ordering(tmp_path) as found:
        yield found


def test_an_order_that_breaks_a_rule_is_told_with_why_and_whence(running: Service) -> None:
    case = stay(running)
    found = check(running, order(CYCLED, id="o1"), case_id=case)
    OrderAnswer.model_validate(found)
    (told,) = found["findings"]
    assert (told["rule"], told["level"], told["level_text"]) == (CYCLE_RULE, "violation", "违规")
    assert told["lines"] == [{"line": 2, "id": "o1", "proposed": True}]
    assert "限 1 次" in told["why"]
    assert "知识点明细" in told["source"]
    assert "核对后再签署" in told["advice"]
    assert (found["case_id"], found["version"], found["moment"]) == (case, 1, "order")
    english = check(running, order(CYCLED, id="o1"), case_id=case, lang="en")
    assert english["findings"][0]["key"] == told["key"]
    assert "before you sign" in english["findings"][0]["advice"]


def test_what_breaks_none_is_not_told(running: Service) -> None:
    case = stay(running)
    later = order(CYCLED, time="2026-03-05 10:00:00")
    found = check(running, later, case_id=case)
    assert (found["findings"], found["not_judged"], every(running)) == ([], [], [])


def test_what_is_told_is_kept_and_the_look_is_logged(running: Service) -> None:
    case = stay(running)
    (told,) = check(running, order(CYCLED, id="o1", physician="D7"), case_id=case)["findings"]
    assert running.looks()[-1] == ("his", "orders_checked", f"case:{case}")
    (row,) = kept(running, told["key"])
    assert (row.via, row.moment, row.actor, row.rule) == ("rest", "order", "his", CYCLE_RULE)
    assert (row.item, row.physician, row.department) == (CYCLED, "D7", "心内科")
    assert row.document["line_names"] == ["o1"]
    assert (row.shadow, row.answer) == (False, None)
    assert row.stay_id is not None


def test_nothing_is_shown_when_it_cannot_be_logged(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = stay(running)

    def away(_entries: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr(running.app.state.services.audit, "_write", away)
    answer = check(running, order(CYCLED), case_id=case)
    assert (answer.status_code, answer.json()["code"]) == (503, "AUDIT_UNAVAILABLE")
    assert every(running) == []


def test_what_cannot_be_kept_is_shown_all_the_same(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = stay(running)

    def away(_entries: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr(running.app.state.services.orders._queue, "_write", away)
    assert len(check(running, order(CYCLED), case_id=case)["findings"]) == 1
    assert every(running) == []


def test_the_worst_is_told_first_whatever_it_costs(running: Service) -> None:
    case = stay(running)
    dear = order(SECOND, id="o1", amount="90000.00", scope="B")
    found = check(running, dear, order(WOMEN, id="o2", amount="0.01"), case_id=case)
    levels = [one["level"] for one in found["findings"]]
    assert levels == sorted(levels, key=["violation", "suspect", "verify"].index)
    assert {levels[0], levels[-1]} == {"violation", "verify"}
    assert found["findings"][0]["rule"] == SEX_RULE


@pytest.mark.parametrize("standing", ["shadow", "review"])
def test_a_rule_on_trial_is_kept_and_not_told(running: Service, standing: str) -> None:
    case = stay(running)
    put_standing(running, CYCLE_RULE, standing)
    assert check(running, order(CYCLED), case_id=case)["findings"] == []
    (row,) = every(running)
    assert (row.rule, row.shadow) == (CYCLE_RULE, True)
    put_standing(running, CYCLE_RULE, "live")
    assert len(check(running, order(CYCLED), case_id=case)["findings"]) == 1


def test_a_rule_that_is_off_is_neither_told_nor_kept(running: Service) -> None:
    case = stay(running)
    put_standing(running, CYCLE_RULE, "off")
    assert check(running, order(CYCLED), case_id=case)["findings"] == []
    assert every(running) == []


@pytest.mark.parametrize(
    ("scope", "holds"),
    [
        ({"item": CYCLED}, True),
        ({"dx": "I21"}, True),
        ({"dx": "C50"}, False),
        ({"department": "骨科"}, False),
    ],
)
def test_an_exception_that_holds_is_named_in_place_of_the_finding(
    running: Service, scope: dict[str, str], holds: bool
) -> None:
    case = stay(running)
    number = put_exception(running, CYCLE_RULE, scope, date(2026, 2, 22))
    found = check(running, order(CYCLED), case_id=case)
    assert len(found["findings"]) == (not holds)
    named = [(one["rule"], one["exception"]) for one in found["exempt"]]
    assert named == ([(CYCLE_RULE, number)] if holds else [])


def test_what_could_not_be_judged_is_said(running: Service) -> None:
    case = stay(running)
    odd = order(CYCLED, id="o2", quantity="zwei", time="morgen")
    found = check(running, order(None, id="o1", name="示例"), odd, case_id=case)
    told = {(one["id"], one["reason"]) for one in found["not_judged"]}
    assert ("o1", "NO_ITEM") in told
    assert {reason for name, reason in told if name == "o2"} >= {"NO_TIME", "NO_QUANTITY"}
    assert all(one["text"] for one in found["not_judged"])
    assert "morgen" not in str(found)


def test_an_order_without_a_time_is_ordered_now(running: Service) -> None:
    case = stay(running)
    (told,) = check(running, {"item": WOMEN, "quantity": 1}, case_id=case)["findings"]
    assert told["day"] is not None
    assert told["amount"] == "0.00"


def test_a_stay_is_found_by_its_number_for_its_patient_alone(running: Service) -> None:
    case = stay(running)
    found = check(running, order(CYCLED), visit="V1", patient="P1")
    assert found["case_id"] == case
    assert check(running, order(CYCLED), visit="V1")["case_id"] == case
    for wrong in ({"visit": "V1", "patient": "P2"}, {"visit": "V9"}, {"case_id": "x\u0000"}):
        answer = check(running, order(CYCLED), **wrong)
        assert answer.status_code in (404, 422)
    assert [look for look in running.looks() if look[1] == "orders_checked"] == [
        ("his", "orders_checked", f"case:{case}")
    ] * 2


def test_reach_counts_for_people_and_not_for_systems(running: Service) -> None:
    case = stay(running, facts={"department": "骨科"})
    assert check(running, order(CYCLED), case_id=case, role="physician").status_code == 404
    assert check(running, order(CYCLED), case_id=case, role="office").status_code == 403
    assert check(running, order(CYCLED), case_id=case)["findings"]


def test_a_case_handed_in_is_checked_with_its_own_lines(running: Service) -> None:
    case = {
        "case_id": "示例-1",
        "sex": 1,
        "age": 40,
        "kind": "inpatient",
        "admission_time": "2026-02-20",
        "line_item": [CYCLED],
        "line_quantity": ["1"],
        "line_time": ["2026-02-21"],
        "line_amount": ["20.00"],
    }
    found = check(running, order(CYCLED), case=case)
    (told,) = found["findings"]
    assert (found["case_id"], found["version"]) == (None, None)
    assert running.looks()[-1] == ("his", "orders_checked", "case:handed-in")
    (row,) = kept(running, told["key"])
    assert row.stay_id is None
    # What the sender calls the case stays with the sender.
    assert "示例" not in str(row.document)


def test_orders_break_rules_among_themselves(running: Service) -> None:
    found = check(running, order(CYCLED, id="a"), order(CYCLED, id="b"), case={"sex": 1})
    assert [one["id"] for one in found["findings"][0]["lines"]] == ["b"]


def test_numbers_of_lines_that_are_gone_are_not_given_again() -> None:
    line = NumberedLine(3, "L3", CYCLED, None, None, None, None, None, None, None)
    subject = subject_of_stay(Charged(Case(), (line,), 5), 1, 1)
    assert (subject.names, subject.lines[0].number) == ({3: "L3"}, 3)
    lines, names, _ = proposed_lines([Proposed("o1", {})], subject.after, now())
    assert ([line.number for line in lines], names) == ([6], {6: "o1"})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"case_id": "x", "visit": "y", "lines": [order(CYCLED)]},
        {"lines": [order(CYCLED)]},
        {"case_id": "x", "lines": []},
        {"case_id": "x", "lines": [{"itm": "1"}]},
        {"case_id": "x", "moment": "upload"},
        {"case_id": "x", "lines": [order(CYCLED)] * 201},
    ],
)
def test_requests_that_are_none_are_refused(running: Service, body: dict[str, Any]) -> None:
    answer = running.ask("interface", "POST", "/api/v1/orders/check", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "REQUEST_INVALID")


def test_rules_on_trial_and_of_the_hospital_begin_in_shadow(running: Service) -> None:
    desk = running.app.state.services.orders
    book = desk.book()
    own = replace(book.rules[CYCLE_RULE], rule="OWN-1", standing="own")
    there = replace(book, rules={**book.rules, "OWN-1": own})
    ruling = Ruling(there, {}, ())
    told = [ruling.standing(rule) for rule in ("OWN-1", CYCLE_RULE, "gone", *on_trial())]
    assert told == ["shadow", "live", "live", *["shadow" for _ in on_trial()]]
    given = dict.fromkeys(["OWN-1", "gone", *on_trial()], "live")
    assert {Ruling(there, given, ()).standing(rule) for rule in given} == {"live"}


@pytest.mark.parametrize("fault", [CodebookError("AUDIT_BOOK", found="x", known=""), ValueError()])
def test_a_book_that_cannot_be_read_is_told_when_it_is_asked_for(
    running: Service, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    case, desk = stay(running), running.app.state.services.orders

    def broken(_name: str) -> None:
        raise fault

    monkeypatch.setattr("grouper.service.order_desk.audit_book", broken)
    desk._warm()
    answer = check(running, order(CYCLED), case_id=case)
    assert answer.status_code >= 400
    assert answer.json()["code"] in ("AUDIT_BOOK", "INTERNAL")


def test_the_level_of_a_hospital_is_that_of_its_regions_policy(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grouper.service.order_desk.level_of", lambda *_: "III")
    desk = running.app.state.services.orders
    known, unknown = (Subject(case=Case(hospital="H1", region=one)) for one in ("demo", "nowhere"))
    assert desk.levels(known) == {"H1": "III"}
    assert desk.levels(unknown) == {}
    assert desk.levels(Subject(case=Case())) == {}


def test_stays_that_were_read_lately_are_not_read_again(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(order_data(), "kept_stays", 1)
    first, second = stay(running, "V1", "P1"), stay(running, "V2", "P2")
    read = []
    real = order_desk.charged_at
    monkeypatch.setattr(
        order_desk, "charged_at", lambda c, head: read.append(head.visit) or real(c, head)
    )
    for case in (first, first, second, first):
        assert check(running, order(CYCLED), case_id=case)["findings"]
    assert read == ["V1", "V2", "V1"]
    running.send(patient="P1", visit="V1", lines={"L9": {"line_item": WOMEN}})
    check(running, order(CYCLED), case_id=first)
    assert read[3:] == ["V1"]


def answer_to(on: Service, *answers: dict[str, Any], role: str = "interface") -> Any:
    return on.ask(role, "POST", "/api/v1/orders/answers", json={"answers": list(answers)})


def test_what_became_of_an_order_is_kept_with_it(running: Service) -> None:
    case = stay(running)
    (told,) = check(running, order(CYCLED), case_id=case)["findings"]
    key = told["key"]
    answer = answer_to(running, {"key": key, "answer": "1", "reason": "病情需要"})
    assert ReactionsKept.model_validate(answer.json()).kept == 1
    (row,) = kept(running, key)
    assert (row.answer, row.answer_reason, row.answered_by) == (GOES_ON, "病情需要", "his")
    assert running.looks()[-1] == ("his", "order_answered", f"finding:{key}")
    answer_to(running, {"key": key, "answer": "2"}, {"key": "0" * 24, "answer": "2"})
    (row,) = kept(running, key)
    assert (row.answer, row.answer_reason) == (GOES_BACK, None)


def test_keys_that_nothing_was_told_under_are_named(running: Service) -> None:
    found = answer_to(running, {"key": "0" * 24, "answer": "2"}).json()
    assert found == {"kept": 0, "unknown": ["0" * 24]}


def test_to_go_on_needs_a_reason(running: Service) -> None:
    answer = answer_to(running, {"key": "0" * 24, "answer": "1", "reason": " "})
    assert (answer.status_code, answer.json()["code"]) == (422, "PREAUDIT_REASON")


def test_free_words_of_an_answer_are_not_in_the_log(running: Service) -> None:
    case = stay(running)
    (told,) = check(running, order(CYCLED), case_id=case)["findings"]
    answer_to(running, {"key": told["key"], "answer": "1", "reason": "示例张三"})
    entries = running.ask("admin", "GET", "/api/v1/audit").json()["entries"]
    assert "张三" not in str(entries)


def test_the_same_on_postgresql(tmp_path: Path) -> None:
    with fresh_database() as url, ordering(tmp_path, url) as found:
        case = stay(found)
        (told,) = check(found, order(CYCLED, id="o1"), case_id=case)["findings"]
        answer_to(found, {"key": told["key"], "answer": "1", "reason": "x"})
        (row,) = kept(found, told["key"])
        assert row.answer == GOES_ON
