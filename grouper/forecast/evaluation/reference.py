"""The ranges in which weeks lie while nothing moves: learnt from the stays of training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.errors import ForecastError
from grouper.forecast.evaluation.plan import iso
from grouper.forecast.evaluation.signals import monday

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.evaluation.plan import Watching
    from grouper.forecast.evaluation.signals import Signal, Signals

REST = "*"
"""Stands for all rare words together."""
MISSING = ""
_LEAST = 0.5
"""Added to each count of a mix, so that a word that is gone has no endless weight."""
VERSION = 1


@dataclass(frozen=True, slots=True)
class Range:
    """Where the mean of a signal lies.

    Attributes:
        mean: of the weekly means.
        week: standard deviation of the weekly means.
        span: standard deviation of the means of as many weeks as are looked at together.
        value: standard deviation of single values.
        weeks: how many weeks it rests on.
    """

    mean: float
    week: float
    span: float
    value: float
    weeks: int


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of words, or of the bins of a number.

    Attributes:
        shares: of each word; the rare ones together as :data:`REST`.
        known: all words, rare ones too; of a number empty.
        edges: between the bins of a number; of words empty.
        usual: stability index of spans of the reference itself: mean and standard deviation.
    """

    shares: Mapping[str, float]
    known: frozenset[str]
    edges: tuple[float, ...]
    usual: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Reference:
    """What a model was made for.

    Attributes:
        first: the Monday of its first week.
        last: the Sunday of its last one.
        ranges: by signal.
        mixes: by signal.
    """

    first: str
    last: str
    ranges: Mapping[str, Range]
    mixes: Mapping[str, Mix]

    @classmethod
    def of(cls, signals: Signals, how: Watching) -> Reference:
        """Learn from signals while nothing moved.

        A signal with fewer whole weeks than ``least_weeks`` is not watched.

        Args:
            signals: of the stays of training; errors only of stays that training had not seen.
            how: the settings.

        Raises:
            ForecastError: ``FORECAST_DRIFT_SHORT``: too few whole weeks.
        """
        weeks = signals.weeks()
        if len(weeks) < how.least_weeks:
            raise ForecastError("FORECAST_DRIFT_SHORT", found=len(weeks), least=how.least_weeks)
        ranges, mixes = {}, {}
        whole = signals.within(weeks)
        for name, signal in whole.values.items():
            found = weekly(signal, weeks, how.least_values)
            if int((~np.isnan(found)).sum()) < how.least_weeks:
                continue
            ranges[name] = _range(signal, found, how)
            mix = _binned(signal, weeks, how)
            if mix:
                mixes[name] = mix
        for name, signal in whole.mixes.items():
            if len(signal.week) >= how.least_values * how.least_weeks:
                mixes[name] = _mix(signal, weeks, how)
        return cls(iso(monday(weeks[0])), iso(monday(weeks[-1] + 1) - 1), ranges, mixes)

    def joined(self, other: Reference) -> Reference:
        """This one with the signals of another."""
        ranges, mixes = {**self.ranges, **other.ranges}, {**self.mixes, **other.mixes}
        return replace(self, ranges=ranges, mixes=mixes)

    def document(self) -> dict[str, Any]:
        """As a model's card keeps it."""
        return {
            "version": VERSION,
            "first": self.first,
            "last": self.last,
            "ranges": {
                name: [one.mean, one.week, one.span, one.value, one.weeks]
                for name, one in self.ranges.items()
            },
            "mixes": {
                name: {
                    "shares": dict(one.shares),
                    "known": sorted(one.known),
                    "edges": list(one.edges),
                    "usual": list(one.usual),
                }
                for name, one in self.mixes.items()
            },
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Reference:
        """Out of :meth:`document`.

        Raises:
            ForecastError: ``FORECAST_DRIFT_REFERENCE``: it is none, or of another version.
        """
        try:
            if document["version"] != VERSION:
                raise ForecastError("FORECAST_DRIFT_REFERENCE")
            ranges = {
                str(name): Range(
                    float(one[0]), float(one[1]), float(one[2]), float(one[3]), int(one[4])
                )
                for name, one in document["ranges"].items()
            }
            mixes = {
                str(name): Mix(
                    {str(word): float(share) for word, share in one["shares"].items()},
                    frozenset(map(str, one["known"])),
                    tuple(map(float, one["edges"])),
                    (float(one["usual"][0]), float(one["usual"][1])),
                )
                for name, one in document["mixes"].items()
            }
            return cls(str(document["first"]), str(document["last"]), ranges, mixes)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise ForecastError("FORECAST_DRIFT_REFERENCE") from error


def weekly(signal: Signal, weeks: Sequence[int], least: int) -> NDArray[np.float64]:
    """The mean of each week; NaN where it has fewer than ``least`` values."""
    if not weeks:
        return np.zeros(0)
    some = np.isin(signal.week, weeks) & ~np.isnan(signal.value)
    at = signal.week[some] - weeks[0]
    size = weeks[-1] - weeks[0] + 1
    count = np.bincount(at, minlength=size)
    total = np.bincount(at, signal.value[some], size)
    return np.where(count >= least, total / np.maximum(count, 1), np.nan)


def words_of(signal: Signal, mix: Mix) -> NDArray[Any]:
    """The words of a signal as a mix counts them: bins of a number, rare words together."""
    if mix.edges:
        bins = np.searchsorted(np.array(mix.edges), signal.value, "right")
        return np.where(np.isnan(signal.value), MISSING, bins.astype(str)).astype(object)
    return np.array([word if word in mix.shares else REST for word in signal.value], object)


def stability(shares: Mapping[str, float], words: NDArray[Any]) -> float:
    """Population stability index, Σ (p − q) × ln(p ÷ q), of words against shares."""
    seen, counts = np.unique(words.astype(str), return_counts=True)
    told = dict(zip(seen.tolist(), counts.tolist(), strict=True))
    every = sorted({*shares, *told})
    size = len(words) + _LEAST * len(every)
    found = np.array([(told.get(word, 0) + _LEAST) / size for word in every])
    least = _LEAST / size
    wanted = np.array([max(shares.get(word, 0.0), least) for word in every])
    return float(np.sum((found - wanted) * np.log(found / wanted)))


def _range(signal: Signal, found: NDArray[np.float64], how: Watching) -> Range:
    known = found[~np.isnan(found)]
    week = float(known.std(ddof=1))
    spans = np.lib.stride_tricks.sliding_window_view(known, how.weeks).mean(axis=1)
    value = float(np.nanstd(signal.value))
    # Few spans that overlap may lie closer together by chance than weeks that vary alone would.
    span = max(float(spans.std(ddof=1)), week / float(np.sqrt(how.weeks)))
    return Range(float(known.mean()), week, span, value, len(known))


def _binned(signal: Signal, weeks: Sequence[int], how: Watching) -> Mix | None:
    """A number as a mix of bins; None where it has but one value."""
    known = signal.value[~np.isnan(signal.value)]
    places = np.linspace(0, 1, how.bins + 1)[1:-1]
    edges = np.unique(np.quantile(known, places))
    edges = edges[edges > known.min()]
    if not len(edges):
        return None
    return _mix(signal, weeks, how, tuple(edges.tolist()))


def _mix(signal: Signal, weeks: Sequence[int], how: Watching, edges: tuple[float, ...] = ()) -> Mix:
    week = signal.week
    known: frozenset[str] = frozenset()
    if edges:
        words = words_of(signal, Mix({}, known, edges, (0.0, 0.0)))
    else:
        names, counts = np.unique(signal.value.astype(str), return_counts=True)
        known = frozenset(names.tolist())
        often = set(names[counts >= how.smallest_share * len(week)].tolist())
        words = np.array([word if word in often else REST for word in signal.value], object)
    names, counts = np.unique(words.astype(str), return_counts=True)
    shares = dict(zip(names.tolist(), (counts / max(len(words), 1)).tolist(), strict=True))
    spans = [
        stability(shares, words[(week >= begin) & (week < begin + how.weeks)])
        for begin in weeks[: len(weeks) - how.weeks + 1]
    ]
    return Mix(shares, known, edges, (float(np.mean(spans)), float(np.std(spans))))
