"""How the ``codebooks`` commands print: tables on a terminal, plain whole text into a pipe."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, is_dataclass
from datetime import date
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from codebooks.messages import catalogue, language, text

if TYPE_CHECKING:
    from collections.abc import Sequence


class Lang(StrEnum):
    """The languages a command speaks."""

    ZH = "zh"
    EN = "en"


def say(key: str, **params: object) -> str:
    """A text of the ``codebooks`` commands in the language of the process."""
    return text(f"cli_codebooks.{key}", None, **params)


def say_known(key: str, value: str) -> str:
    """The text of a value that books may coin themselves, else the value as it stands."""
    full = f"cli_codebooks.{key}.{value}"
    return text(full) if full in catalogue(language()) else value


LangOption = Annotated[Lang | None, typer.Option("--lang", help=say("help.lang"))]
JsonOption = Annotated[bool, typer.Option("--json", help=say("help.json"))]


def speak(lang: Lang | None) -> None:
    """Let the rest of this run, errors included, speak one language; None changes nothing."""
    if lang is not None:
        os.environ["GROUPER_LANG"] = lang.value


def print_json(value: object) -> None:
    """One JSON document; dataclasses become objects, dates ISO text, enumerations their value."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1, default=_plain))


def _plain(value: object) -> Any:  # noqa: ANN401 -- whatever JSON can hold
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return str(value)


def print_heading(words: str) -> None:
    """A line that opens a section."""
    typer.echo(words)


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table; into a pipe as aligned columns, never shortened, wide characters counted as two."""
    console = Console(markup=False, highlight=False, emoji=False)
    if console.is_terminal:
        table = Table(show_lines=False)
        for header in headers:
            table.add_column(header, overflow="fold")
        for row in rows:
            table.add_row(*row)
        console.print(table)
        return
    lines = [list(headers), *(list(row) for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (
            cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)
        )
        typer.echo("  ".join(cells).rstrip())


def print_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Names and values, one a line; further lines of a value stand under its first."""
    width = max((cell_len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        first, *rest = value.split("\n")
        typer.echo(f"{name}{' ' * (width - cell_len(name))}  {first}".rstrip())
        for line in rest:
            typer.echo(f"{' ' * width}  {line}".rstrip())


def validity(start: date | None, end: date | None) -> str:
    """A half-open span of days in words."""
    if start is None:
        return say("validity.unknown")
    if end is None:
        return say("validity.open", start=start.isoformat())
    return say("validity.closed", start=start.isoformat(), end=end.isoformat())


def count_words(counts: dict[str, int]) -> str:
    """The counts of a manifest in words, zeros left out."""
    known = catalogue(language())
    shown = [
        say(f"count.{name}", count=count)
        if f"cli_codebooks.count.{name}" in known
        else f"{say_known('table', name)} {count}"
        for name, count in counts.items()
        if count
    ]
    return say("separator").join(shown)


def short(standing: str) -> str:
    """The first clause of a standing."""
    for index, character in enumerate(standing):
        if character in ":;：；。，":
            return standing[:index]
    return standing
