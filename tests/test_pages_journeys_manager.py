"""A manager's ways: from the loss to the case and the rule behind it, and files taken along."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import openpyxl
import pytest
from pages_browser_support import Look, Looking, Tab, looking
from pages_journey_support import last, since
from PIL import Image

from codebooks.messages import text

pytestmark = pytest.mark.slow

__all__ = ["looking"]
GROUP = "I21.0:36.0601"
LOSS, OF_BOTH = -24146.70, -48293.40
_PAGES = ("overview", "surplus", "casemix", "control")
_LINE = 35
"""Pixels of a line of Streamlit's tables, heads too."""


@pytest.fixture
def manager(looking: Looking) -> Iterator[Tab]:
    with looking.tab("manager1") as tab:
        yield tab
        tab.clean(looking.seeded)


def _menu(tab: Tab, page: str) -> None:
    title = text(f"page_title.{page}", "zh")
    tab.do(tab.page.get_by_role("link", name=title, exact=True).click)


def _to_the_losing_group(tab: Tab) -> None:
    """By the menu to surplus and loss, by group, and there to the bar of the group that loses."""
    tab.go("/")
    _menu(tab, "surplus")
    tab.do(tab.page.get_by_role("radio", name=text("axis_name.group", "zh"), exact=True).click)
    bar = tab.page.locator("[data-testid='stVegaLiteChart']").nth(1).locator(".mark-rect path")
    tab.do(bar.first.click)


@contextmanager
def _first_case(looking: Looking, tab: Tab) -> Iterator[Tab]:
    """The case of the first line of the last table, which opens in a tab of its own."""
    table = tab.test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box is not None
    x, y = box["x"] + _LINE / 2, box["y"] + 1.5 * _LINE
    tab.page.mouse.move(x, y)
    with tab.page.context.expect_page() as opened:
        tab.page.mouse.click(x, y)
    address = urlsplit(opened.value.url)
    case = Tab(opened.value, tab.origin)
    case.go(f"{address.path}?{address.query}")
    yield case
    case.clean(looking.seeded)


def test_from_the_losing_group_to_the_case_and_the_rule(looking: Looking, manager: Tab) -> None:
    before = last(looking)
    _to_the_losing_group(manager)
    assert manager.page.get_by_role("heading", name=GROUP).count() == 1
    # What is drawn stands beside it as a table for who cannot see it.
    cells = manager.test_id("stDataFrame").last.locator("[role=gridcell]")
    manager.test_id("stDataFrame").last.scroll_into_view_if_needed()
    cells.first.wait_for(state="attached")
    own = {f"/case?case_id={looking.seeded.cases[name]}" for name in ("plain", "other")}
    said = cells.all_text_contents()
    assert {one for one in said if one.startswith("/case")} == own
    with _first_case(looking, manager) as case:
        shown = parse_qs(urlsplit(case.page.url).query)["case_id"][0]
        assert shown in {looking.seeded.cases[name] for name in ("plain", "other")}
        trace = case.text()
        # The rule that made the group, what met it, and where it stands.
        for one in (GROUP, "主要手术操作在所列之中", "36.0601", "病种目录"):
            assert one in trace
        case.do(case.page.get_by_text(text("case_page.tab.payment", "zh"), exact=True).click)
        assert f"{LOSS:,.2f}".lstrip("-") in case.text()
    done = since(looking, before)
    assert ("manager1", "cases_listed", "cases") in done
    assert ("manager1", "case_shown", f"case:{shown}") in done


def test_a_link_shows_another_one_the_same_cut(looking: Looking, manager: Tab) -> None:
    manager.go("/surplus?since=2026-03-08&last=2026-03-08&department=%E9%AA%A8%E7%A7%91")
    shown = urlsplit(manager.page.url)
    _menu(manager, "casemix")
    assert parse_qs(urlsplit(manager.page.url).query) == parse_qs(shown.query)
    with looking.tab("manager1") as other:
        other.go(f"{shown.path}?{shown.query}")
        chosen = other.page.get_by_label(text("filter.department", "zh")).first
        assert "骨科" in other.texts()
        assert "心内科" not in other.texts()
        assert chosen.count() == 1


def test_every_chart_can_be_read_as_a_table(manager: Tab) -> None:
    for page in _PAGES:
        manager.go(f"/{page}")
        charts = manager.page.locator("[data-testid='stVegaLiteChart']")
        tables = manager.page.get_by_text(text("chart.as_table", "zh"), exact=True)
        assert charts.count() > 0
        assert tables.count() == charts.count()
        shown = manager.page.locator("[data-testid='stDataFrame']:visible")
        before = shown.count()
        manager.do(tables.first.click)
        shown.nth(before).wait_for(state="visible")


def _taken(tab: Tab, label: str) -> tuple[str, bytes]:
    """Name and content of a file that is taken from the page."""
    if not tab.page.get_by_text(text("export.about", "zh")).is_visible():
        tab.do(tab.page.get_by_role("button", name=text("export.title", "zh"), exact=True).click)
    with tab.page.expect_download() as taken:
        tab.page.get_by_role("button", name=label).first.click()
    assert taken.value.failure() is None
    return taken.value.suggested_filename, Path(taken.value.path()).read_bytes()


def test_the_loss_is_taken_along_as_workbook_picture_and_report(
    looking: Looking, manager: Tab
) -> None:
    before = last(looking)
    manager.go("/surplus")
    name, content = _taken(manager, text("export.excel", "zh"))
    assert name.startswith("surplus-2026")
    book = openpyxl.load_workbook(io.BytesIO(content))
    values = [one for sheet in book for row in sheet.iter_rows(values_only=True) for one in row]
    numbers = [float(one) for one in values if isinstance(one, int | float)]
    assert numbers.count(LOSS) >= 2
    assert any("2026-03-01" in str(one) for one in values), "its period"
    _, picture = _taken(
        manager, text("export.png", "zh", chart=text("chart.waterfall.title", "zh"))
    )
    with Image.open(io.BytesIO(picture)) as drawn:
        assert drawn.format == "PNG"
        assert drawn.width > 400
        # Not an empty sheet: ink of several colours.
        assert len(drawn.convert("P", palette=Image.Palette.ADAPTIVE).getcolors() or []) > 4
    name, report = _taken(manager, text("export.pdf", "zh"))
    assert name.endswith(".pdf")
    assert report.startswith(b"%PDF-")
    assert report.rstrip().endswith(b"%%EOF")
    for one in looking.seeded.secrets:
        assert one not in str(values)
        assert one.encode() not in report
    taken = [one for one in since(looking, before) if one[1] == "figures_exported"]
    assert taken == [("manager1", "figures_exported", "page:surplus")] * 3


def test_a_filter_without_any_case_says_so(manager: Tab) -> None:
    for page in _PAGES:
        manager.go(f"/{page}?since=2026-03-20&last=2026-03-25")
        assert text("filter.no_case", "zh") in manager.texts(), page


def test_a_small_window_and_the_dark_lose_nothing(looking: Looking) -> None:
    with looking.tab("manager1", Look(light="dark", width=800)) as tab:
        _to_the_losing_group(tab)
        assert tab.page.get_by_role("heading", name=GROUP).count() == 1
        tab.clean(looking.seeded)
