"""The watch: whether the last weeks are still such as the model was made for, and what moved since when.

Three eyes. The mean of the last weeks against the range of the reference; the mix of words and
values against its shares (population stability index, against what spans of the reference have
themselves); cumulative sums (CUSUM, Page 1954) of weekly errors and of intervals that held, which
see a small lasting change. A mean or mix counts only if it is both surprising and large.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from codebooks.messages import catalogue, language, text
from grouper.forecast.evaluation.margins import plain
from grouper.forecast.evaluation.plan import iso
from grouper.forecast.evaluation.reference import REST, stability, weekly, words_of
from grouper.forecast.evaluation.signals import ERROR, FEATURE, HELD, RIGHT, Signal, monday

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from grouper.forecast.evaluation.plan import Watching
    from grouper.forecast.evaluation.reference import Mix, Range, Reference
    from grouper.forecast.evaluation.signals import Signals

MEAN, SUM, MIX, NEW = "mean", "sum", "mix", "new"
"""What a finding is: a mean that lies elsewhere, a sum of small deviations, a mix, a word."""
_SUMMED = (ERROR, HELD, RIGHT)
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that moved.

    Attributes:
        kind: one of :data:`MEAN`, :data:`SUM`, :data:`MIX`, :data:`NEW`.
        signal: what moved, such as ``feature.cost``.
        word: the word that moved most, or the new one; empty for means.
        reference: the mean or share that the model was made for.
        recent: that of the last weeks.
        size: by how much: standard deviations of values, of weeks (sums), stability index, stays.
        surprise: how far beyond what is usual, in its standard deviations.
        since: the Monday of the first week that looks moved.
    """

    kind: str
    signal: str
    word: str
    reference: float
    recent: float
    size: float
    surprise: float
    since: str

    def words(self, lang: str | None = None) -> str:
        """For people."""
        none = text("forecast_evaluation.none", lang)
        rest = text("forecast_evaluation.rest", lang)
        return text(
            f"forecast_evaluation.drift_{self.kind}",
            lang,
            signal=signal_words(self.signal, lang),
            word=rest if self.word == REST else self.word or none,
            reference=_short(self.reference),
            recent=_short(self.recent),
            size=f"{self.size:,.0f}" if self.kind == NEW else _short(self.size),
            since=self.since,
        )


@dataclass(frozen=True, slots=True)
class Watch:
    """What the watch found.

    Attributes:
        first: the Monday of the first of the last weeks.
        last: the Sunday of the last one.
        watched: signals that were looked at.
        silent: signals with too few values in the last weeks.
        findings: what moved, the most surprising first of each kind.
    """

    first: str
    last: str
    watched: int
    silent: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def warns(self) -> bool:
        """Whether something moved."""
        return bool(self.findings)

    def document(self, lang: str | None = None) -> dict[str, Any]:
        """As JSON knows it."""
        return {
            "first": self.first,
            "last": self.last,
            "watched": self.watched,
            "silent": list(self.silent),
            "findings": [
                {
                    **asdict(one),
                    "size": plain(one.size),
                    "surprise": plain(one.surprise),
                    "words": one.words(lang),
                }
                for one in self.findings
            ],
        }

    def lines(self, lang: str | None = None) -> list[str]:
        """For a terminal."""
        lang = lang or language()
        key = "drift_found" if self.findings else "drift_none"
        span = {"first": self.first, "last": self.last}
        count = {"count": len(self.findings), "watched": self.watched}
        head = text(f"forecast_evaluation.{key}", lang, **span, **count)
        found = [head, *(f"  {one.words(lang)}" for one in self.findings[:_SHOWN])]
        if self.silent:
            names = [signal_words(name, lang) for name in self.silent]
            told = text("forecast_evaluation.comma", lang).join(names)
            found.append(text("forecast_evaluation.drift_silent", lang, signals=told))
        return found


def watch(reference: Reference, recent: Signals, how: Watching) -> Watch:
    """Look at the last whole weeks.

    Args:
        reference: what the model was made for.
        recent: signals of at least the last weeks; the more there are, the earlier a beginning can
            be seen.
        how: the settings.
    """
    weeks = recent.weeks()[-how.watched_weeks :]
    last = weeks[-how.weeks :]
    findings: list[Finding] = []
    silent: list[str] = []
    watched = 0
    for name, own in reference.ranges.items():
        signal = recent.values.get(name)
        series = np.zeros(0) if signal is None else weekly(signal, weeks, how.least_values)
        seen = series[-len(last) :] if last else series
        if signal is None or not len(seen) or np.isnan(seen).any():
            silent.append(name)
            continue
        watched += 1
        found = _mean(name, own, series, weeks, how)
        if found is None and name in reference.mixes:
            found = _mixed(name, reference.mixes[name], signal, weeks, how)
        if found is None and name.partition(".")[0] in _SUMMED:
            found = _summed(name, own, series, weeks, how)
        findings += [found] if found else []
    for name, mix in reference.mixes.items():
        signal = recent.mixes.get(name)
        if name in reference.ranges:
            continue
        if signal is None or np.isin(signal.week, last).sum() < how.least_values:
            silent.append(name)
            continue
        watched += 1
        moved = _mixed(name, mix, signal, weeks, how)
        findings += [moved] if moved else []
        findings += _new(name, mix, signal, last, how)
    order = {NEW: 0, MEAN: 1, MIX: 2, SUM: 3}
    findings.sort(key=lambda one: (order[one.kind], -abs(one.surprise), one.signal, one.word))
    first, end = (iso(monday(last[0])), iso(monday(last[-1] + 1) - 1)) if last else ("", "")
    return Watch(first, end, watched, tuple(silent), tuple(findings))


def _mean(
    name: str, own: Range, series: NDArray[np.float64], weeks: Sequence[int], how: Watching
) -> Finding | None:
    recent = float(series[-how.weeks :].mean())
    away = recent - own.mean
    if not away:
        return None
    # A signal that never varied and now does has moved however little.
    shift = away / own.value if own.value else float("inf")
    surprise = away / own.span if own.span else float("inf")
    if abs(surprise) <= how.deviations or abs(shift) <= how.shift:
        return None
    since = _since(own, series, weeks, float(np.sign(away)))
    return Finding(MEAN, name, "", own.mean, recent, float(shift), float(surprise), since)


def _summed(
    name: str, own: Range, series: NDArray[np.float64], weeks: Sequence[int], how: Watching
) -> Finding | None:
    if not own.week:
        return None
    for sign in (1.0, -1.0):
        sums = _sums(own, series, sign, how.allowance)
        if len(sums) and sums[-1] > how.limit:
            recent = float(np.nanmean(series[-how.weeks :]))
            since = _since(own, series, weeks, sign)
            size = float(sign * sums[-1])
            return Finding(SUM, name, "", own.mean, recent, size, size, since)
    return None


def _sums(
    own: Range, series: NDArray[np.float64], sign: float, allowance: float
) -> NDArray[np.float64]:
    """The cumulative sums of one side; a week without a value changes nothing."""
    found = np.zeros(len(series))
    total = 0.0
    for place, value in enumerate(series.tolist()):
        if not np.isnan(value):
            total = max(0.0, total + sign * (value - own.mean) / own.week - allowance)
        found[place] = total
    return found


def _since(own: Range, series: NDArray[np.float64], weeks: Sequence[int], sign: float) -> str:
    """The week from which on a lasting change is likeliest: Σ² ÷ n of what lies beyond the mean."""
    away = np.nan_to_num(sign * (series - own.mean))
    count = np.cumsum(~np.isnan(series[::-1]))[::-1]
    total = np.cumsum(away[::-1])[::-1]
    gain = np.where(total > 0, total**2 / np.maximum(count, 1), 0.0)
    return iso(monday(weeks[int(np.argmax(gain))]))


def _mixed(
    name: str, mix: Mix, signal: Signal, weeks: Sequence[int], how: Watching
) -> Finding | None:
    words = words_of(signal, mix)
    own = np.isin(signal.week, weeks[-how.weeks :])
    if own.sum() < how.least_values:
        return None
    index = stability(mix.shares, words[own])
    mean, spread = mix.usual
    surprise = (index - mean) / spread if spread else np.inf
    if index <= max(how.stability, mean + how.deviations * spread):
        return None
    seen = words[own].astype(str)
    every = sorted({*mix.shares, *seen.tolist()})
    away = {word: float((seen == word).mean()) - mix.shares.get(word, 0.0) for word in every}
    word = max(every, key=lambda one: abs(away[one]))
    share = mix.shares.get(word, 0.0)
    since = _mix_since(mix, words, signal.week, weeks, how)
    told = _bin(mix, word) if mix.edges else word
    return Finding(MIX, name, told, share, share + away[word], index, float(surprise), since)


def _mix_since(
    mix: Mix, words: NDArray[Any], week: NDArray[np.int64], weeks: Sequence[int], how: Watching
) -> str:
    """The first of the last weeks from which on each week by itself lies outside what is usual."""
    limit = max(how.stability, mix.usual[0] + how.deviations * mix.usual[1])
    since = weeks[-1]
    for one in reversed(weeks):
        own = words[week == one]
        if len(own) < how.least_values or stability(mix.shares, own) <= limit:
            break
        since = one
    return iso(monday(since))


def _bin(mix: Mix, word: str) -> str:
    """The bounds of a bin in words."""
    if not word:
        return ""
    place = int(word)
    low = _short(mix.edges[place - 1]) if place else "…"
    high = _short(mix.edges[place]) if place < len(mix.edges) else "…"
    return f"{low} – {high}"


def _new(name: str, mix: Mix, signal: Signal, last: Sequence[int], how: Watching) -> list[Finding]:
    own = np.isin(signal.week, last)
    words, counts = np.unique(signal.value[own].astype(str), return_counts=True)
    found = []
    for word, count in zip(words.tolist(), counts.tolist(), strict=True):
        if word and word != REST and word not in mix.known and count >= how.new_stays:
            first = int(signal.week[signal.value == word].min())
            share = count / int(own.sum())
            since = iso(monday(first))
            found.append(Finding(NEW, name, word, 0.0, share, float(count), float(count), since))
    return found


def signal_words(name: str, lang: str | None = None) -> str:
    """A signal in words."""
    kind, _, what = name.partition(".")
    key = f"feature.{what}" if kind == FEATURE else f"forecast_evaluation.what_{what}"
    inner = catalogue(lang or language()).get(key, what)
    return text(f"forecast_evaluation.signal_{kind}", lang, what=inner)


def _short(value: float) -> str:
    """Three figures, with the thousands apart."""
    if not isfinite(value):
        return "∞"
    size = abs(value)
    places = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3  # noqa: PLR2004 -- figures
    return f"{value:,.{places}f}"
