"""The insurer's lists and the rules: run by themselves."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import streamlit as st
from findings_pages_support import CSV, LINES, press, put, running, state, take, view
from pages_office_support import Office, words
from review_support import RULE

from codebooks.errors import GrouperError
from codebooks.messages import catalogue
from dashboards.app_pages import insurer
from dashboards.app_pages.auditing import whitelists
from grouper.audit.planning import on_trial
from grouper.audit.review.errors import ReviewError
from grouper.service import finding_rules
from grouper.store.schema import now

__all__ = ["running", "state"]


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
