"""What had been charged, written and done by the end of each day of each stay."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from codebooks.charlson import charlson_variant
from codebooks.folding import fold_codes
from grouper.forecast.course import LATE
from grouper.forecast.lines import CLASSES, markers
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.forecast.course import Coded, Courses


@dataclass(frozen=True, slots=True)
class Grid:
    """Sums up to the end of each day; the cells of a stay stand one after the other.

    Attributes:
        first: the cell of each stay's first day.
        days: cells of each stay.
        sums: [cells, columns] by :func:`columns`, amounts in fen.
        ward: number of the ward whose bed was charged last, −1 for none.
        dearest: the dearest line so far, in fen.
        operated: day of the first procedure so far, −1 for none.
        level: the highest level of a procedure so far.
    """

    first: NDArray[np.int64]
    days: NDArray[np.int64]
    sums: NDArray[np.float64]
    ward: NDArray[np.int64]
    dearest: NDArray[np.float64]
    operated: NDArray[np.int64]
    level: NDArray[np.int64]

    def at(self, stay: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
        """The cell that holds what was known at the end of a day of the stay (1: the first)."""
        found: NDArray[np.int64] = self.first[stay] + np.clip(day, 1, self.days[stay]) - 1
        return found

    def up_to(self, stay: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.float64]:
        """[stays, columns] sums at the end of a day; nought before the first."""
        found: NDArray[np.float64] = np.where(
            (day > 0)[:, None], self.sums[self.at(stay, day)], 0.0
        )
        return found


@dataclass(frozen=True, slots=True)
class _Cells:
    """Where a day of a stay stands; what comes after the last day kept is added to it."""

    first: NDArray[np.int64]
    days: NDArray[np.int64]

    def __call__(self, stay: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self.first[stay] + np.clip(day, 0, self.days[stay] - 1)
        return found


@cache
def columns() -> tuple[str, ...]:
    """The sums of a grid, in their order."""
    kinds = tuple(f"class_{kind:02d}" for kind in range(CLASSES + 1))
    marks = tuple(f"{name}_days" for name in markers())
    about = ("lines", "refunds", "own", "over", "first_share", "unclear")
    return (*kinds, *about, *marks, "dx", "acquired", "undetermined", "charlson", "px")


def grid_of(courses: Courses) -> Grid:
    """The sums of courses, day by day."""
    days = _days(courses)
    first = np.cumsum(days) - days
    cells = int(days.sum())
    names = columns()
    sums = np.zeros((cells, len(names)))
    lines = courses.lines
    cell = _Cells(first, days)
    # What is only known when a stay has ended is in none of its days.
    told = lines.day < LATE
    at = cell(lines.stay, lines.day)[told]
    amount = lines.amount[told].astype(np.float64)
    width = CLASSES + 1
    by_kind = np.bincount(at * width + lines.kind[told], amount, cells * width)
    sums[:, :width] = by_kind.reshape(cells, width)
    for name, values in (
        ("lines", np.ones(len(at))),
        ("refunds", np.maximum(-amount, 0.0)),
        ("own", lines.own[told]),
        ("over", lines.over[told]),
        ("first_share", lines.first[told]),
        ("unclear", lines.unclear[told].astype(np.float64)),
    ):
        sums[:, names.index(name)] = np.bincount(at, values, cells)
    for bit, marker in enumerate(markers()):
        # A mark counts once a day, and not where its charge was taken back.
        marked = ((lines.marks[told] >> bit) & 1).astype(bool)
        net = np.bincount(at[marked], amount[marked], cells)
        sums[:, names.index(f"{marker}_days")] = net > 0
    _codes(courses, cell, sums)
    running = np.cumsum(sums, axis=0)
    before = running[np.maximum(first - 1, 0)]
    before[first == 0] = 0.0
    sums = running - np.repeat(before, days, axis=0)
    beds = np.flatnonzero(told & (lines.ward >= 0))
    beds = beds[np.lexsort((lines.ward[beds], lines.second[beds]))]
    ward = np.full(cells, -1, np.int64)
    ward[cell(lines.stay[beds], lines.day[beds])] = lines.ward[beds]
    dearest = np.zeros(cells)
    np.maximum.at(dearest, at, amount)
    operated, level = _procedures(courses, cell, cells)
    return Grid(
        first,
        days,
        sums,
        _carried(ward, first, -1),
        _highest(dearest, first, days),
        _carried(operated, first, -1),
        _highest(level.astype(np.float64), first, days).astype(np.int64),
    )


def _days(courses: Courses) -> NDArray[np.int64]:
    """How many days of each stay are kept: a finished one's calendar days, of a running one all told."""
    last = np.zeros(len(courses), np.int64)
    for block in (courses.lines, courses.dx, courses.px):
        some = block.day < LATE
        np.maximum.at(last, block.stay[some], block.day[some])
    finished = np.where(courses.running, last + 1, courses.end - courses.start + 1)
    return np.clip(finished, 1, most_days())


def most_days() -> int:
    """Days of a stay that are kept one by one (``data/snapshot.toml``)."""
    return int(toml("snapshot.toml")["most_days"])


def _codes(courses: Courses, cell: _Cells, sums: NDArray[np.float64]) -> None:
    """Adds the counts of diagnoses and procedures."""
    names = columns()
    words = toml("snapshot.toml")["codes"]
    for name, block, wanted in (
        ("dx", courses.dx, None),
        ("acquired", courses.dx, words["acquired"]),
        ("undetermined", courses.dx, words["undetermined"]),
        ("px", courses.px, None),
    ):
        some = block.day < LATE
        if wanted is not None:
            some &= block.mark == wanted
        at = cell(block.stay[some], block.day[some])
        sums[:, names.index(name)] = np.bincount(at, minlength=len(sums))
    stay, day, points = _comorbidities(courses.dx, len(courses))
    at = cell(stay, day)
    sums[:, names.index("charlson")] = np.bincount(at, points, len(sums))


def _comorbidities(
    dx: Coded, count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Points from the first day on which a diagnosis tells a comorbidity: stay, day, points."""
    plan = toml("snapshot.toml")
    variant = charlson_variant(plan["charlson_mapping"], plan["charlson_weights"])
    flat = [code.replace(".", "") for code in fold_codes(dx.codes)]
    other = (dx.place > 0) & (dx.day < LATE)
    earliest: dict[str, NDArray[np.int64]] = {}
    for one in variant.comorbidities:
        tells = np.array([*(code.startswith(one.prefixes) for code in flat), False])
        own = other & tells[dx.code]
        earliest[one.id] = np.full(count, LATE, np.int64)
        np.minimum.at(earliest[one.id], dx.stay[own], dx.day[own])
    never = np.full(count, LATE, np.int64)
    stays, days, points = [], [], []
    for one in variant.comorbidities:
        since, until = earliest[one.id], earliest.get(one.yields_to, never)
        # From the day on which the severer form is known the milder one gives way.
        for when, sign in ((since, 1.0), (until, -1.0)):
            some = np.flatnonzero((since < until) & (when < LATE))
            stays.append(some)
            days.append(when[some])
            points.append(np.full(len(some), sign * one.weight))
    return np.concatenate(stays), np.concatenate(days), np.concatenate(points)


def _procedures(
    courses: Courses, cell: _Cells, cells: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The day of the first procedure, in its own cell, and the highest level in each cell."""
    px = courses.px
    some = px.day < LATE
    at = cell(px.stay[some], px.day[some])
    earliest = np.full(len(courses), LATE, np.int64)
    np.minimum.at(earliest, px.stay[some], px.day[some])
    operated = np.full(cells, -1, np.int64)
    operated[at] = earliest[px.stay[some]]
    level = np.zeros(cells, np.int64)
    np.maximum.at(level, at, px.mark[some].astype(np.int64))
    return operated, level


def _carried(values: NDArray[np.int64], first: NDArray[np.int64], none: int) -> NDArray[np.int64]:
    """The last value that was told up to each cell, within its stay."""
    told = values != none
    told[first] = True
    places = np.maximum.accumulate(np.where(told, np.arange(len(values)), 0))
    found: NDArray[np.int64] = values[places]
    return found


def _highest(
    values: NDArray[np.float64], first: NDArray[np.int64], days: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The highest value up to each cell, within its stay."""
    # Stays are lifted one above the other, so that one running maximum serves all.
    lift = np.repeat(np.arange(len(first)), days) * (float(values.max(initial=0.0)) + 1.0)
    found: NDArray[np.float64] = np.maximum.accumulate(values + lift) - lift
    return found
