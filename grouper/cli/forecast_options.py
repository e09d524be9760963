"""Options that the commands of forecasting share, and how they tell what they are doing."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from codebooks.messages import language, text
from grouper.case.dates import LOCAL, parse_time
from grouper.case.readers.text_input import readable
from grouper.cli.language import Language
from grouper.cli.settle import Format
from grouper.forecast.archive import Archive  # noqa: TC001 -- as above
from grouper.forecast.errors import ForecastError
from grouper.forecast.evaluation.plan import day_of

_SHOWN = 40


def say(key: str) -> str:
    """A help text of the commands of forecasting."""
    return text(f"forecast_help.{key}", language())


Paths = Annotated[list[Path], typer.Argument(metavar="FOLDER|FILES...", help=say("paths"))]
Charges = Annotated[list[Path] | None, typer.Option("--charges", help=say("charges"))]
Region = Annotated[str, typer.Option("--region", help=say("region"))]
Scheme = Annotated[str | None, typer.Option("--scheme", help=say("scheme"))]
Until = Annotated[str | None, typer.Option("--until", help=say("until"))]
Name = Annotated[str, typer.Option("--model", help=say("model"))]
Lang = Annotated[Language | None, typer.Option("--lang", help=say("lang"))]
Formatted = Annotated[Format, typer.Option("--format", help=say("format"))]


@dataclass(frozen=True, slots=True)
class Announcer:
    """Tells on the error channel what is being done, so that results stay alone on the other."""

    lang: str | None

    def line(self, words: str) -> None:
        """A line as it is."""
        typer.echo(readable(words), err=True)

    def file(self, name: str) -> None:
        """A file is being read; told on a terminal alone."""
        if sys.stderr.isatty():
            self.line(text("forecast_words.reading", self.lang, file=name))

    def left_out(self, archive: Archive) -> None:
        """What of the files was not used."""
        for why, count in archive.left_out.items():
            named = text(f"forecast_card.out_{why}", self.lang)
            told = text("forecast_card.left_out", self.lang, why=named)
            self.line(f"{told}: {count:,}")

    def step(self, name: str) -> None:
        """A step of training begins."""
        self.line(text(f"forecast_words.step_{name}", self.lang))


def moment_of(written: str | None) -> datetime:
    """The moment of an option; None: now.

    Raises:
        ForecastError: ``FORECAST_AT``.
    """
    if written is None:
        return datetime.now(LOCAL)
    found, _ = parse_time(written)
    if found is None:
        raise ForecastError("FORECAST_AT", found=written[:_SHOWN])
    return found


def discharged_before(archive: Archive, until: str | None) -> Archive:
    """The stays discharged before a day; None: all.

    Raises:
        ForecastError: ``FORECAST_AT``: it is no day.
    """
    if until is None:
        return archive
    return archive.only(archive.ends < day_of(moment_of(until).date()))
