"""Make the pictures of the pages that the README shows, from the demonstration that `make serve` set up.

    python tools/screenshots.py PASSWORDS [--base http://127.0.0.1:8791]

PASSWORDS is a file with a line ``account password`` each, as `make serve` printed them; the
demonstration has to run. Needs Playwright and Debian's Chromium.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

OUT = Path(__file__).resolve().parents[1] / "docs" / "pictures"
SHOTS = (
    ("office", "queue", "light"),
    ("manager", "overview", "light"),
    ("manager", "surplus", "dark"),
    ("physician", "my_cases", "light"),
)
"""Account, page, and the light it is shown in."""
_DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]:not(:has([data-testid="stSkeleton"]))'
_SIZE = {"width": 1280, "height": 860}
_MOST = 200 * 1024
_DRAWN = 1500
"""Milliseconds in which charts are drawn after the script has ended."""


def shoot(browser: Browser, base: str, shot: tuple[str, str, str], word: str) -> Path:
    """Take one picture."""
    account, page, light = shot
    context = browser.new_context(
        viewport=_SIZE,  # type: ignore[arg-type]
        color_scheme="dark" if light == "dark" else "light",
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
    )
    tab = context.new_page()
    tab.goto(f"{base}/sign-in")
    tab.fill("input[name=name]", account)
    tab.fill("input[name=password]", word)
    tab.click("button")
    tab.goto(f"{base}/{page}")
    tab.wait_for_selector(_DONE, state="attached", timeout=60_000)
    tab.wait_for_timeout(_DRAWN)
    path = OUT / f"{page}.png"
    tab.screenshot(path=str(path))
    context.close()
    return path


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
            path = shoot(browser, asked.base, shot, words[shot[0]])
            size = path.stat().st_size
            print(path.name, size)
            if size > _MOST:
                raise SystemExit(f"{path.name} is too large")
        browser.close()


if __name__ == "__main__":
    main()
