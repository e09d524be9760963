"""Every command that a guide names is there, with its options; so are targets of make and scripts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs_support import GUIDES, ROOT, commands, wrong

_IDS = [str(path.relative_to(ROOT)) for path in GUIDES]
_TARGETS = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
_PYTHON = {"python", "python3", ".venv/bin/python"}


@pytest.mark.parametrize("guide", GUIDES, ids=_IDS)
def test_every_command_of_a_guide_is_there(guide: Path) -> None:
    faults = []
    for one in commands(guide):
        name, *rest = one.words
        if name.rpartition("/")[2] == "grouper":
            faults.append(wrong(rest))
        elif name == "make" and rest:
            faults += [f"make has no {word}" for word in rest if _unknown_target(word)]
        elif name in _PYTHON and rest and rest[0].endswith(".py"):
            faults.append("" if (ROOT / rest[0]).is_file() else f"there is no {rest[0]}")
        elif name in _PYTHON and rest[:1] == ["-m"] and rest[1].startswith("grouper."):
            there = (ROOT / rest[1].replace(".", "/")).with_suffix(".py").is_file()
            faults.append("" if there else f"there is no {rest[1]}")
    assert [one for one in faults if one] == []


def _unknown_target(word: str) -> bool:
    return "=" not in word and word not in _TARGETS


def test_the_guides_name_most_commands() -> None:
    """A test that reads nothing would hold: it reads many, and all the ways in which they stand."""
    found = [one for guide in GUIDES for one in commands(guide) if one.words[0] == "grouper"]
    assert len(found) > 150
    assert {one.words[1] for one in found if len(one.words) > 1} >= {"group", "serve", "doctor"}


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["group", "month.csv", "-o", "x.csv"], ""),
        (["grup", "month.csv"], "grouper has no grup"),
        (["group", "month.csv", "--explian", "x"], "grouper group has no --explian"),
        (["forecast", "train", "DIR", "[--region", "demo]"], ""),
        (["forecast", "train", "--regoin=demo"], "grouper forecast train has no --regoin"),
        (["backup|restore"], ""),
        (["backup|restored"], "grouper has no restored"),
        (["price", "-Z"], "grouper price has no -Z"),
        (["--version"], ""),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else value or "right",
)
def test_what_is_not_there_is_told(words: list[str], fault: str) -> None:
    assert wrong(words) == fault
