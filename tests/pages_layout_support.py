"""What a person would see to be wrong with a page: too wide, one text over another, cut, not translated."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from playwright.sync_api import Page

import dashboards  # noqa: F401 -- makes its catalogue known
from codebooks.messages import catalogue
from codebooks.strict_csv import read_rows

_DATA = Path(__file__).with_name("data")
LATIN = _DATA / "latin_in_chinese.csv"
STREAMLIT = _DATA / "words_of_streamlit.csv"
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z]+")
_CHINESE = re.compile(r"[㐀-鿿]")

# What is seen of each line of text: cut to what its ancestors let through.
_LINES = """
const lines = () => {
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, holder = node.parentElement;
    if (!node.data.trim() || holder.closest('canvas, script, style, noscript, svg')) continue;
    if (!holder.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const one of range.getClientRects()) {
      let [left, top, right, bottom] = [one.left, one.top, one.right, one.bottom];
      for (let up = holder; up && up !== document.body; up = up.parentElement) {
        const style = getComputedStyle(up), box = up.getBoundingClientRect();
        if (style.position === 'fixed') break;
        if (style.overflowX !== 'visible') [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
        if (style.overflowY !== 'visible') [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
      }
      if (right - left > 2 && bottom - top > 2)
        found.push({ text: node.data.trim().slice(0, 60), node, holder, left, top, right, bottom });
    }
  }
  return found;
};
"""
# More than a few pixels: lines set close touch each other's boxes without touching each other's ink.
_OVERLAPS = (
    "() => {"
    + _LINES
    + """
  const all = lines(), found = [];
  all.forEach((a, at) => all.slice(at + 1).forEach(b => {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 3 && high > 0.4 * Math.min(a.bottom - a.top, b.bottom - b.top)) {
      const x = Math.max(a.left, b.left) + wide / 2, y = Math.max(a.top, b.top) + high / 2;
      // Where one is laid over the other on purpose (a header that stays, a sheet), one is hidden.
      if (a.node === b.node) return;
      const ground = one => { for (let up = one; up; up = up.parentElement)
        if (['fixed', 'sticky', 'absolute'].includes(getComputedStyle(up).position)) return up; return null; };
      if (ground(a.holder) === ground(b.holder)) found.push(`${a.text} | ${b.text} @ ${x | 0},${y | 0}`);
    }
  }));
  return found;
}"""
)
_OVERFLOWS = (
    "() => {"
    + _LINES
    + """
  const found = [], main = document.querySelector('[data-testid="stMain"]');
  for (const one of [document.scrollingElement, main])
    if (one && one.scrollWidth > one.clientWidth + 1) found.push(`${one.tagName} ${one.scrollWidth} > ${one.clientWidth}`);
  for (const one of lines())
    if (one.left < -1 || one.right > innerWidth + 1) found.push(`${one.text} @ ${one.left | 0}-${one.right | 0}`);
  return found;
}"""
)
_CUT = """() => {
  const wanted = ['h1', 'h2', 'h3', 'h4', 'th', '[data-testid="stMetricLabel"] *', '[data-testid="stMetricValue"] *',
    '[data-testid="stWidgetLabel"] *', '[role="tab"] *', 'button p', '[data-testid="stSidebarNavLink"] span',
    '[data-testid="stAlert"] p'];
  const found = new Set();
  for (const one of document.querySelectorAll(wanted.join(','))) {
    const style = getComputedStyle(one);
    if (!one.innerText?.trim() || one.closest('canvas') || !one.checkVisibility() || one.dataset.testid === 'stIconMaterial') continue;
    if (style.overflowX !== 'visible' && one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0)
      found.add(`${one.innerText.trim().slice(0, 60)}: ${one.scrollWidth} > ${one.clientWidth}`);
  }
  return [...found];
}"""


def overflows(page: Page) -> list[str]:
    """What is wider than the window: the page itself, or a line of text."""
    found: list[str] = page.evaluate(_OVERFLOWS)
    return found


def overlaps(page: Page) -> list[str]:
    """Lines of text that lie over each other."""
    found: list[str] = page.evaluate(_OVERLAPS)
    return found


def cut(page: Page) -> list[str]:
    """Headings, labels, figures, tabs and buttons of which a part is cut away."""
    found: list[str] = page.evaluate(_CUT)
    return found


@cache
def allowed() -> tuple[re.Pattern[str], ...]:
    """What may stand in Latin letters in a Chinese page, as patterns of a whole text's part."""
    return tuple(re.compile(row.cells["pattern"]) for row in read_rows(LATIN, ("pattern", "why")))


@cache
def not_ours() -> tuple[str, ...]:
    """Selectors of what Streamlit says itself, in English alone."""
    return tuple(row.cells["where"] for row in read_rows(STREAMLIT, ("where", "why")))


def english(texts: list[str]) -> list[str]:
    """Texts of a Chinese page that hold words in Latin letters which nothing allows."""
    found = []
    for one in texts:
        rest = one
        for pattern in allowed():
            rest = pattern.sub(" ", rest)
        if _LATIN_WORD.search(rest):
            found.append(one)
    return found


@cache
def _own() -> frozenset[str]:
    """Texts of the Chinese catalogue, where the English one says it otherwise."""
    other = catalogue("en")
    return frozenset(
        said
        for key, said in catalogue("zh").items()
        if _CHINESE.search(said) and other[key] != said and not key.endswith(".language_name")
    )


def chinese(texts: list[str]) -> list[str]:
    """Texts of an English page that are those of the Chinese catalogue; a record's own words may be."""
    return [one for one in texts if one in _own()]
