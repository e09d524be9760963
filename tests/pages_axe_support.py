"""axe-core asked of a page, and what it finds that is Streamlit's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from codebooks.strict_csv import read_rows

KNOWN = Path(__file__).with_name("data") / "axe_of_streamlit.csv"
GRAVE = ("serious", "critical")
_COLUMNS = ("rule", "where", "reason")
_OPTIONS = {"resultTypes": ["violations"]}
# Whether an element, or the one it lies in, is of a widget of Streamlit.
_LIES_IN = "([target, where]) => !!document.querySelector(target)?.closest(where)"


@dataclass(frozen=True, slots=True)
class Fault:
    """A finding of axe at one element: its rule, how grave, the selector, the element, what is wrong."""

    rule: str
    impact: str
    target: str
    html: str
    why: str

    def __str__(self) -> str:
        return f"{self.rule} ({self.impact}): {self.why}: {self.target}: {self.html[:300]}"


@cache
def known() -> tuple[tuple[str, str], ...]:
    """Rule and selector of the findings that are Streamlit's own; the list may only shrink."""
    return tuple((row.cells["rule"], row.cells["where"]) for row in read_rows(KNOWN, _COLUMNS))


def faults(page: Page) -> Iterator[Fault]:
    """Serious and critical findings at a page, as they are."""
    answer: dict[str, Any] = Axe().run(page, options=_OPTIONS).response
    for violation in answer["violations"]:
        if violation["impact"] in GRAVE:
            for node in violation["nodes"]:
                # Several parts: the element lies in a frame or a shadow; the last names it there.
                yield Fault(
                    violation["id"],
                    violation["impact"],
                    str(node["target"][-1]),
                    node["html"],
                    " ".join(node["failureSummary"].split()),
                )


def whose(page: Page, fault: Fault) -> tuple[str, str] | None:
    """The row of the list that a finding falls under; None: it is ours."""
    for rule, where in known():
        if rule == fault.rule and page.evaluate(_LIES_IN, [fault.target, where]):
            return rule, where
    return None
