"""A browser that looks at the pages, and writes down all it was told, asked for and shown.

It is Debian's Chromium, driven by Playwright; where there is none the tests are skipped
(``tools/ensure_chromium.sh``). Names outside this machine are unknown to it.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from access_support import GOOD
from pages_served_support import PEOPLE, Seeded, Served, seed, served
from playwright.sync_api import Browser, BrowserContext, Locator, Page, WebSocket, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboards.frame.navigation import pages
from grouper.service.access.principal import rights

CHROMIUM = next(
    filter(
        None,
        map(
            shutil.which, ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
        ),
    ),
    None,
)
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
_LONGEST = 30.0
_APP = '[data-testid="stApp"]'
_DONE = (
    f'{_APP}[data-test-script-state="notRunning"][data-test-connection-state="CONNECTED"]'
    ":not(:has([data-testid='stSkeleton']))"
)
# Two frames: what the last message changed has been drawn.
_DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
_EARLY = ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN
# Streamlit's client does not know where its server's root is, and asks below the page first.
_UNKNOWN = "The page that you have requested does not seem to exist"
_PROBE = re.compile(r"/[^/]+/_stcore/(health|host-config)$")
# Every text of the page, also that of tables drawn on a canvas (its twin for screen readers);
# not the names of icons, which are letters of a font.
_TEXTS = """without => {
  const icons = '[data-testid*="Icon"], [role="img"], [translate="no"]';
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    const holder = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
    if (text && !holder.closest(`script, style, noscript, template, ${icons}${without}`))
      found.push(text);
  }
  return found;
}"""


class Tab:
    """One tab of one who looks.

    Attributes:
        page: of Playwright.
        origin: of the pages.
        wrong: errors of the console and of scripts.
        outside: addresses asked for that are not of the pages' server.
        addresses: all addresses asked for, sockets too, and those it stood at.
    """

    def __init__(self, page: Page, origin: str) -> None:
        self.page, self.origin = page, origin
        self.wrong: list[str] = []
        self.outside: list[str] = []
        self.addresses: list[str] = []
        self._running = False
        page.set_default_timeout(_LONGEST * 1000)
        page.on("console", lambda said: self._told(said.type, said.text))
        page.on("response", lambda answer: self._answered(answer.status, answer.url))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", self._opened)
        page.on("framenavigated", lambda frame: self.addresses.append(frame.url))

    def _told(self, kind: str, said: str) -> None:
        # What could not be loaded is known with its address from the answer.
        if kind == "error" and not said.startswith(("Failed to load resource", _UNKNOWN)):
            self.wrong.append(said)

    def _answered(self, status: int, address: str) -> None:
        if status >= 400 and not _PROBE.search(urlsplit(address).path):
            self.wrong.append(f"{status} {address}")

    def _asked(self, address: str) -> None:
        self.addresses.append(address)
        asked = urlsplit(address)
        remote = asked.scheme in {"http", "https", "ws", "wss"}
        if remote and asked.netloc != urlsplit(self.origin).netloc:
            self.outside.append(address)

    def _opened(self, socket: WebSocket) -> None:
        self._asked(socket.url)
        self._running = True
        socket.on("framesent", self._sent)
        socket.on("framereceived", self._received)

    def _sent(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes) and BackMsg.FromString(frame).HasField("rerun_script"):
            self._running = True

    def _received(self, frame: str | bytes) -> None:
        if not isinstance(frame, bytes):
            return
        message = ForwardMsg.FromString(frame)
        if message.WhichOneof("type") == "script_finished" and message.script_finished != _EARLY:
            self._running = False

    def settle(self) -> None:
        """Wait until the script has run for the last thing that was done, and all is drawn."""
        until = time.monotonic() + _LONGEST
        self.page.evaluate(_DRAWN)
        while True:
            # Playwright hands out what the socket said only while it is waited for.
            self.page.locator(_DONE).wait_for(state="attached")
            self.page.evaluate(_DRAWN)
            if not self._running and self.page.locator(_DONE).count():
                return
            assert time.monotonic() < until, f"{self.page.url} runs for ever"
            self.page.wait_for_timeout(10)

    def go(self, address: str) -> None:
        """Go to an address of the pages, by the browser's own line."""
        self._running = True
        self.page.goto(self.origin + address)
        self.settle()

    def do(self, what: Callable[[], object]) -> None:
        """Do something with the page, and wait for what becomes of it."""
        what()
        self.settle()

    def test_id(self, name: str) -> Locator:
        """Elements by Streamlit's own name for them."""
        return self.page.get_by_test_id(name)

    def sign_in(self, name: str, password: str = GOOD) -> None:
        """Fill in the form."""
        self.page.goto(f"{self.origin}/sign-in")
        self.page.locator("input[name=name]").fill(name)
        self.page.locator("input[name=password]").fill(password)
        self._running = True
        self.page.locator("button").click()
        self.settle()

    def menu(self) -> dict[str, str]:
        """Titles of the menu with their addresses."""
        links = self.test_id("stSidebarNavLink")
        return {
            one.inner_text().split("\n")[-1]: urlsplit(str(one.get_attribute("href"))).path
            for one in links.all()
        }

    def texts(self, without: Sequence[str] = ()) -> list[str]:
        """All texts of the page in their order, but those within some selectors."""
        found: list[str] = self.page.evaluate(_TEXTS, "".join(f", {one}" for one in without))
        return found

    def text(self) -> str:
        """All that the page says."""
        return "\n".join(self.texts())

    def clean(self, seeded: Seeded) -> None:
        """Nothing was wrong, asked for outside, or told who a patient is where it may not stand."""
        assert not self.wrong, self.wrong
        assert not self.outside, self.outside
        told = "\n".join([*self.addresses, self.page.url, self.page.title()])
        assert not [one for one in seeded.secrets if one in told]


@dataclass(frozen=True, slots=True)
class Look:
    """How one looks: in which language, light and width of the window."""

    lang: str = "zh"
    light: str = "light"
    width: int = 1280
    height: int = 900

    def __str__(self) -> str:
        return f"{self.lang}-{self.light}-{self.width}"


def opened(
    browser: Browser, origin: str, cookies: Mapping[str, str], look: Look
) -> tuple[BrowserContext, Tab]:
    """A tab of a browser of its own, at no address yet; whoever opened it closes its context."""
    context = browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme="dark" if look.light == "dark" else "light",
        locale="zh-CN" if look.lang == "zh" else "en-GB",
        timezone_id="Asia/Shanghai",
        reduced_motion="reduce",
    )
    context.add_cookies(
        [{"name": key, "value": value, "url": origin} for key, value in cookies.items()]
    )
    return context, Tab(context.new_page(), origin)


class Looking:
    """A browser and the pages it looks at.

    Args:
        browser: of Playwright.
        pages: the process that shows them.
    """

    def __init__(self, browser: Browser, pages: Served) -> None:
        self.browser, self.pages = browser, pages
        self.seeded = pages.seeded
        self._cookies: dict[str, dict[str, str]] = {}
        self._kept: dict[tuple[str, str], Tab] = {}

    def cookies(self, name: str) -> dict[str, str]:
        """The cookies of someone signed in, once for each."""
        if name not in self._cookies:
            self._cookies[name] = self.pages.cookies(name)
        return self._cookies[name]

    def _open(self, name: str, look: Look) -> tuple[BrowserContext, Tab]:
        cookies = self.cookies(name) if name else {}
        return opened(self.browser, self.pages.origin, cookies, look)

    @contextmanager
    def tab(self, name: str = "", look: Look | None = None) -> Iterator[Tab]:
        """A tab of a browser of its own; signed in if there is a name."""
        context, tab = self._open(name, look or Look())
        try:
            yield tab
        finally:
            context.close()

    def see(self, page: str, look: Look) -> Tab:
        """A page as one sees it who may, in a tab that is kept for the next page."""
        key = who_may(page), str(look)
        if key not in self._kept:
            self._kept[key] = self._open(key[0], look)[1]
        tab = self._kept[key]
        query = self.seeded.params(page)
        tab.go(f"/{page}{query}{'&' if query else '?'}lang={look.lang}")
        return tab


def who_may(page: str) -> str:
    """An account of ``PEOPLE`` in whose menu a page stands, else one that may open it by address."""
    row = next(one for one in pages() if one.page == page)
    may = [
        name
        for name, (role, _) in PEOPLE.items()
        if all(right in rights()[role] for right in row.rights)
    ]
    assert may, f"nobody may open {page}"
    at_home = [name for name in may if PEOPLE[name][0] in row.homes]
    return (at_home or may)[0]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser until the end of the block."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed; see tools/ensure_chromium.sh")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looking]:
    """Browser and pages for the tests of a module; nobody may change what is stored."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed; see tools/ensure_chromium.sh")
    with (
        served(seed(tmp_path_factory.mktemp("pages"))) as process,
        chromium() as browser,
    ):
        yield Looking(browser, process)
