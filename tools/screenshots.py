"""Make the pictures of the pages that the README shows, from the demonstration that `make serve` set up.

    python tools/screenshots.py PASSWORDS [--base http://127.0.0.1:8791]

PASSWORDS is a file with a line ``account password`` each, as `make serve` printed them; the
demonstration has to run. Needs Playwright and Debian's Chromium.
"""

from __future__ import annotations

import argparse
import io
import shutil
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

OUT = Path(__file__).resolve().parents[1] / "docs" / "pictures"


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture.

    Attributes:
        account: who looks.
        name: of the file, and of the page.
        light: ``light`` or ``dark``.
        way: pages that lead there, each with the start of the first link in it that is followed.
        high: pixels.
    """

    account: str
    name: str
    light: str = "light"
    way: tuple[tuple[str, str], ...] = ()
    high: int = 860


SHOTS = (
    Shot("office", "queue"),
    Shot("office", "case", way=(("cases", "/case?"),), high=1000),
    Shot("physician", "discharge", way=(("my_cases", "/discharge?"),), high=1000),
    Shot("manager", "overview", high=1000),
    Shot("manager", "surplus", "dark"),
    Shot("office", "month", high=1000),
    Shot("office", "compare"),
)
_DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]:not(:has([data-testid="stSkeleton"]))'
_LINKS = """start => {
  const links = [...document.querySelectorAll('a[href]')].map(one => one.getAttribute('href'));
  const drawn = [...document.querySelectorAll('[role=gridcell]')].map(one => one.textContent);
  return [...links, ...drawn].map(one => one.slice(Math.max(one.indexOf(start), 0)))
    .find(one => one.startsWith(start));
}"""
_WIDE = 1280
_MOST = 200 * 1024
_COLOURS = 256
"""So many colours are enough for what is drawn, and make a picture small."""
_DRAWN = 1500
"""Milliseconds in which charts are drawn after the script has ended."""


def shoot(browser: Browser, base: str, shot: Shot, word: str) -> Path:
    """Take one picture."""
    context = browser.new_context(
        viewport={"width": _WIDE, "height": shot.high},
        color_scheme="dark" if shot.light == "dark" else "light",
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
    )
    tab = context.new_page()
    tab.goto(f"{base}/sign-in")
    tab.fill("input[name=name]", shot.account)
    tab.fill("input[name=password]", word)
    tab.click("button")
    tab.wait_for_url(lambda url: "/sign-in" not in url)
    for page, start in shot.way:
        _go(tab, f"{base}/{page}")
        _go(tab, _link(tab, base, start))
    if not shot.way:
        _go(tab, f"{base}/{shot.name}")
    taken = tab.screenshot()
    context.close()
    path = OUT / f"{shot.name}.png"
    # Photographs need all colours, pages do not.
    with Image.open(io.BytesIO(taken)) as drawn:
        drawn.convert("RGB").quantize(_COLOURS).save(path, optimize=True)
    return path


def _go(tab: Page, address: str) -> None:
    tab.goto(address)
    tab.wait_for_selector(_DONE, state="attached", timeout=60_000)
    tab.wait_for_timeout(_DRAWN)


def _link(tab: Page, base: str, start: str) -> str:
    """The first address on a page that begins so: of a link, or of a table that is drawn."""
    found = tab.evaluate(_LINKS, start)
    if not found:
        raise SystemExit(f"{tab.url} leads nowhere that begins with {start}")
    return base + str(found)


def main() -> None:
    """Take all pictures; one that is too large is an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("passwords", type=Path)
    parser.add_argument("--base", default="http://127.0.0.1:8791")
    asked = parser.parse_args()
    lines = (line.split() for line in asked.passwords.read_text("utf-8").splitlines())
    words = {line[0]: line[1] for line in lines if len(line) > 1}
    OUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        for shot in SHOTS:
            path = shoot(browser, asked.base, shot, words[shot.account])
            size = path.stat().st_size
            print(path.name, size)
            if size > _MOST:
                raise SystemExit(f"{path.name} is too large")
        browser.close()


if __name__ == "__main__":
    main()
