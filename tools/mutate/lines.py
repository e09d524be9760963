"""Which tests go over which lines: recorded a test module at a time, and kept in files."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tools.mutate import session

if TYPE_CHECKING:
    from collections.abc import Sequence

ANY = 0
"""Stands for every line of a module that was changed after it was recorded."""
COLLECTED = -1
"""Stands for a test module's import: its lines concern all its tests."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded of one test module.

    Attributes:
        tests: node ids.
        seconds: processor time of each, traced.
        lines: by module and line: positions in ``tests``, or :data:`COLLECTED`; of a module that
            was changed since then by :data:`ANY` alone.
    """

    tests: list[str]
    seconds: list[float]
    lines: dict[str, dict[int, list[int]]] = field(default_factory=dict)


def digest(path: Path) -> str:
    """The hash of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def record(root: Path, test: str, modules: Sequence[str], target: Path) -> int:
    """Run one test module in this process, and write what it went over.

    Args:
        root: the repository.
        test: path of the test module.
        modules: paths of the modules that count.
        target: the file to write.

    Returns:
        pytest's exit code; the file is written only when all tests pass.
    """
    import coverage  # noqa: PLC0415 - only where lines are recorded

    lines = coverage.Coverage(
        data_file=None, config_file=False, include=[str(root / one) for one in modules]
    )
    lines.start()
    plugin = session.Recorder(lines)
    code = session.run([test], plugin)
    lines.stop()
    if code:
        return code
    tests = list(plugin.seconds)
    at = {name: i for i, name in enumerate(tests)} | {"": COLLECTED}
    data = lines.get_data()
    found = {
        str(Path(file).relative_to(root)): {
            str(line): sorted(at[one] for one in contexts)
            for line, contexts in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    names = [test, *sorted(found)]
    written = {
        "of": {name: digest(root / name) for name in names},
        "tests": tests,
        "seconds": list(plugin.seconds.values()),
        "lines": found,
    }
    part = target.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(written), "utf-8")
    part.rename(target)
    return 0


def stored(folder: Path, test: str) -> Path:
    """Where the record of a test module is kept."""
    return folder / f"{Path(test).stem}.json"


def read(root: Path, path: Path) -> Recorded | None:
    """What was recorded, if the test module is as it was then."""
    if not path.exists():
        return None
    raw = json.loads(path.read_text("utf-8"))
    files = {name: root / name for name in raw["of"]}
    changed = {
        name for name, file in files.items() if not file.exists() or digest(file) != raw["of"][name]
    }
    lines: dict[str, dict[int, list[int]]] = {}
    for module, some in raw["lines"].items():
        if module in changed:
            tests = {test for those in some.values() for test in those if test != COLLECTED}
            lines[module] = {ANY: sorted(tests)}
        else:
            lines[module] = {int(line): tests for line, tests in some.items()}
    return None if changed.difference(lines) else Recorded(raw["tests"], raw["seconds"], lines)
