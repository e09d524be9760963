"""``grouper demo-hospital``: make the demonstration hospital in a folder."""

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
from grouper.case.readers.text_input import readable
from grouper.cli.language import Language  # noqa: TC001 -- Typer reads the annotations
from grouper.demo.hospital.build import MANIFEST, PLANTED, make_hospital
from grouper.demo.hospital.plan import make_plan
from grouper.demo.hospital.tables import toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST, MONTHS, SEED, SCALE = "2025-01", 24, 20250101, 1.0
"""What is made unless told otherwise: the two calibrated years."""


def _help(key: str) -> str:
    return text(f"demo_hospital.help.{key}", language())


def demo_hospital_command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help=_help("out"), show_default=False)],
    first: Annotated[str, typer.Option("--from", help=_help("from"))] = FIRST,
    months: Annotated[int, typer.Option(min=1, help=_help("months"))] = MONTHS,
    seed: Annotated[int, typer.Option(min=0, help=_help("seed"))] = SEED,
    scale: Annotated[float, typer.Option(help=_help("scale"))] = SCALE,
    lang: Annotated[Language | None, typer.Option(help=text("cli.lang", language()))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_help("json"))] = False,
) -> None:
    """Make a reproducible hospital, plainly invented, with its charges day by day."""
    own = toml("hospital.toml")["hospital"]
    plan = make_plan(first, months, seed, scale, region=own["region"], scheme=own["scheme"])
    with _progress_bar(months) as progress:
        made = make_hospital(out, plan, progress)
    if as_json:
        typer.echo(readable(json.dumps(made.manifest, ensure_ascii=False, indent=1)))
        return
    totals = made.manifest["totals"]
    typer.echo(text("demo_hospital.done", lang, written=made.written, kept=made.kept))
    for key, count in totals.items():
        typer.echo(text(f"demo_hospital.count.{key}", lang, count=f"{count:,}"))
    typer.echo(text("demo_hospital.files", lang, manifest=MANIFEST, planted=PLANTED))
    typer.echo(text("demo_hospital.statement", lang))


@contextmanager
def _progress_bar(months: int) -> Iterator[Callable[[int], None] | None]:
    """A bar on a terminal, nothing where the output is read by a program."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("months", total=months)
        yield lambda done: bar.update(task, completed=done)
