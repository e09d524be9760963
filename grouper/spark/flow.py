"""Runs on Spark from the files to the summary: which stages, in which folder, with which counts."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from codebooks.audit.books import audit_book
from grouper.audit.levels import hospital_levels
from grouper.audit.reading import source_files
from grouper.case.dates import LOCAL
from grouper.spark.auditing import LayCases, LayLines, Meet, Screen
from grouper.spark.books import Packed, pack
from grouper.spark.grouping import Group
from grouper.spark.keeping import Run, day_of, inputs_of
from grouper.spark.pricing import Lay, Price
from grouper.spark.session import carry
from grouper.spark.settings import settings
from grouper.spark.units import Unit, units_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from grouper.spark.keeping import Stage
    from grouper.spark.session import Job

Progress = "Callable[[str, int, int], None]"
"""Called with the name of the stage, the parts that are there, and how many there are to be."""


class Carrying(Protocol):
    """What carries out stages."""

    def __call__(self, run: Run, packed: Packed, name: str, count: int, job: Job) -> Stage:
        """Carry out a stage of a run: all of its tasks that are not done."""


@dataclass(frozen=True, slots=True)
class Runner:
    """How stages are carried out.

    Attributes:
        spark: the session.
        progress: as :data:`Progress`; None: nothing is told.
    """

    spark: SparkSession
    progress: Callable[[str, int, int], None] | None = None

    def __call__(self, run: Run, packed: Packed, name: str, count: int, job: Job) -> Stage:
        """Carry out a stage of a run."""
        stage = run.stage(name)
        told = self.progress
        carry(
            self.spark,
            stage,
            count,
            job,
            packed,
            None if told is None else lambda done, of: told(name, done, of),
        )
        return stage


def group_files(
    runner: Carrying, paths: Sequence[Path], folder: Path, *, scheme: str | None, region: str
) -> dict[str, Any]:
    """Group files of cases.

    Args:
        runner: carries out.
        paths: files, or folders of Parquet files.
        folder: of the run; its parts in ``grouped`` hold the rows in the order of files and records.
        scheme: for all cases; None: what binds each.
        region: of cases that name none.

    Returns:
        Counts of cases by status and reason, and of parts.

    Raises:
        GrouperError: a file cannot be read; the folder holds another run.
    """
    units, packed = units_of(paths, settings()["case_rows"]), pack()
    asked = _asked("group", packed, units, scheme=scheme, region=region)
    run = Run(folder, asked)
    run.open()
    stage = runner(run, packed, "grouped", len(units), Group(tuple(units), scheme, region))
    summary = _counted(stage.counts(len(units))) | {"parts": len(units)}
    run.finish(summary)
    return summary


def price_files(
    runner: Carrying, paths: Sequence[Path], folder: Path, *, scheme: str | None, region: str
) -> dict[str, Any]:
    """Group and price files of cases together; arguments and answer as of :func:`group_files`.

    The parts in ``priced`` hold whole persons; ``file`` and ``row`` say where a row stood.
    """
    units, packed = units_of(paths, settings()["case_rows"]), pack()
    count = _buckets(sum(unit.about() for unit in units), "bucket_cases")
    asked = _asked("price", packed, units, scheme=scheme, region=region, buckets=count)
    run = Run(folder, asked)
    run.open()
    lay = Lay(tuple(units), scheme, region, count)
    laid = runner(run, packed, "laid", len(units), lay)
    price = Price(laid.all_laid(len(units)), region)
    stage = runner(run, packed, "priced", count, price)
    told = stage.counts(count)
    sums: dict[str, Decimal] = {}
    for one in told:
        for name, amount in one["sums"].items():
            sums[name] = sums.get(name, Decimal(0)) + Decimal(amount)
    summary = _counted(told) | {"parts": count, "sums": {k: str(v) for k, v in sums.items()}}
    run.finish(summary)
    return summary


def audit_files(
    runner: Carrying,
    paths: Sequence[Path],
    folder: Path,
    *,
    charges: Sequence[Path] = (),
    book: str,
    region: str | None,
    rules: Sequence[str] = (),
    shadow: bool = False,
    own: bool = False,
    day: date | None = None,
) -> dict[str, Any]:
    """Screen cases and their lines.

    Args:
        runner: carries out.
        paths: folders and files as :func:`grouper.audit.reading.read_sources` takes them.
        folder: of the run; its parts in ``findings`` hold columns of ``FINDING_SCHEMA``.
        charges: files of lines beside those of the folders.
        book: id of the rule book.
        region: of cases that name none.
        rules: to be asked; none: all.
        shadow: whether rows from lists that are not public rules are asked, too.
        own: whether the hospital's own rules are asked.
        day: on which policies hold; None: that of the run in the folder, else today.

    Returns:
        Counts as of an audit, findings by rule, the sum at stake, the rules that ran nowhere.

    Raises:
        GrouperError: a file cannot be read; the folder holds another run.
    """
    files, lines = source_files(paths, charges)
    cases, beside = _units(files, "case_rows"), _units(lines, "line_rows")
    packed = pack()
    wanted = max(
        _buckets(sum(unit.about() for unit in cases), "bucket_cases"),
        _buckets(sum(unit.about() for unit in beside), "bucket_lines"),
    )
    on = day or day_of(folder) or datetime.now(LOCAL).date()
    asked = _asked(
        "audit",
        packed,
        cases,
        lines=inputs_of(beside),
        book=[book, audit_book(book).content_sha256],
        region=region,
        rules=sorted(rules),
        shadow=shadow,
        own=own,
        day=on.isoformat(),
        buckets=wanted,
    )
    run = Run(folder, asked)
    run.open()
    laid = runner(run, packed, "cases", len(cases), LayCases(tuple(cases), wanted))
    lined = runner(run, packed, "lines", len(beside), LayLines(tuple(beside), wanted))
    levels = _levels(laid.counts(len(cases)), on, region)
    met_lines = run.stage("met_lines")
    meet = Meet(laid.all_laid(len(cases)), lined.all_laid(len(beside)), met_lines, wanted)
    met = runner(run, packed, "met", wanted, meet)
    job = Screen(
        met.all_laid(wanted),
        met_lines.all_laid(wanted),
        book,
        on,
        levels,
        region,
        tuple(rules) or None,
        shadow,
        own,
    )
    stage = runner(run, packed, "findings", wanted, job)
    left = [*laid.counts(len(cases)), *met.counts(wanted)]
    summary = _screened(stage.counts(wanted)) | {
        "left_out": dict(sum((Counter(one["left_out"]) for one in left), Counter())),
        "parts": wanted,
    }
    summary["counts"]["lines_of_other_cases"] = sum(one["strangers"] for one in met.counts(wanted))
    run.finish(summary)
    return summary


def _units(files: Sequence[Path], name: str) -> list[Unit]:
    return units_of(files, settings()[name]) if files else []


def _buckets(rows: int, name: str) -> int:
    most: int = settings()[name]
    return max(math.ceil(rows / most), 1)


def _asked(kind: str, packed: Packed, units: Sequence[Unit], **more: object) -> dict[str, Any]:
    """What a run rests on: a change of any of it is another run."""
    return {
        "kind": kind,
        "version": version("yibao-grouper"),
        "books": packed.sha256,
        "inputs": inputs_of(units),
        **more,
    }


def _counted(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for one in told:
        counts.update(one["counts"])
        reasons.update(one["reasons"])
    return {"counts": dict(sorted(counts.items())), "reasons": dict(sorted(reasons.items()))}


def _screened(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    asked = [one for one in told if not one["empty"]]
    for one in asked:
        counts.update(one["counts"])
        rules.update(one["rules"])
    # How many lines a rule may concern rests on which other items lie in the bucket.
    counts.pop("lines_with_rules", None)
    # A rule ran if it ran anywhere.
    nowhere = [set(map(tuple, one["not_run"])) for one in asked]
    not_run = set.intersection(*nowhere) if nowhere else set()
    return {
        "counts": dict(sorted(counts.items())),
        "rules": dict(sorted(rules.items())),
        "not_run": [list(one) for one in sorted(not_run, key=str)],
        "amount": str(sum((Decimal(one["amount"]) for one in asked), Decimal(0))),
    }


def _levels(told: Sequence[dict[str, Any]], day: date, region: str | None) -> dict[str, str]:
    """The levels of all hospitals there are, as one machine looks them up."""
    pairs = sorted({tuple(pair) for one in told for pair in one["places"]}, key=str)
    table = pa.table(
        {
            "hospital": pa.array([one for one, _ in pairs], pa.string()),
            "region": pa.array([one for _, one in pairs], pa.string()),
        }
    )
    return hospital_levels(table, day, place=region)
