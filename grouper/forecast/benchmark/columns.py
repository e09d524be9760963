"""Which columns of the benchmark's file are used, in which task, and which must not be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codebooks.errors import Where
from grouper.forecast.errors import ForecastError
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS, SETTINGS = "benchmark_columns.toml", "benchmark_settings.toml"
"""The files of this part in ``grouper/forecast/data``."""
TASKS = ("admission", "coded")
"""What is known at admission; what is known once the record is coded."""
LEVEL, CATEGORY, ORDINAL = "level", "category", "ordinal"
_KINDS = (LEVEL, CATEGORY, ORDINAL)


@dataclass(frozen=True, slots=True)
class Feature:
    """A column that may be used.

    Attributes:
        column: its name in the file.
        short: its name in terms.
        kind: ``level``, ``category`` or ``ordinal``.
        tasks: where it is known.
        order: of an ordinal, lowest first.
    """

    column: str
    short: str
    kind: str
    tasks: tuple[str, ...]
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of the file.

    Attributes:
        target: the column of what is forecast.
        unit: of the target.
        most: the target can be.
        features: by short name.
        forbidden: columns that are known only at discharge, with the reason.
    """

    target: str
    unit: str
    most: float
    features: Mapping[str, Feature]
    forbidden: Mapping[str, str]

    def names(self, task: str) -> tuple[str, ...]:
        """The short names of a task's features."""
        return tuple(one.short for one in self.features.values() if task in one.tasks)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a task is learned.

    Attributes:
        task: one of :data:`TASKS`.
        terms: combinations of features that have an effect.
        group: features whose values make the groups of the group mean.
        plain: features of the plain model.
        closest: the quantile whose error as a share of what comes is smallest.
        calibrate_by: features whose values make the kinds of stays that are calibrated together.
        shown: terms whose effects the trees see by themselves.
        strength_log: stays as which "no effect" counts in the model of the log, a term.
        strength_mean: the same for the model of the mean.
    """

    task: str
    terms: tuple[tuple[str, ...], ...]
    group: tuple[str, ...]
    plain: tuple[str, ...]
    closest: float
    calibrate_by: tuple[str, ...]
    shown: tuple[tuple[str, ...], ...]
    strength_log: tuple[float, ...]
    strength_mean: tuple[float, ...]


def read_columns(document: Mapping[str, Any]) -> Columns:
    """Columns of a table such as :data:`COLUMNS`.

    Raises:
        ForecastError: ``BENCHMARK_FORBIDDEN`` when a feature is known only at discharge or is the
            target; ``BENCHMARK_DATA`` when a name stands twice, or a kind or a task is none.
    """
    target, forbidden = document["target"], document["forbidden"]
    features: dict[str, Feature] = {}
    seen = {target["column"], *forbidden}
    for row, entry in enumerate(document["feature"], 1):
        one = Feature(
            entry["column"],
            entry["short"],
            entry["kind"],
            tuple(entry["tasks"]),
            tuple(entry.get("order", ())),
        )
        place = Where(file=COLUMNS, row=row, column=one.column)
        if one.column == target["column"] or one.column in forbidden:
            raise ForecastError("BENCHMARK_FORBIDDEN", place, found=one.column)
        known = one.kind in _KINDS and set(one.tasks) <= set(TASKS)
        if not known or one.column in seen or one.short in features:
            raise ForecastError("BENCHMARK_DATA", place, found=one.short)
        seen.add(one.column)
        features[one.short] = one
    for column in document.get("unused", {}):
        if column in seen:
            place = Where(file=COLUMNS, column=column)
            raise ForecastError("BENCHMARK_DATA", place, found=column)
    return Columns(target["column"], target["unit"], float(target["most"]), features, forbidden)


def read_plan(document: Mapping[str, Any], task: str, columns: Columns) -> Plan:
    """The plan of a task out of a table such as :data:`SETTINGS`.

    Raises:
        ForecastError: ``BENCHMARK_DATA`` for a name that is no feature of the task, for a term of
            more fields than there are strengths, or for a term that is shown and is none.
    """
    table = document[task]
    known = columns.names(task)
    terms = tuple(tuple(term.split("*")) for term in table["terms"])
    shown = tuple(tuple(term.split("*")) for term in table["shown"])
    longest = min(len(table["strength_log"]), len(table["strength_mean"]))
    used = [*terms, table["group"], table["plain"], table["calibrate_by"]]
    wrong = [name for names in used for name in names if name not in known]
    wrong += ["*".join(term) for term in terms if len(term) > longest]
    wrong += ["*".join(term) for term in shown if term not in terms]
    if wrong:
        raise ForecastError("BENCHMARK_DATA", Where(file=SETTINGS, column=task), found=wrong[0])
    return Plan(
        task,
        terms,
        tuple(table["group"]),
        tuple(table["plain"]),
        float(table["closest"]),
        tuple(table["calibrate_by"]),
        shown,
        tuple(float(table["strength_log"][len(term) - 1]) for term in terms),
        tuple(float(table["strength_mean"][len(term) - 1]) for term in terms),
    )


def shipped() -> Columns:
    """The columns as they are shipped."""
    return read_columns(toml(COLUMNS))


def plan(task: str) -> Plan:
    """The plan of a task as it is shipped."""
    return read_plan(toml(SETTINGS), task, shipped())
