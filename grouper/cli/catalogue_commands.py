"""``grouper catalogue``: loaded only when it is asked for, or for the list of commands."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from codebooks.messages import language, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

NAME = "catalogue"


def add_catalogue(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Add the commands to an app where its arguments ask for them, or for the list.

    Args:
        app: the command.
        arguments: of the command line.
    """
    asked = next((word for word in arguments if not word.startswith("-")), None)
    if asked in {None, NAME}:
        commands = import_module("grouper.cli.catalogue").app
        app.add_typer(commands, name=NAME, help=text("catalogue_cli.help", language()))
