"""The folder of a run: what was asked, the parts that are done, and nothing half-written.

``run.json`` says what the run rests on. Each stage is a folder; a part that is done has its file and
beside it what its worker counted. A run that is asked for again goes on with the parts that are not
there; one that rests on anything else is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codebooks.errors import Where
from grouper.spark.errors import SparkRunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grouper.spark.units import Unit

_RUN, _DONE = "run.json", "_SUCCESS"


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder of parts.

    Attributes:
        folder: where they lie.
    """

    folder: Path

    def part(self, number: int) -> Path:
        """The file of a part."""
        return self.folder / f"part-{number:06}.parquet"

    def laid(self, number: int) -> Path:
        """The file of a part that holds rows in buckets, which is for us alone."""
        return self.folder / f"part-{number:06}.buckets"

    def counted(self, number: int) -> Path:
        """What the worker counted of it; there when the part is."""
        return self.folder / f"part-{number:06}.json"

    def finish(self, number: int, counts: Mapping[str, Any]) -> None:
        """Say that a part is done, after its file has its name."""
        write_json(self.counted(number), counts)

    def left(self, count: int) -> list[int]:
        """The parts that are not done, of so many."""
        # One listing: asked for each part by itself, a shared mount would take thousands of answers.
        there = {one.name for one in os.scandir(self.folder)}
        return [one for one in range(count) if self.counted(one).name not in there]

    def counts(self, count: int) -> list[dict[str, Any]]:
        """What was counted of all parts, in their order."""
        return [json.loads(self.counted(one).read_text("utf-8")) for one in range(count)]

    def all_laid(self, count: int) -> tuple[Path, ...]:
        """The files of all parts that hold rows in buckets, in their order."""
        return tuple(self.laid(one) for one in range(count))


@dataclass(frozen=True, slots=True)
class Run:
    """A run in its folder.

    Attributes:
        folder: of the run.
        asked: what it rests on.
    """

    folder: Path
    asked: Mapping[str, Any]

    def open(self) -> None:
        """Begin, or go on with the same.

        Raises:
            SparkRunError: ``SPARK_OTHER_RUN``: the folder holds something else.
        """
        path = self.folder / _RUN
        if path.is_file():
            known = json.loads(path.read_text("utf-8"))
            if known != json.loads(json.dumps(self.asked)):
                differs = sorted(
                    k for k in {*known, *self.asked} if known.get(k) != self.asked.get(k)
                )
                where = Where(file=self.folder.name)
                raise SparkRunError("SPARK_OTHER_RUN", where, what=", ".join(differs))
            return
        if self.folder.exists() and any(self.folder.iterdir()):
            raise SparkRunError("SPARK_NOT_EMPTY", Where(file=self.folder.name))
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(path, self.asked)

    def stage(self, name: str) -> Stage:
        """A folder of parts."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return Stage(path)

    @property
    def done(self) -> bool:
        """Whether all is there."""
        return (self.folder / _DONE).is_file()

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Say that all is there."""
        write_json(self.folder / _DONE, summary)

    def summary(self) -> dict[str, Any]:
        """What :meth:`finish` was given."""
        found: dict[str, Any] = json.loads((self.folder / _DONE).read_text("utf-8"))
        return found


def inputs_of(units: Sequence[Unit]) -> list[dict[str, Any]]:
    """What tells the files of units from other ones: name, size, when they were written, pieces."""
    found: dict[str, dict[str, Any]] = {}
    for unit in units:
        if unit.path not in found:
            stat = Path(unit.path).stat()
            found[unit.path] = {
                "file": hashlib.sha256(unit.path.encode()).hexdigest()[:16],
                "size": stat.st_size,
                "written": stat.st_mtime_ns,
                "units": 0,
            }
        found[unit.path]["units"] += 1
    return list(found.values())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file that is there wholly or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")
    part.replace(path)


@contextmanager
def part_file(path: Path) -> Iterator[Path]:
    """Where a file lies until it is whole; then it takes its name, else it goes.

    Args:
        path: its name.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
