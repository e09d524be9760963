"""``grouper forecast backtest``: how good forecasts would have been, beside baselines."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.errors import Where
from codebooks.messages import language, text
from codebooks.registry import registry
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import print_json
from grouper.cli.forecast_options import (
    Announcer,
    Charges,
    Formatted,
    Lang,
    Paths,
    Region,
    Scheme,
    Until,
    discharged_before,
    say,
)
from grouper.cli.settle import Format
from grouper.forecast.archive import read_archive
from grouper.forecast.errors import ForecastError
from grouper.forecast.evaluation.backtest import Step, backtest
from grouper.forecast.evaluation.beside import drift_beside
from grouper.forecast.evaluation.plan import Plan, Watching
from grouper.forecast.training import Learner, history_of
from grouper.payment.place import Terms
from grouper.run.destinations import OutputError, writing

if TYPE_CHECKING:
    from grouper.forecast.evaluation.evaluation import Evaluation

_HTML = ".html"


def backtest_command(
    paths: Paths,
    charges: Charges = None,
    region: Region = "national",
    scheme: Scheme = None,
    until: Until = None,
    origins: Annotated[int | None, typer.Option("--origins", min=1, help=say("months"))] = None,
    folder: Annotated[Path | None, typer.Option("--folder", help=say("folder"))] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=say("page"))] = None,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """Train again and again on what had ended, and judge each forecast by what came."""
    check_page(output)
    tell = Announcer(lang)
    place = registry().region(region).id
    archive = discharged_before(read_archive(paths, charges or (), progress=tell.file), until)
    tell.left_out(archive)
    history = history_of(archive, Terms(region=place), scheme=scheme, progress=tell.step)
    plan = Plan.shipped()
    if origins is not None:
        plan = replace(plan, most_origins=origins)

    def words(step: Step) -> None:
        tell.line(step.words(lang))

    kept = nullcontext(folder) if folder else tempfile.TemporaryDirectory()
    with kept as where:
        found = backtest(history, plan, Learner(), Path(str(where)), words)
    try:
        _, watch = drift_beside(history, found.rows, Watching.shipped(), tail=plan.tail_days)
        found = found.with_drift(watch.document(lang))
    except ForecastError as error:
        # Too few weeks for a watch; the back-test stands without it.
        tell.line(error.describe(lang))
    tell_evaluation(found, output, format_, lang)


def check_page(output: Path | None) -> None:
    """See that a page is asked for as one.

    Raises:
        OutputError: ``OUTPUT_FORMAT``.
    """
    if output is not None and output.suffix.lower() != _HTML:
        raise OutputError(
            "OUTPUT_FORMAT", Where(file=output.name), found=output.suffix, known=_HTML
        )


def tell_evaluation(
    found: Evaluation, output: Path | None, format_: Format, lang: str | None
) -> None:
    """Show an evaluation, and write its page."""
    if format_ is Format.JSON:
        print_json(found.document(lang))
    else:
        for line in found.lines(lang):
            typer.echo(readable(line))
    if output is not None:
        with writing(output):
            output.write_text(found.html(lang), "utf-8")
        told = text("forecast_words.page", lang or language(), file=output.name)
        typer.echo(readable(told), err=format_ is Format.JSON)
