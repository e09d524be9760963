"""``grouper serve``: the service on this machine."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.messages import language, text
from grouper.service.settings import ENV_CONFIG, load_settings
from grouper.service.setup import configure_forms
from grouper.service.supervisor import ORDER, Supervisor, until_signalled
from grouper.store.accounts import any_account
from grouper.store.database import connect
from grouper.store.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


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
        upgrade(database)
        missing = not any_account(database)
    finally:
        database.close()
    web = settings.web
    scheme = "https" if web.tls_certificate else "http"
    typer.echo(text("serve.starting", None, url=f"{scheme}://{web.host}:{web.port}"))
    if missing:
        typer.echo(text("serve.no_account"))
    switched = {"forecaster": settings.forecast.on, "auditor": settings.audit.on}
    off = {name for name, on in switched.items() if not on}
    wanted = [name for name in ORDER if (name in only if only else name not in off)]
    until_signalled(Supervisor(wanted, surroundings))
    typer.echo(text("serve.stopped"))
