"""The commands of payment, of the fund and of the demonstration hospital, loaded only when one is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from codebooks.messages import language, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

_COMMANDS = {
    "price": ("price", "price_command", "price_cli.command"),
    "settle": ("settle", "settle_command", "payment_commands.settle"),
    "simulate": ("simulate", "simulate_command", "payment_commands.simulate"),
    "reconcile": ("reconcile", "reconcile_command", "payment_commands.reconcile"),
    "indices": ("indices", "indices_command", "payment_commands.indices"),
    "fund": ("fund", "fund_command", "fund_cli.command"),
    "demo-hospital": ("demo_hospital", "demo_hospital_command", "payment_commands.demo_hospital"),
    "demo-emit": ("demo_emit", "emit_command", "payment_commands.demo_emit"),
}
_GROUPS = {
    "policy": ("policy", "app", "payment_commands.policy"),
    "mart": ("mart", "app", "mart_cli.group"),
}
NAMES = (*_COMMANDS, *_GROUPS)
"""The commands, in the order in which they are listed."""


def add_payment(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Add these commands to an app: the one that its arguments ask for, or all for the list."""
    asked = next((word for word in arguments if not word.startswith("-")), None)
    for name, (module, function, key) in _COMMANDS.items():
        if asked in {None, name}:
            command = getattr(import_module(f"grouper.cli.{module}"), function)
            app.command(name, help=text(key, language()))(command)
    for name, (module, group, key) in _GROUPS.items():
        if asked in {None, name}:
            below = getattr(import_module(f"grouper.cli.{module}"), group)
            app.add_typer(below, name=name, help=text(key, language()))
