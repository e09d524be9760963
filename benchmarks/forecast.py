"""Forecasts: training, one running case, and all running cases of a hospital.

    python benchmarks/forecast.py [HOSPITAL] [--scale 1.0]

Without a folder the demonstration hospital's two years are made first. Printed are seconds of one run
and their ratios; the machine's other work shows in them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from datetime import datetime, timedelta
from datetime import time as clock
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow.compute as pc
from hospital import hospital_at
from report import told

from grouper.case.dates import EPOCH, LOCAL
from grouper.case.fields import CASE_SCHEMA, members
from grouper.case.record import Case
from grouper.forecast.archive import read_archive
from grouper.forecast.forecaster import Forecaster
from grouper.forecast.training import history_of, learn
from grouper.payment.place import Terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from grouper.forecast.archive import Archive

T = TypeVar("T")
REGION = "demo"
MORNING = clock(8)
BEFORE_END = 20
"""The running cases are those of so many days before the last discharge."""
MANY, ONES = 2_000, 60


def main() -> None:
    """Train, ask, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hospital", nargs="?", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = asked.hospital
        if folder is None:
            folder = hospital_at(Path(place), asked.scale)
        measure(folder)


def measure(folder: Path) -> None:
    """Of a hospital in a folder."""
    archive, reading = timed(lambda: read_archive([folder]))
    today = int(archive.ends.max()) - BEFORE_END
    at = datetime.combine(EPOCH + timedelta(days=today), MORNING, LOCAL)
    past = archive.only(archive.ends < today)
    terms = Terms(region=REGION)
    history, looking = timed(lambda: history_of(past, terms))
    forecaster, learning = timed(lambda: learn(history))
    files, _ = timed(forecaster.files)
    forecaster, loading = timed(lambda: Forecaster.read(files))
    size = sum(len(raw) for raw in files.values()) / 1e6
    print(f"{len(past):,} stays, {len(history.frame):,} snapshots")
    print(
        f"read {reading:.1f} s, snapshots and outcomes {looking:.1f} s, training {learning:.1f} s"
    )
    print(f"model {size:.1f} MB, read in {loading:.2f} s")
    begins, ends = archive.courses().start, archive.ends
    running = archive.only((begins <= today) & (ends > today))
    courses = running.courses()
    every = np.resize(np.arange(len(running)), MANY)
    cases = as_cases(running, at)
    many = [cases[place] for place in every.tolist()]
    forecaster.forecast(many[:50], at)
    table, batch = timed(lambda: forecaster.forecast(many, at))
    singles = [timed(partial(forecaster.forecast, [case], at))[1] for case in many[:ONES]]
    drivers = [
        timed(partial(forecaster.forecast, [case], at, drivers=True))[1] for case in many[:ONES]
    ]
    single = statistics.median(singles)
    told("forecast.training", learning, "s")
    told("forecast.many", table.num_rows / batch, "cases/s")
    told("forecast.one", single * 1000, "ms")
    told("forecast.one_with_drivers", statistics.median(drivers) * 1000, "ms")
    print(f"{table.num_rows:,} running cases {batch:.2f} s ({len(courses):,} different ones)")
    print(
        f"one case {single * 1000:.1f} ms (median of {ONES}; slowest {max(singles) * 1000:.1f}), "
        f"with drivers {statistics.median(drivers) * 1000:.1f} ms"
    )
    print(f"a case in a batch is {single * MANY / batch:,.0f} times as quick as one alone")


def as_cases(archive: Archive, at: datetime) -> list[Case]:
    """Stays as records of running cases with their lines up to the moment.

    Diagnoses and procedures stand in them whole: what is measured here is time.
    """
    table, charges = archive.cases, archive.charges
    ids = table["case_id"].to_pylist()
    lines: dict[str, dict[str, list[object]]] = {one: {} for one in ids}
    names = [name for name in members("line_item") if name in charges.column_names]
    own = charges.filter(pc.is_in(charges["case_id"], table["case_id"].combine_chunks()))
    for row in own.select(["case_id", *names]).to_pylist():
        if row["line_time"] < at:
            for name in names:
                lines[row["case_id"]].setdefault(name, []).append(row[name])
    found = []
    for row in table.to_pylist():
        values = {f.name: row[f.name] for f in CASE_SCHEMA if row[f.name] is not None}
        values |= {"discharge_time": None} | lines[row["case_id"]]
        made = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        found.append(Case(**made))
    return found


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What a piece of work gives, and its seconds."""
    start = time.perf_counter()
    found = work()
    return found, time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
