"""Measure MS-DRG: claims a second in batches and single, beside the package alone.

Usage: python benchmarks/ms_drg.py [CASES]      (default 20,000)

This file is not called as the package is: a script goes before the packages in the search path.
The cases are made from a few codes with a fixed seed; they say nothing about real ones.
"""

from __future__ import annotations

import json
import random
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow as pa
from report import told

from grouper.case.fields import CASE_SCHEMA
from grouper.case.record import Case
from grouper.schemes.load import load_scheme
from grouper.schemes.msdrg.claims import Request, request
from grouper.schemes.msdrg.facts import facts_of
from grouper.schemes.msdrg.native import software
from grouper.schemes.msdrg.scheme import MsdrgScheme

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CASES = 20_000
SINGLE = 2_000
DIAGNOSES = ("I50.20", "J18.9", "I21.01", "S72.009A", "O80", "K35.80", "A41.9", "N17.9", "E11.65")
OTHERS = (*DIAGNOSES, "L89.153", "J96.01", "I10", "Z79.4", "D62", "E87.1", "R65.20")
PROCEDURES = ("02703DZ", "0DTJ4ZZ", "0SR90JZ", "5A1955Z", "10E0XZZ")


def made(count: int) -> list[Case]:
    """Cases with a fixed seed."""
    draw = random.Random(7)  # noqa: S311 -- for reproducible cases, not for secrets
    zone = ZoneInfo("Asia/Shanghai")
    cases: list[Case] = []
    for _ in range(count):
        others = draw.sample(OTHERS, draw.randint(0, 12))
        cases.append(
            Case(
                region="us",
                code_system="icd10cm",
                sex=draw.randint(1, 2),
                age=draw.randint(0, 99),
                discharge_status=draw.choice(("1", "3", "6", "20")),
                discharge_time=datetime(draw.choice((2023, 2024, 2025)), 6, 1, tzinfo=zone),
                dx=(draw.choice(DIAGNOSES), *others),
                dx_poa=tuple(draw.choice("1114") for _ in range(len(others) + 1)),
                px=tuple(draw.sample(PROCEDURES, draw.randint(0, 2))),
            )
        )
    return cases


def rate(work: Callable[[], object], count: int) -> int:
    """Cases a second."""
    start = time.perf_counter()
    work()
    return int(count / (time.perf_counter() - start))


def alone(asked: MsdrgScheme, cases: Sequence[Case]) -> Callable[[], object]:
    """The package's grouper without anything of ours around it, on the same claims."""
    found = [request(asked.tables, facts_of(case)) for case in cases]
    claims = [
        made.claim(asked.tables, next(made.fillings(asked.tables)))
        for made in found
        if isinstance(made, Request)
    ]
    return lambda: [software().group(claim) for claim in claims]


def main() -> None:
    """Print the figures as JSON."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CASES
    cases = made(count)
    asked = load_scheme("ms-drg")
    assert isinstance(asked, MsdrgScheme)
    batch = pa.RecordBatch.from_pylist([c.to_mapping() for c in cases], schema=CASE_SCHEMA)
    single = cases[:SINGLE]
    figures = {
        "cases": count,
        "package_alone_per_s": rate(alone(asked, cases), count),
        "batch_per_s": rate(lambda: asked.group_batch(batch), count),
        "batch_with_issues_per_s": rate(lambda: asked.group_with_issues(batch), count),
        "single_with_trace_per_s": rate(
            lambda: [asked.group(case).trace.document("zh") for case in single], len(single)
        ),
    }
    told("ms_drg.batch", figures["batch_per_s"], "cases/s")
    told("ms_drg.single", figures["single_with_trace_per_s"], "cases/s")
    told("ms_drg.to_package", figures["batch_per_s"] / figures["package_alone_per_s"], "times")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
