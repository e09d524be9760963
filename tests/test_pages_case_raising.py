"""A finding that the office adds by hand, on the page of a case."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from findings_pages_support import LINES
from pages_office_support import Office, office, words
from review_support import RULE
from service_support import PEOPLE
from streamlit.testing.v1 import AppTest

from dashboards.app_pages import office_sizes
from dashboards.app_pages.case import raising
from grouper.service.access.principal import AccessError, Right
from grouper.service.finding_raising import Line, Raised, lines_to_name, raise_finding
from grouper.service.findings import Asker, asker_of
from grouper.service.problems import ServiceError
from grouper.store import findings
from grouper.store.findings import Wanted
from grouper.store.schema import now

KEY = "case.raise"
OFFICE = asker_of(PEOPLE["office"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Office, str]]:
    """An office with a stay of two lines; tests add what they are about."""
    folder = tmp_path_factory.mktemp("raising")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROUPER_DATA", str(folder / "data"))
        with office(folder) as found:
            yield found, found.running.stay(lines=LINES)


@pytest.fixture
def running(made: tuple[Office, str]) -> Iterator[Office]:
    yield made[0]
    made[0].who = "office"


@pytest.fixture
def case(made: tuple[Office, str]) -> str:
    return made[1]


def opened(running: Office, case: str) -> AppTest:
    page = running.page("case", case_id=case, tab="findings")
    return page.toggle(key=f"{KEY}.open").set_value(True).run()


def added(page: AppTest) -> AppTest:
    (button,) = [one for one in page.button if one.label == "登记"]
    return button.click().run()


def kept(running: Office) -> list[Any]:
    with running.running.database.reading() as connection:
        return [one.finding for one in findings.page(connection, Wanted(), None, 10)]


def test_a_finding_names_its_rule_lines_and_reason(running: Office, case: str) -> None:
    page = opened(running, case)
    assert not page.exception
    lines = page.multiselect(key=f"{KEY}.lines")
    assert "床位费（001）12.50 元" in lines.options[0]
    page.selectbox(key=f"{KEY}.rule").set_value(RULE)
    lines.set_value([1, 2])
    page.text_area(key=f"{KEY}.note").set_value("同一日重复收费")
    page = added(page)
    assert "已登记为问题 1" in words(page)
    assert "/finding?id=1" in words(page)
    (made,) = kept(running)
    assert (made.source, made.rule, made.raised_by) == ("person", RULE, "office1")
    assert made.amount == Decimal("20.50")
    assert made.document["lines"] == [1, 2]
    assert "finding_raised" in running.looks()
    assert "case_lines_shown" in running.looks()
    # What was written is not there for the next one.
    assert page.text_area(key=f"{KEY}.note").value == ""


@pytest.mark.parametrize(
    ("rule", "amount", "note", "said"),
    [
        (None, "1", "x", "请先选择违反的规则"),
        (RULE, "1", "", "须写明理由"),
        (RULE, "viel", "x", "[AMOUNT_INVALID]"),
        (RULE, "", "x", "须写明金额"),
    ],
    ids=["rule", "reason", "number", "amount"],
)
def test_what_is_missing_is_said_and_nothing_kept(
    running: Office, case: str, rule: str | None, amount: str, note: str, said: str
) -> None:
    before = kept(running)
    page = opened(running, case)
    page.selectbox(key=f"{KEY}.rule").set_value(rule)
    page.text_input(key=f"{KEY}.amount").set_value(amount)
    page.text_area(key=f"{KEY}.note").set_value(note)
    page = added(page)
    assert not page.exception
    assert said in words(page)
    assert kept(running) == before
    assert page.text_area(key=f"{KEY}.note").value == note


def test_lines_are_found_by_name_or_code_and_what_was_chosen_stays(
    running: Office, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = office_sizes.Sizes(rows=25, lines=50, raised=1, versions=20, payment_seconds=60)
    monkeypatch.setattr(raising, "sizes", lambda: sizes)
    page = opened(running, case)
    assert "共 2 行，列出前 1 行" in words(page)
    page.multiselect(key=f"{KEY}.lines").set_value([1])
    page = page.text_input(key=f"{KEY}.find").set_value("护理").run()
    chosen = page.multiselect(key=f"{KEY}.lines")
    assert chosen.value == [1]
    assert len(chosen.options) == 2
    assert "共 2 行" not in words(page)


def test_only_who_reviews_is_offered_the_form(running: Office, case: str) -> None:
    running.who = "physician"
    page = running.page("case", case_id=case, tab="findings")
    assert not page.exception
    assert not page.toggle


def test_lines_of_a_stay_without_any(running: Office) -> None:
    case = running.running.stay("V8", "P8")
    database = running.running.database
    assert lines_to_name(database, OFFICE, case, "", 5) == ([], 0)
    bare = running.running.stay("V9", "P9", lines={"L1": {"line_name": "床位费"}})
    assert lines_to_name(database, OFFICE, bare, "床位", 5) == (
        [Line(1, None, "床位费", None, None)],
        1,
    )


def test_only_who_reviews_raises_and_within_reach(running: Office, case: str) -> None:
    database = running.running.database
    said = Raised(case_id=case, rule=RULE, level=None, lines=[1], amount=None, note="n")
    doctor = asker_of(PEOPLE["physician"])
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        raise_finding(database, doctor, said, now())
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        lines_to_name(database, doctor, case, "", 5)
    elsewhere = Asker("reviewer1", frozenset({Right.REVIEW}), ("ELSEWHERE",))
    with pytest.raises(ServiceError, match="STORED_CASE_UNKNOWN"):
        raise_finding(database, elsewhere, said, now())
    with pytest.raises(ServiceError, match="STORED_CASE_UNKNOWN"):
        lines_to_name(database, elsewhere, case, "", 5)
