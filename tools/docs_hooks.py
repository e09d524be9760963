"""Hooks of MkDocs: pages that lie outside ``docs/``, links between pages, nothing loaded from elsewhere.

``mkdocs.yml`` names this file; MkDocs calls the functions by their names.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
_SHOWN = re.compile(r"^<!-- shown here: (\S+) -->$", re.MULTILINE)
PAGES_OF = {"README.md": "start.md", "README.en.md": "start.md", "CHANGELOG.md": "changelog.md"}
"""Where links to files at the top of the sources lead in the site; the language is the reader's."""
_LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\(([^)\s]+)\)")
_PICTURE = re.compile(r"!\[([^\]\n]*)\]\(docs/([^)\s]+)\)")
_NAMED = re.compile(r"(?<![\[`/\w])`((?:docs/)?([A-Z][A-Z0-9_]*\.md))`(?![`\]])")
_FENCE = re.compile(r"^(```|~~~)")
_ELSEWHERE = re.compile(r"https://(?:unpkg\.com|api\.github\.com)/[^\"'`]*")
_TOO_MUCH = ("*.map", "wordcut.js", "tinyseg.js")
"""What no browser asks for: maps of scripts, and the segmenters of languages that the site has not."""
_ROLE = re.compile(r":(?:mod|class|func|meth|data|attr|exc|const):<code>~?([^<]+)</code>")


def borrowed(name: str) -> str:
    """A file at the top of the sources as a page of the site, with links as the site has them.

    Raises:
        OSError: the file is not there.
    """
    text = _PICTURE.sub(r"![\1](\2)", (ROOT / name).read_text("utf-8"))
    # The README switches the language by a link of its own; the site has its switch.
    text = re.sub(r"^\[(?:English|中文)\]\(README[.\w]*\)\n", "", text, flags=re.MULTILINE)
    return _LINK.sub(_led, text)


def _led(found: re.Match[str]) -> str:
    words, target = found.groups()
    path, _, anchor = target.partition("#")
    if path.startswith("docs/"):
        path = path.removeprefix("docs/")
    elif path in PAGES_OF:
        path = PAGES_OF[path]
    elif "://" not in target and path:
        # A file of the sources that is no page, such as the licence.
        return f"{words} (`{target}`)" if words != target else f"`{target}`"
    return f"[{words}]({path}{'#' if anchor else ''}{anchor})"


def linked(text: str, pages: frozenset[str], here: str) -> str:
    """Names of guides that stand as code (```SERVICE.md```) become links; code blocks stay.

    Args:
        text: Markdown.
        pages: names of the guides that there are.
        here: path of the page in the site.
    """
    up = "../" * here.count("/")
    lines, fence = [], ""
    for line in text.split("\n"):
        mark = _FENCE.match(line.lstrip())
        if mark and fence in {"", mark[1]}:
            fence = "" if fence else mark[1]
        elif not fence and not line.startswith("    "):
            line = _NAMED.sub(  # noqa: PLW2901 -- the line as it shall be
                lambda found: (
                    f"[`{found[1]}`]({up}{found[2]})"
                    if found[2] in pages and found[2] != here
                    else found[0]
                ),
                line,
            )
        lines.append(line)
    return "\n".join(lines)


def on_page_markdown(
    markdown: str,
    page: Page,
    config: MkDocsConfig,
    files: Files,
) -> str:
    """Put in the file that a page shows, and link the guides that a page names."""
    del files
    markdown = _SHOWN.sub(lambda found: borrowed(found[1]), markdown)
    pages = frozenset(one.name for one in Path(config.docs_dir).glob("*.md"))
    return linked(markdown, pages, page.file.src_uri)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Take the roles out of docstrings (```:class:`Case```` is written for Sphinx)."""
    del page, config, files
    return _ROLE.sub(r"<code>\1</code>", html)


def on_post_build(config: MkDocsConfig) -> None:
    """Take out of the theme's scripts what old browsers would load from elsewhere, and their maps."""
    site = Path(config.site_dir)
    for pattern in _TOO_MUCH:
        for path in site.rglob(pattern):
            path.unlink()
    for path in site.rglob("*.js"):
        words = path.read_text("utf-8")
        without = _ELSEWHERE.sub("", words)
        without = re.sub(r"\n//# sourceMappingURL=\S+\s*$", "\n", without)
        if without != words:
            path.write_text(without, "utf-8")
