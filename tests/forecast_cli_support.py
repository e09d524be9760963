"""The commands of forecasting under test: run in this process, with settings small enough for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer.testing import CliRunner

from grouper.cli.forecast_commands import add_forecast
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    import pytest
    from typer.testing import Result

DAYS = [0, 1, 3, 6]
_SMALL: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {
    "training.toml": {(): {"least_stays": 60, "days": DAYS}},
    "amounts.toml": {("training", "booster"): {"rounds": 5, "depth": 3}},
    "groups.toml": {("ranker", "trees"): {"rounds": 5, "depth": 3}},
    "evaluation.toml": {
        ("backtest",): {
            "least_months": 2,
            "step_months": 1,
            "most_origins": 1,
            "tail_days": 10,
            "days": [0, 1, 3],
        },
        ("scores",): {"draws": 20},
        ("drift",): {"least_weeks": 6, "least_values": 5},
    },
}


def shrink(patch: pytest.MonkeyPatch) -> None:
    """Settings by which a few hundred stays are enough, and a few trees."""
    for file, parts in _SMALL.items():
        for path, values in parts.items():
            table = toml(file)
            for name in path:
                table = table[name]
            for name, value in values.items():
                assert name in table
                patch.setitem(table, name, value)


def run(*words: str) -> Result:
    """``grouper forecast …`` in this process; an error stands in the result's ``exception``."""
    app = typer.Typer()
    app.callback()(lambda: None)
    add_forecast(app, ["forecast", *words])
    return CliRunner().invoke(app, ["forecast", *words])
