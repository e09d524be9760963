"""``grouper group``: a file of cases in, a file of groups out."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from codebooks.messages import language, text
from codebooks.registry import NATIONAL, registry
from grouper.case.readers import open_source
from grouper.case.readers.text_input import readable
from grouper.cli.language import Language  # noqa: TC001 -- Typer reads the annotations
from grouper.run.choose import Chooser
from grouper.run.flow import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grouper.case.readers import Source

EXIT_EMPTY = 1
"""Exit status of a run that found no case."""


def _help(key: str) -> str:
    return text(f"cli.{key}", language())


def group_command(
    source: Annotated[Path, typer.Argument(metavar="IN", help=_help("in"), show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help=_help("out"), show_default=False)
    ],
    scheme: Annotated[str | None, typer.Option(help=_help("scheme"))] = None,
    region: Annotated[str, typer.Option(help=_help("region"))] = NATIONAL,
    explain: Annotated[Path | None, typer.Option(help=_help("explain"))] = None,
    parts: Annotated[Path | None, typer.Option(help=_help("parts"))] = None,
    code_system: Annotated[str | None, typer.Option(help=_help("code_system"))] = None,
    encoding: Annotated[str | None, typer.Option(help=_help("encoding"))] = None,
    format_: Annotated[str | None, typer.Option("--format", help=_help("format"))] = None,
    lang: Annotated[Language | None, typer.Option(help=_help("lang"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_help("json"))] = False,
) -> None:
    """Group a file of cases."""
    if scheme is not None:
        registry().card(scheme)
    chooser = Chooser(scheme, registry().region(region).id)
    defaults = {"code_system": code_system} if code_system else None
    cases = open_source(source, format=format_, encoding=encoding, defaults=defaults)
    with progress_bar(cases) as progress:
        summary = run(
            cases, output, chooser, explain=explain, parts=parts, lang=lang, progress=progress
        )
    if as_json:
        typer.echo(readable(json.dumps(summary.to_json(), ensure_ascii=False, indent=1)))
    else:
        for line in summary.lines(lang):
            # A file name may hold bytes that are no text.
            typer.echo(readable(line))
    if not summary.rows:
        raise typer.Exit(EXIT_EMPTY)


@contextmanager
def progress_bar(source: Source) -> Iterator[Callable[[int], None] | None]:
    """A bar on a terminal, nothing where the output is read by a program."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("group", total=source.total_rows)
        yield lambda rows: bar.update(task, completed=rows)
