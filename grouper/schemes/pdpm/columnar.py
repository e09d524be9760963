"""The batch engine's answers about many assessments at once.

Independent of the scalar engine: no question is asked of one assessment, but each subject of the
book once of all of them, in an order in which every subject comes after those that it asks. What is
known of a subject are two columns: the least and the greatest value that it can have. A condition is
a number too, 1 where it holds and 0 where it fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from grouper.schemes.pdpm.records import CATEGORY, DX_FACTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.schemes.pdpm.compiled import CompiledPdpm
    from grouper.schemes.pdpm.records import Condition, Measure, Requirement, Score, Term

    Column = NDArray[np.int32]

OPEN = -1
"""Group or category that a gap keeps open."""
NONE = -2
"""No group or category holds."""
NOT_STATED = -1
"""Value of an item that is not stated."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The least and the greatest values of a subject; the same object where nothing is open."""

    low: Column
    high: Column


@dataclass(frozen=True, slots=True)
class Answers:
    """One line for each assessment.

    ``groups[axis]`` are group numbers, ``category`` rows of the categories (or ``OPEN``, ``NONE``);
    ``unmet`` has a column for each requirement, ``stood_in`` whether an absence is worth a warning.
    """

    groups: tuple[NDArray[np.int32], ...]
    category: NDArray[np.int32]
    unmet: NDArray[np.bool_]
    stood_in: NDArray[np.bool_]


class Columns:
    """Asks every subject of a book of many assessments."""

    def __init__(self, scheme: CompiledPdpm) -> None:
        self.scheme = scheme
        self._place = {name: i for i, name in enumerate(scheme.items)}

    def ask(
        self,
        values: NDArray[np.int32],
        facts: NDArray[np.int64],
        lists: Mapping[str, NDArray[np.bool_]],
    ) -> Answers:
        """Answer for some assessments.

        Args:
            values: a row for each item, a column for each assessment; ``NOT_STATED`` where nothing
                is stated.
            facts: a row for each assessment: the three facts of the principal diagnosis.
            lists: whether each assessment's case holds a code of a list.
        """
        unmet = np.array([self._unmet(r, values) for r in self.scheme.requirements])
        unmet = unmet.reshape(len(self.scheme.requirements), values.shape[1])
        known: dict[str, Pair] = {}
        stood_in = self._items(values, unmet, known)
        for place, name in enumerate(DX_FACTS):
            column = facts[:, place].astype(np.int32)
            known[name] = Pair(column, column)
        for name, holds in lists.items():
            known[name] = _exact(holds)
        category = np.full(values.shape[1], NONE, np.int32)
        for name in self.scheme.order:
            if name in self.scheme.conditions:
                known[name] = _condition(self.scheme.conditions[name], known)
            elif name in self.scheme.scores:
                known[name] = self._score(self.scheme.scores[name], known)
            elif name in self.scheme.measures:
                known[name] = _measure(self.scheme.measures[name], known)
            else:
                category, known[CATEGORY] = self._category(known, values.shape[1])
        groups = tuple(
            _first([g.condition for g in axis.groups], axis.groups[0].number, known, category)
            for axis in self.scheme.axes
        )
        return Answers(groups, category, unmet.T, stood_in)

    def _unmet(self, requirement: Requirement, values: NDArray[np.int32]) -> NDArray[np.bool_]:
        met = np.zeros(values.shape[1], np.bool_)
        for alternative in requirement.alternatives:
            here = np.ones(values.shape[1], np.bool_)
            for item, value in alternative:
                column = values[self._place[item]]
                here &= column != NOT_STATED if value is None else column == value
            met |= here
        return ~met

    def _items(
        self, values: NDArray[np.int32], unmet: NDArray[np.bool_], known: dict[str, Pair]
    ) -> NDArray[np.bool_]:
        """Read the items' columns; tell where a stand-in is worth a warning."""
        stood_in = np.zeros(values.shape[1], np.bool_)
        open_items: dict[str, NDArray[np.bool_]] = {}
        for requirement, open_here in zip(self.scheme.requirements, unmet, strict=True):
            if open_here.any():
                for name in requirement.items:
                    before = open_items.get(name)
                    open_items[name] = open_here if before is None else before | open_here
        for item, column in zip(self.scheme.items.values(), values, strict=True):
            absent = column == NOT_STATED
            opened = open_items.get(item.name)
            if item.absent is None:
                opened = absent
            stand_in = item.low if item.absent is None else item.absent
            low = np.where(absent, np.int32(stand_in), column)
            if item.warns:
                stood_in |= absent & ~opened if opened is not None else absent
            if opened is None or not (opened := opened & absent).any():
                known[item.name] = Pair(low, low)
                continue
            least, most = min(item.low, stand_in), max(item.high, stand_in)
            high = np.where(opened, np.int32(most), low)
            known[item.name] = Pair(np.where(opened, np.int32(least), low), high)
        return stood_in

    @staticmethod
    def _score(score: Score, known: Mapping[str, Pair]) -> Pair:
        whole = lcm(*(part.denominator for part in score.parts))
        sums: list[NDArray[np.int64]] = []
        for place in ("low", "high"):
            total = np.zeros(len(known[score.parts[0].item].low), np.int64)
            for part in score.parts:
                pair = known[part.item]
                points = getattr(pair, place).astype(np.int64)
                if part.points is not None:
                    table = np.zeros(max(part.points) + 1, np.int64)
                    table[list(part.points)] = list(part.points.values())
                    scored = np.where(points < len(table), table.take(points, mode="clip"), 0)
                    limit = 0 if place == "low" else max(part.points.values())
                    points = np.where(pair.low == pair.high, scored, limit)
                if part.zero_if is not None:
                    gate = known[part.zero_if]
                    zero = gate.high if place == "low" else gate.low
                    points = np.where(zero == 1, 0, points)
                total += points * part.numerator * (whole // part.denominator)
            sums.append((2 * total + whole) // (2 * whole))
        return Pair(sums[0].astype(np.int32), sums[1].astype(np.int32))

    def _category(self, known: Mapping[str, Pair], count: int) -> tuple[NDArray[np.int32], Pair]:
        rows = self.scheme.categories
        found = _first([c.condition for c in rows], 0, known, np.zeros(count, np.int32))
        numbers = np.array([c.category for c in rows] + [0], np.int32)
        low = numbers[np.where(found < 0, len(rows), found)]
        open_ = found == OPEN
        if not open_.any():
            return found, Pair(low, low)
        least, most = int(numbers.min()), int(numbers.max())
        return found, Pair(
            np.where(open_, np.int32(least), low), np.where(open_, np.int32(most), low)
        )


def _exact(holds: NDArray[np.bool_]) -> Pair:
    column = holds.astype(np.int32)
    return Pair(column, column)


def _condition(condition: Condition, known: Mapping[str, Pair]) -> Pair:
    lows: list[NDArray[np.bool_]] = []
    highs: list[NDArray[np.bool_]] = []
    for terms in condition.alternatives:
        pairs = [_term(term, known) for term in terms]
        lows.append(np.logical_and.reduce([low for low, _ in pairs]))
        highs.append(np.logical_and.reduce([high for _, high in pairs]))
    low = np.logical_or.reduce(lows).astype(np.int32)
    high = np.logical_or.reduce(highs).astype(np.int32)
    return Pair(low, high)


def _term(term: Term, known: Mapping[str, Pair]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where a term holds for certain, and where it may hold."""
    pair = known[term.subject]
    if term.test == "holds":
        return pair.low == 1, pair.high == 1
    if term.test == "ge":
        return pair.low >= term.value, pair.high >= term.value
    if term.test == "le":
        return pair.high <= term.value, pair.low <= term.value
    values = sorted(term.values)
    hit: NDArray[np.bool_] = np.logical_or.reduce([pair.low == v for v in values])
    if pair.low is pair.high:
        return hit, hit
    exact = pair.low == pair.high
    may: NDArray[np.bool_] = np.logical_or.reduce(
        [(pair.low <= v) & (v <= pair.high) for v in values]
    )
    return hit & exact, (exact & hit) | (~exact & may)


def _measure(measure: Measure, known: Mapping[str, Pair]) -> Pair:
    low = sum(known[name].low * np.int32(points) for name, points in measure.points)
    high = sum(known[name].high * np.int32(points) for name, points in measure.points)
    return Pair(np.asarray(low), np.asarray(high))


def _first(
    conditions: Sequence[str | None],
    number: int,
    known: Mapping[str, Pair],
    like: NDArray[np.int32],
) -> NDArray[np.int32]:
    """The first whose condition holds, counted from ``number``; ``OPEN`` where one before may."""
    found = np.full(len(like), NONE, np.int32)
    left = np.ones(len(like), np.bool_)
    for place, name in enumerate(conditions):
        if name is None:
            found[left] = number + place
            break
        pair = known[name]
        found[left & (pair.low == 1)] = number + place
        found[left & (pair.low == 0) & (pair.high == 1)] = OPEN
        left &= pair.high == 0
    return found
