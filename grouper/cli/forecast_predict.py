"""``grouper forecast predict``: what running cases will be, as they were known at a moment."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import typer

from codebooks.errors import Where
from codebooks.messages import text
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import print_json, print_table
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
from grouper.forecast.errors import ForecastError
from grouper.forecast.forecaster import Forecaster
from grouper.forecast.registry.approved import approved
from grouper.forecast.result import ForecastStatus
from grouper.forecast.summary import summary
from grouper.forecast.words import document, figure, lines
from grouper.payment.place import Terms
from grouper.run.destinations import OutputError, writing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.forecast.summary import Summary, Ward

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

    Of a stay that ended later only what was known then is used. More than a few cases are shown
    as a summary: the departments, and the cases that are to lose most.
    """
    if output is not None and output.suffix.lower() != _PARQUET:
        raise OutputError(
            "OUTPUT_FORMAT", Where(file=output.name), found=output.suffix, known=_PARQUET
        )
    moment = moment_of(at)
    forecaster = approved(model, Forecaster.read).model
    tell = Announcer(lang)
    archive = read_archive(paths, charges or (), progress=tell.file)
    tell.left_out(archive)
    if case:
        archive = archive.only(pc.is_in(archive.cases["case_id"], _texts(case)).to_numpy())
        known = set(archive.cases["case_id"].to_pylist())
        for one in case:
            if one not in known:
                raise ForecastError("FORECAST_CASE_UNKNOWN", case=one)
    terms = Terms(region=forecaster.setup.region, today=moment.date())
    found = forecaster.of_courses(archive.courses(), moment, terms, drivers=True)
    if not case:
        # Stays that had not begun or had ended are no question of that day.
        found = found.filter(pc.invert(pc.is_in(found["reason"], _texts(_BESIDE))))
    if not found.num_rows:
        raise ForecastError("FORECAST_NO_CASES")
    _tell(found, output, format_, lang, whole=not case)


_BESIDE = ["FORECAST_NOT_STARTED", "FORECAST_ENDED"]


def _texts(words: list[str]) -> pa.Array:
    """Texts as a set to look in."""
    return pa.array(words, pa.string())


def _tell(
    found: pa.Table, output: Path | None, format_: Format, lang: str | None, *, whole: bool
) -> None:
    if output is not None:
        with writing(output):
            pq.write_table(found, output)
        told = text("forecast_words.written", lang, file=output.name, count=found.num_rows)
        typer.echo(readable(told), err=format_ is Format.JSON)
    if format_ is Format.JSON:
        print_json([document(row, lang) for row in found.to_pylist()])
    else:
        if output is None and (not whole or found.num_rows <= _SHOWN):
            for row in found.to_pylist():
                for line in lines(row, lang):
                    typer.echo(readable(line))
                typer.echo()
        if whole:
            _sum_up(summary(found), lang)
    refused = pc.sum(pc.equal(found["status"], ForecastStatus.REFUSED.value)).as_py()
    count = found.num_rows - refused
    told = text("forecast_words.asked", lang, count=count, refused=refused)
    typer.echo(told, err=format_ is Format.JSON)


def _sum_up(found: Summary, lang: str | None) -> None:
    """The departments, the cases that are to lose most, and what is refused."""
    typer.echo(text("forecast_sum.wards", lang))
    heads = [text(f"forecast_sum.{head}", lang) for head in _WARD]
    rows = [_ward(one, one.department or _NONE) for one in found.wards]
    print_table(heads, [*rows, _ward(found.whole, text("forecast_sum.whole", lang))])
    typer.echo()
    if found.worst:
        typer.echo(text("forecast_sum.worst", lang))
        heads = [text(f"forecast_sum.{head}", lang) for head in _CASE]
        print_table(heads, [_case(row, lang) for row in found.worst])
        typer.echo()
    for reason, count in found.refused.items():
        words = text(f"reason.{reason}", lang)
        advice = text(f"advice.{reason}", lang)
        told = text("forecast_sum.refused_for", lang, count=count, reason=words, advice=advice)
        typer.echo(readable(told))
    typer.echo(text("forecast_sum.more", lang))


_WARD = (
    *("department", "cases", "refused", "to_date", "cost", "amount", "surplus"),
    *("loses", "surely", "unpriced", "warned"),
)
_CASE = ("case", "department", "day", "group", "to_date", "cost", "amount", "surplus", "interval")
_NONE = "—"


def _ward(one: Ward, name: str) -> list[str]:
    sums = [f"{one.sums[key]:,.0f}" for key in ("cost_to_date", "cost", "amount", "surplus")]
    counts = (one.loses, one.surely, one.unpriced, one.warned)
    return [readable(name), str(one.cases), str(one.refused), *sums, *map(str, counts)]


def _case(row: Mapping[str, Any], lang: str | None) -> list[str]:
    first = row["groups"][0]
    group = f"{first['group']} {first['probability']:.0%}"
    bounds = {end: figure(row[f"surplus_{end}"], lang) for end in ("low", "high")}
    return [
        readable(row["case_id"] or _NONE),
        readable(row["department"] or _NONE),
        str(row["day"]),
        readable(group),
        *(f"{row[name]:,.0f}" for name in ("cost_to_date", "cost_middle", "amount_middle")),
        f"{row['surplus_middle']:,.0f}",
        text("forecast_sum.bounds", lang, level=f"{row['level']:.0%}", **bounds),
    ]
