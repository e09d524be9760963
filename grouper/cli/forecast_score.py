"""``grouper forecast score``: what came of the forecasts in the service's store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codebooks.messages import text
from grouper.cli.codebooks_render import print_json, print_table
from grouper.cli.forecast_running import Formatted, Lang, opened, say
from grouper.cli.service_commands import service_module
from grouper.cli.settle import Format
from grouper.forecast.result import MEASURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_NONE = "—"
_PLACES = {"los": 2}
_HITS = ("top1", "topn", "bare", "adrg", "mdc")


def score_command(
    since: Annotated[
        datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help=say("since"))
    ] = None,
    model: Annotated[str | None, typer.Option("--id", help=say("model"))] = None,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """Score the forecasts of stays that were discharged meanwhile, and show errors and coverage."""
    forecasts = service_module("store.forecasts")
    with opened() as (settings, database):
        done = service_module("service.scoring").score_stays(
            database, settings.region, datetime.now(UTC)
        )
        with database.reading() as connection:
            scores = forecasts.scored(connection, None if since is None else since.date(), model)
            found = service_module("service.score_summary").summary(scores)
    if format_ is Format.JSON:
        print_json(found)
        return
    typer.echo(text("forecast_run.scored", lang, count=done))
    if found["first"] is None:
        typer.echo(text("forecast_run.none", lang))
        return
    whole = found["all"]
    told = {name: whole[name] for name in ("forecasts", "refused", "late")}
    typer.echo(text("forecast_run.head", lang, first=found["first"], last=found["last"], **told))
    typer.echo(text("forecast_run.models", lang, models=", ".join(found["models"])))
    bands = [*found["by_day"], whole]
    for measure in MEASURES:
        _table(f"measure_{measure}", list(_measure(bands, measure, lang)), lang)
    _table("groups", list(_groups(bands, found["top"], lang)), lang)


def _table(key: str, rows: Sequence[Sequence[str]], lang: str | None) -> None:
    typer.echo()
    typer.echo(text(f"forecast_run.{key}", lang))
    print_table(rows[0], rows[1:])


def _column(name: str, lang: str | None, **params: object) -> str:
    return text(f"forecast_run.column.{name}", lang, **params)


def _measure(
    bands: Sequence[Mapping[str, Any]], measure: str, lang: str | None
) -> Iterator[list[str]]:
    names = ("scored", "mae", "bias", "medape", "covered")
    yield [_column("days", lang), *(_column(name, lang) for name in names), _column("level", lang)]
    places = _PLACES.get(measure, 0)
    for band in bands:
        of = band["measures"][measure]
        yield [
            band["days"] or text("forecast_run.all", lang),
            str(of["scored"]),
            *(_number(of[name], places) for name in ("mae", "bias")),
            *(_share(of[name]) for name in ("medape", "covered")),
            _share(band["level"]),
        ]


def _groups(bands: Sequence[Mapping[str, Any]], top: int, lang: str | None) -> Iterator[list[str]]:
    names = [_column(name, lang, top=top) for name in ("days", "scored", *_HITS)]
    yield names
    for band in bands:
        of = band["groups"]
        days = band["days"] or text("forecast_run.all", lang)
        yield [days, str(of["scored"]), *(_share(of.get(name)) for name in _HITS)]


def _number(value: float | None, places: int) -> str:
    return _NONE if value is None else f"{value:,.{places}f}"


def _share(value: float | None) -> str:
    return _NONE if value is None else f"{value:.1%}"
