"""``grouper forecast report``: how the model in use did since it was made, and whether cases moved."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import Annotated

import numpy as np
import typer

from codebooks.messages import text
from grouper.cli.forecast_backtest import check_page, tell_evaluation
from grouper.cli.forecast_options import (
    Announcer,
    Charges,
    Formatted,
    Lang,
    Name,
    Paths,
    moment_of,
    say,
)
from grouper.cli.settle import Format
from grouper.forecast.archive import read_archive
from grouper.forecast.evaluation.plan import day_of, iso
from grouper.forecast.forecaster import Forecaster
from grouper.forecast.registry.approved import approved
from grouper.forecast.review import review
from grouper.forecast.training import history_of
from grouper.payment.place import Terms


def report_command(
    paths: Paths,
    charges: Charges = None,
    since: Annotated[str | None, typer.Option("--since", help=say("since"))] = None,
    model: Name = "default",
    output: Annotated[Path | None, typer.Option("-o", "--output", help=say("page"))] = None,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """Judge the approved model by the stays that came since it was made."""
    check_page(output)
    tell = Announcer(lang)
    loaded = approved(model, Forecaster.read)
    forecaster = loaded.model
    setup = forecaster.setup
    first = int(np.datetime64(setup.about["last_discharge"], "D").astype(np.int64)) + 1
    day = first if since is None else day_of(moment_of(since).date())
    if day < first:
        # A model is not judged by what it has learnt from.
        tell.line(text("forecast_words.since_learnt", lang, first=iso(first)))
        day = first
    archive = read_archive(paths, charges or (), progress=tell.file)
    tell.left_out(archive)
    history = history_of(
        archive, Terms(region=setup.region), scheme=setup.scheme, progress=tell.step
    )
    found = review(forecaster, history, day, loaded.card.drift, lang)
    tell_evaluation(found, output, format_, lang)
