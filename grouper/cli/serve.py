"""``grouper serve``: the service on this machine."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.messages import language, text
from grouper.service.porch_processes import check_at_hand
from grouper.service.settings import ENV_CONFIG, load_settings
from grouper.service.setup import configure_forms
from grouper.service.supervisor import ORDER, Supervisor, switched_on, until_signalled
from grouper.store.accounts import any_account
from grouper.store.database import AWAY, StoreError, connect
from grouper.store.migrate import see_not_lost, upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grouper.service.settings import Pages, Settings, Web
    from grouper.store.database import Database

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0
"""Seconds between two looks for a database that is away at the start."""


def _help(key: str) -> str:
    return text(f"serve.{key}", language())


@contextmanager
def _surrounded(values: Mapping[str, str]) -> Iterator[None]:
    """Settings of the command line as the environment has them, for as long as it lasts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def serve_command(
    config: Annotated[Path | None, typer.Option("--config", help=_help("config"))] = None,
    host: Annotated[str | None, typer.Option("--host", help=_help("host"))] = None,
    port: Annotated[int | None, typer.Option("--port", help=_help("port"))] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help=_help("only"))] = None,
) -> None:
    """Run the service until it is stopped."""
    surroundings: dict[str, str] = {}
    if config is not None:
        surroundings[ENV_CONFIG] = str(config)
    if host is not None:
        surroundings["GROUPER_SERVICE_WEB__HOST"] = host
    if port is not None:
        surroundings["GROUPER_SERVICE_WEB__PORT"] = str(port)
    for name in only or ():
        if name not in ORDER:
            raise typer.BadParameter(text("serve.only_wrong", None, known=", ".join(ORDER)))
    with _surrounded(surroundings):
        settings = load_settings()
        configure_forms(settings)
    settings.folder.mkdir(parents=True, exist_ok=True)
    database = connect(settings.url)
    try:
        missing = _prepared(database, settings.folder)
    finally:
        database.close()
    wanted = _wanted(settings, only or ())
    typer.echo(text("serve.starting", None, url=_address(settings, settings.web)))
    if "pages" in wanted:
        typer.echo(text("serve.pages", None, url=_address(settings, settings.pages)))
    if missing:
        typer.echo(text("serve.no_account"))
    until_signalled(Supervisor(wanted, surroundings))
    typer.echo(text("serve.stopped"))


def _prepared(database: Database, folder: Path) -> bool:
    """Bring the tables up to date; a database that is away is waited for.

    Ended here, systemd would not start the service again: errors we declare are taken for mistakes.

    Returns:
        Whether there is no account yet.

    Raises:
        StoreError: one that does not end by itself.
        typer.Exit: it was told to stop while it waited.
    """
    pause = 0.0
    while True:
        try:
            see_not_lost(database, folder)
            upgrade(database)
            return not any_account(database)
        except StoreError as error:
            if error.code not in AWAY:
                raise
            if not pause:
                typer.echo(error.describe(None), err=True)
                typer.echo(text("serve.waiting"), err=True)
        pause = min(pause * 2 or _FIRST_PAUSE, _LONGEST_PAUSE)
        try:
            time.sleep(pause)
        except KeyboardInterrupt:
            typer.echo(text("serve.stopped"))
            raise typer.Exit from None


def _wanted(settings: Settings, only: Sequence[str]) -> list[str]:
    """The processes that run: those asked for, else all that are switched on and at hand.

    Raises:
        GrouperError: ``EXTRA_MISSING``: the pages are asked for by name and are not at hand.
    """
    if "pages" in only:
        check_at_hand("pages")
    return [name for name in ORDER if name in only] if only else switched_on(settings)


def _address(settings: Settings, port: Web | Pages) -> str:
    """Where a port is reached; the pages have the certificate of the web port."""
    scheme = "https" if settings.web.tls_certificate else "http"
    return f"{scheme}://{port.host}:{port.port}"
