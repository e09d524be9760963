"""Measure the pages over many cases: start, pages, filters, cases behind a figure, many at once, memory.

Usage: python benchmarks/pages.py [--cases 1000000] [--users 30] [--seconds 60] [--stays 3000]

The process is that of ``grouper serve``; the mart and the store are invented and thrown away. One
looks through a socket as Streamlit's client does (what the server takes), one in Chromium (until all
is drawn); then many at once, each on a socket of the own, with one to five seconds between an answer
and the next look. Nothing is asked of a time; where a machine is shared, figures of different runs
are not comparable: see the ratio to what is wanted.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import report
from pages_browser_support import CHROMIUM, Look, Tab, chromium, opened
from pages_crowd import Person, Told, crowd
from pages_load_support import asking, quantile
from pages_stage import Pages, Stage, pages, staged

from codebooks.messages import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

COLD, WARM, FILTER, RUSH, MEMORY = 5.0, 1.0, 0.5, 2.0, 1.5 * 1024
"""What is wanted: seconds at most, and MiB."""
MANAGER = ("overview", "surplus", "casemix", "control", "budget")
OFFICE = ("queue", "cases", "findings", "rules", "fund")
ROUNDS = 5
_SEED = 8
_CHARTS = "[data-testid='stVegaLiteChart'] :is(canvas, svg)"


def row(what: str, seconds: list[float], wanted: float | None) -> None:
    """Print how long something takes, and what part of the wanted time that is."""
    worst = max(seconds)
    ratio = "" if wanted is None else f"{worst / wanted:6.2f} of {wanted:g} s"
    print(f"{what:46} {statistics.median(seconds):7.2f} s {worst:7.2f} s   {ratio}", flush=True)


def cold(stage: Stage, cookies: dict[str, str]) -> None:
    """From the start of a process to its first page, told on a socket."""
    with pages(stage) as made:
        answering = made.until_answers()
        with asking(made.origin, cookies) as asker:
            answer = asker.look("overview")
        row("cold: process answers", [answering], None)
        row("cold: first page, page alone", [answer.seconds], None)
        whole = time.perf_counter() - made.begun
        report.told("pages.cold", whole, "s")
        row("cold: start to first page", [whole], COLD)


def through_a_socket(made: Pages, stage: Stage, cookies: dict[str, dict[str, str]]) -> None:
    """Each page, filters, and cases behind a figure, one who looks."""
    drawn = random.Random(_SEED)  # noqa: S311 -- no secret
    for name, of in (("manager", MANAGER), ("office", OFFICE)):
        told = Told()
        for page in of:
            with asking(made.origin, cookies[name]) as asker:
                person = Person(asker, stage, name, drawn, told)
                for _ in range(ROUNDS):
                    person.look(page)
                if page in MANAGER[:4]:
                    for _ in range(ROUNDS):
                        person.filter(page)
                if page in MANAGER[:2]:
                    person.drill(page)
        if name == "office":
            _one_object(made, stage, cookies, told)
        print_told(told)


def _one_object(made: Pages, stage: Stage, cookies: dict[str, dict[str, str]], told: Told) -> None:
    drawn = random.Random(_SEED)  # noqa: S311 -- no secret
    with asking(made.origin, cookies["office"]) as asker:
        person = Person(asker, stage, "office", drawn, told)
        for case in stage.ended[:ROUNDS]:
            person.look("case", f"case_id={case}")
        for number in stage.findings[:ROUNDS]:
            person.look("finding", f"id={number}")
    with asking(made.origin, cookies["doctor"]) as asker:
        person = Person(asker, stage, "doctor", drawn, told)
        for case in stage.running[:ROUNDS]:
            person.look("my_cases")
            person.look("discharge", f"case_id={case}")


def print_told(told: Told, wanted: float | None = None) -> None:
    """A row for each thing done."""
    for what, seconds in told.seconds.items():
        of = wanted or (FILTER if "filter" in what else WARM)
        row(f"  {what} ({max(told.sizes[what]) / 1024:.0f} KiB)", seconds, of)
    for one in sorted(set(told.wrong)):
        print("  WRONG", one)


def in_a_browser(made: Pages, cookies: dict[str, str], browser: Browser) -> None:
    """From the start of the process to the first page drawn; then pages, filters and cases."""
    context, tab = opened(browser, made.origin, cookies, Look())
    made.until_answers()
    tab.go("/overview")
    _drawn(tab)
    row("Chromium: start to first page drawn", [time.perf_counter() - made.begun], COLD)
    row("Chromium: whole page anew", _times(ROUNDS, lambda: _go(tab, "/overview")), WARM)
    for page in MANAGER:
        link = f"a[data-testid='stSidebarNavLink'][href$='/{page}']"
        if not tab.page.locator(link).count():
            link = "a[data-testid='stSidebarNavLink'] >> nth=0"
        row(f"Chromium: {page} by the menu", [_timed(lambda link=link: _click(tab, link))], WARM)
    _go(tab, "/overview")
    filters = _times(ROUNDS, lambda: _filter(tab))
    report.told("pages.filter_drawn", statistics.median(filters), "s")
    row("Chromium: filter", filters, FILTER)
    print(f"  requests to elsewhere: {len(tab.outside)}; errors in the browser: {len(tab.wrong)}")
    for one in [*tab.outside, *tab.wrong]:
        print("  WRONG", one[:200])
    context.close()


def _go(tab: Tab, address: str) -> None:
    tab.go(address)
    _drawn(tab)


def _click(tab: Tab, link: str) -> None:
    tab.do(tab.page.locator(link).first.click)
    _drawn(tab)


def _filter(tab: Tab) -> None:
    """Choose one department more."""
    box = tab.page.get_by_label(text("filter.department", "zh")).first
    box.click()
    tab.do(lambda: box.press("Enter"))
    box.press("Escape")
    _drawn(tab)


def _drawn(tab: Tab) -> None:
    if tab.page.locator("[data-testid='stVegaLiteChart']").count():
        tab.page.locator(_CHARTS).first.wait_for(state="visible")


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _times(many: int, work: Callable[[], object]) -> list[float]:
    return [_timed(work) for _ in range(many)]


def rush(made: Pages, stage: Stage, users: int, seconds: float) -> None:
    """Many at once."""
    before, begun = made.cpu(), time.perf_counter()
    told = crowd(made, stage, users, seconds, _SEED)
    spent, took = made.cpu() - before, time.perf_counter() - begun
    print_told(told, RUSH)
    every = [one for kind in told.seconds.values() for one in kind]
    report.told("pages.rush_p95", quantile(every, 0.95), "s")
    report.told("pages.processor_of_a_look", spent / len(every) * 1000, "ms")
    print(
        f"{users} at once for {seconds:.0f} s: {len(every)} looks, {len(told.wrong)} errors; "
        f"p50 {quantile(every, 0.5):.2f} s, p95 {quantile(every, 0.95):.2f} s "
        f"({quantile(every, 0.95) / RUSH:.2f} of {RUSH:g} s), most {max(every):.2f} s; "
        f"processor {spent / len(every) * 1000:.0f} ms a look, {spent / took:.2f} of one"
    )


@contextmanager
def _browser() -> Iterator[Browser | None]:
    if CHROMIUM is None:
        print("no Chromium: what is drawn is not measured")
        yield None
        return
    with chromium() as browser:
        yield browser


def main() -> None:
    """Make what is shown, then measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--stays", type=int, default=3_000)
    parser.add_argument("--keep", type=Path, help="a folder that is made once and used again")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stage = staged(asked.keep or Path(folder), asked.cases, asked.stays)
        measure(stage, asked.users, asked.seconds)


def measure(stage: Stage, users: int, seconds: float) -> None:
    """All of it."""
    with pages(stage) as made:
        made.until_answers()
        cookies = {name: made.cookies(name) for name in ("manager", "office", "doctor")}
    print(f"{'':46} {'median':>9} {'worst':>9}   worst to wanted")
    cold(stage, cookies["manager"])
    with _browser() as browser, pages(stage) as made:
        if browser is not None:
            in_a_browser(made, cookies["manager"], browser)
        made.until_answers()
        through_a_socket(made, stage, cookies)
        print(f"memory after one: {made.memory()[0]:.0f} MiB")
        rush(made, stage, users, seconds)
        now, most = made.memory()
        report.told("pages.peak", most, "MiB")
        print(
            f"memory after all: {now:.0f} MiB, most {most:.0f} MiB ({most / MEMORY:.2f} of {MEMORY:.0f})"
        )


if __name__ == "__main__":
    main()
