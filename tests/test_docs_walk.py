"""The tutorials, walked step by step in a browser, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from docs_tutorial_support import NAMES, ROLES, parts, words
from pages_browser_support import Look, Looking, Tab, chromium
from pages_served_support import seed, served
from playwright.sync_api import Locator
from playwright.sync_api import TimeoutError as TooLong

pytestmark = pytest.mark.slow

LANGUAGES = ("zh", "en")
NOTE = "请核对原始记录 checked"


@pytest.fixture(scope="module", params=LANGUAGES)
def walked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Looking, str]]:
    """A store of its own for each language: the physician answers what the office asked."""
    folder = tmp_path_factory.mktemp("pages")
    with chromium() as browser, served(seed(folder)) as process:
        yield Looking(browser, process), request.param


@pytest.mark.parametrize("name", NAMES)
def test_a_tutorial_is_walked(walked: tuple[Looking, str], name: str) -> None:
    looking, lang = walked
    with looking.tab("", Look(lang=lang)) as tab:
        walk = Walk(looking, tab, lang)
        for part in parts(name, lang):
            for step in part.steps:
                walk.take(step, f"{name}, {part.title}: {' '.join(step)}")
        assert walk.taken > len(parts(name, lang)) / 2
        tab.clean(looking.seeded)


class Walk:
    """One who does what a tutorial says.

    Attributes:
        taken: how many steps.
    """

    def __init__(self, looking: Looking, tab: Tab, lang: str) -> None:
        self.taken = 0
        self._looking, self._tab, self._lang = looking, tab, lang
        cases = looking.seeded.cases
        self._places = {
            "case": cases["plain"],
            "running": cases["running"],
            "finding": str(looking.seeded.findings[0]),
        }

    def take(self, step: tuple[str, ...], where: str) -> None:
        """Take one step; ``where`` says which one failed."""
        verb, *rest = step
        try:
            getattr(self, "_" + verb.replace("-", "_"))(*rest)
        except TooLong as late:
            pytest.fail(f"{where}: {late}")
        except AssertionError as wrong:
            pytest.fail(f"{where}: {wrong}")
        self.taken += 1

    def _words(self, key: str) -> str:
        return words(key, self._lang)

    def _sign_in(self, role: str) -> None:
        tab = self._tab
        tab.sign_in(ROLES[role])
        wanted = self._words("page.sign_out")
        if wanted not in tab.text():
            other = self._words("page.language_name")
            tab.do(tab.page.get_by_text(other, exact=True).click)

    def _open(self, page: str) -> None:
        title = self._words(f"page_title.{page}")
        link = self._tab.test_id("stSidebarNavLink").filter(has_text=re.compile(f"{title}$"))
        self._tab.do(link.first.click)

    def _at(self, address: str) -> None:
        joint = "&" if "?" in address else "?"
        self._tab.go(f"{address.format(**self._places)}{joint}lang={self._lang}")

    def _see(self, *keys: str) -> None:
        for key in keys:
            self._found(self._words(key))

    def _found(self, *said: str) -> None:
        wanted = " ".join(said)
        assert wanted in _plain(self._tab.text()), f"{wanted} is not shown"

    def _press(self, key: str) -> None:
        self._tab.do(self._what(self._words(key)).click)

    def _what(self, wanted: str) -> Locator:
        """What is pressed: a pill or a part of a page first, then links and buttons, then any text."""
        page, group = self._tab.page, self._tab.test_id("stButtonGroup")
        ways = (
            group.get_by_text(wanted, exact=True),
            group.get_by_text(re.compile(f"^{re.escape(wanted)}")),
            page.get_by_role("link", name=wanted, exact=True),
            page.get_by_role("button", name=wanted),
            page.get_by_text(wanted, exact=True),
        )
        found = next((one for one in ways if one.count()), None)
        assert found is not None, f"there is no {wanted} to press"
        return found.first

    def _fill(self, key: str, *said: str) -> None:
        box = self._tab.page.get_by_label(self._words(key), exact=True)
        box.fill(" ".join(said))
        self._tab.do(lambda: box.press("Enter"))

    def _choose(self, key: str, what: str) -> None:
        wanted = self._words(what) if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", what) else what
        page = self._tab.page
        box = page.get_by_role("combobox", name=self._words(key)).last
        option = page.get_by_role("option").filter(has_text=wanted).first
        box.scroll_into_view_if_needed()
        for _ in range(20):
            box.click()
            try:
                option.wait_for(state="visible", timeout=1000)
                break
            except TooLong:
                continue
        self._tab.do(option.click)
        if page.get_by_role("option").count():
            page.keyboard.press("Escape")

    def _review(self, action: str) -> None:
        name = self._words(f"review.action.{action}")
        self._tab.do(self._tab.test_id("stButtonGroup").get_by_text(name, exact=True).first.click)
        self._tab.page.locator("textarea:visible").first.fill(NOTE)
        button = self._words("finding_step.button").format(action=name)
        self._tab.do(self._tab.page.get_by_role("button", name=button).click)
        self._at("/finding?id={finding}")


def _plain(said: str) -> str:
    """Texts of a page; Markdown's marks have gone there."""
    return said.replace("\xa0", " ")
