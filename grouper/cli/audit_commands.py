"""``grouper audit``: loaded only when it is asked for, or for the list of commands."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from codebooks.messages import language, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

NAME = "audit"


def add_audit(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Add the command to an app where its arguments ask for it, or for the list.

    Args:
        app: the command.
        arguments: of the command line.
    """
    asked = next((word for word in arguments if not word.startswith("-")), None)
    if asked in {None, NAME}:
        command = import_module("grouper.cli.audit").audit_command
        app.command(NAME, help=text("audit_cli.command", language()))(command)
