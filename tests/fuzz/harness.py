"""The table of what is fuzzed, and the one judgement of every input: a declared error, or none."""

from __future__ import annotations

import csv
import importlib
import os
import random
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
TABLE = Path(os.environ.get("GROUPER_FUZZ_TABLE") or HERE / "targets.csv")
"""Another table is for the test of the fuzzing itself."""
INSIDE = HERE / "inside.csv"
FOUND = HERE / "found"
for _folder in (HERE, HERE.parent):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))

from draw import CHANGED, RAW, Draw  # noqa: E402 -- beside this file, which no package holds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Fuzzed = Callable[[Draw], None]


@dataclass(frozen=True, slots=True)
class Target:
    """One row of ``targets.csv``.

    Attributes:
        name: of the target; also the function that reads, in the module ``of_<group>``.
        group: see ``name``.
        parser: what is read, in words.
        modules: those that read it; their packages are watched by the fuzzer.
        errors: classes of errors that may come out, as ``module:Class``; nothing: none may.
        points: entry points that it stands for, as ``group:name``.
    """

    name: str
    group: str
    parser: str
    modules: tuple[str, ...]
    errors: tuple[str, ...]
    points: tuple[str, ...]

    def load(self) -> tuple[Fuzzed, tuple[type[Exception], ...], Callable[[], Iterable[bytes]]]:
        """The function that reads an input, the errors it may raise, and its first inputs."""
        module = importlib.import_module(f"of_{self.group}")
        errors = tuple(_named(one) for one in self.errors)
        seeds = module.SEEDS.get(self.name, tuple)
        return getattr(module, self.name), errors, seeds


def _named(word: str) -> Any:
    module, _, name = word.partition(":")
    return getattr(importlib.import_module(module), name)


@cache
def targets() -> dict[str, Target]:
    """All targets by name."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    found = {
        row["target"]: Target(
            row["target"],
            row["group"],
            row["parser"],
            tuple(row["modules"].split()),
            tuple(row["errors"].split()),
            tuple(row["entry_points"].split()),
        )
        for row in rows
    }
    if len(found) != len(rows):
        msg = "a target stands twice"
        raise ValueError(msg)
    return found


class Judge:
    """Reads inputs for one target; whatever is not declared is let through and ends the fuzzing."""

    def __init__(self, target: Target) -> None:
        self._read, self._errors, self.seeds = target.load()

    def one(self, raw: bytes) -> None:
        """One input."""
        try:
            self._read(Draw(raw))
        except self._errors as error:
            describe = getattr(error, "describe", None)
            if describe is not None:
                # Its words must be there in both languages; an absent text raises.
                for lang in ("zh", "en"):
                    describe(lang)

    def plain(self, raw: bytes) -> bytes | None:
        """An input that reads the same document and does not depend on how it was drawn.

        Returns:
            None where there is none: what is drawn is no single document.
        """
        said = []
        found = raw
        for _ in range(2):
            draw = Draw(found)
            try:
                self._read(draw)
            except BaseException as error:  # noqa: BLE001 -- whatever it comes to
                said.append((type(error), str(error)))
            else:
                said.append((type(None), ""))
            if found is raw:
                try:
                    found = draw.plain()
                except IndexError:
                    return None
        return found if said[0] == said[1] else None

    def first_inputs(self) -> list[bytes]:
        """What the fuzzing begins with: each good document, and some changes of them."""
        good = [RAW + one for one in self.seeds()]
        dice = random.Random(1)  # noqa: S311 -- no secret
        changed = [CHANGED + dice.randbytes(80) for _ in range(20)]
        return [*good, *changed, b"", RAW]
