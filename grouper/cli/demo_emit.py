"""``grouper demo-emit``: a month of the demonstration hospital as its systems would send it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from codebooks.messages import language, text
from grouper.cli.language import Language  # noqa: TC001 -- Typer reads the annotations
from grouper.demo.hospital.emit import FORMS, emit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _help(key: str, **params: object) -> str:
    return text(f"demo_emit.{key}", language(), **params)


def emit_command(
    folder: Annotated[Path, typer.Argument(help=_help("folder"), show_default=False)],
    month: Annotated[str, typer.Option(help=_help("month"), show_default=False)],
    out: Annotated[Path, typer.Option(help=_help("out"), show_default=False)],
    stays: Annotated[int | None, typer.Option(help=_help("stays"))] = None,
    form: Annotated[
        list[str] | None, typer.Option(help=_help("form", known=", ".join(FORMS)))
    ] = None,
    lang: Annotated[Language | None, typer.Option(help=_help("lang"))] = None,
) -> None:
    """Tell a month of the demonstration hospital."""
    with _bar() as progress:
        found = emit(folder, month, out, forms=form or FORMS, stays=stays, progress=progress)
    said = {"month": month, "stays": found.stays, "lines": found.lines}
    typer.echo(text("demo_emit.done", lang, **said))
    for name, count in found.files.items():
        typer.echo(text("demo_emit.file", lang, name=name, count=count))


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None] | None]:
    """A bar for each form on a terminal, nothing where the output is read by a program."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        tasks: dict[str, TaskID] = {}

        def told(form: str, done: int, total: int) -> None:
            if form not in tasks:
                tasks[form] = bar.add_task(form, total=total)
            bar.update(tasks[form], completed=done)

        yield told
