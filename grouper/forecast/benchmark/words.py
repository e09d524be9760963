"""The benchmark's figures as lines of a table, and its forecasts as a file."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np

from codebooks.messages import text
from grouper.forecast.benchmark.scoring import BOUNDS, COMPARED, FIGURES, OWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

    from grouper.forecast.benchmark.reading import Stays
    from grouper.forecast.benchmark.scoring import Scored

DRIVERS = 8
"""How many terms are named in words; all stand in the JSON."""
_SHARES = {
    "r2": "{:.3f}",
    "mae": "{:,.0f}",
    "mape": "{:.3f}",
    "medape": "{:.3f}",
    "bias": "{:+.3f}",
}
_NONE = "–"


def headers(lang: str | None = None) -> list[str]:
    """The heading of a task's table."""
    return [say("forecast", lang), *(say(f"figure_{name}", lang) for name in FIGURES)]


def rows(document: Mapping[str, Any], lang: str | None = None) -> list[list[str]]:
    """The rows of a task's table: our forecasts, then what they are compared with."""
    return [
        [say(f"point_{name}", lang), *(_cell(figure, values[figure]) for figure in FIGURES)]
        for name, values in document["point"].items()
    ]


def lines(document: Mapping[str, Any], unit: str, lang: str | None = None) -> list[str]:
    """What is said below a task's table: interval, spread of the turns, unseen values, drivers."""
    found: list[str] = []
    interval = document.get("interval")
    if interval:
        found.append(
            say(
                "interval",
                lang,
                level=f"{interval['level']:.0%}",
                coverage=_share(interval["coverage"]),
                width=_cell("mae", interval["width"]),
                unit=unit,
            )
        )
    turns = document.get("turns", ())
    if turns:
        spread = {
            "r2": [turn["point"]["mean"]["r2"] for turn in turns],
            "medape": [turn["point"]["median"]["medape"] for turn in turns],
            "coverage": [turn["interval"]["coverage"] for turn in turns],
        }
        ranges = {name: _range(name, values) for name, values in spread.items()}
        found.append(say("turns", lang, count=len(turns), **ranges))
    for name, count in document["unseen"].items():
        found.append(say("unseen", lang, name=name, count=count))
    named = list(document["drivers"].items())[:DRIVERS]
    words = say("separator", lang).join(f"{name} ±{value:.0%}" for name, value in named)
    found.append(say("drivers", lang, words=words))
    return found


def write_predictions(file: TextIO, stays: Stays, tasks: Sequence[Scored]) -> None:
    """Write forecasts as CSV, in the order of the file.

    Args:
        file: to write to.
        stays: of the file; ``row`` is where each stands in it, as a spreadsheet counts.
        tasks: the forecasts, of these stays or of those whose cost is known.
    """
    names = [
        (one.plan.task, name, dict(zip(one.stays.rows.tolist(), one.found[name], strict=True)))
        for one in tasks
        for name in (*OWN, *BOUNDS, *COMPARED)
    ]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["row", "cost", *(f"{task}_{name}" for task, name, _ in names)])
    for row, cost in zip(stays.rows.tolist(), stays.cost.tolist(), strict=True):
        cells = [values.get(row, np.nan) for _, _, values in names]
        writer.writerow([row, *(_amount(cell) for cell in (cost, *cells))])


def say(key: str, lang: str | None = None, **params: object) -> str:
    """A text of the benchmark."""
    return text(f"forecast_benchmark.{key}", lang, **params)


def _amount(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.2f}"


def _share(value: float | None) -> str:
    return _NONE if value is None else f"{value:.1%}"


def _cell(figure: str, value: float | None) -> str:
    return _NONE if value is None else _SHARES[figure].format(value)


def _range(name: str, values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return _NONE
    show = _share if name == "coverage" else lambda value: _cell(name, value)
    return f"{show(min(known))}–{show(max(known))}"
