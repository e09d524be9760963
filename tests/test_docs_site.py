"""The documentation as a site: it builds without a warning, is whole, and loads nothing from elsewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docs_hooks
import pytest
import yaml
from docs_support import DOCS, ROOT
from pages_browser_support import Look, opened
from pages_browser_support import chromium as browser_of
from playwright.sync_api import Browser, Page

CONFIG = ROOT / "mkdocs.yml"
# What a page or a style fetches by itself; links that a reader follows are no loads.
_LOADS = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=["']?(?P<tag>(?:https?:)?//[^"'\s>]+)"""
    r"""|<link\b[^>]*rel=["']?(?:stylesheet|preconnect|preload|icon|prefetch)[^>]*href=["']?(?P<link>(?:https?:)?//[^"'\s>]+)"""
    r"""|url\(["']?(?P<style>(?:https?:)?//[^"')]+)|@import\s+["'](?P<import>(?:https?:)?//[^"']+)""",
    re.IGNORECASE,
)
# A text of a script that begins with an address; notices stand in comments.
_SCRIPTED = re.compile(r"""["'`](?:https?:)?//[\w.-]+\.[a-z]+[^"'`\s]*""")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_LONGEST = 900


class _Loader(yaml.SafeLoader):
    """Reads MkDocs' file, tags of Python as text."""


def _nav() -> list[str]:
    def names(part: Any) -> Iterator[str]:
        if isinstance(part, str):
            yield part
        elif isinstance(part, list):
            for one in part:
                yield from names(one)
        else:
            for one in part.values():
                yield from names(one)

    return list(names(yaml.load(CONFIG.read_text("utf-8"), _Loader)["nav"]))  # noqa: S506 -- safe


def test_every_guide_stands_in_the_navigation_once() -> None:
    nav = _nav()
    there = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert sorted(nav) == sorted(one for one in there if not one.endswith(".en.md"))


def test_every_title_is_translated() -> None:
    config = yaml.load(CONFIG.read_text("utf-8"), _Loader)  # noqa: S506 -- safe
    i18n = next(one["i18n"] for one in config["plugins"] if "i18n" in one)
    words = i18n["languages"][1]["nav_translations"]

    def titles(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            for title, below in part.items():
                yield title
                yield from titles(below)
        elif isinstance(part, list):
            for one in part:
                yield from titles(one)

    chinese = {one for one in titles(config["nav"]) if re.search("[\u4e00-\u9fff]", one)}
    assert chinese == set(words)
    assert not any(re.search("[\u4e00-\u9fff]", one) for one in words.values())


def test_the_start_page_of_both_languages_leads_to_the_same() -> None:
    links = [
        re.findall(r"\]\(([^)]+)\)", (DOCS / name).read_text("utf-8"))
        for name in ("index.md", "index.en.md")
    ]
    assert sorted(links[0]) == sorted(links[1])


@pytest.mark.parametrize("name", ["README.md", "README.en.md", "CHANGELOG.md"])
def test_a_file_of_the_top_is_shown_with_links_of_the_site(name: str) -> None:
    said = docs_hooks.borrowed(name)
    assert "](docs/" not in said
    assert "](README" not in said
    assert "](LICENSE)" not in said
    assert said.startswith("# ")


def test_roles_of_docstrings_are_taken_out() -> None:
    said = "see :class:<code>~grouper.Case</code> and :mod:<code>x</code>"
    nothing: Any = None
    done = docs_hooks.on_page_content(said, nothing, nothing, nothing)
    assert done == "see <code>grouper.Case</code> and <code>x</code>"


def test_names_of_guides_become_links_but_not_in_code() -> None:
    pages = frozenset({"CASE.md", "DIP.md"})
    said = (
        "see `CASE.md`, [x](DIP.md), `docs/DIP.md`, `OTHER.md`\n```\n`CASE.md`\n```\n    `CASE.md`"
    )
    assert docs_hooks.linked(said, pages, "api/x.md") == (
        "see [`CASE.md`](../CASE.md), [x](DIP.md), [`docs/DIP.md`](../DIP.md), `OTHER.md`\n"
        "```\n`CASE.md`\n```\n    `CASE.md`"
    )
    assert docs_hooks.linked("`CASE.md`", pages, "CASE.md") == "`CASE.md`"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it, in a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


@pytest.mark.slow
def test_both_languages_are_whole(site: Path) -> None:
    for name in _nav():
        page = name.removesuffix(".md") + ".html"
        for path in (site / page, site / "en" / page):
            assert path.stat().st_size > 2000, path
    reference = (site / "api" / "payment.html").read_text("utf-8")
    assert 'id="grouper.payment.engine.price"' in reference
    assert 'lang="en"' in (site / "en" / "index.html").read_text("utf-8")
    assert 'lang="zh"' in (site / "index.html").read_text("utf-8")


@pytest.mark.slow
def test_nothing_of_the_site_names_another_place_to_load_from(site: Path) -> None:
    found: list[str] = []
    files = [path for path in site.rglob("*") if path.suffix in {".html", ".css", ".js", ".svg"}]
    assert len(files) > 100
    for path in files:
        said = path.read_text("utf-8")
        if path.suffix == ".js":
            said = _COMMENT.sub("", said)
            found += [f"{path.name}: {one}" for one in _SCRIPTED.findall(said)]
        else:
            found += [f"{path.name}: {one.group(0)}" for one in _LOADS.finditer(said)]
    assert found == []
    assert not list(site.rglob("*.map"))


@pytest.mark.slow
def test_chinese_is_cut_into_words_for_the_search(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    told = [one["title"] + one["text"] for one in index["docs"]]
    # Jieba puts a mark of no width between words.
    assert any("\u200b" in one for one in told)
    assert set(index["config"]["lang"]) >= {"zh", "en"}


@pytest.fixture(scope="module")
def looked(site: Path) -> Iterator[tuple[Browser, str]]:
    """A browser and the site behind a plain server of files."""
    with (
        subprocess.Popen(
            [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
            cwd=site,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as server,
        browser_of() as browser,
    ):
        assert server.stdout is not None
        said = server.stdout.readline()
        port = re.search(r"port (\d+)", said)
        assert port is not None, said
        yield browser, f"http://127.0.0.1:{port[1]}"
        server.terminate()


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_browser_asks_nobody_else_and_finds_by_the_search(
    looked: tuple[Browser, str], lang: str
) -> None:
    browser, origin = looked
    below = "/en" if lang == "en" else ""
    context, tab = opened(browser, origin, {}, Look(lang=lang))
    for name in ("index", "tutorials/office", "start", "SERVICE", "api/payment"):
        tab.page.goto(f"{origin}{below}/{name}.html")
        broken = "[...document.images].filter(one => !one.naturalWidth).map(one => one.src)"
        tab.page.wait_for_load_state("networkidle")
        assert tab.page.evaluate(broken) == []
    tab.page.goto(f"{origin}{below}/index.html")
    _search(tab.page, "待办" if lang == "zh" else "ten minutes", below)
    assert tab.outside == []
    # The theme looks for lists of pages beside the other language's.
    assert [one for one in tab.wrong if not one.endswith("/sitemap.xml")] == []
    context.close()


def _search(page: Page, words: str, below: str) -> None:
    box = page.locator("input.md-search__input")
    box.click()
    # The theme hears keys alone.
    box.press_sequentially(words)
    hits = page.locator(".md-search-result__link")
    hits.first.wait_for(state="visible")
    # A guide that is in English alone is found once, in the part of the first language.
    assert any(f"{below}/tutorials/" in str(one.get_attribute("href")) for one in hits.all())


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 800])
def test_no_page_is_wider_than_its_window(looked: tuple[Browser, str], width: int) -> None:
    browser, origin = looked
    context, tab = opened(browser, origin, {}, Look(width=width))
    for name in ("index", "tutorials/physician", "SECURITY", "api/payment", "changelog"):
        tab.page.goto(f"{origin}/{name}.html")
        wide = tab.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, name
    context.close()
