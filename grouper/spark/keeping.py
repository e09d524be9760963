"""The folder of a run: what was asked, the parts that are done, and nothing half-written.

``run.json`` says what the run rests on. Each stage is a folder; a part that is done has its file and
beside it what its worker counted. A run that is asked for again goes on with the parts that are not
there; one that rests on anything else is refused.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
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
            SparkRunError: ``SPARK_OTHER_RUN``: the folder holds something else; ``SPARK_RUN_BROKEN``:
                what it holds cannot be read.
        """
        known = _known(self.folder)
        if known is not None:
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
        write_json(self.folder / _RUN, self.asked)

    def stage(self, name: str) -> Stage:
        """A folder of parts; a part whose counts cannot be read is not done."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        # Once for a stage: how far it has come is asked for every moment, and by names alone.
        for counted in path.glob("part-*.json"):
            if _content(counted) is None:
                counted.unlink(missing_ok=True)
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


def day_of(folder: Path) -> date | None:
    """The day that the run in a folder rests on; None: there is no run, or it rests on none.

    Raises:
        SparkRunError: ``SPARK_RUN_BROKEN``: what the folder holds cannot be read.
    """
    told = (_known(folder) or {}).get("day")
    try:
        return None if told is None else date.fromisoformat(told)
    except (TypeError, ValueError) as cause:
        raise SparkRunError("SPARK_RUN_BROKEN", Where(file=folder.name)) from cause


def inputs_of(units: Sequence[Unit]) -> list[dict[str, Any]]:
    """What tells the files of units from other ones: name, size, when they were written, cuts.

    A cut is the row group after the last one of a unit; None stands for a whole file.
    """
    found: dict[int, dict[str, Any]] = {}
    for unit in units:
        if unit.file not in found:
            stat = Path(unit.path).stat()
            found[unit.file] = {
                "file": hashlib.sha256(unit.path.encode()).hexdigest()[:16],
                "size": stat.st_size,
                "written": stat.st_mtime_ns,
                "cuts": [],
            }
        found[unit.file]["cuts"].append(None if unit.groups is None else unit.groups[1])
    return list(found.values())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file that is there wholly or not at all."""
    with part_file(path) as part:
        part.write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")


@contextmanager
def part_file(path: Path) -> Iterator[Path]:
    """Where a file lies until it is whole; then it takes its name, else it goes.

    What has its name has its content, too, after a power cut.

    Args:
        path: its name.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
        _settle(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """Let the names in a folder outlive the machine, where its mount can promise that."""
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}:
            raise
    finally:
        os.close(held)


def _known(folder: Path) -> dict[str, Any] | None:
    """What the run in a folder rests on; None: there is no run."""
    path = folder / _RUN
    if not path.is_file():
        return None
    content = _content(path)
    if content is None:
        raise SparkRunError("SPARK_RUN_BROKEN", Where(file=folder.name))
    return content


def _content(path: Path) -> dict[str, Any] | None:
    """What a file of JSON holds; None: it holds no object."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
