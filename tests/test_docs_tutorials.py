"""The tutorials quote the pages as they are, and are the same in both languages."""

from __future__ import annotations

import re

import pytest
from docs_support import DOCS
from docs_tutorial_support import NAMES, ROLES, parts, path_of, words
from pages_served_support import PEOPLE

from codebooks.messages import catalogue
from dashboards.frame.navigation import pages
from grouper.demo.serve_store import PEOPLE as SHOWN

_BOTH = [(name, lang) for name in NAMES for lang in ("zh", "en")]
_VERBS = {"sign-in", "open", "at", "see", "found", "press", "choose", "fill", "review"}


@pytest.mark.parametrize(("name", "lang"), _BOTH)
def test_every_quoted_word_is_one_of_the_pages(name: str, lang: str) -> None:
    for part in parts(name, lang):
        meant = {words(key, lang) for key in part.named()}
        assert part.quoted <= meant, (part.title, part.quoted - meant)
        # What is looked for stands in the text too, so that a reader sees what the test sees.
        assert meant <= part.quoted, (part.title, meant - part.quoted)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_take_the_same_steps(name: str) -> None:
    chinese, english = parts(name, "zh"), parts(name, "en")
    assert [one.steps for one in chinese] == [one.steps for one in english]
    assert any(one.steps for one in chinese)
    pictures = [
        re.findall(r"\]\((\.\./pictures/\S+)\)", path_of(name, lang).read_text("utf-8"))
        for lang in ("zh", "en")
    ]
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("name", NAMES)
def test_steps_name_what_there_is(name: str) -> None:
    homes = {row.page for row in pages()}
    for part in parts(name, "zh"):
        for verb, *rest in part.steps:
            assert verb in _VERBS
            if verb == "open":
                assert rest[0] in homes
            elif verb == "at":
                assert rest[0].lstrip("/").partition("?")[0] in homes
            elif verb == "sign-in":
                role = PEOPLE[ROLES[rest[0]]][0]
                assert (rest[0], role) in {(one, its) for one, its, _ in SHOWN}
                assert f"`{rest[0]}`" in path_of(name, "zh").read_text("utf-8")
                assert f"`{rest[0]}`" in path_of(name, "en").read_text("utf-8")
        assert set(part.named()) <= catalogue("zh").keys()


def test_english_pages_hold_no_chinese() -> None:
    found = [*(path_of(name, "en") for name in NAMES), DOCS / "index.en.md"]
    for path in found:
        said = re.sub(r"<!--.*?-->", "", path.read_text("utf-8"), flags=re.DOTALL)
        assert not re.findall(r"[\u4e00-\u9fff]+", said), path.name
