"""The history of figures (``history.csv``), and what became worse in it.

A row is one figure of one run. Figures of time are divided by the calibration of their run, and rates
multiplied with it, so that a slow day is no loss; memory and ratios are compared as they are.
"""

from __future__ import annotations

import csv
import platform
import statistics
import tomllib
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOME = Path(__file__).parent
LIST, HISTORY = HOME / "list.toml", HOME / "history.csv"
RATE, TIME = "rate", "time"


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the history.

    Attributes:
        run: when the run began, in UTC, ISO 8601.
        commit: what was measured; with ``+`` at its end: something was changed besides.
        variant: ``whole`` or ``short``.
        benchmark: name of the script.
        figure, value, unit: as the script told them.
        calibration: seconds of the fixed work, just before and after the script.
        others: part of the processors that others used meanwhile, 0 to 1; None: not known.
        cores, cpu, python: the machine.
    """

    run: str
    commit: str
    variant: str
    benchmark: str
    figure: str
    value: float
    unit: str
    calibration: float
    others: float | None
    cores: int
    cpu: str
    python: str

    @property
    def key(self) -> tuple[str, str, int, str]:
        """What a figure is compared by: times of another kind of processor say nothing."""
        return self.variant, self.figure, self.cores, self.cpu


@dataclass(frozen=True, slots=True)
class Change:
    """A figure of the last run beside what it was.

    Attributes:
        record: the last one.
        usual: median of the runs before, at the speed of the last run's day; None: there is none.
        worse: by which part of the usual it is worse; negative: better.
        lost: whether that is more than the tolerance.
        quiet: whether others left the machine alone; if not, nothing is said of it.
    """

    record: Record
    usual: float | None
    worse: float
    lost: bool
    quiet: bool


def settings(path: Path = LIST) -> dict[str, Any]:
    """The list of benchmarks."""
    return tomllib.loads(path.read_text("utf-8"))


class Machine(TypedDict):
    """What tells kinds of machines apart, as a record holds it."""

    cores: int
    cpu: str
    python: str


def machine() -> Machine:
    """Cores, model of the processor, and version of Python."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text("utf-8").splitlines() if told.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.processor() or platform.machine()
    return Machine(cores=psutil.cpu_count() or 1, cpu=model, python=platform.python_version())


def append(records: Iterable[Record], path: Path = HISTORY) -> None:
    """Add rows; the file and its head are made when they are not there."""
    new = not path.is_file()
    with path.open("a", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        if new:
            rows.writerow([one.name for one in fields(Record)])
        rows.writerows(astuple(one) for one in records)


def read(path: Path = HISTORY) -> list[Record]:
    """All rows, in their order.

    Raises:
        ValueError: the columns are not those of :class:`Record`.
    """
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != [one.name for one in fields(Record)]:
            msg = f"{path.name}: other columns than those of a record"
            raise ValueError(msg)
        return [_record(row) for row in rows]


def _record(row: dict[str, str]) -> Record:
    values: dict[str, Any] = dict(row)
    values["value"], values["calibration"] = float(row["value"]), float(row["calibration"])
    values["others"] = float(row["others"]) if row["others"] else None
    values["cores"] = int(row["cores"])
    return Record(**values)


def compared(records: Sequence[Record], told: dict[str, Any]) -> list[Change]:
    """Each figure's last record against those before it, on the same kind of machine.

    Args:
        records: the history.
        told: the list.
    """
    own = {Path(one["script"]).stem: one.get("tolerance") for one in told["benchmark"]}
    series: dict[tuple[str, str, int, str], list[Record]] = {}
    for record in records:
        series.setdefault(record.key, []).append(record)
    found = []
    for *before, last in series.values():
        quiet = [one for one in before if _quiet(one, told["others"])][-told["runs"] :]
        unit = told["units"][last.unit]
        calm = _quiet(last, told["others"])
        if not quiet:
            found.append(Change(last, None, 0.0, lost=False, quiet=calm))
            continue
        usual = statistics.median(one.value * _speed(one, last, unit["scales"]) for one in quiet)
        worse = _worse(last.value, usual, higher=unit["better"] == "higher")
        most = own.get(last.benchmark) or told["tolerance"]
        found.append(Change(last, usual, worse, lost=calm and worse > most, quiet=calm))
    return found


def _quiet(record: Record, most: float) -> bool:
    return record.others is None or record.others <= most


def _speed(then: Record, now: Record, scales: str) -> float:
    """What a figure of then has to be multiplied with on the day of now."""
    slower = now.calibration / then.calibration
    return {TIME: slower, RATE: 1 / slower}.get(scales, 1.0)


def _worse(value: float, usual: float, *, higher: bool) -> float:
    """By which part of the usual a value is worse, however it is counted: twice the time is 1."""
    better, lesser = (usual, value) if higher else (value, usual)
    if lesser <= 0:
        return 0.0 if better <= 0 else float("inf")
    return better / lesser - 1
