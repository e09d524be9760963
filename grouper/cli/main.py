"""Assembly of the command: each command lives in a module of its own and is loaded here."""

from __future__ import annotations

import signal
import sys
from importlib.metadata import version
from typing import Annotated

import pyarrow as pa
import typer

from codebooks.errors import GrouperError
from codebooks.messages import language, text
from grouper.cli import codebooks as codebooks_commands
from grouper.cli.audit_commands import add_audit
from grouper.cli.catalogue_commands import add_catalogue
from grouper.cli.compare import compare_command
from grouper.cli.explain import explain_command
from grouper.cli.findings_commands import add_findings
from grouper.cli.forecast_commands import add_forecast
from grouper.cli.group import group_command
from grouper.cli.language import Language
from grouper.cli.payment_commands import add_payment
from grouper.cli.service_commands import add_service
from grouper.cli.spark_commands import add_spark

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


def _help(key: str) -> str:
    return text(f"cli.{key}", language())


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"grouper {version('yibao-grouper')}")
        raise typer.Exit


@app.callback(help=_help("app"))
def _options(
    *,
    show_version: Annotated[
        bool,
        typer.Option("--version", help=_help("version"), callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Options of the command itself."""
    del show_version


app.command("group", help=_help("group"))(group_command)
app.command("explain", help=_help("explain_one"))(explain_command)
app.command("compare", help=text("compare_cli.command", language()))(compare_command)
app.add_typer(codebooks_commands.app, name="codebooks", help=_help("codebooks"))


def _asked_language(words: list[str]) -> str | None:
    """The language of ``--lang`` on the command line; None: not said, or none there is."""
    for place, word in enumerate(words):
        name, _, value = word.partition("=")
        found = value or "".join(words[place + 1 : place + 2])
        if name == "--lang" and found in set(Language):
            return found
    return None


def main() -> None:
    """Run the command; an error we declare is one readable line and exit status 2."""
    # A request to stop ends a run as Ctrl-C does: no half-written file is left.
    # Arrow's own handlers lose a signal that arrives while a read succeeds.
    pa.enable_signal_handlers(enable=False)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        add_payment(app, sys.argv[1:])
        add_forecast(app, sys.argv[1:])
        add_audit(app, sys.argv[1:])
        add_catalogue(app, sys.argv[1:])
        add_findings(app, sys.argv[1:])
        add_service(app, sys.argv[1:])
        add_spark(app, sys.argv[1:])
        app()
    except GrouperError as error:
        typer.echo(error.describe(_asked_language(sys.argv[1:])), err=True)
        stopped = error.code in {"RUN_INTERRUPTED", "SPARK_INTERRUPTED"}
        sys.exit(EXIT_INTERRUPTED if stopped else EXIT_ERROR)
