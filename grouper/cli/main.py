"""Assembly of the command: each command lives in a module of its own and is loaded here."""

from __future__ import annotations

import sys

import typer

from codebooks.errors import GrouperError
from grouper.cli import codebooks as codebooks_commands

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(codebooks_commands.app, name="codebooks")


def main() -> None:
    """Run the command; an error we declare is one readable line and exit status 2."""
    try:
        app()
    except GrouperError as error:
        typer.echo(error.describe(), err=True)
        sys.exit(2)
