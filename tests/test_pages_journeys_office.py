"""A finding's way between office and department, and the physician's check at discharge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pages_browser_support import Looking, Tab, looking
from pages_journey_support import last, since
from playwright.sync_api import TimeoutError as TooLong

from codebooks.messages import text
from grouper.service.finding_answers import word

pytestmark = pytest.mark.slow

__all__ = ["looking"]
GROUP = "I21.0:36.0601"
REASON = "已请科室核对医嘱与收费"
ANSWER = "核对无误，两次均有医嘱"


@pytest.fixture
def office(looking: Looking) -> Iterator[Tab]:
    with looking.tab("office1") as tab:
        yield tab
        tab.clean(looking.seeded)


@pytest.fixture
def doctor(looking: Looking) -> Iterator[Tab]:
    with looking.tab("doctor1") as tab:
        yield tab
        tab.clean(looking.seeded)


def _step(tab: Tab, number: int, action: str, note: str) -> None:
    """Take a step of the review with a note, at the page of the finding."""
    tab.go(f"/finding?id={number}")
    name = word("action", action, "zh")
    tab.do(tab.test_id("stButtonGroup").get_by_text(name, exact=True).first.click)
    tab.page.locator("textarea:visible").first.fill(note)
    button = text("finding_step.button", "zh", action=name)
    tab.do(tab.page.get_by_role("button", name=button).click)
    tab.go(f"/finding?id={number}")


def _course(tab: Tab) -> str:
    """What was done with the finding; a table is drawn, and told in words, once it is seen."""
    table = tab.test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    cells = table.locator("[role=gridcell]")
    cells.first.wait_for(state="attached")
    return "\n".join(cells.all_text_contents())


def _choose(tab: Tab, label: str, wanted: str) -> None:
    """Choose what a list offers; it opens once the page has done what went before."""
    box = tab.page.get_by_role("combobox", name=label).last
    option = tab.page.get_by_role("option").filter(has_text=wanted).first
    box.scroll_into_view_if_needed()
    for _ in range(20):
        box.click()
        try:
            option.wait_for(state="visible", timeout=1000)
            break
        except TooLong:
            continue
    tab.do(option.click)
    # Of several one may choose more; a list of which one is chosen has closed.
    if tab.page.get_by_role("option").count():
        tab.page.keyboard.press("Escape")


def test_office_asks_department_answers_office_decides(
    looking: Looking, office: Tab, doctor: Tab
) -> None:
    before = last(looking)
    number = looking.seeded.findings[0]
    office.go("/findings")
    # The table is drawn; what it says stands beside it for who cannot see it.
    cells = office.test_id("stDataFrame").last.locator("[role=gridcell]")
    cells.first.wait_for(state="attached")
    assert any(f"/finding?id={number}" in one for one in cells.all_text_contents())
    _step(office, number, "ask", REASON)
    assert word("state", "asked", "zh") in office.text()
    doctor.go(f"/finding?id={number}")
    assert REASON in _course(doctor)
    # The department says what it knows; what becomes of the finding is not its to say.
    pills = doctor.test_id("stButtonGroup").all_inner_texts()
    assert not any(word("action", "confirm", "zh") in one for one in pills)
    _step(doctor, number, "answer", ANSWER)
    office.go(f"/finding?id={number}")
    assert word("state", "answered", "zh") in office.text()
    assert ANSWER in _course(office)
    _step(office, number, "confirm", REASON)
    assert word("state", "confirmed", "zh") in office.text()
    # Nobody alone: the second review is another one's.
    pills = office.test_id("stButtonGroup").all_inner_texts()
    assert not any(word("action", "uphold", "zh") in one for one in pills)
    steps = [one for one in since(looking, before) if one[1] == "finding_step"]
    about = f"finding:{number}"
    assert steps == [
        ("office1", "finding_step", about),
        ("doctor1", "finding_step", about),
        ("office1", "finding_step", about),
    ]


def test_another_departments_physician_sees_nothing_of_it(looking: Looking) -> None:
    with looking.tab("doctor2") as tab:
        tab.go(f"/finding?id={looking.seeded.findings[0]}")
        assert REASON not in tab.text()
        assert "心内科" not in tab.text()
        tab.clean(looking.seeded)


def test_the_physician_checks_a_stay_before_discharge(looking: Looking, doctor: Tab) -> None:
    before = last(looking)
    seeded = looking.seeded
    doctor.go("/my_cases")
    doctor.go(f"/discharge?case_id={seeded.cases['running']}")
    said = doctor.test_id("stMain").inner_text()
    # The group and why, what is missing, cost and days, what audits say.
    for one in (GROUP, "主要手术操作在所列之中", "36.0601", text("discharge.remarks", "zh")):
        assert one in said
    assert text("discharge.cost_title", "zh") in said
    assert text("discharge.audit", "zh") in said
    assert not [one for one in seeded.names if one in said]
    assert ("doctor1", "case_shown", f"case:{seeded.cases['running']}") in since(looking, before)


def test_a_clinical_correction_is_tried_without_any_money(looking: Looking, doctor: Tab) -> None:
    before = last(looking)
    case = looking.seeded.cases["running"]
    doctor.go(f"/discharge?case_id={case}")
    doctor.do(doctor.page.get_by_text(text("correction.title", "zh"), exact=True).click)
    _choose(doctor, text("correction.remove", "zh"), "36.0601")
    _choose(doctor, text("correction.ground", "zh"), text("correction_ground.operation_note", "zh"))
    button = doctor.page.get_by_role("button", name=text("correction.try", "zh"))
    doctor.do(button.click)
    assert text("correction.moved", "zh") in doctor.text()
    trial = doctor.test_id("stExpander").filter(has_text=text("correction.after", "zh")).last
    assert "元" not in trial.inner_text()
    tried = [one for one in since(looking, before) if one[1] == "correction_tried"]
    assert tried == [("doctor1", "correction_tried", f"case:{case}")]


def test_a_code_is_found_by_the_first_letters_of_its_sound(doctor: Tab) -> None:
    doctor.go("/codes")
    box = doctor.page.get_by_label(text("codes.find", "zh"), exact=True)
    box.fill("jxlwy")
    doctor.do(lambda: box.press("Enter"))
    assert "急性阑尾炎" in doctor.text()
    box.fill("qqqqqq")
    doctor.do(lambda: box.press("Enter"))
    assert text("codes.no_hits", "zh") in doctor.texts()
