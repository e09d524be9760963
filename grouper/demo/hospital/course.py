"""The course of the diagnosis within a stay: what was thought at admission, when each was written.

It is drawn with a chance of its own and changes nothing else of a month. ``data/course.toml`` says
how often which illness is taken for another and when the right one is found;
:mod:`grouper.demo.hospital.suspicions` for what.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from codebooks.errors import Where
from grouper.demo.hospital.errors import HospitalError
from grouper.demo.hospital.inpatients import DAY, MINUTE, ZONE_SECONDS
from grouper.demo.hospital.plan import stream
from grouper.demo.hospital.suspicions import SORTS, Suspicions
from grouper.demo.hospital.tables import rows, toml
from grouper.demo.hospital.world import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.demo.hospital.inpatients import Month
    from grouper.demo.hospital.world import Array, World

FILE = "course.toml"
_COMPANION, _TUMOUR = "companion", "C"
_WAYS = (*SORTS, _COMPANION)
_ABSENT = "4"
_SPARE = 4
"""Diagnoses that a stay may have beyond the table of comorbidities: the principal one, what goes
with it, what is planted."""
_DAYTIME = (8, 17)
"""Hours of the admissions that are none of the night or the evening."""


@dataclass(frozen=True, slots=True)
class _Class:
    """How the diagnosis of some stays comes about.

    Attributes:
        prefixes: beginnings of the principal diagnosis.
        kinds: numbers of the kinds of stays.
        visit: kinds of visit; empty for all.
        wrong: chance that the code of admission is not the final one.
        ways: weight of each of :data:`_WAYS`.
        days: cumulated chances of the days on which the right one is found.
        after: whether these days count from the operation.
    """

    prefixes: tuple[str, ...]
    kinds: tuple[int, ...]
    visit: tuple[str, ...]
    wrong: float
    ways: tuple[float, ...]
    days: Array
    after: bool


def _chances(values: Sequence[float]) -> Array:
    """Chances, cumulated.

    Raises:
        ValueError: they are not all together 1.
    """
    found: Array = np.cumsum([float(value) for value in values])
    if not np.isclose(found[-1:].sum(), 1.0):
        raise ValueError(values)
    return found


@cache
def _classes() -> tuple[_Class, ...]:
    found = []
    for number, row in enumerate(toml(FILE)["class"], 1):
        try:
            one = _Class(
                prefixes=tuple(row.get("prefixes", ("",))),
                kinds=tuple(KINDS.index(kind) for kind in row.get("kinds", KINDS)),
                visit=tuple(row.get("visit", ())),
                wrong=float(row["wrong"]),
                ways=tuple(float(row.get(way, 0.0)) for way in _WAYS),
                days=_chances(row["days"]),
                after=bool(row.get("after_operation", False)),
            )
        except (KeyError, TypeError, ValueError) as cause:
            raise HospitalError("DEMO_HOSPITAL_TABLE", Where(file=FILE, row=number)) from cause
        found.append(one)
    return tuple(found)


class Courses:
    """Gives stays the course of their diagnoses; keeps what their illnesses may be taken for.

    Args:
        world: the hospital.

    Raises:
        HospitalError: ``DEMO_HOSPITAL_TABLE``.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._suspicions = Suspicions(world.groups)
        self._width = len(rows("comorbidities.csv")) + _SPARE
        _classes()

    def add(self, month: Month, principals: Sequence[str]) -> None:
        """Add ``admission_dx`` and ``dx_time`` to the front pages of a month.

        Args:
            month: the stays, with all that is planted on them.
            principals: what each stay's illness is, before anything was planted on its code.
        """
        chance = stream(self._world.seed, month.number, "course")
        count, front, plan = len(month), month.front, toml(FILE)
        thought = chance.random((count, 3))
        gaps = chance.random((count, 2))
        days, clock = chance.random((2, count, self._width))
        wrong = self._wrong(month)
        first: list[str | None] = []
        times: list[list[int | None]] = []
        for place, principal in enumerate(principals):
            own = _class_of(month, place, principal)
            chances = thought[place]
            code = principal
            if chances[0] < min(own.wrong * wrong[place], plan["most"]):
                code = self._first(month, place, principal, own, chances[1:])
            on = self._days(month, place, own if code != principal else None, days[place])
            told = _times(month, place, on, clock[place])
            codes = front["dx"][place]
            listed = [t if c else None for t, c in zip(told, codes, strict=True)]
            first.append(None if gaps[place, 0] < plan["no_admission"] else code)
            told_at_all = gaps[place, 1] >= plan["no_times"] and any(listed)
            times.append(listed if told_at_all else [])
        front["admission_dx"], front["dx_time"] = first, times

    @staticmethod
    def _wrong(month: Month) -> Array:
        """The factor on each stay's chance of another first thought."""
        plan = toml(FILE)
        hour = (month.start + ZONE_SECONDS) % DAY // (60 * MINUTE)
        urgent = (hour < _DAYTIME[0]) | (hour >= _DAYTIME[1])
        found: Array = np.where(urgent, plan["urgent"], 1.0) * np.where(
            month.stays.depth > 0, plan["returned"], 1.0
        )
        return found

    def _first(self, month: Month, place: int, principal: str, own: _Class, chances: Array) -> str:
        """The code of admission where it is another one; the right one where there is no other."""
        profile = int(self._world.groups.profile[month.stays.group[place]])
        choices: list[Any] = [self._suspicions.choice(s, principal, profile) for s in SORTS]
        others = [c for c in month.front["dx"][place][1:] if c.startswith(_TUMOUR)]
        choices.append((others[:1], np.ones(1)) if others else None)
        ways = np.cumsum([w if c else 0.0 for w, c in zip(own.ways, choices, strict=True)])
        if ways[-1] <= 0:
            return principal
        codes, weights = choices[_at(ways, chances[0])]
        return str(codes[_at(weights, chances[1])])

    def _days(self, month: Month, place: int, own: _Class | None, chances: Array) -> list[int]:
        """On which day of the stay each diagnosis is written, 0 for the day of admission.

        Args:
            month: the month.
            place: the stay.
            own: how its principal diagnosis was found; None where it was right at once.
            chances: one for each diagnosis.
        """
        written: Mapping[str, Any] = toml(FILE)["written"]
        last = int(month.los[place]) - 1
        confirmed, present = np.cumsum(written["confirmed"]), np.cumsum(written["present"])
        found = []
        for number, poa in enumerate(month.front["dx_poa"][place]):
            if number == 0:
                day = _at(own.days if own else confirmed, chances[0])
                day += int(month.operation[place]) if own and own.after else 0
            elif poa == _ABSENT:
                day = 1 + int(chances[number] * last)
            else:
                day = _at(present, chances[number])
            found.append(min(day, last))
        return found


def _class_of(month: Month, place: int, principal: str) -> _Class:
    kind, visit = int(month.kind[place]), month.front["visit_type"][place]
    for one in _classes():
        if kind in one.kinds and principal.startswith(one.prefixes):
            if one.visit and visit not in one.visit:
                continue
            return one
    raise HospitalError("DEMO_HOSPITAL_TABLE", Where(file=FILE, column="prefixes"))


def _times(month: Month, place: int, days: Sequence[int], chances: Array) -> list[int]:
    """The seconds at which diagnoses are written: soon after the admission, or in a later round."""
    plan = toml(FILE)["times"]
    start, end = int(month.start[place]), int(month.end[place])
    midnight = start - (start + ZONE_SECONDS) % DAY
    latest = end - plan["before_discharge"] * MINUTE
    least, most = (start + minutes * MINUTE for minutes in plan["first"])
    shares = np.cumsum([share for share, _, _ in plan["rounds"]])
    found = []
    for day, chance in zip(days, chances, strict=False):
        low, high, part = least, min(most, midnight + DAY - MINUTE), chance
        if day > 0:
            at = _at(shares, chance)
            before = shares[at - 1] if at else 0.0
            part = (chance * shares[-1] - before) / (shares[at] - before)
            low, high = (midnight + day * DAY + m * MINUTE for m in plan["rounds"][at][1:])
        high = min(high, latest)
        moment = min(low, high) + int(part * (high - min(low, high)))
        found.append(moment - moment % MINUTE)
    return found


def _at(cumulated: Array, chance: float) -> int:
    """Place among cumulated weights."""
    at = int(np.searchsorted(cumulated, chance * cumulated[-1], side="right"))
    return min(at, len(cumulated) - 1)
