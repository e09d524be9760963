"""The mart over many cases: cold start, the questions of a first page and of filters, and memory.

Usage: ``python benchmarks/mart.py [--cases 1000000]``. The cases are drawn by chance; nothing of a
hospital is in them. Times in milliseconds, the median and the worst of some rounds.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from report import told

from grouper.mart.answers import Measure
from grouper.mart.facts import CLASS_COLUMNS, FACTS, NANO
from grouper.mart.manifest import Manifest, Year, publish
from grouper.mart.mart import Mart
from grouper.mart.means import MEANS
from grouper.mart.quality import fields
from grouper.mart.slices import Axis, Slice

if TYPE_CHECKING:
    from collections.abc import Callable

MONTHS, DEPARTMENTS, PHYSICIANS, GROUPS = 24, 40, 800, 3000
FIRST = date(2025, 1, 1)
ROUNDS = 5


def main() -> None:
    """Make the mart, ask it in a process of its own, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--ask", type=Path)
    asked = parser.parse_args()
    if asked.ask is not None:
        ask(asked.ask)
        return
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        make(Path(folder), asked.cases)
        size = sum(one.stat().st_size for one in Path(folder).iterdir()) / 1e6
        print(f"{asked.cases} cases written in {time.perf_counter() - start:.1f} s, {size:.0f} MB")
        subprocess.run([sys.executable, __file__, "--ask", folder], check=True)


def make(folder: Path, cases: int) -> None:
    """A mart of so many cases."""
    draw = np.random.default_rng(8)
    days = np.sort(draw.integers(0, MONTHS * 30, cases))
    group = np.minimum(draw.zipf(1.3, cases), GROUPS) - 1
    worth = draw.gamma(2.0, 400_000, GROUPS)[group]
    cost = (worth * draw.lognormal(0, 0.5, cases)).astype(np.int64)
    amount = worth.astype(np.int64)
    patient = amount // 4
    department = group % DEPARTMENTS

    def words(form: str, codes: np.ndarray, count: int) -> pa.Array:
        known = pa.array([form.format(one) for one in range(count)])
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), known)

    day = np.datetime64(FIRST) + days
    asked = sum(1 << one.bit for one in fields())
    # As many different sets as a hospital may have that lacks anything anywhere.
    lacking = draw.integers(1, asked, 500) & asked
    columns: dict[str, pa.Array] = {
        "case_id": pa.array([f"C{one:08}" for one in range(cases)]),
        "kind": words("inpatient", np.zeros(cases), 1),
        "department": words("D{:02}", department, DEPARTMENTS),
        "physician": words("P{:04}", department * 20 + draw.integers(0, 20, cases), PHYSICIANS),
        "insurance": words("insurance{}", draw.integers(0, 2, cases), 2),
        "scheme": words("chs-drg-2.0", np.zeros(cases), 1),
        "status": words("grouped", np.zeros(cases), 1),
        "mdc": words("M{:02}", group % 26, 26),
        "adrg": words("A{:04}", group // 3, GROUPS // 3 + 1),
        "group": words("G{:04}", group, GROUPS),
        "group_name": words("name of group {}", group, GROUPS),
        "band": pa.array(
            np.array(["normal", "high", "low"])[draw.choice(3, cases, p=[0.9, 0.05, 0.05])]
        ),
        "pay_status": words("priced", np.zeros(cases), 1),
        "day": pa.array(day),
        "month": pc.strftime(pa.array(day), "%Y-%m"),
        "days": pa.array(draw.integers(1, 30, cases).astype(np.int32)),
        "died": pa.array(draw.random(cases) < 0.005),
        "asked": pa.array(np.full(cases, asked)),
        "gaps": pa.array(np.where(draw.random(cases) < 0.1, draw.choice(lacking, cases), 0)),
        "notes": words("DX_OTHER_UNKNOWN;{}", draw.integers(0, 50, cases), 50),
        "weight": pa.array((worth / 800_000 * NANO).astype(np.int64)),
        "cost": pa.array(cost),
        "amount": pa.array(amount),
        "standard": pa.array(amount),
        "patient": pa.array(patient),
        "deducted": pa.array(patient),
        "fund": pa.array(amount - patient),
        "surplus": pa.array(amount - cost),
        **{name: pa.array(cost // len(CLASS_COLUMNS)) for name in CLASS_COLUMNS},
    }
    table = pa.table(
        {
            one.name: columns[one.name].cast(one.type)
            if one.name in columns
            else pa.nulls(cases, one.type)
            for one in FACTS
        }
    )
    state = Manifest(made=datetime.now(UTC).isoformat(), source="store", region="national")
    for month in pc.unique(table["month"]).to_pylist():
        state.months[month] = f"{month}.parquet"
        rows = table.filter(pc.equal(table["month"], month))
        pq.write_table(rows, folder / state.months[month], compression="zstd")
        state.years[month[:4]] = Year(inputs="", rules="", schemes=["chs-drg-2.0"])
    means = [
        {
            "id": one,
            "scheme": "chs-drg-2.0",
            "group": f"G{one:04}",
            "mean_cost": 8000.0,
            "mean_days": 9.0,
        }
        for one in range(GROUPS)
    ]
    state.means = "means.parquet"
    pq.write_table(pa.Table.from_pylist(means, MEANS), folder / state.means)
    publish(folder, state)


def ask(folder: Path) -> None:
    """Ask the questions of the pages."""
    start = time.perf_counter()
    mart = Mart.open(folder)
    told("mart.cold_start", time.perf_counter() - start, "s")
    print(f"cold start: {time.perf_counter() - start:.2f} s, {mart.about.cases} cases")
    year = Slice(since=date(2026, 1, 1), until=date(2026, 12, 1), reach=None)
    whole = Slice(since=FIRST, until=FIRST + timedelta(days=MONTHS * 31), reach=None)
    some = Slice(
        since=FIRST,
        until=whole.until,
        reach=("D01", "D02", "D03"),
        groups=("G0001", "G0002", "G0041"),
    )
    every: list[float] = []
    for name, cut in (("11 months", year), ("all months", whole), ("filtered", some)):
        questions: dict[str, Callable[[], object]] = {
            "headline": lambda cut=cut: mart.headline(cut),
            "by department": lambda cut=cut: mart.by(cut, Axis.DEPARTMENT),
            "by group": lambda cut=cut: mart.by(cut, Axis.GROUP, limit=50),
            "by physician": lambda cut=cut: mart.by(cut, Axis.PHYSICIAN),
            "trend": lambda cut=cut: mart.trend(cut),
            "waterfall": lambda cut=cut: mart.waterfall(cut),
            "structure": lambda cut=cut: mart.structure(cut, Axis.DEPARTMENT),
            "spread by group": lambda cut=cut: mart.spread(cut, Axis.GROUP),
            "control": lambda cut=cut: mart.control(cut, Measure.MEAN_COST),
            "funnel": lambda cut=cut: mart.control(cut, Measure.HIGH_SHARE, Axis.DEPARTMENT),
            "a page of cases": lambda cut=cut: mart.rows(cut, order="surplus", descending=False),
            "choices": lambda cut=cut: mart.choices(cut, Axis.GROUP),
            "quality": lambda cut=cut: mart.quality(cut, Axis.DEPARTMENT),
            "completeness": lambda cut=cut: mart.completeness(cut, Axis.DEPARTMENT),
            "reasons": lambda cut=cut: mart.reasons(cut),
            "gaps": lambda cut=cut: mart.gaps(cut),
        }
        for question, call in questions.items():
            times = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                call()
                times.append((time.perf_counter() - start) * 1000)
            every.append(statistics.median(times))
            print(f"{name:12} {question:18} {statistics.median(times):7.0f} {max(times):7.0f}")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # One figure for all questions: one by one they are too short to be compared.
    told("mart.all_questions", sum(every), "ms")
    told("mart.slowest_question", max(every), "ms")
    told("mart.peak", most, "MiB")
    print(f"most memory: {most:.0f} MiB")


if __name__ == "__main__":
    main()
