"""The tests that are tried on a mutant, in portions: likely and quick ones first."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from tools.mutate.lines import ANY, COLLECTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tools.mutate.lines import Recorded
    from tools.mutate.mutants import Mutant
    from tools.mutate.scope import Limits

_LAST = 3
"""So many of the tests that noticed the last mutants of a function are tried first."""

_VARIANTS = 1
"""So many sets of parameters of one test are tried before further ones of any test."""


def _turns(tests: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Each test with its number among those that differ in parameters only."""
    counts: Counter[str] = Counter()
    for name in tests:
        function = name.partition("[")[0]
        yield name, counts[function]
        counts[function] += 1


class Chooser:
    """Knows which tests go over a line, and which noticed mutants nearby."""

    def __init__(self, recorded: Sequence[Recorded], limits: Limits) -> None:
        self._limits = limits
        self._recorded = recorded
        self._seconds = {
            name: seconds
            for one in recorded
            for name, seconds in zip(one.tests, one.seconds, strict=True)
        }
        self._turns = {name: turn for one in recorded for name, turn in _turns(one.tests)}
        self._noticed: dict[tuple[str, str], list[str]] = defaultdict(list)

    def noticed(self, mutant: Mutant, test: str) -> None:
        """A test failed on this mutant."""
        names = self._noticed[mutant.module, mutant.function]
        if test in names:
            names.remove(test)
        if test in self._seconds:
            names.insert(0, test)

    def seconds(self, names: Iterable[str]) -> float:
        """What these tests took together."""
        return sum(self._seconds.get(name, 0) for name in names)

    def portions(self, mutant: Mutant) -> list[list[str]]:
        """The tests to try, portion by portion.

        First those that go over the changed lines, then the others of their modules: what the
        lines made may have been kept for those. Of a parametrised test the first few sets of
        parameters come before the further ones of any test. Nothing where no test goes over them.
        """
        over, beside = self._tests(mutant)
        if not over:
            return []
        first = [name for name in self._noticed[mutant.module, mutant.function] if name in over]
        first += [name for name in self._noticed[mutant.module, mutant.function] if name in beside]
        first = first[:_LAST]
        portions = [first] if first else []
        rest = [
            name
            for names in (over, beside)
            for name in sorted(names, key=self._order)
            if name not in first
        ]
        left = self._limits.test_seconds
        small: list[str] = []
        large: list[str] = []
        for name in rest:
            if self._seconds[name] > left and (small or large):
                continue
            left -= self._seconds[name]
            full = (
                len(small) >= self._limits.first_tests
                or self.seconds(small) > self._limits.first_seconds
            )
            (large if full else small).append(name)
        return [*portions, *(one for one in (small, large) if one)]

    def _order(self, name: str) -> tuple[int, float, str]:
        return self._turns[name] // _VARIANTS, self._seconds[name], name

    def _tests(self, mutant: Mutant) -> tuple[set[str], set[str]]:
        over: set[str] = set()
        beside: set[str] = set()
        first, last = mutant.lines
        for one in self._recorded:
            lines = one.lines.get(mutant.module)
            if lines is None:
                continue
            numbers = (ANY,) if ANY in lines else range(first, last + 1)
            at = {test for line in numbers for test in lines.get(line, ())}
            if not at:
                continue
            chosen = one.tests if COLLECTED in at else [one.tests[i] for i in at]
            over.update(chosen)
            beside.update(one.tests)
        return over, beside - over


class Known:
    """Tries the one test that is written down for a mutant; without one it is not covered."""

    def __init__(self, tests: dict[str, str]) -> None:
        self._tests = tests

    def noticed(self, mutant: Mutant, test: str) -> None:
        """Nothing is learnt."""

    def seconds(self, names: Iterable[str]) -> float:  # noqa: ARG002 - as the chooser's
        """Not known: the least limit holds."""
        return 0

    def portions(self, mutant: Mutant) -> list[list[str]]:
        """The one test, or nothing."""
        test = self._tests.get(mutant.key)
        return [[test]] if test else []


def read_known(path: Path) -> dict[str, str]:
    """The tests that are written down, by the mutant's key; empty: none noticed it."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["mutant"]: row["test"] for row in csv.DictReader(file)}


def write_known(path: Path, tests: dict[str, str]) -> None:
    """Write them down."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["mutant", "test"])
        rows.writerows(sorted(tests.items()))
