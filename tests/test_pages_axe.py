"""Every page is looked at by axe-core, in both languages, light and dark: nothing serious of ours."""

from __future__ import annotations

import pytest
from pages_axe_support import KNOWN, faults, known, whose
from pages_browser_support import Look, Looking, looking

from dashboards.frame.navigation import pages

pytestmark = pytest.mark.slow

__all__ = ["looking"]
PAGES = tuple(row.page for row in pages())
LOOKS = tuple(Look(lang, light) for lang in ("zh", "en") for light in ("light", "dark"))
MOST_KNOWN = 2
"""Rows of the list of what is Streamlit's own; fewer with each version, never more."""


def _ours(looking: Looking, page: str, look: Look) -> list[str]:
    tab = looking.see(page, look)
    return [str(one) for one in faults(tab.page) if whose(tab.page, one) is None]


def test_the_list_of_what_is_not_ours_only_shrinks() -> None:
    assert len(known()) <= MOST_KNOWN, KNOWN
    assert len(set(known())) == len(known())


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_serious_fault(looking: Looking, page: str) -> None:
    assert not _ours(looking, page, LOOKS[0])


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS[1:], ids=str)
@pytest.mark.parametrize("page", PAGES)
def test_nor_in_another_language_or_light(looking: Looking, page: str, look: Look) -> None:
    assert not _ours(looking, page, look)


@pytest.mark.parametrize("light", ["light", "dark"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_nor_has_the_form_of_signing_in(looking: Looking, lang: str, light: str) -> None:
    with looking.tab("", Look(lang, light)) as tab:
        tab.page.goto(f"{tab.origin}/sign-in?lang={lang}")
        assert not list(map(str, faults(tab.page)))


def test_axe_finds_what_is_wrong(looking: Looking) -> None:
    """The net has no hole: a button without a name and grey on grey are found, and are ours."""
    with looking.tab() as tab:
        tab.page.goto(f"{tab.origin}/sign-in")
        tab.page.evaluate(
            """() => document.querySelector('main').insertAdjacentHTML('beforeend',
            '<button id="nameless"></button><p id="pale" style="color:#ccc;background:#fff">pale words</p>')"""
        )
        found = list(faults(tab.page))
        assert {"button-name", "color-contrast"} <= {one.rule for one in found}
        assert all(whose(tab.page, one) is None for one in found)
