"""Every page at two widths: nothing too wide, nothing over another, nothing cut, all translated."""

from __future__ import annotations

import pytest
from pages_browser_support import Look, Looking, looking
from pages_layout_support import chinese, cut, english, not_ours, overflows, overlaps

from codebooks.messages import text
from dashboards.frame.navigation import pages

pytestmark = pytest.mark.slow

__all__ = ["looking"]
PAGES = tuple(row.page for row in pages())
WIDTHS = (1280, 800)


def _wrong(looking: Looking, page: str, look: Look) -> dict[str, list[str]]:
    """All that is wrong with a page, by what it is."""
    tab = looking.see(page, look)
    texts = tab.texts()
    found = {
        "overflows": overflows(tab.page),
        "overlaps": overlaps(tab.page),
        "cut": cut(tab.page),
        "not translated": english(tab.texts(not_ours())) if look.lang == "zh" else chinese(texts),
        "faults": [one for one in texts if _fault(one, look.lang)],
        "persons": [one for one in looking.seeded.names if one in "\n".join(texts)],
    }
    tab.clean(looking.seeded)
    return {what: how for what, how in found.items() if how}


def _fault(said: str, lang: str) -> bool:
    """Whether a page says that it met a fault of the program."""
    return said.startswith(text("page.fault", lang, number="|").split("|")[0])


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_laid_out_well(looking: Looking, page: str) -> None:
    assert not _wrong(looking, page, Look())


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_laid_out_well_in_a_small_window(looking: Looking, page: str) -> None:
    assert not _wrong(looking, page, Look(width=800))


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("page", PAGES)
def test_and_in_english(looking: Looking, page: str, width: int) -> None:
    assert not _wrong(looking, page, Look("en", width=width))


def test_the_nets_have_no_holes(looking: Looking) -> None:
    with looking.tab() as tab:
        tab.page.goto(f"{tab.origin}/sign-in")
        assert not overflows(tab.page)
        assert not overlaps(tab.page)
        assert not cut(tab.page)
        tab.page.evaluate(
            """() => document.body.insertAdjacentHTML('beforeend', `
            <div style="width:3000px">a wide one</div>
            <div style="position:relative"><p style="margin:0">one below</p><p style="margin:-1.2em 0 0">one above</p></div>
            <h2 style="width:3em;overflow:hidden;white-space:nowrap">a heading that is cut</h2>`)"""
        )
        assert overflows(tab.page)
        assert any("one below | one above" in one for one in overlaps(tab.page))
        assert any(one.startswith("a heading") for one in cut(tab.page))
    assert english(["今日 to do", "分组 FR11"]) == ["今日 to do"]
    assert chinese(["退出登录", "Sign out", "心内科"]) == ["退出登录"]
