"""``grouper forecast predict``: what running cases will be, as they were known at a moment."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import typer

from codebooks.errors import Where
from codebooks.messages import text
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import print_json
from grouper.cli.forecast_options import (
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
from grouper.forecast.errors import ForecastError
from grouper.forecast.forecaster import Forecaster
from grouper.forecast.registry.approved import approved
from grouper.forecast.result import ForecastStatus
from grouper.forecast.words import document, lines
from grouper.payment.place import Terms
from grouper.run.destinations import OutputError, writing

_SHOWN = 10
_PARQUET = ".parquet"


def predict_command(
    paths: Paths,
    charges: Charges = None,
    at: Annotated[str | None, typer.Option("--at", help=say("at"))] = None,
    case: Annotated[list[str] | None, typer.Option("--case", help=say("case"))] = None,
    model: Name = "default",
    output: Annotated[Path | None, typer.Option("-o", "--output", help=say("output"))] = None,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """Foretell the stays that run at a moment.

    Of a stay that ended later only what was known then is used.
    """
    if output is not None and output.suffix.lower() != _PARQUET:
        raise OutputError(
            "OUTPUT_FORMAT", Where(file=output.name), found=output.suffix, known=_PARQUET
        )
    moment = moment_of(at)
    forecaster = approved(model, Forecaster.read).model
    archive = read_archive(paths, charges or ())
    if case:
        archive = archive.only(pc.is_in(archive.cases["case_id"], _texts(case)).to_numpy())
        known = set(archive.cases["case_id"].to_pylist())
        for one in case:
            if one not in known:
                raise ForecastError("FORECAST_CASE_UNKNOWN", case=one)
    terms = Terms(region=forecaster.setup.region, today=moment.date())
    found = forecaster.of_courses(archive.courses(), moment, terms, drivers=output is None)
    if not case:
        # Stays that had not begun or had ended are no question of that day.
        found = found.filter(pc.invert(pc.is_in(found["reason"], _texts(_BESIDE))))
    if not found.num_rows:
        raise ForecastError("FORECAST_NO_CASES")
    _tell(found, output, format_, lang)


_BESIDE = ["FORECAST_NOT_STARTED", "FORECAST_ENDED"]


def _texts(words: list[str]) -> pa.Array:
    """Texts as a set to look in."""
    return pa.array(words, pa.string())


def _tell(found: pa.Table, output: Path | None, format_: Format, lang: str | None) -> None:
    if output is not None:
        with writing(output):
            pq.write_table(found, output)
        told = text("forecast_words.written", lang, file=output.name, count=found.num_rows)
        typer.echo(readable(told))
    elif format_ is Format.JSON:
        print_json([document(row, lang) for row in found.to_pylist()])
    else:
        for row in found.slice(0, _SHOWN).to_pylist():
            for line in lines(row, lang):
                typer.echo(readable(line))
            typer.echo()
        if found.num_rows > _SHOWN:
            typer.echo(text("forecast_words.more", lang, count=found.num_rows - _SHOWN))
    refused = pc.sum(pc.equal(found["status"], ForecastStatus.REFUSED.value)).as_py()
    count = found.num_rows - refused
    told = text("forecast_words.asked", lang, count=count, refused=refused)
    typer.echo(told, err=format_ is Format.JSON)
