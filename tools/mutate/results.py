"""Outcomes as they come, in a file; what is known already is not tried again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.mutate.lines import digest
from tools.mutate.trial import KILLED, TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tools.mutate.mutants import Mutant
    from tools.mutate.trial import Outcome


@dataclass(frozen=True, slots=True)
class Result:
    """The kept outcome of a mutant: its status, and the test that noticed it."""

    key: str
    status: str
    test: str | None

    @property
    def killed(self) -> bool:
        """Whether the tests noticed it."""
        return self.status in (KILLED, TIMEOUT)


class Results:
    """The file of outcomes, one JSON object a line; the last one of a mutant counts."""

    def __init__(self, path: Path, root: Path) -> None:
        self._path, self._root = path, root
        self._known: dict[str, dict[str, Any]] = {}
        self._digests: dict[str, str] = {}
        if path.exists():
            for line in path.read_text("utf-8").splitlines():
                one = json.loads(line)
                self._known[one["key"]] = one

    def known(self, mutant: Mutant, tests: Sequence[str]) -> Result | None:
        """What is known of a mutant and still holds.

        Args:
            mutant: which.
            tests: the test modules of its area.

        Returns:
            What was found, if its module is the same; a mutant that no test noticed is known
            only as long as the test modules are the same, too.
        """
        one = self._known.get(mutant.key)
        if one is None or one["module"] != self._of((mutant.module,)):
            return None
        found = Result(one["key"], one["status"], one["test"])
        if found.killed:
            return found
        return found if one["tests"] == self._of(tests) else None

    def add(self, outcome: Outcome, tests: Sequence[str]) -> Result:
        """Keep an outcome."""
        one = {
            "key": outcome.mutant.key,
            "operator": outcome.mutant.operator,
            "status": outcome.status,
            "test": outcome.test,
            "tried": outcome.tried,
            "seconds": outcome.seconds,
            "module": self._of((outcome.mutant.module,)),
            "tests": self._of(tests),
        }
        self._known[outcome.mutant.key] = one
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(one, ensure_ascii=False) + "\n")
        return Result(outcome.mutant.key, outcome.status, outcome.test)

    def _of(self, names: Sequence[str]) -> str:
        for name in names:
            if name not in self._digests:
                self._digests[name] = digest(self._root / name)
        if len(names) == 1:
            return self._digests[names[0]]
        return hashlib.sha256("".join(self._digests[name] for name in names).encode()).hexdigest()
