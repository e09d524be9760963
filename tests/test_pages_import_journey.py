"""The office imports the whole official workbook in a browser, and the service takes it up by itself."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import httpx
import pages_served_support
import pytest
import workbook_builder
from book_import_support import spoilt
from pages_browser_support import CHROMIUM, Look, Looking, Tab, chromium
from pages_served_support import seed, served

from codebooks.messages import text
from codebooks.registry import registry
from grouper.store import audit
from grouper.store.database import connect

pytestmark = pytest.mark.slow

# The pages and the clerk under their supervisor, as `grouper serve` runs them.
_SERVE = """
from grouper.service.logs import configure
from grouper.service.supervisor import Supervisor, until_signalled
configure()
until_signalled(Supervisor(("clerk", "pages")))
"""
_LONGEST = 120.0
_TWICE = 120
OTHER = "另一个名称的病组"
_HEADS = {
    "MDC": ("mdc", ["MDC编码", "MDC名称", "MDC规则", "排序"], ["mdc", "name", "rule", "sort"]),
    "ADRG": (
        "adrg",
        ["ADRG编码", "ADRG名称", "ADRG规则", "所属MDC编码", "排序"],
        ["adrg", "name", "rule", "mdc", "sort"],
    ),
    "DRG": (
        "drg",
        ["DRG编码", "DRG名称", "DRG规则", "所属ADRG编码", "所属MDC编码", "排序"],
        ["drg", "name", "rule", "adrg", "mdc", "sort"],
    ),
    "集合": ("sets", ["集合编号", "ICD编码", "类型"], ["set_id", "code", ""]),
    "CC": ("cc", ["疾病编码", "类型", "排除表"], ["code", "level", "exclusion"]),
    "排除表": ("exclusions", ["集合编号", "ICD编码"], ["exclusion", "principal_code"]),
}


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looking]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed; see tools/ensure_chromium.sh")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages_served_support, "_SERVE", _SERVE)
        with served(seed(tmp_path_factory.mktemp("pages"))) as process, chromium() as browser:
            yield Looking(browser, process)


def workbook() -> bytes:
    """The shipped CHS-DRG 3.0 as a workbook, one group called otherwise."""
    book = registry().book("chs-drg-3.0")
    sheets: workbook_builder.Sheets = {}
    for sheet, (table, heads, names) in _HEADS.items():
        rows = [
            [row[name] if name else row["set_id"][:2] for name in names] for row in book.rows(table)
        ]
        sheets[sheet] = [[*heads], *rows]
    next(row for row in sheets["DRG"][1:] if row[1])[1] = OTHER
    # The published sheet names some members of sets twice.
    sheets["集合"] += sheets["集合"][1 : _TWICE + 1]
    return workbook_builder.pack(sheets)


def press(tab: Tab, name: str) -> None:
    tab.do(tab.page.get_by_role("button", name=text(name, "zh"), exact=True).click)


def fill(tab: Tab, label: str, value: str) -> None:
    box = tab.page.get_by_label(text(label, "zh"), exact=True)
    tab.do(lambda: box.fill(value))
    tab.do(lambda: box.press("Tab"))


def hand_in(tab: Tab, name: str, content: bytes, scheme: str) -> None:
    choose(tab, name, content)
    fill(tab, "books_import.id", scheme)
    day = tab.page.get_by_test_id("stDateInput").first
    tab.do(lambda: _write(day, "20270101"))
    press(tab, "books_import.check")


def choose(tab: Tab, name: str, content: bytes) -> None:
    box = tab.page.locator("input[type=file]")
    tab.do(
        lambda: box.set_input_files(
            {"name": name, "mimeType": "application/zip", "buffer": content}
        )
    )
    tab.page.get_by_text(name).first.wait_for()


def _write(day: object, digits: str) -> None:
    """Write a day sign by sign, as a person does."""
    first = day.locator('[role="spinbutton"], input').first  # type: ignore[attr-defined]
    first.click()
    first.page.keyboard.type(digits)
    first.page.keyboard.press("Tab")


def until(tab: Tab, key: str) -> None:
    """Wait until the page says something by itself."""
    words = re.split(r"[{]", text(key, "zh"))[0]
    tab.page.get_by_text(words).first.wait_for(timeout=_LONGEST * 1000)
    tab.settle()


def test_from_the_workbook_to_the_scheme_that_is_in_force(looking: Looking) -> None:
    with looking.tab("office1") as tab:
        tab.go("/codebooks?part=import")
        assert text("books_import.nothing", "zh") in tab.text()
        hand_in(tab, "DRG3.0.xlsx", workbook(), "chs-drg-3.0-own")
        until(tab, "books_import.sound")
        said = tab.text()
        # The counts of the published scheme, and the one group that is called otherwise.
        assert text("books_report.counts", "zh") in said
        assert OTHER in said
        tab.do(tab.page.get_by_text(text("books_report.counts", "zh")).click)
        assert text("books_report.equal", "zh") in tab.text()
        assert text("books_report.different", "zh") not in tab.text()
        assert tab.page.get_by_role(
            "button", name=text("books_import.install", "zh"), exact=True
        ).is_disabled()
        tab.do(tab.page.get_by_text(text("books_import.sure", "zh")).click)
        press(tab, "books_import.install")
        assert text("books_import.installed", "zh", id="chs-drg-3.0-own", since="2027-01-01") in (
            tab.text()
        )
        tab.clean(looking.seeded)
    pages = looking.pages
    end = time.monotonic() + _LONGEST
    # Said when the old process has ended, so that whatever answers then is the new one.
    while "renewed" not in pages.words():
        assert time.monotonic() < end, pages.words()
        time.sleep(0.2)
    while not _there(pages.origin):
        assert time.monotonic() < end, pages.words()
        time.sleep(0.2)
    with looking.tab("office1") as tab:
        tab.go("/codebooks?region=national")
        assert "2027-01-01 起按 chs-drg-3.0-own 分组" in tab.text()
    database = connect(looking.seeded.url)
    try:
        with database.reading() as connection:
            last = [one.action for one in audit.entries(connection, limit=20)]
    finally:
        database.close()
    assert [one for one in reversed(last) if one.startswith("book_")] == [
        "book_check_asked",
        "book_install_asked",
        "book_installed",
    ]


def _there(origin: str) -> bool:
    try:
        return httpx.get(f"{origin}/_stcore/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_spoilt_workbook_is_refused_with_its_row(looking: Looking) -> None:
    with looking.tab("office1", Look(width=800)) as tab:
        tab.go("/codebooks?part=import")
        hand_in(tab, "坏.xlsx", spoilt(), "spoilt-1")
        until(tab, "books_import.refused")
        said = tab.texts()
        at = said.index("F 排序")
        assert said[at - 2 : at] == ["DRG", "3"]
        assert not tab.page.get_by_role(
            "button", name=text("books_import.install", "zh"), exact=True
        ).count()
        tab.clean(looking.seeded)
        # What is no workbook at all fails with its reason and what to do.
        choose(tab, "图.xlsx", b"no workbook")
        press(tab, "books_import.check")
        until(tab, "error.IMPORT_NOT_XLSX")
        assert text("hint.IMPORT_NOT_XLSX", "zh") in tab.text()


def test_a_manager_looks_and_a_physician_does_not_import(looking: Looking) -> None:
    with looking.tab("manager1") as tab:
        tab.go("/codebooks?part=import")
        assert text("books_import.not_yours", "zh") in tab.text()
        assert not tab.page.locator("input[type=file]").count()
        assert text("page_title.codebooks", "zh") in tab.menu()
    with looking.tab("doctor1") as tab:
        tab.go("/policies")
        assert text("page.refused", "zh") in tab.text()
        assert text("page_title.codebooks", "zh") not in tab.menu()
