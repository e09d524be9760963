"""The scalar engine's answers about one assessment, in three values.

A number is known between two bounds and a condition holds, fails or is open (None): an item that
had to be stated and is not leaves open only what hangs on it, so that a gap matters exactly where
it decides.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, NamedTuple

from grouper.schemes.pdpm.records import CATEGORY, DX_FACTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from grouper.schemes.pdpm.compiled import CompiledPdpm
    from grouper.schemes.pdpm.records import (
        Axis,
        Category,
        Condition,
        Group,
        Measure,
        Requirement,
        Score,
        ScorePart,
        Term,
    )


class Bounds(NamedTuple):
    """The least and the greatest value that a number can have."""

    low: int
    high: int


class DxFacts(NamedTuple):
    """What the diagnoses of a case say: of the principal one three facts, and the lists that hold."""

    principal: tuple[int, int, int]
    lists: AbstractSet[str]


class Evaluator:
    """Answers questions about one assessment and remembers the answers.

    Args:
        scheme: the compiled book.
        values: the stated values by item.
        facts: what the diagnoses say.
    """

    def __init__(self, scheme: CompiledPdpm, values: Mapping[str, int], facts: DxFacts) -> None:
        self.scheme = scheme
        self.values = values
        self.facts = facts
        self.unmet: tuple[Requirement, ...] = tuple(
            r for r in scheme.requirements if not self._is_met(r)
        )
        self._open = {item for r in self.unmet for item in r.items}
        self._numbers: dict[str, Bounds] = {}
        self._answers: dict[str, bool | None] = {}

    def _is_met(self, requirement: Requirement) -> bool:
        return any(
            all(
                item in self.values and (value is None or self.values[item] == value)
                for item, value in alternative
            )
            for alternative in requirement.alternatives
        )

    def stand_ins(self) -> list[str]:
        """The items whose absence is worth a warning, in the order of the book."""
        return [
            item.name
            for item in self.scheme.items.values()
            if item.warns and item.name not in self.values and item.name not in self._open
        ]

    def number(self, subject: str) -> Bounds:
        """An item, a score, a measure, the category or a fact of the principal diagnosis."""
        found = self._numbers.get(subject)
        if found is None:
            found = self._number(subject)
            self._numbers[subject] = found
        return found

    def _number(self, subject: str) -> Bounds:
        if subject in self.scheme.items:
            return self._item(subject)
        if subject in self.scheme.scores:
            return self._score(self.scheme.scores[subject])
        if subject in self.scheme.measures:
            return self._measure(self.scheme.measures[subject])
        if subject == CATEGORY:
            return self._category()
        value = self.facts.principal[DX_FACTS.index(subject)]
        return Bounds(value, value)

    def _item(self, name: str) -> Bounds:
        item = self.scheme.items[name]
        if name in self.values:
            return Bounds(self.values[name], self.values[name])
        if name in self._open or item.absent is None:
            absent = item.low if item.absent is None else item.absent
            return Bounds(min(item.low, absent), max(item.high, absent))
        return Bounds(item.absent, item.absent)

    def points(self, part: ScorePart) -> tuple[Fraction, Fraction]:
        """The least and the greatest that an item adds to a score."""
        low, high = self.number(part.item)
        if part.points is not None:
            scale = part.points
            if low == high:
                low = high = scale.get(low, 0)
            else:
                low, high = 0, max(scale.values())
        gate = self.holds(part.zero_if) if part.zero_if else False
        low = 0 if gate is not False else low
        high = 0 if gate is True else high
        share = Fraction(part.numerator, part.denominator)
        return low * share, high * share

    def _score(self, score: Score) -> Bounds:
        points = [self.points(part) for part in score.parts]
        low, high = (sum((p[i] for p in points), Fraction(0)) for i in (0, 1))
        return Bounds(floor(low + Fraction(1, 2)), floor(high + Fraction(1, 2)))

    def _measure(self, measure: Measure) -> Bounds:
        answers = [(self.holds(subject), points) for subject, points in measure.points]
        return Bounds(
            sum(points for answer, points in answers if answer is True),
            sum(points for answer, points in answers if answer is not False),
        )

    def _category(self) -> Bounds:
        found, is_open = self._first_category()
        if is_open:
            numbers = [0, *(c.category for c in self.scheme.categories)]
            return Bounds(min(numbers), max(numbers))
        number = 0 if found is None else found.category
        return Bounds(number, number)

    def category(self) -> Category | None:
        """The clinical category; None when none holds or it is open."""
        return self._first_category()[0]

    def _first_category(self) -> tuple[Category | None, bool]:
        for category in self.scheme.categories:
            answer = self.holds(category.condition) if category.condition else True
            if answer is not False:
                return (category, False) if answer else (None, True)
        return None, False

    def holds(self, name: str) -> bool | None:
        """Whether a condition or a list of diagnoses holds; None when that is open."""
        if name in self.scheme.lists:
            return name in self.facts.lists
        if name not in self._answers:
            self._answers[name] = self._condition(self.scheme.conditions[name])
        return self._answers[name]

    def _condition(self, condition: Condition) -> bool | None:
        found: bool | None = False
        for terms in condition.alternatives:
            answer = self._all(terms)
            if answer:
                return True
            found = None if answer is None else found
        return found

    def _all(self, terms: tuple[Term, ...]) -> bool | None:
        found: bool | None = True
        for term in terms:
            answer = self.term(term)
            if answer is False:
                return False
            found = None if answer is None else found
        return found

    def term(self, term: Term) -> bool | None:
        """Whether one term holds; None when that is open."""
        if term.test == "holds":
            return self.holds(term.subject)
        low, high = self.number(term.subject)
        if term.test == "ge":
            return True if low >= term.value else None if high >= term.value else False
        if term.test == "le":
            return True if high <= term.value else None if low <= term.value else False
        if low == high:
            return low in term.values
        return None if any(low <= v <= high for v in term.values) else False

    def is_open(self) -> bool:
        """Whether a gap keeps the category or the group of an axis open."""
        return self._first_category()[1] or any(self.group(a)[1] for a in self.scheme.axes)

    def group(self, axis: Axis) -> tuple[Group | None, bool]:
        """The group of an axis, and whether a gap keeps it open."""
        for group in axis.groups:
            answer = self.holds(group.condition) if group.condition else True
            if answer is not False:
                return (group, False) if answer else (None, True)
        return None, False
