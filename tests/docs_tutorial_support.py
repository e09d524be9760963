"""The tutorials as a machine reads them: parts, the words they quote, and the steps to take.

A part of a tutorial may hold a comment ``<!-- walk … -->`` with one step a line:

- ``sign-in ROLE``; ``open PAGE`` by the menu; ``at ADDRESS`` with ``{case}``, ``{running}``, ``{finding}``
- ``see KEY …``: texts of the catalogue that the page shows; ``found WORDS``: shown as they stand
- ``press KEY``; ``choose KEY WHAT`` from a list; ``fill KEY WORDS`` and Enter
- ``review ACTION``: take a step of a finding, with a note
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from docs_support import DOCS

from codebooks.messages import catalogue

TUTORIALS = DOCS / "tutorials"
NAMES = ("office", "physician", "manager", "admin")
ROLES = {"office": "office1", "physician": "doctor1", "manager": "manager1", "admin": "admin1"}
"""Who plays each role in the store of the tests."""
_PART = re.compile(r"^## (.+)$", re.MULTILINE)
_WALK = re.compile(r"<!-- walk\n(.*?)\n-->", re.DOTALL)
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_KEYED = {"see", "press", "choose", "fill"}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a tutorial.

    Attributes:
        title: its heading.
        steps: what to do, word by word.
        quoted: what the text says that a page shows.
    """

    title: str
    steps: tuple[tuple[str, ...], ...]
    quoted: frozenset[str]

    def named(self) -> tuple[str, ...]:
        """The keys of the catalogue that its steps name, titles of pages too."""
        found: list[str] = []
        for verb, *words in self.steps:
            if verb in _KEYED:
                found += [one for one in words if re.fullmatch(r"[a-z_]+(\.\w+)+", one)]
            elif verb == "open":
                found.append(f"page_title.{words[0]}")
            elif verb == "review":
                found.append(f"review.action.{words[0]}")
        return tuple(found)


def path_of(name: str, lang: str) -> Path:
    """The file of a tutorial."""
    return TUTORIALS / (f"{name}.md" if lang == "zh" else f"{name}.{lang}.md")


def parts(name: str, lang: str) -> tuple[Part, ...]:
    """The parts of a tutorial, in their order."""
    said = path_of(name, lang).read_text("utf-8")
    cut = _PART.split(said)[1:]
    return tuple(_part(cut[at], cut[at + 1]) for at in range(0, len(cut), 2))


def _part(title: str, body: str) -> Part:
    lines = [line for found in _WALK.findall(body) for line in found.split("\n")]
    steps = tuple(tuple(line.split()) for line in lines)
    return Part(title, steps, frozenset(_BOLD.findall(_WALK.sub("", body))))


def words(key: str, lang: str) -> str:
    """A text of the catalogue as it stands there."""
    return catalogue(lang)[key]
