"""What is watched week by week: features, costs, errors and hits; mixes of departments and groups."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.forecast.evaluation.history import as_of
from grouper.forecast.features import names
from grouper.forecast.levels import GROUP
from grouper.forecast.result import AMOUNTS, MEASURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.evaluation.history import History
    from grouper.forecast.evaluation.judged import Judged
    from grouper.forecast.evaluation.plan import Watching
    from grouper.forecast.frame import Frame

_THURSDAY, _WEEK = 3, 7
"""1970-01-01 was a Thursday: weeks begin on Mondays."""
FEATURE, CAME, ERROR, HELD, RIGHT, MIX = "feature", "came", "error", "held", "right", "mix"
"""Kinds of signals, the first part of their names."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Values in the order in which they came: the week of each, and the value or word."""

    week: NDArray[np.int64]
    value: NDArray[Any]

    def within(self, weeks: Sequence[int]) -> Signal:
        """Only what lies in some weeks."""
        own = np.isin(self.week, weeks)
        return Signal(self.week[own], self.value[own])


@dataclass(frozen=True, slots=True)
class Signals:
    """What was seen; ``first`` and ``last`` are the first and last day that is known whole.

    Attributes:
        values: numbers by the name of the signal, such as ``feature.cost`` or ``error.cost``.
        mixes: words by the name of the signal, such as ``mix.department``.
        first: day since 1970.
        last: day since 1970.
    """

    values: Mapping[str, Signal] = field(default_factory=dict)
    mixes: Mapping[str, Signal] = field(default_factory=dict)
    first: int = 0
    last: int = -1

    def weeks(self) -> list[int]:
        """The weeks that are known whole."""
        begin, end = week_of(self.first), week_of(self.last + 1)
        if monday(begin) < self.first:
            begin += 1
        return list(range(begin, end))

    def within(self, weeks: Sequence[int]) -> Signals:
        """Only what lies in some weeks."""
        parts = [
            {name: one.within(weeks) for name, one in signals.items()}
            for signals in (self.values, self.mixes)
        ]
        return replace(self, values=parts[0], mixes=parts[1])

    def between(self, first: int, last: int) -> Signals:
        """The same, known whole from a day to a day only."""
        return replace(self, first=max(self.first, first), last=min(self.last, last))

    def joined(self, other: Signals) -> Signals:
        """These and other signals, with the days of these.

        Weeks of which the others know nothing have no value there.
        """
        values, mixes = {**self.values, **other.values}, {**self.mixes, **other.mixes}
        return replace(self, values=values, mixes=mixes)


def week_of(day: int) -> int:
    """The number of a day's week."""
    return (day + _THURSDAY) // _WEEK


def monday(week: int) -> int:
    """The first day of a week."""
    return week * _WEEK - _THURSDAY


def of_frame(frame: Frame, how: Watching, first: int, last: int) -> Signals:
    """The features, departments and bare groups of snapshots, by the week of the snapshot.

    Args:
        frame: snapshots of all stays of these days, finished or running; other days do no harm.
        how: which days of stay, which features.
        first: the first local day that is known whole, as days since 1970.
        last: the last one.
    """
    when = as_of(frame)
    rows = np.flatnonzero(np.isin(frame.day, how.days) & (when >= first) & (when <= last))
    week = (when[rows] + _THURSDAY) // _WEEK
    values = {
        f"{FEATURE}.{name}": Signal(week, frame.features[rows, place].astype(np.float64))
        for place, name in enumerate(names())
        if name not in how.passed_over
    }
    admitted = frame.known["admission_department"].take(pa.array(rows)).cast(pa.string())
    departments = np.array(pc.fill_null(admitted, "").to_pylist(), object)
    mixes = {
        f"{MIX}.department": Signal(week, departments),
        f"{MIX}.bare": Signal(week, frame.bare.texts(GROUP)[rows]),
    }
    return Signals(values, mixes, first, last)


def of_truth(history: History, first: int, last: int) -> Signals:
    """Costs, stays, payments and final groups, by the week of the discharge."""
    ended, truth = history.ended, history.truth
    stays = np.flatnonzero((ended >= first) & (ended <= last))
    week = (ended[stays] + _THURSDAY) // _WEEK
    los = np.where(truth.los > 0, truth.los, np.nan).astype(np.float64)
    came = {"cost": _log(truth.cost), "los": _log(los)}
    came |= {name: truth.money[name] for name in AMOUNTS}
    values = {f"{CAME}.{name}": Signal(week, one[stays]) for name, one in came.items()}
    group = truth.levels.texts(GROUP)[stays]
    return Signals(values, {f"{MIX}.group": Signal(week, group)}, first, last)


def of_judged(rows: Judged, first: int, last: int) -> Signals:
    """Errors, intervals that held, groups that were right, by the week of the discharge.

    An error of cost or stay is the logarithm of what came ÷ its middle, of money the difference in
    yuan; so long as neither moves, both lie around the same value.
    """
    los = rows.truth["los"]
    some = np.flatnonzero(~np.isnan(los))
    rows = rows.take(some)
    ended = rows.when - rows.day + 1 + los[some].astype(np.int64)
    keep = np.flatnonzero((ended >= first) & (ended <= last))
    rows = rows.take(keep)
    week = (ended[keep] + _THURSDAY) // _WEEK
    values = {}
    for measure in MEASURES:
        truth, middle = rows.truth[measure], rows.bounds[f"{measure}.middle"]
        low, high = rows.bounds[f"{measure}.low"], rows.bounds[f"{measure}.high"]
        logs = measure not in AMOUNTS
        error = _log(truth) - _log(middle) if logs else truth - middle
        inside = ((truth >= low) & (truth <= high)).astype(np.float64)
        inside[np.isnan(truth + low + high)] = np.nan
        values[f"{ERROR}.{measure}"] = Signal(week, error)
        values[f"{HELD}.{measure}"] = Signal(week, inside)
    values[f"{RIGHT}.group"] = Signal(week, rows.group["group.top1"])
    return Signals(values, {}, first, last)


def _log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(values > 0, np.log(values), np.nan)
