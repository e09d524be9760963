"""``grouper forecast train``: a model out of finished stays, with its card."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codebooks.messages import language, text
from codebooks.registry import registry
from grouper.case.readers.text_input import readable
from grouper.cli.forecast_models import user
from grouper.cli.forecast_options import (
    Announcer,
    Charges,
    Lang,
    Name,
    Paths,
    Region,
    Scheme,
    Until,
    discharged_before,
    say,
)
from grouper.forecast.archive import read_archive
from grouper.forecast.errors import ForecastError
from grouper.forecast.evaluation.backtest import backtest
from grouper.forecast.evaluation.beside import reference_of
from grouper.forecast.evaluation.plan import Plan, Watching
from grouper.forecast.forecaster import Forecaster
from grouper.forecast.registry import choosing, provenance
from grouper.forecast.registry.keeping import Made, keep
from grouper.forecast.registry.places import shelf
from grouper.forecast.training import Learner, history_of, learn
from grouper.payment.place import Terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from grouper.forecast.archive import Archive
    from grouper.forecast.evaluation.evaluation import Evaluation
    from grouper.forecast.evaluation.history import History
    from grouper.forecast.registry.card import Card

_UNJUDGED = {"FORECAST_BACKTEST_SHORT", "FORECAST_BACKTEST_EMPTY", "FORECAST_TOO_LITTLE"}
"""Why there is no back-test though all stays together may be enough for a model."""


def train_command(
    paths: Paths,
    charges: Charges = None,
    region: Region = "national",
    scheme: Scheme = None,
    until: Until = None,
    model: Name = "default",
    origins: Annotated[int, typer.Option("--origins", min=0, help=say("origins"))] = 1,
    approve: Annotated[bool, typer.Option("--approve", help=say("approve"))] = False,
    by: Annotated[str | None, typer.Option("--by", help=say("by"))] = None,
    lang: Lang = None,
) -> None:
    """Train a model on finished stays, judge it by a back-test, and write both down.

    Nothing is in use by it: that is for ``--approve``, or for ``grouper forecast approve``.
    """
    place = registry().region(region).id
    # A name that cannot be is told now, not after minutes of training.
    shelf(model)
    tell = Announcer(lang)
    archive = discharged_before(read_archive(paths, charges or (), progress=tell.file), until)
    tell.left_out(archive)
    history = history_of(archive, Terms(region=place), scheme=scheme, progress=tell.step)
    card = train_and_keep(
        history, archive, model, origins=origins, step=tell.step, tell=tell.line, lang=lang
    )
    about = {name: str(card.data[name]) for name in ("stays", "first_discharge", "last_discharge")}
    typer.echo(
        text(
            "forecast_words.trained",
            lang or language(),
            model=card.id,
            stays=about["stays"],
            first=about["first_discharge"],
            last=about["last_discharge"],
        )
    )
    if approve:
        choosing.approve(model, card.id, by=by or user(), read=Forecaster.read)
        typer.echo(text("forecast_models.approved", lang or language(), name=model, id=card.id))


def train_and_keep(
    history: History,
    archive: Archive,
    name: str,
    *,
    origins: int,
    step: Callable[[str], None],
    tell: Callable[[str], None],
    folder: Path | None = None,
    lang: str | None = None,
) -> Card:
    """Judge the way of training on earlier stays, train on all, and keep the model with its card.

    Args:
        history: finished stays with their snapshots.
        archive: the same stays with their files.
        name: under which the model is kept.
        origins: of the back-test; 0: none.
        step: called with the steps of training.
        tell: called with the steps of the back-test.
        folder: where the back-test keeps its answers; None: nowhere.
        lang: of what is told.

    Raises:
        ForecastError: as :func:`grouper.forecast.training.learn`, ``backtest`` and ``keep``.
    """
    judged, notes = None, []
    if origins:
        plan = replace(Plan.shipped(), most_origins=origins)
        try:
            judged = _judged(history, plan, folder, step, tell, lang)
        except ForecastError as error:
            if error.code not in _UNJUDGED:
                raise
            # The model is made all the same, and its card says that nothing judges it.
            notes.append(error.describe())
            tell(notes[-1])
    forecaster = learn(history, step)
    watching, tail = Watching.shipped(), Plan.shipped().tail_days
    try:
        drift = reference_of(
            history, watching, tail=tail, rows=judged.rows if judged else None
        ).document()
    except ForecastError as error:
        # Too few weeks for a reference: the model stands without a watch, and its card says so.
        notes.append(error.describe())
        drift = {}
    about = forecaster.setup.about
    data = {
        **{key: value for key, value in about.items() if key != "schemes"},
        "files": [{"name": file, "sha256": sha256} for file, sha256 in archive.files],
        "sha256": archive.data_hash,
        "left_out": archive.left_out,
    }
    first, last = (date.fromisoformat(about[f"{end}_discharge"]) for end in ("first", "last"))
    setup = forecaster.setup
    basis = provenance.basis(setup.region, setup.scheme, about["schemes"], first, last)
    metrics: dict[str, Any] = judged.document() if judged else {}
    made = Made(
        command=" ".join(["grouper", *map(_bare, sys.argv[1:])]),
        data=data,
        basis=basis,
        metrics=metrics,
        drift=drift,
        notes=notes,
    )
    return keep(name, forecaster.files(), made)


def _bare(word: str) -> str:
    """A word of the command line without the folders of this machine."""
    return readable(Path(word).name) if "/" in word else readable(word)


def _judged(
    history: History,
    plan: Plan,
    folder: Path | None,
    step: Callable[[str], None],
    tell: Callable[[str], None],
    lang: str | None,
) -> Evaluation:
    def words(found: Any) -> None:  # noqa: ANN401 -- a step of the back-test
        tell(found.words(lang))

    if folder is not None:
        return backtest(history, plan, Learner(step), folder, words)
    with tempfile.TemporaryDirectory() as place:
        return backtest(history, plan, Learner(step), Path(place), words)
