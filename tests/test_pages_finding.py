"""The page of one finding: told whole, taken a step on, and what may not be done now."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
import streamlit as st
from findings_pages_support import choose, field, press, put, running, state, take, view
from pages_office_support import Office, words
from review_support import asker, keep, row

from codebooks.errors import GrouperError
from codebooks.messages import catalogue
from dashboards.app_pages.auditing import evidence, stepping
from dashboards.app_pages.finding import event_row
from dashboards.frame.navigation import pages
from grouper.audit.review.steps import Position, barred
from grouper.audit.review.tables import steps
from grouper.audit.words import LEVELS
from grouper.service import finding_rules, findings
from grouper.service.finding_evidence import attach
from grouper.service.finding_lines import lines_named
from grouper.service.stored import stay_of_case
from grouper.store.schema import now

__all__ = ["running", "state"]


# --- one finding -------------------------------------------------------------------------------


def test_a_finding_is_told_whole(running: Office) -> None:
    put(running)
    page = running.page("finding", id="1")
    assert not page.exception
    told = words(page)
    assert "疑点 1" in told
    assert "状态 待初审" in told
    assert "【违规】" in page.text[0].value
    faulty = next(one.value for one in page.dataframe if "fault" in one.value)
    assert list(faulty["line"]) == ["L1"]
    assert list(faulty["item_name"]) == ["床位费"]
    assert running.looks()[-2:] == ["finding_shown", "case_lines_shown"]
    page.toggle[0].set_value(True).run()
    every = next(one.value for one in page.dataframe if "fault" in one.value)
    assert list(every["line"]) == ["L1", "L2"]
    assert every["fault"].isna().tolist() == [False, True]


@pytest.mark.parametrize("number", ["", "x", "0", "99", "-1"])
def test_a_finding_that_is_none_is_told_so(running: Office, number: str) -> None:
    page = running.page("finding", id=number)
    assert not page.exception
    assert "疑点看板" in words(page)
    assert not page.dataframe


def test_a_finding_is_confirmed_answered_and_upheld_by_a_second_person(running: Office) -> None:
    put(running)
    page = choose(running.page("finding", id="1"), "confirm")
    press(page, "确定：初审确认")
    assert "现为“初审确认”" in words(page)
    # Who gave the opinion may not uphold it, and is told why.
    assert "您现在不能办理" in str([one.label for one in page.expander])
    assert "提出或给出意见的人不能自己复审" in words(page)
    running.who = "second"
    page = choose(running.page("finding", id="1"), "uphold")
    press(page, "确定：复审认定")
    page = choose(page, "deduct")
    field(page, "text_input", ".deduct.amount").set_value("1x")
    press(page, "确定：扣款")
    assert "AMOUNT_INVALID" in words(page)
    field(page, "text_input", ".deduct.amount").set_value("12.50")
    press(page, "确定：扣款")
    assert "现为“已扣款”" in words(page)
    done = findings.show(running.running.database, asker("office1"), 1).listed.finding
    assert (done.deduction, done.closed_by) == (Decimal("12.50"), "office2")


def test_a_physician_answers_what_the_department_is_asked(running: Office) -> None:
    put(running)
    take(running, 1, "ask", "new", "office", note="请核对")
    running.who = "physician"
    page = choose(running.page("finding", id="1"), "answer")
    press(page, "确定：科室反馈")
    assert "REVIEW_NOTE" in words(page)
    field(page, "text_area", ".answer.note").set_value("已核对病历")
    press(page, "确定：科室反馈")
    assert "现为“科室已反馈”" in words(page)
    history = page.dataframe[-1].value
    assert history["note"][0] == "已核对病历"


def test_a_manager_sees_and_does_nothing(running: Office) -> None:
    put(running)
    running.who = "manager"
    page = running.page("finding", id="1")
    assert "没有可以办理的事项" in words(page)
    assert not page.button_group


def test_a_step_that_another_took_first_is_told_with_what_changed(running: Office) -> None:
    put(running)
    page = choose(running.page("finding", id="1"), "confirm")
    take(running, 1, "ask", "new", "second", note="请核对")
    press(page, "确定：初审确认")
    told = words(page)
    assert "FINDING_MOVED" in told
    assert "您阅读之后的变化" in told
    assert "office2：请科室反馈，现为“待科室反馈”" in told
    one = findings.show(running.running.database, asker("office1"), 1).listed.finding
    assert one.state == "asked"


def test_a_comment_leaves_the_state(running: Office) -> None:
    put(running)
    page = choose(running.page("finding", id="1"), "comment")
    field(page, "text_area", "comment.note").set_value("请留意")
    press(page, "添加备注")
    assert "备注已添加" in words(page)
    assert findings.show(running.running.database, asker("office1"), 1).events[-1].note == "请留意"


def test_nothing_is_done_for_who_is_signed_out_or_may_not(running: Office) -> None:
    put(running)
    page = choose(running.page("finding", id="1"), "confirm")
    running.who = "manager"
    press(page, "确定：初审确认")
    assert "NOT_ALLOWED" in words(page)
    one = findings.show(running.running.database, asker("office1"), 1).listed.finding
    assert one.state == "new"


def test_evidence_is_shown_and_each_download_logged(running: Office) -> None:
    put(running)
    here = view(running)
    file, _ = attach(
        running.running.database, asker("office1"), 1, "说明.txt", "依据".encode(), now()
    )
    page = running.page("finding", id="1")
    assert not page.exception
    assert evidence.content(here, 1, file) == "依据".encode()
    assert running.looks()[-1] == "finding_file_shown"
    with pytest.raises(GrouperError, match="FINDING_UNKNOWN"):
        evidence.content(view(running, "bones"), 1, file)


def test_a_step_that_needs_evidence_asks_for_it_first(running: Office) -> None:
    put(running, source="insurer", rule="external:高值耗材")
    page = choose(running.page("finding", id="1"), "object")
    assert "须有证据文件" in words(page)
    assert "没有规则 高值耗材（医保方规则）" in words(page)


def test_a_finding_of_no_stay_says_why(running: Office) -> None:
    made = row(stay_id=None, source="insurer")
    document = {**made.document, "reason": "INSURER_STAY_UNKNOWN", "own_finding": 7}
    reasons = [key for key in catalogue("zh") if key.startswith("reason.INSURER_")]
    document["reason"] = reasons[0].removeprefix("reason.")
    from dataclasses import replace  # noqa: PLC0415 -- only here

    keep(running.running.database, [replace(made, document=document)], at=now())
    page = running.page("finding", id="1")
    assert not page.exception
    assert catalogue("zh")[reasons[0]] in words(page)
    assert "本院审核的同一疑点：7" in str([one.label for one in page.button])


def test_the_rule_and_its_row_are_told(running: Office) -> None:
    book = finding_rules.book_named("national-2025")
    table = book.tables["quantity"]
    rule, name = table["rule"][0].as_py(), table["row"][0].as_py()
    told = finding_rules.parameters("national-2025", rule, name)
    assert told is not None
    assert told["item"] == table["item"][0].as_py()
    assert finding_rules.parameters("national-2025", rule, "no such row") is None
    assert finding_rules.parameters("national-2025", rule, None) is None
    assert finding_rules.parameters("national-2025", "no such rule", name) is None
    put(running, rule=rule, row=name)
    page = running.page("finding", id="1")
    facts = next(one.value for one in page.dataframe if name in list(one.value.iloc[:, 1]))
    assert "参数行" in list(facts["what"])


def test_lines_are_found_by_their_names(running: Office) -> None:
    case = put(running)
    database = running.running.database
    stay = stay_of_case(database, case, None)
    found = lines_named(database, stay, ["L2", "gone"], 10)
    assert [one["line"] for one in found] == ["L2"]
    assert lines_named(database, stay, ["L1", "L2"], 1)[0]["line"] == "L1"


# --- what may not be done now ------------------------------------------------------------------


def test_steps_barred_are_those_that_another_may_take() -> None:
    place = Position(
        state="confirmed", source="own", level="violation", amount=Decimal(1),
        raised_by="screening", opinion_by="office1",
    )  # fmt: skip
    told = {step.action: error.code for step, error in barred(place, "office1", {"review"})}
    assert told == {
        "uphold": "SECOND_PERSON",
        "correct": "SECOND_PERSON",
        "dismiss": "SECOND_PERSON",
    }
    assert barred(place, "office2", {"review"}) == []
    assert barred(place, "office1", {"answer"}) == []


def test_what_is_typed_becomes_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    state = {
        "k.note": " 依据 ", "k.amount": "1,012.50", "k.verdict": "wrong",
        "k.due": date(2026, 5, 1), "k.assignee": "", "k.department": "骨科",
    }  # fmt: skip
    monkeypatch.setattr(st, "session_state", state)
    said = stepping.said_with("k")
    assert (said.note, said.amount, said.verdict) == ("依据", Decimal("1012.50"), True)
    assert (said.assignee, said.department) == (None, "骨科")
    assert said.due is not None
    assert said.due.isoformat() == "2026-05-02T00:00:00+08:00"


def test_events_name_parts_of_the_program_in_words() -> None:
    event = {
        "at": now(), "actor": "screening", "action_name": "发现",
        "before": "new", "after": "confirmed", "note": None,
    }  # fmt: skip
    told = event_row(event, "zh")
    assert told["change"] == "待初审 → 初审确认"
    assert told["actor"] == "自动筛查"
    assert event_row({**event, "actor": "office1"}, "en")["actor"] == "office1"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_word_that_a_table_decides_has_its_text(lang: str) -> None:
    known = catalogue(lang)
    wanted = {f"review.action.{one.action}" for one in steps()} | {"review.action.comment"}
    wanted |= {f"findings_column.{level}" for level in LEVELS}
    own = ("findings", "finding", "insurer", "rules", "fund")
    wanted |= {f"page_title.{one.page}" for one in pages() if one.page in own}
    assert wanted <= known.keys()
    assert {one.page for one in pages()} >= set(own)
