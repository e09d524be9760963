"""What the guides say that can be checked: commands, their options, targets of make, files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer
import typer.main

from grouper.cli import main

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
GUIDES = (
    ROOT / "README.md",
    ROOT / "README.en.md",
    *sorted(DOCS.glob("*.md")),
    *sorted((DOCS / "tutorials").glob("*.md")),
)
_FENCED = re.compile(r"^(\s*)(```|~~~)[^\n]*\n(.*?)^\1\2", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_ENDS = {"|", ";", "&&", "||", ">", ">>", "<", "2>", "&"}
_OPTION = re.compile(r"--[a-z][a-z0-9-]*|-[A-Za-z]")
_STARTS = re.compile(r"^\s*(?:[$#] )?(?:sudo (?:-u \w+ )?)?((?:[A-Z_]+=\S+ )*)")


@dataclass(frozen=True, slots=True)
class Said:
    """A command as a guide says it.

    Attributes:
        guide: file name.
        words: of the shell, up to a pipe or the end.
    """

    guide: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.guide}: {' '.join(self.words)}"


def commands(path: Path) -> Iterator[Said]:
    """The commands of a guide: lines of code blocks, and code within lines."""
    text = path.read_text("utf-8")
    name = str(path.relative_to(ROOT))
    lines = [line for found in _FENCED.finditer(text) for line in _joined(found[3])]
    rest = _FENCED.sub("", text)
    lines += [line[4:] for line in rest.split("\n") if line.startswith("    ")]
    lines += _INLINE.findall(rest)
    for line in lines:
        words = _words(line)
        if words:
            yield Said(name, words)


def _joined(block: str) -> list[str]:
    return block.replace("\\\n", " ").split("\n")


def _words(line: str) -> tuple[str, ...]:
    line = _STARTS.sub("", line, count=1)
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return ()
    for at, word in enumerate(words):
        if word in _ENDS or word.endswith(";"):
            words = words[:at] + ([word[:-1]] if word.endswith(";") else [])
            break
    return tuple(words)


@cache
def tree() -> Any:
    """The command ``grouper`` with all below it; typer brings its own kinds of commands."""
    whole = typer.Typer()
    whole.registered_commands += main.app.registered_commands
    whole.registered_groups += main.app.registered_groups
    whole.registered_callback = main.app.registered_callback
    for add, asked in (
        (main.add_payment, []),
        (main.add_forecast, ["forecast"]),
        (main.add_audit, []),
        (main.add_catalogue, []),
        (main.add_findings, ["findings"]),
        (main.add_service, []),
        (main.add_spark, []),
    ):
        add(whole, asked)
    return typer.main.get_command(whole)


def wrong(words: Sequence[str]) -> str:
    """What of a command of ours is not there; empty if it is all there.

    Args:
        words: after ``grouper``.
    """
    command, way = tree(), ["grouper"]
    rest = list(words)
    while hasattr(command, "commands") and rest and re.match(r"[a-z]", rest[0]):
        word = rest.pop(0)
        # `grouper backup|restore` says two.
        for one in word.split("|"):
            if one not in command.commands:
                return f"{' '.join(way)} has no {one}"
        command = command.commands[word.split("|")[0]]
        way.append(word)
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    for word in rest:
        option = word.strip("[](),…").partition("=")[0]
        if _OPTION.fullmatch(option) and option not in known | {"--help"}:
            return f"{' '.join(way)} has no {option}"
    return ""
