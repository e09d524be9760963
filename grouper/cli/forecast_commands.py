"""``grouper forecast …``: the commands of forecasting, loaded only when one of them is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import typer

from codebooks.messages import language, text

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP = "forecast"
_COMMANDS = {
    "train": ("forecast_train", "train_command"),
    "predict": ("forecast_predict", "predict_command"),
    "backtest": ("forecast_backtest", "backtest_command"),
    "report": ("forecast_report", "report_command"),
    "outlook": ("forecast_outlook", "outlook_command"),
    "score-outlook": ("forecast_outlook", "score_outlook_command"),
    "running": ("forecast_running", "running_command"),
    "score": ("forecast_score", "score_command"),
    "models": ("forecast_models", "models_command"),
    "card": ("forecast_models", "card_command"),
    "approve": ("forecast_models", "approve_command"),
    "rollback": ("forecast_models", "rollback_command"),
    "verify": ("forecast_models", "verify_command"),
    "remove": ("forecast_models", "remove_command"),
    "benchmark": ("forecast_benchmark", "benchmark_command"),
}
"""The commands in the order in which they are listed: module and function."""


def add_forecast(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Add the group to an app: with the command its arguments ask for, or with all for a list.

    Args:
        app: the command.
        arguments: of the command line.
    """
    words = [word for word in arguments if not word.startswith("-")]
    if words and words[0] != GROUP:
        return
    below = typer.Typer(no_args_is_help=True)
    app.add_typer(below, name=GROUP, help=text("forecast_cli.group", language()))
    if not words:
        # The list of all commands names the group alone.
        below.command("train", help=text("forecast_cli.train", language()))(_nothing)
        return
    asked = words[1] if len(words) > 1 else None
    for name, (module, function) in _COMMANDS.items():
        if asked in {None, name}:
            command = getattr(import_module(f"grouper.cli.{module}"), function)
            below.command(name, help=text(f"forecast_cli.{name.replace('-', '_')}", language()))(
                command
            )
    if not below.registered_commands:
        below.command("train", help=text("forecast_cli.train", language()))(_nothing)


def _nothing() -> None:
    """Stands for the commands where none is called."""
