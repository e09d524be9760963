"""The office hands in the bureau's statement, reads the differences, exports and enters, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from access_support import GOOD
from openpyxl import load_workbook
from pages_browser_support import CHROMIUM, Look, Looking, Tab, chromium
from pages_served_support import PEOPLE, Seeded, served
from reconcile_support import FACTS, HEADS, OFFICE, VISITS, Month, month

from codebooks.messages import text
from dashboards.app_pages.auditing.months import months
from grouper.service.access import managing
from grouper.service.adjustment_book import AdjustmentBook
from grouper.service.errand_process import run_one
from grouper.service.errands import Errands
from grouper.store import audit

pytestmark = pytest.mark.slow

MANY = 40
UNKNOWN = "ZY-998877"
_WHEN = months(2)[1]


@pytest.fixture(scope="module")
def of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    with month(tmp_path_factory.mktemp("month"), _WHEN, MANY) as made:
        for name, (role, departments) in PEOPLE.items():
            managing.make(made.running.database, name, name, role, departments, GOOD, 12)
        yield Month(made, _WHEN)


@pytest.fixture(scope="module")
def looking(of: Month) -> Iterator[Looking]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed; see tools/ensure_chromium.sh")
    folder = of.settings.folder.parent
    seeded = Seeded(folder, f"sqlite:///{folder / 'grouper.sqlite'}")
    seeded.numbers += [UNKNOWN, *(f"PW{at}" for at in range(10, MANY))]
    hospital = {"GROUPER_SERVICE_HOSPITAL": FACTS["hospital"]}
    with served(seeded, **hospital) as process, chromium() as browser:
        yield Looking(browser, process)


def statement(of: Month) -> bytes:
    """Most cases as we have them, some with another group, amount or not at all."""
    many = [f"W{at}" for at in range(1, MANY + 1)]
    rows = of.same(*VISITS, *many)
    for at in range(4):
        rows[at][1] = "FR11"
    for row in rows[10:38]:
        row[3] = float(str(row[3])) + 100
        row[4] = float(str(row[4])) + 100
    rows[40][5:] = ["50.00", "重复收费"]
    del rows[44:]
    rows.append([UNKNOWN, "", "", "1200.00", "900.00", "", ""])
    return of.statement(rows, *HEADS)


def press(tab: Tab, name: str) -> None:
    tab.do(tab.page.get_by_role("button", name=name, exact=True).click)


def part(tab: Tab, name: str) -> None:
    words = text(f"reconcile_part.{name}", "zh")
    tab.do(tab.page.get_by_role("radio", name=words, exact=True).click)


def upload(tab: Tab, name: str, held: bytes) -> None:
    box = tab.page.locator("input[type=file]")
    # The page is only run again when the file has arrived.
    with tab.page.expect_response(lambda answer: "upload_file" in answer.url):
        tab.do(lambda: box.set_input_files({"name": name, "mimeType": "text/csv", "buffer": held}))
    tab.settle()
    press(tab, text("reconcile_page.compare", "zh"))


def test_from_the_statement_to_the_book(looking: Looking, of: Month, tmp_path: Path) -> None:
    errands = Errands.at(of.settings)
    with looking.tab("office1", Look(height=1400)) as tab:
        tab.go("/reconcile")
        assert text("reconcile_page.nothing", "zh") in tab.texts()
        upload(tab, "三月.csv", "就诊ID,基金支付\nV1,12元\n".encode())
        assert "第 2 行" in tab.text()
        assert errands.all() == []

        upload(tab, "三月.csv", statement(of))
        (errand,) = errands.of(OFFICE, "reconcile", shared=True)
        assert errand.state == "waiting"
        assert run_one(errands, errand.id, of.settings, of.database) is not None
        tab.page.get_by_text(text("chart.causes.title", "zh")).wait_for()
        tab.settle()
        told = tab.text()
        assert UNKNOWN not in told
        assert "点值不同" in told
        assert text("reconcile_state.missing_there", "zh") in told

        press(tab, text("export.title", "zh"))
        excel = tab.page.get_by_role("button", name=text("export.excel", "zh"))
        with tab.page.expect_download() as taken:
            excel.click()
        path = tmp_path / "taken.xlsx"
        taken.value.save_as(path)
        book = load_workbook(path)
        assert book.sheetnames[1:] == [
            text(f"reconcile_page.sheet_{one}", "zh") for one in ("states", "causes", "cases")
        ]
        cases = list(book.worksheets[3].iter_rows(min_row=2, values_only=True))
        assert len(cases) == len(VISITS) + MANY + 1
        assert not [row for row in cases if UNKNOWN in row]
        tab.page.keyboard.press("Escape")

        part(tab, "booking")
        assert text("reconcile_page.book_empty", "zh") in tab.texts()
        tab.do(tab.page.get_by_test_id("stCheckbox").locator("label").click)
        tab.do(tab.page.get_by_role("button", name="记入调整账").click)
        assert text("reconcile_page.book_equal", "zh") in tab.texts()
        part(tab, "history")
        assert text("reconcile_page.readings", "zh") in tab.texts()
        tab.clean(looking.seeded)
    (reading,) = AdjustmentBook.at(of.settings).readings("demo", _WHEN)
    assert reading.actor == "office1"
    with of.database.reading() as connection:
        actions = [one.action for one in audit.entries(connection, limit=1000)]
    done = [
        *("reconciliation_started", "reconciliation_shown", "figures_exported"),
        "adjustments_entered",
    ]
    assert set(done) <= set(actions)


def test_a_manager_is_refused(looking: Looking) -> None:
    with looking.tab("manager1") as tab:
        tab.go("/reconcile")
        assert text("page.refused", "zh") in tab.texts()
