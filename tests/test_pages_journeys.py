"""What people do with the pages from signing in to signing out, in a browser, on the real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from access_support import GOOD
from pages_browser_support import Look, Looking, Tab, looking
from pages_journey_support import last, since
from sqlalchemy import select, update

from codebooks.messages import text
from grouper.service.finding_answers import word
from grouper.service.settings import Access
from grouper.store.database import connect
from grouper.store.schema import account, now, session

pytestmark = pytest.mark.slow

__all__ = ["looking"]
_NUMBER = re.compile("VN55001.")


@pytest.fixture
def office(looking: Looking) -> Iterator[Tab]:
    with looking.tab("office1") as tab:
        yield tab
        tab.clean(looking.seeded)


def test_the_office_finds_a_case_and_reads_why_it_is_grouped(looking: Looking) -> None:
    before = last(looking)
    seeded = looking.seeded
    with looking.tab() as tab:
        tab.sign_in("office1")
        assert text("page_title.queue", "zh") in tab.menu()
        tab.do(lambda: tab.page.get_by_role("link", name="病例", exact=True).click())
        assert set(_NUMBER.findall(tab.text())) == set(seeded.visits)
        with tab.page.context.expect_page() as opened:
            # A case opens beside the list, or in its place: both are found here.
            tab.page.get_by_role("link", name=seeded.visits[0]).click(modifiers=["Control"])
        case = Tab(opened.value, tab.origin)
        case.go(urlsplit(case.page.url).path + "?" + urlsplit(case.page.url).query)
        assert urlsplit(case.page.url).path == "/case"
        assert "I21.0" in case.text()
        assert not [one for one in seeded.names if one in case.text()]
        button = case.page.get_by_role("button", name=text("case_page.person", "zh"))
        case.do(button.click)
        assert seeded.names[0] in case.text()
        assert seeded.names[1] not in case.text()
        case.clean(seeded)
        tab.clean(seeded)
    done = since(looking, before)
    told = f"case:{seeded.cases['plain']}"
    assert ("office1", "case_shown", told) in done
    assert ("office1", "person_shown", told) in done
    assert ("office1", "cases_listed", "cases") in done


def test_the_person_is_gone_with_the_next_thing_done(looking: Looking, office: Tab) -> None:
    office.go(f"/case?case_id={looking.seeded.cases['other']}")
    office.do(office.page.get_by_role("button", name=text("case_page.person", "zh")).click)
    assert looking.seeded.names[1] in office.text()
    office.do(office.page.get_by_text(text("case_page.tab.charges", "zh"), exact=True).click)
    assert looking.seeded.names[1] not in office.text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "tab_of_case",
    ["group", "payment", "forecast", "findings", "lists", "charges", "versions", "trial"],
)
def test_every_tab_of_a_case_shows_something(
    looking: Looking, office: Tab, tab_of_case: str
) -> None:
    office.go(f"/case?case_id={looking.seeded.cases['plain']}&tab={tab_of_case}")
    chosen = office.page.get_by_role("radio", name=text(f"case_page.tab.{tab_of_case}", "zh"))
    assert chosen.get_attribute("aria-checked") == "true"
    assert text("page.fault", "zh", number="|").split("|")[0] not in office.text()


def test_a_note_on_a_finding_is_kept_with_its_author(looking: Looking, office: Tab) -> None:
    before = last(looking)
    number = looking.seeded.findings[0]
    office.go(f"/finding?id={number}")
    pill = office.page.get_by_test_id("stButtonGroup").get_by_text(word("action", "comment", "zh"))
    office.do(pill.first.click)
    box = office.page.get_by_label(text("finding_step.comment", "zh"), exact=True)
    box.fill("已核对原始记录")
    box.blur()
    add = office.page.get_by_role("button", name=text("finding_step.comment_add", "zh"))
    office.do(add.click)
    office.page.get_by_text(text("finding_step.commented", "zh")).first.wait_for()
    office.go(f"/finding?id={number}")
    # A table's twin for screen readers comes a little after the table.
    office.page.get_by_text("已核对原始记录").first.wait_for(state="attached")
    assert [one for one in since(looking, before) if one[2] == f"finding:{number}"]


def test_the_language_is_switched_and_stays(office: Tab) -> None:
    office.go("/cases")
    office.do(office.page.get_by_text("English", exact=True).click)
    assert text("page_title.cases", "en") in office.texts()
    office.do(
        office.page.get_by_role("link", name=text("page_title.findings", "en"), exact=True).click
    )
    assert text("page_title.findings", "en") in office.texts()
    assert text("page.sign_out", "en") in office.texts()


def test_a_physician_sees_the_stays_of_the_own_department_alone(looking: Looking) -> None:
    seeded = looking.seeded
    with looking.tab("doctor1", Look(width=1024, height=768)) as tab:
        tab.go("/my_cases")
        shown = set(_NUMBER.findall(tab.text()))
        assert seeded.visits[2] in shown
        assert seeded.visits[1] not in shown
        tab.go(f"/discharge?case_id={seeded.cases['running']}")
        assert "I21.0" in tab.text()
        for page in ("discharge", "case"):
            tab.go(f"/{page}?case_id={seeded.cases['other']}")
            assert seeded.visits[1] not in tab.text()
            assert "I21.0" not in tab.text()
        tab.clean(seeded)


def test_a_page_that_is_not_for_the_role_is_refused_by_its_address(looking: Looking) -> None:
    before = last(looking)
    with looking.tab("doctor1") as tab:
        tab.go("/rules")
        assert text("page.refused", "zh") in tab.texts()
        assert text("page_title.rules", "zh") not in tab.menu()
    assert ("doctor1", "page_refused", "page:rules") in since(looking, before)


@pytest.mark.slow
@pytest.mark.parametrize(
    "address",
    [
        "/case?case_id=%3Cscript%3Ealert(1)%3C/script%3E",
        "/case?case_id=00000000-0000-0000-0000-000000000000",
        "/case?case_id=" + "9" * 4000,
        "/finding?id=-1",
        "/finding?id=99999999999999999999",
        "/cases?since=2026-13-45&last=x&state=%00",
        "/findings?department=%F0%9F%8F%A5&rule='%22--",
        "/no_such_page",
    ],
)
def test_an_address_that_names_nothing_is_answered_plainly(office: Tab, address: str) -> None:
    office.go(address)
    said = office.text()
    assert text("page.fault", "zh", number="|").split("|")[0] not in said
    assert text("page.sign_out", "zh") in said


def test_who_signs_out_is_out_in_every_tab(looking: Looking) -> None:
    with looking.tab() as tab:
        tab.sign_in("office1")
        other = Tab(tab.page.context.new_page(), tab.origin)
        other.go("/cases")
        assert looking.seeded.visits[0] in other.text()
        tab.do(tab.page.get_by_role("button", name=text("page.sign_out", "zh")).click)
        assert text("page.signed_out", "zh") in tab.text()
        other.do(other.page.get_by_text("English", exact=True).click)
        assert looking.seeded.visits[0] not in other.text()
        other.page.goto(f"{tab.origin}/cases")
        assert urlsplit(other.page.url).path == "/sign-in"


def test_a_wrong_password_says_nothing_of_the_account(looking: Looking) -> None:
    said = []
    with looking.tab() as tab:
        for name in ("office1", "nobody"):
            tab.page.goto(f"{tab.origin}/sign-in")
            tab.page.locator("input[name=name]").fill(name)
            tab.page.locator("input[name=password]").fill("wrong-Horse-7-battery")
            tab.page.locator("button").click()
            said.append(tab.page.get_by_role("alert").inner_text())
    assert said[0] == said[1]


def test_nothing_is_answered_without_a_session(looking: Looking) -> None:
    origin = looking.pages.origin
    for path in ("/_stcore/host-config", "/media/x.csv", "/_stcore/upload_file/a/b", "/cases"):
        answer = httpx.get(origin + path)
        assert (answer.status_code, answer.text) == (401, "SIGN_IN_NEEDED"), path


def _leave_alone(looking: Looking, name: str) -> None:
    """As if nobody had touched the sessions of an account for as long as they hold."""
    before = now() - timedelta(seconds=Access().idle + 60)
    database = connect(looking.seeded.url)
    try:
        with database.writing_store() as connection:
            own = select(account.c.id).where(account.c.name == name).scalar_subquery()
            ask = update(session).where(session.c.account_id == own)
            connection.execute(ask.values(used=before))
    finally:
        database.close()


@pytest.mark.slow
def test_who_does_nothing_is_signed_out(looking: Looking) -> None:
    with looking.tab() as tab:
        tab.sign_in("manager1", GOOD)
        tab.go("/cases")
        assert looking.seeded.visits[0] in tab.text()
        _leave_alone(looking, "manager1")
        tab.do(tab.page.get_by_text("English", exact=True).click)
        assert text("page.signed_out", "zh") in tab.text()
        assert looking.seeded.visits[0] not in tab.text()


def test_the_log_names_nobody(looking: Looking) -> None:
    """Runs last: what all journeys of this module made the server write."""
    words = looking.pages.words()
    assert '"event"' in words
    assert not [one for one in looking.seeded.secrets if one in words]
