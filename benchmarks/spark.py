"""What grouping, pricing and audit of millions of cases take on Spark, and how that grows.

Usage: python benchmarks/spark.py [--cases 1 10] [--steps group price audit] [--master local[2]]
                                  [--hospital FOLDER] [--folder FOLDER] [--keep]

For each number of millions the cases are made (``spark_data.py``; not counted), then each step runs as
``grouper spark`` in a process of its own. Printed are seconds of the clock, core-seconds of all
processes together (Java and the Python workers, ``tree.py``), the most memory of all together, of Java
and of one worker, and the sizes on disk; at the end the core-seconds of a million at each size against
the smallest size: 1.00 is growth in a straight line.

On a machine that others use, too, the clock says little; core-seconds say what was worked, though they
grow by some percent where caches are shared. A fraction of a million shows what the start alone takes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tree
from hospital import hospital_at
from report import told
from spark_data import KINDS, copies_of, rows_of, stays

if TYPE_CHECKING:
    from collections.abc import Iterator

MILLION = 1_000_000
STEPS = {"group": "grouped", "price": "priced", "audit": "findings"}
"""The folder of a step's results; its other ones are what it keeps in between."""
COMMAND = "from grouper.cli.main import main; main()"


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of a step.

    Attributes:
        step: its name.
        cases, lines: how many.
        took: time and memory.
        inputs, outputs, between: MiB on disk.
        parts: of the result.
    """

    step: str
    cases: int
    lines: int
    took: tree.Took
    inputs: float
    outputs: float
    between: float
    parts: int

    @property
    def per_million(self) -> float:
        """Core-seconds of a million cases, with the start."""
        return self.took.cores / self.cases * MILLION


HEAD = (
    f"{'step':6} {'cases':>12} {'lines':>14} {'wall s':>8} {'core s':>9} {'core s/M':>9} "
    f"{'all MiB':>8} {'Java':>6} {'worker':>7} {'in MiB':>8} {'between':>8} {'out':>8} {'parts':>6}"
)


def shown(one: Measured) -> str:
    """A line of the table."""
    took = one.took
    return (
        f"{one.step:6} {one.cases:>12,} {one.lines:>14,} {took.wall:>8.1f} {took.cores:>9.1f} "
        f"{one.per_million:>9.2f} {took.memory:>8,.0f} {took.of.get(tree.JAVA, 0):>6,.0f} "
        f"{took.of.get(tree.WORKER, 0):>7,.0f} {one.inputs:>8,.0f} {one.between:>8,.0f} "
        f"{one.outputs:>8,.0f} {one.parts:>6}"
    )


def size_of(folder: Path) -> float:
    """MiB of all files below a folder."""
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()) / tree.MIB


def measured(step: str, inputs: list[Path], cases: int, scratch: Path, master: str) -> Measured:
    """Run a step.

    Args:
        step: its name.
        inputs: files and folders as the step takes them.
        cases: how many are in them.
        scratch: where its results go; own books, and what Spark writes for itself, too.
        master: of Spark.

    Raises:
        RuntimeError: it did not end well.
    """
    out, own = scratch / f"out-{step}", scratch / "own"
    own.mkdir(exist_ok=True)
    words = [sys.executable, "-c", COMMAND, "spark", step, *map(str, inputs), "-o", str(out)]
    words += ["--region", "demo", "--master", master, "--json"]
    # The books that somebody installed here are not part of what is measured.
    surroundings = dict.fromkeys(("GROUPER_DATA", "SPARK_LOCAL_DIRS", "TMPDIR"), str(own))
    took = tree.run(words, surroundings, scratch / f"{step}.log")
    if took.code:
        raise RuntimeError((scratch / f"{step}.log").read_text("utf-8")[-2000:])
    said = json.loads(took.output)
    assert said["counts"]["cases"] == cases, "a case is missing"
    # Outpatients bring lines of their own beside those of the files of charges.
    lines = said["counts"].get("lines", 0)
    result = out / STEPS[step]
    outputs = size_of(result)
    return Measured(
        step,
        cases,
        lines,
        took,
        sum(size_of(path) for path in inputs),
        outputs,
        size_of(out) - outputs,
        said["parts"],
    )


def growth(runs: list[Measured]) -> None:
    """Print how core-seconds of a million grow, and what a million takes when the start is taken off."""
    for step in dict.fromkeys(one.step for one in runs):
        own = sorted((one for one in runs if one.step == step), key=lambda one: one.cases)
        for small, large in itertools.pairwise(own):
            more = large.took.cores - small.took.cores
            each = more / (large.cases - small.cases) * MILLION
            print(
                f"{step}: {small.cases:,} to {large.cases:,} cases: core-seconds x"
                f"{large.took.cores / small.took.cores:.1f} for x{large.cases / small.cases:.1f} cases; "
                f"each million more takes {each:.2f}"
            )
        last = own[-1]
        told(f"spark.{step}.core_seconds_of_a_million", last.per_million, "core s/million")
        told(f"spark.{step}.worker", last.took.of.get(tree.WORKER, 0.0), "MiB")


def sized(millions: float, place: Path, asked: argparse.Namespace) -> Iterator[Measured]:
    """All steps at one size.

    Args:
        millions: of cases.
        place: a folder for the files.
        asked: the options.
    """
    cases = round(millions * MILLION)
    data: Path | None = None
    copied = 0
    for step in asked.steps:
        if step == "group":
            drawn = place / "stays"
            count = rows_of(drawn) if drawn.is_dir() else stays(drawn, cases)
            yield measured(step, [drawn], count, place, asked.master)
            _drop(asked, drawn, place / f"out-{step}")
            continue
        if data is None:
            data = place / "hospital"
            given = asked.hospital or hospital_at(place / "made")
            if not data.is_dir():
                copies_of(given, data, cases, lines="audit" in asked.steps)
            copied = sum(rows_of(data / kind) for kind in KINDS)
        inputs = [data] if step == "audit" else [data / kind for kind in KINDS]
        yield measured(step, inputs, copied, place, asked.master)
        _drop(asked, place / f"out-{step}")
    if data is not None:
        _drop(asked, data)


def _drop(asked: argparse.Namespace, *folders: Path) -> None:
    if not asked.keep:
        for folder in folders:
            shutil.rmtree(folder)


def main() -> None:
    """Make cases, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=float, nargs="+", default=[1, 10], help="millions")
    parser.add_argument("--steps", nargs="+", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--hospital", type=Path, help="that `grouper demo-hospital` made")
    parser.add_argument(
        "--folder", type=Path, help="for the files; cases that lie there already are taken"
    )
    parser.add_argument("--keep", action="store_true", help="leave the files")
    asked = parser.parse_args()
    if asked.keep and asked.folder is None:
        parser.error("--keep needs --folder")
    runs: list[Measured] = []
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory(prefix="grouper-bench-") as name:
        for millions in sorted(asked.cases):
            place: Path = (asked.folder or Path(name)) / f"{millions:g}"
            place.mkdir(parents=True, exist_ok=True)
            for one in sized(millions, place, asked):
                print(shown(one), flush=True)
                runs.append(one)
    growth(runs)


if __name__ == "__main__":
    main()
