"""``grouper audit``, ``audit-book`` and ``audit-monitors``: loaded when asked for, or for the list."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from codebooks.messages import language, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

NAME, BOOK, MONITORS = "audit", "audit-book", "audit-monitors"


def add_audit(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Add the commands to an app where its arguments ask for them, or for the list.

    Args:
        app: the command.
        arguments: of the command line.
    """
    asked = next((word for word in arguments if not word.startswith("-")), None)
    if asked in {None, NAME}:
        command = import_module("grouper.cli.audit").audit_command
        app.command(NAME, help=text("audit_cli.command", language()))(command)
    if asked in {None, BOOK}:
        commands = import_module("grouper.cli.audit_book").app
        app.add_typer(commands, name=BOOK, help=text("audit_book_cli.help", language()))
    if asked in {None, MONITORS}:
        command = import_module("grouper.cli.audit_monitors").monitors_command
        app.command(MONITORS, help=text("audit_monitors_cli.command", language()))(command)
