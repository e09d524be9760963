"""``grouper forecast running``: the running stays of the service's store foretold, once."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codebooks.errors import GrouperError
from codebooks.messages import language, text
from grouper.case.dates import LOCAL, parse_time
from grouper.cli.codebooks_render import print_json
from grouper.cli.language import Language
from grouper.cli.service_commands import service_module
from grouper.cli.settle import Format

if TYPE_CHECKING:
    from collections.abc import Iterator


def say(key: str) -> str:
    """A help text of the commands on the store's forecasts."""
    return text(f"forecast_run.{key}", language())


Formatted = Annotated[Format, typer.Option("--format", help=say("format"))]
Lang = Annotated[Language | None, typer.Option("--lang", help=say("lang"))]


@contextmanager
def opened() -> Iterator[tuple[Any, Any]]:
    """The settings of the service and its database, which is up to date.

    Raises:
        GrouperError: ``EXTRA_MISSING``; ``STORE_OLD``; as the settings and the database say.
    """
    settings = service_module("service.settings").load_settings()
    # What is logged goes to the standard error, beside what the command says.
    service_module("service.logs").configure(logging.WARNING)
    store = service_module("store.database")
    database = store.connect(settings.url)
    try:
        if missing := service_module("store.migrate").pending(database):
            raise store.StoreError("STORE_OLD", steps=len(missing))
        yield settings, database
    finally:
        database.close()


def running_command(
    at: Annotated[str | None, typer.Option("--at", help=say("at"))] = None,
    anew: Annotated[bool, typer.Option("--anew", help=say("anew"))] = False,
    format_: Formatted = Format.TEXT,
    lang: Lang = None,
) -> None:
    """Foretell the stays of the store that run, and keep the forecasts."""
    now = datetime.now(UTC)
    moment = _moment(at, now)
    forecasting = service_module("service.forecasting")
    with opened() as (settings, database):
        model = service_module("service.forecast_model").approved_model(settings)
        if model is None:
            raise GrouperError("FORECAST_NO_MODEL", name=settings.forecast.model)
        how = settings.forecast
        found = forecasting.forecast_running(
            database,
            model,
            forecasting.How(region=settings.region, page=how.page, drivers=how.drivers, anew=anew),
            moment,
            made=now,
            progress=lambda count: typer.echo(
                text("forecast_run.progress", lang, count=count), err=True
            ),
        )
    told = {
        "as_of": service_module("service.forecast_telling").last_whole_day(moment).isoformat(),
        "model": model.id,
        "forecast": found.forecast,
        "refused": found.refused,
        "failed": found.failed,
    }
    if format_ is Format.JSON:
        print_json(told)
    else:
        typer.echo(text("forecast_run.done", lang, **told))


def _moment(written: str | None, now: datetime) -> datetime:
    if written is None:
        return now
    found, _ = parse_time(written)
    if found is None or found > now:
        raise GrouperError("FORECAST_RUNNING_AT", found=written[:40])
    return found.astimezone(LOCAL)
