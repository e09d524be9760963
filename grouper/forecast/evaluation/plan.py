"""How models are judged and watched: ``grouper/forecast/data/evaluation.toml``, checked when read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from codebooks.errors import Where
from grouper.forecast.errors import ForecastError
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FILE = "evaluation.toml"
_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "tuple[int, ...]": (list, tuple),
    "tuple[str, ...]": (list, tuple),
}


class Section:
    """A section of the settings whose keys are the fields of a dataclass."""

    __slots__ = ()

    @classmethod
    def of(cls, table: Mapping[str, Any], section: str) -> Self:
        """Read a section.

        Args:
            table: all sections.
            section: its name.

        Raises:
            ForecastError: ``FORECAST_SETTINGS``: a key that is unknown, missing or of another kind.
        """
        found = table.get(section)
        if not isinstance(found, dict):
            raise _wrong(section)
        kinds = {field.name: str(field.type) for field in fields(cls)}  # type: ignore[arg-type]  # a dataclass
        values = {}
        for name in [*kinds, *(key for key in found if key not in kinds)]:
            value = found.get(name)
            if name not in kinds or not _fits(value, kinds[name]):
                raise _wrong(f"{section}.{name}")
            values[name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)


def _fits(value: object, kind: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, _KINDS[kind]):
        return False
    if isinstance(value, list | tuple):
        inner = int if "int" in kind else str
        return all(isinstance(one, inner) for one in value)
    return not isinstance(value, int | float) or value >= 0


def _wrong(key: str) -> ForecastError:
    return ForecastError("FORECAST_SETTINGS", Where(file=FILE, column=key), key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Section):
    """When a back-test trains, and on what it tests.

    Attributes:
        least_months: whole months of history before the first origin.
        window_months: how far back training looks; 0: to the beginning.
        step_months: from one origin to the next; so long each model is tested.
        most_origins: the last ones are taken; 0: all.
        lag_days: a stay is known to training so many days after its discharge, when it is coded.
        tail_days: the last days of the history are no test: stays that began there and were long
            are not in it.
        least_days: days of test that an origin needs.
        days: of the stay on which forecasts are judged.
        stays: at most so many stays are judged an origin, chosen by their id; 0: all.
    """

    least_months: int
    window_months: int
    step_months: int
    most_origins: int
    lag_days: int
    tail_days: int
    least_days: int
    days: tuple[int, ...]
    stays: int

    @classmethod
    def shipped(cls) -> Plan:
        """As the package has it."""
        return cls.of(toml(FILE), "backtest")

    @property
    def hash(self) -> str:
        """SHA-256 of the plan."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def origins(self, ended: NDArray[np.int64]) -> list[Origin]:
        """The origins that a history allows, the earliest first.

        Args:
            ended: local days of discharge, as days since 1970.

        Raises:
            ForecastError: ``FORECAST_BACKTEST_SHORT``: there is none.
        """
        first, last = _month(int(ended.min())), int(ended.max()) - self.tail_days
        found = []
        month = first + self.least_months
        while _begin(month) + max(self.least_days, 1) <= last + 1:
            start, end = _begin(month), min(_begin(month + self.step_months), last + 1)
            since = _begin(month - self.window_months) if self.window_months else int(ended.min())
            found.append(Origin(start, max(since, int(ended.min())), start - self.lag_days, end))
            month += self.step_months
        if not found:
            need = self.least_months * 30 + self.tail_days + self.least_days
            raise ForecastError(
                "FORECAST_BACKTEST_SHORT", days=int(ended.max() - ended.min()) + 1, need=need
            )
        return found[-self.most_origins :] if self.most_origins else found


@dataclass(frozen=True, slots=True)
class Origin:
    """A day on which a model is trained, and the days on which it is then used.

    Attributes:
        day: of the training, as days since 1970; the first day of the test.
        since: stays discharged from this day on are learnt from.
        until: … and before this one.
        end: the day after the last one of the test.
    """

    day: int
    since: int
    until: int
    end: int

    @property
    def name(self) -> str:
        """The day in words, ``2026-07-01``."""
        return iso(self.day)


def iso(day: int) -> str:
    """A day as people write it."""
    return str(np.datetime64(day, "D"))


def _month(day: int) -> int:
    """Number of the month of a day."""
    return int(np.datetime64(day, "D").astype("datetime64[M]").astype(int))


def _begin(month: int) -> int:
    """The first day of a month."""
    return int(np.datetime64(month, "M").astype("datetime64[D]").astype(int))


def day_of(when: date) -> int:
    """A date as days since 1970."""
    return when.toordinal() - date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging(Section):
    """How scores are told.

    Attributes:
        least_stays: stays that a department or group needs for a line of its own.
        most_groups: lines of groups, those with most stays.
        bins: of probabilities, of equal width.
        parts: parts of forecasts, of equal size, whose means are held against what came.
        draws: of the bootstrap by stay.
        inside: share of the draws between the bounds of a margin.
        seed: of the draws.
    """

    least_stays: int
    most_groups: int
    bins: int
    parts: int
    draws: int
    inside: float
    seed: int

    @classmethod
    def shipped(cls) -> Judging:
        """As the package has it."""
        return cls.of(toml(FILE), "scores")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basing(Section):
    """How baselines are reckoned.

    Attributes:
        least_stays: stays that a mean of a group needs; with fewer the level above is taken.
        smallest: charges to date in yuan from which on a ratio to them means something.
    """

    least_stays: int
    smallest: float

    @classmethod
    def shipped(cls) -> Basing:
        """As the package has it."""
        return cls.of(toml(FILE), "baselines")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching(Section):
    """What is watched, and from where on it has moved.

    Attributes:
        days: of stay whose snapshots are watched.
        passed_over: features that are no measure of anything (numbers of words, the calendar).
        weeks: the last weeks that are looked at together.
        least_weeks: whole weeks that a reference needs.
        least_values: values that a week needs to count.
        deviations: standard deviations from the reference, between spans of as many weeks.
        shift: … and standard deviations of the values, from where on a mean has moved.
        allowance: of cumulative sums, in standard deviations of weeks.
        limit: from where on a cumulative sum warns.
        stability: population stability index from where on a mix has moved.
        smallest_share: words rarer than this are counted together.
        bins: of a feature, each with as many values in the reference.
        new_stays: stays in a word that the reference does not know, from where on it is told.
        watched_weeks: the last weeks in which cumulative sums run.
    """

    days: tuple[int, ...]
    passed_over: tuple[str, ...]
    weeks: int
    least_weeks: int
    least_values: int
    deviations: float
    shift: float
    allowance: float
    limit: float
    stability: float
    smallest_share: float
    bins: int
    new_stays: int
    watched_weeks: int

    @classmethod
    def shipped(cls) -> Watching:
        """As the package has it."""
        return cls.of(toml(FILE), "drift")
