"""The board of findings, the page of one, the insurer's lists, and the rules: run by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from pages_office_support import Office, office, words
from review_support import BOOK, RULE, asker, keep, row
from service_support import PEOPLE
from streamlit.testing.v1 import AppTest

from codebooks.errors import GrouperError
from codebooks.messages import catalogue
from dashboards.app_pages import findings as findings_page
from dashboards.app_pages import insurer
from dashboards.app_pages.auditing import assigning, evidence, gaps, standings, stepping, whitelists
from dashboards.app_pages.auditing.assigning import assign
from dashboards.app_pages.auditing.sizes import sizes
from dashboards.app_pages.finding import event_row
from dashboards.frame.navigation import pages
from dashboards.frame.parts import Parts, hold
from dashboards.frame.view import View
from grouper.audit.planning import on_trial
from grouper.audit.review.errors import ReviewError
from grouper.audit.review.steps import Position, Said, barred
from grouper.audit.review.tables import steps
from grouper.audit.words import LEVELS
from grouper.service import finding_rules, findings
from grouper.service.access.principal import Principal
from grouper.service.finding_evidence import attach
from grouper.service.finding_lines import lines_named
from grouper.service.screening import How, screen_stored
from grouper.service.stored import stay_of_case
from grouper.store.database import Database, StoreError
from grouper.store.reading import stay_by_case
from grouper.store.schema import now
from grouper.store.states import Role

SECOND = Principal(account_id=9, name="office2", role=Role.OFFICE, via="session")
BONES = Principal(
    account_id=10, name="doctor9", role=Role.PHYSICIAN, departments=("骨科",), via="session"
)
LINES = {
    "L1": {"line_item": "001", "line_name": "床位费", "line_amount": "12.50", "line_quantity": "1"},
    "L2": {"line_item": "002", "line_name": "护理费", "line_amount": "8.00", "line_quantity": "2"},
}
ROW = "LIMIT-1"


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "data"))
    monkeypatch.setitem(PEOPLE, "second", SECOND)
    monkeypatch.setitem(PEOPLE, "bones", BONES)
    with office(tmp_path) as made:
        yield made


def put(running: Office, count: int = 1, **values: Any) -> str:
    """A stay of 心内科 with findings; returns its case id."""
    case = running.running.stay(lines=LINES)
    with running.running.database.reading() as connection:
        head = stay_by_case(connection, case)
    assert head is not None
    rows = [row(f"{n:024x}", stay_id=head.id, **values) for n in range(1, count + 1)]
    keep(running.running.database, rows, at=now())
    return case


def view(running: Office, who: str = "office") -> View:
    running.who = who
    made = running.running
    held = Parts(made.settings, made.database, lambda: PEOPLE[running.who])
    hold(held)
    return View(PEOPLE[who], held, "zh")


def take(running: Office, number: int, action: str, was: str, who: str, **said: Any) -> None:
    findings.step(
        running.running.database, findings.asker_of(PEOPLE[who]), number, action, was,
        Said(**said), now(),
    )  # fmt: skip


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [one for one in page.button if label in one.label]
    return button.click().run()


def choose(page: AppTest, action: str) -> AppTest:
    (group,) = [one for one in page.button_group if str(one.key).startswith("finding.step.")]
    return group.set_value(action).run()


def field(page: AppTest, kind: str, ending: str) -> Any:
    (found,) = [one for one in page.get(kind) if str(one.key).endswith(ending)]
    return found


# --- the board ---------------------------------------------------------------------------------


def test_an_empty_board_says_what_to_do(running: Office) -> None:
    page = running.page("findings")
    assert not page.exception
    assert "没有符合条件的疑点" in words(page)
    assert not page.dataframe


def test_the_board_counts_by_state_and_level_and_logs_the_look(running: Office) -> None:
    put(running, 3)
    take(running, 1, "confirm", "new", "office")
    page = running.page("findings")
    assert not page.exception
    assert "待办理 3" in words(page)
    counts, listed = (one.value for one in page.dataframe)
    assert list(counts["state"]) == ["待初审", "初审确认"]
    assert list(counts["violation"]) == [2, 1]
    assert list(listed["number"]) == [f"/finding?id={n}" for n in (3, 2, 1)]
    assert running.looks()[-1] == "findings_listed"
    before = len(running.looks())
    page.run()
    assert len(running.looks()) == before


def test_the_board_is_filtered_by_its_address(running: Office) -> None:
    put(running, 2)
    take(running, 1, "confirm", "new", "office")
    page = running.page("findings", state="confirmed,nonsense", level="violation", mine="0")
    assert list(page.dataframe[1].value["number"]) == ["/finding?id=1"]
    assert "confirmed" in str(page.query_params["state"])
    assert "nonsense" not in str(page.query_params["state"])
    other = running.page("findings", department="骨科")
    # A department of which nothing was found is passed over.
    assert "department" not in other.query_params
    assert running.page("findings", month="2026-03").dataframe
    assert "没有符合条件" in words(running.page("findings", month="2025-03"))
    assert "没有符合条件" in words(running.page("findings", batch="x"))
    assert "REVIEW_MONTH" in words(running.page("findings", month="2026-13"))


def test_what_is_searched_for_never_stands_in_the_address(running: Office) -> None:
    put(running, 1)
    page = running.page("findings")
    field(page, "text_input", ".text").set_value("V0009-not-there").run()
    assert "没有符合条件" in words(page)
    assert "V0009" not in str(dict(page.query_params))
    press(page, "清除筛选")
    assert page.dataframe


def test_overdue_ones_are_marked(running: Office) -> None:
    put(running, 2, due=now() - timedelta(days=2))
    page = running.page("findings", overdue="1")
    assert not page.exception
    assert "已逾期 2" in words(page)
    assert page.dataframe[1].value["due"][0].startswith("逾期")


def test_a_physician_sees_the_own_department_alone_and_nothing_in_shadow(running: Office) -> None:
    put(running, 2)
    running.who = "bones"
    assert "没有符合条件" in words(running.page("findings"))
    assert "没有编号为 1 的疑点" in words(running.page("finding", id="1"))
    running.who = "physician"
    page = running.page("findings", state="shadow")
    assert "shadow" not in str(dict(page.query_params))
    assert list(page.dataframe[1].value["number"]) == ["/finding?id=2", "/finding?id=1"]


def test_pages_of_rows(running: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sizes(), "findings", 2)
    put(running, 3)
    page = running.page("findings")
    assert "第 1 页，本页 2 条，共 3 条" in words(page)
    press(page, "下一页")
    assert list(page.dataframe[1].value["number"]) == ["/finding?id=1"]
    press(page, "上一页")
    assert "第 1 页" in words(page)


def test_the_board_of_a_store_that_is_down_is_an_error_in_words(
    running: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr(Database, "reading", down)
    page = running.page("findings")
    # The server's show_error says it in words; here the error itself is told.
    assert "STORE_UNAVAILABLE" in page.exception[0].message


def test_several_are_assigned_at_once_and_each_refusal_is_told(running: Office) -> None:
    put(running, 3)
    take(running, 3, "confirm", "new", "office")
    here = view(running)
    seen = [(1, "new"), (2, "new"), (3, "new")]
    told = assign(here, here.principal, seen, Said(due=now() + timedelta(days=2)))
    assert told.startswith("已指派 2 条。")
    assert "#3: " in told
    with pytest.raises(GrouperError, match="ASSIGNEE_UNKNOWN"):
        assign(here, here.principal, seen[:1], Said(assignee="nobody"))


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
    assert "没有规则 external:高值耗材" in words(page)


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


# --- the insurer's lists -----------------------------------------------------------------------

CSV = (
    "就诊ID,姓名,规则编码,规则名称,项目编码,费用日期,违规金额,违规内容\n"
    "V1,张三,,医疗服务项目重复收费,001,2026-02-21,12.50,重复\n"
    "V77,李四,,医疗服务项目重复收费,001,2026-02-21,3.00,重复\n"
)


def test_without_lists_the_page_says_what_to_do(running: Office) -> None:
    page = running.page("insurer")
    assert not page.exception
    assert "还没有接收过清单" in words(page)
    press(page, "接收")
    assert "没有选择文件" in words(page)
    assert "没有编号为 5 的清单" in words(running.page("insurer", id="5"))


def test_a_list_is_taken_in_reported_and_answered(running: Office) -> None:
    running.running.stay(lines=LINES)
    here = view(running)
    told = insurer.take(here, here.principal, r"C:\lists\四月.csv", CSV.encode(), date(2026, 5, 10))
    assert (told["rows"], told["findings"], told["matched"]) == (2, 2, 1)
    again = insurer.take(here, here.principal, "四月.csv", CSV.encode(), None)
    assert again["repeated"]
    page = running.page("insurer")
    listed = page.dataframe[0].value
    assert list(listed["list_name"]) == ["四月.csv"]
    assert list(listed["list_due"]) == ["2026-05-10"]
    page = running.page("insurer", id="1")
    assert not page.exception
    assert "已给出意见 0" in words(page)
    assert "张三" not in words(page) + "".join(one.value.to_csv() for one in page.dataframe)
    assert running.looks()[-1] == "finding_batch_shown"
    assert insurer.answered(here, 1)[:2] == b"PK"
    assert running.looks()[-1] == "finding_batch_answered"
    board = running.page("findings", batch="1", every="1")
    assert len(board.dataframe[1].value) == 2


def test_a_file_that_is_no_list_is_refused_in_words(running: Office) -> None:
    here = view(running)
    with pytest.raises(GrouperError) as error:
        insurer.take(here, here.principal, "x.csv", b"a,b\n1,2\n", None)
    assert error.value.describe("zh")


# --- rules -------------------------------------------------------------------------------------


def test_rules_are_listed_and_found_by_name(running: Office) -> None:
    page = running.page("rules")
    assert not page.exception
    every = len(page.dataframe[0].value)
    trial = len(on_trial())
    assert f"启用 {every - trial}\n观察 {trial}\n" in words(page)
    page.text_input[0].set_value(RULE).run()
    assert list(page.dataframe[0].value["rule"]) == [RULE]
    page.text_input[0].set_value("没有这样的规则").run()
    assert "没有符合条件的规则" in words(page)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("gaps", "还没有筛查过"),
        ("whitelists", "还没有例外"),
        ("statistics", "这段时间没有疑点"),
        ("deductions", "本月没有扣款"),
    ],
)
def test_each_part_without_data_says_so(running: Office, part: str, said: str) -> None:
    page = running.page("rules", part=part)
    assert not page.exception
    assert said in words(page)


def test_statistics_and_deductions_tell_what_became_of_findings(running: Office) -> None:
    put(running, 2)
    take(running, 1, "confirm", "new", "office")
    take(running, 1, "uphold", "confirmed", "second")
    take(running, 1, "deduct", "upheld", "second", amount=Decimal("5.00"))
    page = running.page("rules", part="statistics")
    assert "发现 2" in words(page)
    assert list(page.dataframe[0].value["found"]) == [2]
    first, last = page.date_input
    first.set_value(date(2026, 5, 2))
    last.set_value(date(2026, 5, 1)).run()
    assert "结束日期早于开始日期" in words(page)
    page = running.page("rules", part="deductions")
    assert list(page.dataframe[0].value["deduction"]) == [Decimal("5.00")]


def test_an_exception_needs_a_second_account(running: Office) -> None:
    database = running.running.database
    said = finding_rules.Exempting(
        rule=RULE, row=None, scope={"dx": "Z51.1"}, reason="化疗按周期住院",
        valid_from=date(2026, 1, 1), valid_to=date(2027, 1, 1),
    )  # fmt: skip
    made = finding_rules.propose(database, "office1", said, now())
    page = running.page("rules", part="whitelists")
    assert not page.exception
    listed = page.dataframe[0].value
    assert list(listed["stands"]) == ["待批准"]
    assert list(listed["days"]) == ["2026-01-01 至 2026-12-31"]
    number = made.id or 0
    whitelists._approve(view(running), number)
    assert finding_rules.every(database)[0].approved is None
    whitelists._approve(view(running, "second"), number)
    assert finding_rules.every(database)[0].approved_by == "office2"
    page = running.page("rules", part="whitelists")
    assert list(page.dataframe[0].value["stands"]) == ["已批准"]


def test_an_exception_without_rule_or_days_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", state)
    with pytest.raises(ReviewError, match="REVIEW_RULE"):
        whitelists.exempting()
    state["rules.whitelist.rule"] = RULE
    with pytest.raises(ReviewError, match="WHITELIST_DAYS"):
        whitelists.exempting()
    state |= {"rules.whitelist.first": date(2026, 1, 1), "rules.whitelist.last": date(2026, 1, 31)}
    state["rules.whitelist.scope.dx"] = "Z51"
    made = whitelists.exempting()
    assert (made.valid_to, made.scope) == (date(2026, 2, 1), {"dx": "Z51"})


def test_no_english_stands_among_the_chinese_texts() -> None:
    english = catalogue("en")
    for key, told in catalogue("zh").items():
        if key.startswith(("findings_", "finding_", "insurer_", "rules_", "whitelist_", "tally_")):
            assert told != english[key] or not any("a" <= one <= "z" for one in told), key


# --- what forms do, by whom --------------------------------------------------------------------


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The session of a form that was sent."""
    made: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", made)
    return made


class Given:
    """A file as the browser hands it in."""

    def __init__(self, name: str, held: bytes) -> None:
        self.name, self._held = name, held

    def getvalue(self) -> bytes:
        return self._held


def test_a_form_assigns_what_was_chosen(running: Office, state: dict[str, Any]) -> None:
    put(running, 2)
    state |= {"findings.assign.due": date(2099, 1, 1), "findings.assign.note": "先办"}
    assigning._assign(view(running), [(1, "new"), (2, "new")])
    assert state["auditing.said"] == "已指派 2 条。"
    state.clear()
    assigning._assign(view(running, "physician"), [(1, "new")])
    assert state["auditing.said"].code == "NOT_ALLOWED"


def test_a_file_is_added_once_and_checked(running: Office, state: dict[str, Any]) -> None:
    put(running)
    here = view(running)
    for held, told in ((b"ok", "文件已上传"), (b"ok", "该文件此前已上传")):
        state["k"] = Given("a.txt", held)
        evidence._add(here, 1, "k")
        assert state["auditing.said"].startswith(told)
    state["k"] = Given("a.pdf", b"no pdf")
    evidence._add(here, 1, "k")
    assert state["auditing.said"].code == "EVIDENCE_TYPE"
    state["k"] = None
    evidence._add(here, 1, "k")
    assert state["auditing.said"].code == "EVIDENCE_EMPTY"


def test_a_list_handed_in_by_the_form_is_reported(running: Office, state: dict[str, Any]) -> None:
    state["insurer.file"] = Given("四月.csv", CSV.encode())
    insurer._take(view(running))
    assert state["auditing.said"] == "清单已接收。"
    assert state["insurer.taken"]["findings"] == 2
    insurer._forget()
    assert "insurer.taken" not in state


def test_a_rule_is_sent_to_shadow_and_back_by_another(
    running: Office, state: dict[str, Any]
) -> None:
    for who, to, said in (
        ("office", "shadow", "现为“观察”"),
        ("office", "live", "SECOND_PERSON"),
        ("second", "live", "现为“启用”"),
    ):
        state.clear()
        state |= {"rules.standing.to": to, "rules.standing.why": "误报较多"}
        standings._set(view(running, who), RULE)
        assert said in str(state["auditing.said"])


def test_an_exception_is_proposed_and_ended_by_forms(
    running: Office, state: dict[str, Any]
) -> None:
    key = "rules.whitelist"
    state |= {
        f"{key}.rule": RULE, f"{key}.first": date(2026, 1, 1), f"{key}.last": date(2026, 6, 30),
        f"{key}.scope.dx": "Z51", f"{key}.reason": "化疗", f"{key}.end": "不再需要",
    }  # fmt: skip
    here = view(running)
    whitelists._add(here)
    (made,) = finding_rules.every(running.running.database)
    assert made.valid_to == date(2026, 7, 1)
    whitelists._end(here, made.id or 0)
    (ended,) = finding_rules.every(running.running.database)
    assert (ended.ended_by, ended.ended_reason) == ("office1", "不再需要")


def test_nobody_signed_in_does_nothing(running: Office, state: dict[str, Any]) -> None:
    put(running)
    here = view(running)
    gone = View(here.principal, Parts(here.parts.settings, here.parts.database, lambda: None), "zh")
    stepping._take(gone, 1, "confirm", "new", 0)
    assert "auditing.said" not in state
    one = findings.show(running.running.database, asker("office1"), 1).listed.finding
    assert one.state == "new"


def test_a_screening_tells_what_it_could_not_ask(running: Office) -> None:
    running.running.stay(lines=LINES)
    screen_stored(
        running.running.database,
        "discharged",
        How(region="demo", book=BOOK),
        now(),
        actor="auditor",
    )
    page = running.page("rules", part="gaps")
    assert not page.exception
    runs, gaps_shown = page.dataframe[0].value, page.dataframe[1].value
    assert list(runs["scope"]) == ["出院病例"]
    assert list(runs["run"]) == ["完成"]
    assert len(gaps_shown) > 0
    assert all(gaps_shown["why"])
    assert running.looks()[-1] == "screening_shown"


def test_scopes_of_screenings_in_words() -> None:
    assert set(gaps._COLUMNS) <= {one.removeprefix("findings_column.") for one in catalogue("zh")}


@pytest.fixture
def first_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """In every table the first row is chosen: what AppTest cannot do by itself."""

    def chosen(
        rows: Sequence[Any], *_: object, choose: str | None = None, **__: object
    ) -> list[int]:
        return [0] if choose and rows else []

    for module in (findings_page, insurer, standings, whitelists, gaps):
        monkeypatch.setattr(module, "table", chosen)


@pytest.mark.usefixtures("first_row")
def test_what_is_chosen_can_be_opened_and_assigned(running: Office) -> None:
    put(running)
    page = running.page("findings")
    assert not page.exception
    assert "指派所选的 1 条疑点" in words(page)
    assert "打开疑点 1" in str([one.label for one in page.button])
    running.who = "physician"
    assert "指派所选" not in words(running.page("findings"))


@pytest.mark.usefixtures("first_row")
def test_a_chosen_rule_tells_its_source_and_what_it_may_become(running: Office) -> None:
    page = running.page("rules")
    assert not page.exception
    assert "出处：" in words(page)
    assert page.radio[0].options == ["观察", "复核", "停用"]


@pytest.mark.usefixtures("first_row")
def test_a_chosen_exception_is_approved_by_another_alone(running: Office) -> None:
    said = finding_rules.Exempting(
        rule=RULE, row=None, scope={"item": "001"}, reason="批量",
        valid_from=date(2026, 1, 1), valid_to=date(2026, 7, 1),
    )  # fmt: skip
    made = finding_rules.propose(running.running.database, "office1", said, now())
    page = running.page("rules", part="whitelists")
    (button,) = [one for one in page.button if "批准例外" in one.label]
    assert button.disabled
    assert "须由另一账号批准" in words(page)
    running.who = "second"
    press(running.page("rules", part="whitelists"), "批准例外")
    finding_rules.end(running.running.database, "office1", made.id or 0, "过期", now())
    assert "已由 office1 结束：过期" in words(running.page("rules", part="whitelists"))


@pytest.mark.usefixtures("first_row")
def test_a_chosen_list_can_be_opened(running: Office) -> None:
    here = view(running)
    insurer.take(here, here.principal, "四月.csv", CSV.encode(), None)
    page = running.page("insurer")
    assert "打开清单 1" in str([one.label for one in page.button])
