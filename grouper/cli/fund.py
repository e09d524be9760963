"""``grouper fund``: months payable, use of the budget, leads by topic, inputs of credit."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codebooks.audit.books import audit_book
from codebooks.errors import GrouperError
from codebooks.messages import language, text
from codebooks.registry import registry
from grouper.audit.errors import AuditError
from grouper.audit.fund.document import document
from grouper.audit.fund.telling import lines, sheets
from grouper.cli.forecast_running import opened
from grouper.cli.language import Language  # noqa: TC001 -- as above
from grouper.cli.service_commands import service_module
from grouper.cli.settle import Format, tell

if TYPE_CHECKING:
    from grouper.audit.fund.view import View

_MONTH = re.compile(r"(19|20)\d{2}-(0[1-9]|1[0-2])", re.ASCII)
_SHOWN = 20


def say(key: str) -> str:
    """A help text of the command."""
    return text(f"fund_cli.{key}", language())


def fund_command(
    ledger: Annotated[Path | None, typer.Option("--ledger", help=say("ledger"))] = None,
    settled: Annotated[list[Path] | None, typer.Option("--settled", help=say("settled"))] = None,
    outlook: Annotated[Path | None, typer.Option("--outlook", help=say("outlook"))] = None,
    credit: Annotated[Path | None, typer.Option("--credit", help=say("credit"))] = None,
    month: Annotated[str | None, typer.Option("--month", help=say("month"))] = None,
    region: Annotated[str | None, typer.Option("--region", help=say("region"))] = None,
    hospital: Annotated[str | None, typer.Option("--hospital", help=say("hospital"))] = None,
    no_store: Annotated[bool, typer.Option("--no-store", help=say("no_store"))] = False,
    format_: Annotated[Format, typer.Option("--format", help=say("format"))] = Format.TEXT,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=say("output"))] = None,
    lang: Annotated[Language | None, typer.Option("--lang", help=say("lang"))] = None,
) -> None:
    """Say how the fund, the budget, the leads and the credit stand."""
    if month is not None and not _MONTH.fullmatch(month):
        raise AuditError("FUND_VIEW_MONTH", found=month[:_SHOWN])
    service = service_module("service.fund")
    files = service.Files(
        ledger=ledger, settled=tuple(settled or ()), outlook=outlook, values=credit
    ).or_at_hand()
    wanted = month or service.last_month(datetime.now(UTC))
    view = None if no_store else _of_store(service, files, wanted, region, hospital, lang)
    if view is None:
        settings = service_module("service.settings").load_settings()
        view = _view(service, None, settings, files, wanted, region, hospital)
    told = document(view, lang)
    sources = [one for one in (files.ledger, files.outlook, files.values) if one is not None]
    tell(told, lines(told), sheets(told), [*sources, *files.settled], format_, output)


def _of_store(
    service: Any,  # noqa: ANN401 -- a module that is loaded when asked for
    files: Any,  # noqa: ANN401 -- as above
    month: str,
    region: str | None,
    hospital: str | None,
    lang: str | None,
) -> View | None:
    """The view with what the store knows; None: there is no store yet."""
    try:
        with opened() as (settings, database):
            return _view(service, database, settings, files, month, region, hospital, lang)
    except GrouperError as error:
        if error.code != "STORE_OLD":
            raise
        return None


def _view(
    service: Any,  # noqa: ANN401 -- a module that is loaded when asked for
    database: Any,  # noqa: ANN401 -- the store, loaded likewise
    settings: Any,  # noqa: ANN401 -- as above
    files: Any,  # noqa: ANN401 -- as above
    month: str,
    region: str | None,
    hospital: str | None,
    lang: str | None = None,
) -> View:
    found: View = service.fund_view(
        database,
        audit_book(),
        files,
        region=registry().region(region or settings.region).id,
        month=month,
        hospital=hospital,
        settle=True,
        progress=lambda count: typer.echo(text("fund_cli.progress", lang, count=count), err=True),
    )
    return found
