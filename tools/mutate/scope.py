"""What is mutated and how: the file ``scope.toml``, read and checked."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
REPOSITORY = FOLDER.parents[1]
SCOPE = FOLDER / "scope.toml"


@dataclass(frozen=True, slots=True)
class Words:
    """The exchanges that are data: names, texts, arguments, and what is left alone.

    Attributes:
        names: a function's or constant's name, and what stands for it in the mutant.
        texts: a string constant, and what stands for it.
        swapped: functions of which the second and third argument change places.
        unwrapped: functions of which only the argument is left.
        numbers: constructors whose text argument is a number; the mutant is one more.
        skipped_keywords: keyword arguments that are left alone.
    """

    names: dict[str, str]
    texts: dict[str, str]
    swapped: frozenset[str]
    unwrapped: frozenset[str]
    numbers: frozenset[str]
    skipped_keywords: frozenset[str]


@dataclass(frozen=True, slots=True)
class Area:
    """Modules that are judged together.

    Attributes:
        name: of the area.
        modules: paths.
        tests: paths of the test modules that may notice their mutants.
        warm: what is imported and called before, as :func:`tools.mutate.session.warm` has it;
            none of it may import a module of this area or of one behind it.
    """

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    warm: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a run.

    Attributes:
        least_killed: part of the mutants of an area that must be noticed, of 1.
        test_seconds: tests are tried on one mutant until they have taken so long together, as
            measured while lines are recorded.
        cpu_seconds: processor time of one trial, at least.
        cpu_factor: and so many times what its tests took.
        wall_seconds: time of one trial by the clock.
        memory_bytes: address space of one trial.
        first_seconds: the first trial holds tests of so much time.
        first_tests: and so many tests.
        sample: mutants of a sampled run.
        seed: what the sample is drawn by.
    """

    least_killed: float
    test_seconds: float
    cpu_seconds: int
    cpu_factor: float
    wall_seconds: float
    memory_bytes: int
    first_seconds: float
    first_tests: int
    sample: int
    seed: str


@dataclass(frozen=True, slots=True)
class Scope:
    """The whole of ``scope.toml``; ``warm`` is for all areas, and before lines are recorded."""

    words: Words
    limits: Limits
    areas: tuple[Area, ...]
    warm: tuple[str, ...]

    def area_of(self, module: str) -> Area:
        """The area of a module, by its path."""
        return next(area for area in self.areas if module in area.modules)


def read_scope(path: Path = SCOPE, root: Path = REPOSITORY) -> Scope:
    """Read the scope.

    Args:
        path: the file.
        root: the folder its patterns are relative to.

    Returns:
        The scope; patterns resolved to paths relative to ``root``, sorted.

    Raises:
        ValueError: a pattern fits no file, or a module stands in two areas.
    """
    raw = tomllib.loads(path.read_text("utf-8"))
    words = raw["words"]
    areas = []
    seen: set[str] = set()
    for name, area in raw["areas"].items():
        left_out = set(_files(area.get("without", []), root))
        modules = tuple(m for m in _files(area["modules"], root) if m not in left_out)
        if twice := seen.intersection(modules):
            raise ValueError(f"in two areas: {sorted(twice)}")
        seen.update(modules)
        tests = tuple(_files(area["tests"], root))
        areas.append(Area(name, modules, tests, tuple(area.get("warm", []))))
    return Scope(
        Words(
            _both_ways(words["names"]),
            _both_ways(words["texts"]),
            frozenset(words["swapped"]),
            frozenset(words["unwrapped"]),
            frozenset(words["numbers"]),
            frozenset(words["skipped_keywords"]),
        ),
        Limits(**raw["limits"]),
        tuple(areas),
        tuple(raw.get("warm", [])),
    )


def _both_ways(table: dict[str, dict[str, str]]) -> dict[str, str]:
    """``both`` holds pairs that stand for each other, ``one`` those that go one way."""
    there = dict(table.get("one", {}))
    for left, right in table.get("both", {}).items():
        there[left], there[right] = right, left
    return there


def _files(patterns: list[str], root: Path) -> list[str]:
    found: set[str] = set()
    for pattern in patterns:
        some = {str(one.relative_to(root)) for one in root.glob(pattern)}
        if not some:
            raise ValueError(f"no file fits {pattern}")
        found |= some
    return sorted(one for one in found if not one.endswith("__init__.py"))
