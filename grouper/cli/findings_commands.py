"""``grouper findings …``: the review of findings, loaded only when one of the commands is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import typer

from codebooks.messages import language, text

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP = "findings"
_COMMANDS = {
    "list": ("findings_review", "list_command"),
    "show": ("findings_review", "show_command"),
    "step": ("findings_review", "step_command"),
    "comment": ("findings_review", "comment_command"),
    "attach": ("findings_review", "attach_command"),
    "raise": ("findings_review", "raise_command"),
    "whitelists": ("findings_rules", "whitelists_command"),
    "whitelist-add": ("findings_rules", "whitelist_add_command"),
    "whitelist-approve": ("findings_rules", "whitelist_approve_command"),
    "whitelist-end": ("findings_rules", "whitelist_end_command"),
    "standings": ("findings_rules", "standings_command"),
    "standing": ("findings_rules", "standing_command"),
    "statistics": ("findings_numbers", "statistics_command"),
    "deductions": ("findings_numbers", "deductions_command"),
    "import": ("findings_import", "import_command"),
    "batches": ("findings_import", "batches_command"),
    "answers": ("findings_import", "answers_command"),
}
"""The commands in the order in which they are listed: module and function."""


def add_findings(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Add the group to an app: with the command its arguments ask for, or with all for a list.

    Args:
        app: the command.
        arguments: of the command line.
    """
    words = [word for word in arguments if not word.startswith("-")]
    if words and words[0] != GROUP:
        return
    below = typer.Typer(no_args_is_help=True)
    app.add_typer(below, name=GROUP, help=text("findings_cli.group", language()))
    asked = words[1] if len(words) > 1 else None
    if words:
        for name, (module, function) in _COMMANDS.items():
            if asked in {None, name}:
                command = getattr(import_module(f"grouper.cli.{module}"), function)
                below.command(name, help=_help(name))(command)
    if not below.registered_commands:
        # The list of all commands names the group alone.
        below.command("list", help=_help("list"))(_nothing)


def _help(name: str) -> str:
    return text(f"findings_cli.{name.replace('-', '_')}", language())


def _nothing() -> None:
    """Stands for the commands where none is called."""
