"""The board of findings, and what its forms do, by whom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from findings_pages_support import CSV, LINES, field, press, put, running, state, take, view
from pages_office_support import Office, words
from review_support import BOOK, RULE, asker

from codebooks.errors import GrouperError
from codebooks.messages import catalogue
from dashboards.app_pages import findings as findings_page
from dashboards.app_pages import insurer
from dashboards.app_pages.auditing import assigning, evidence, gaps, standings, stepping, whitelists
from dashboards.app_pages.auditing.assigning import assign
from dashboards.app_pages.auditing.sizes import sizes
from dashboards.frame.parts import Parts
from dashboards.frame.view import View
from grouper.audit.review.steps import Said
from grouper.service import finding_rules, findings
from grouper.service.screening import How, screen_stored
from grouper.store.database import Database, StoreError
from grouper.store.schema import now

__all__ = ["running", "state"]


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
