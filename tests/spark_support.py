"""What the tests of Spark share: a small month, the same run without Spark, and one machine's answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.audit.books import NATIONAL
from grouper.audit.levels import hospital_levels
from grouper.audit.reading import read_sources
from grouper.audit.screening import Screened
from grouper.demo.hospital.build import make_hospital
from grouper.demo.hospital.plan import Plan, month_number
from grouper.spark import flow
from grouper.spark.auditing import Screen
from grouper.spark.books import Packed
from grouper.spark.keeping import Run, Stage
from grouper.spark.session import Job
from grouper.spark.settings import settings

DAY = date(2026, 6, 30)
ALL = settings()


@dataclass
class Here:
    """Does the tasks in this process, those that are not done yet, from the last to the first."""

    done: list[tuple[str, int]] = field(default_factory=list)
    spark: Any = None
    progress: Callable[[str, int, int], None] | None = None

    def __call__(self, run: Run, packed: Packed, name: str, count: int, job: Job) -> Stage:
        del packed
        stage = run.stage(name)
        for task in reversed(stage.left(count)):
            job(task, stage)
            self.done.append((name, task))
        return stage


def month(folder: Path) -> Path:
    """Two small months of the demonstration hospital, with several row groups in each file."""
    made = folder / "made"
    make_hospital(made, Plan(month_number("2026-05"), 2, 5, 0.05))
    for path in made.rglob("*.parquet"):
        table = pq.read_table(path)
        other = folder / "hospital" / path.relative_to(made)
        other.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, other, row_group_size=max(table.num_rows // 3, 1))
    return folder / "hospital"


def asked_audit(
    runner: Any,
    paths: Sequence[Path],
    folder: Path,
    *,
    charges: Sequence[Path] = (),
    day: date = DAY,
) -> dict[str, Any]:
    """An audit by the national book."""
    return flow.audit_files(
        runner, paths, folder, charges=charges, book=NATIONAL, region="demo", day=day
    )


def one_machine(
    paths: Sequence[Path], charges: Sequence[Path] = ()
) -> tuple[Screened, dict[str, int]]:
    """The same by one call over all."""
    sources = read_sources(paths, charges)
    levels = hospital_levels(sources.cases, DAY, place="demo")
    job = Screen((), (), NATIONAL, DAY, levels, "demo", None, shadow=False, own=False)
    return job.screened(sources), sources.left_out


def sorted_by(findings: pa.Table) -> list[dict[str, Any]]:
    """Findings by their ids."""
    return sorted(findings.to_pylist(), key=lambda row: row["finding"])


def counted(screened: Screened) -> dict[str, int]:
    """The counts that do not rest on which items lie together."""
    return {k: v for k, v in screened.audited.counts.items() if k != "lines_with_rules"}
