"""``grouper forecast benchmark``: the cost of real stays, ours beside plain forecasts."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codebooks.messages import language
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import print_json, print_table
from grouper.cli.language import Language  # noqa: TC001 -- Typer reads the annotations
from grouper.forecast.benchmark.columns import SETTINGS, TASKS, plan, shipped
from grouper.forecast.benchmark.reading import read_stays
from grouper.forecast.benchmark.scoring import figures, forecast, in_turns
from grouper.forecast.benchmark.words import headers, lines, rows, say, write_predictions
from grouper.forecast.tables import toml
from grouper.run.destinations import check_destinations, part_of, whole, writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from grouper.forecast.benchmark.reading import Stays
    from grouper.forecast.benchmark.scoring import Scored


class Format(StrEnum):
    """How the figures are shown."""

    TEXT = "text"
    JSON = "json"


def _help(key: str) -> str:
    return say(f"help_{key}", language())


def benchmark_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=_help("file"), show_default=False)],
    training: Annotated[Path | None, typer.Option("--train", help=_help("train"))] = None,
    format_: Annotated[Format, typer.Option("--format", help=_help("format"))] = Format.TEXT,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=_help("output"))] = None,
    lang: Annotated[Language | None, typer.Option("--lang", help=_help("lang"))] = None,
) -> None:
    """Learn from ``--train`` and score FILE; without ``--train``, cross-validate FILE."""
    columns, how = shipped(), toml(SETTINGS)
    outputs = [output] if output else []
    for source in (file, *([training] if training else [])):
        check_destinations(source, outputs)
    stays = read_stays(file, columns)
    learned = read_stays(training, columns) if training else None
    found: list[Scored] = []
    for task in TASKS:
        if sys.stderr.isatty():
            typer.echo(say("learning", lang, task=say(f"task_{task}", lang)), err=True)
        if learned is None:
            found.append(in_turns(stays, columns, plan(task), how))
        else:
            found.append(forecast(stays, learned, columns, plan(task), how))
    if output is not None:
        with (
            whole([output]),
            writing(output),
            part_of(output).open("w", encoding="utf-8", newline="") as to,
        ):
            write_predictions(to, stays, found)
    told = {one.plan.task: figures(one, how) for one in found}
    document = {
        "file": file.name,
        "train": training.name if training else None,
        "unit": columns.unit,
        "stays": len(stays),
        "without_cost": len(stays) - len(stays.known()),
        "training_without_cost": len(learned) - len(learned.known()) if learned else 0,
        "tasks": told,
    }
    if format_ is Format.JSON:
        print_json(document)
    else:
        _tell(document, stays, told.values(), lang)


def _tell(
    document: Mapping[str, Any],
    stays: Stays,
    tasks: Iterable[Mapping[str, Any]],
    lang: str | None,
) -> None:
    """Print the figures."""
    typer.echo(readable(say("stays", lang, file=stays.file, count=f"{len(stays):,}")))
    for key in ("without_cost", "training_without_cost"):
        if document[key]:
            typer.echo(say(key, lang, count=document[key]))
    for task in tasks:
        trained = f"{min(task['trained']):,}"
        typer.echo("")
        typer.echo(say("task", lang, task=say(f"task_{task['task']}", lang), trained=trained))
        if task["scored"]:
            print_table(headers(lang), rows(task, lang))
        else:
            typer.echo(say("no_cost", lang))
        for line in lines(task, document["unit"], lang):
            typer.echo(line)
