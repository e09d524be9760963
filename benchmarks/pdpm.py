"""Stays grouped a second under PDPM, and the time of one with its trace.

Usage: python benchmarks/pdpm.py [STAYS]
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from report import told

from grouper.case.fields import CASE_SCHEMA
from grouper.case.record import Case
from grouper.schemes.load import load_scheme
from grouper.schemes.pdpm.scheme import PdpmScheme

ADMITTED = date(2022, 1, 3)
DEFAULT_STAYS = 50_000
SINGLE = 300
CASES = {
    "us-pdpm-fy2022": ("icd10cm", ["I63.9", "J44.9", "S72.001D", "I26.99", "M17.9"], 0),
    "pdpm-jinhua-2021": ("nhsa", ["I63.900", "J44.900", "S72.000", "M17.900"], 30),
}


def stays(scheme: PdpmScheme, count: int, seed: int) -> list[dict[str, Any]]:
    """Stays of 20 to 100 days with one to three assessments of about 25 items each."""
    rng = np.random.default_rng(seed)
    system, principals, _ = CASES[scheme.id]
    items = list(scheme.compiled.items.values())
    usual = [i for i in items if i.warns or i.absent is None or not i.allowed <= {0, 1}][:22]
    required = {i for r in scheme.compiled.requirements for i in r.items}
    usual += [i for i in items if i.name in required and i not in usual]
    rows = []
    for _ in range(count):
        days = int(rng.integers(20, 101))
        places = []
        for day in range(0, days, 30)[:3]:
            on = ADMITTED + timedelta(days=day)
            kind = "periodic" if day else "admission"
            for item in usual:
                choices = sorted(item.allowed - item.void)
                places.append((item.name, str(choices[rng.integers(len(choices))]), on, kind))
        lists = list(zip(*places, strict=True))
        rows.append(
            {
                "kind": "long_stay",
                "code_system": system,
                "admission_time": datetime(2022, 1, 3, 4, tzinfo=UTC),
                "discharge_time": datetime(2022, 1, 3, 4, tzinfo=UTC) + timedelta(days=days),
                "dx": [principals[rng.integers(len(principals))]],
                "assessment_item": lists[0],
                "assessment_value": lists[1],
                "assessment_date": lists[2],
                "assessment_type": lists[3],
            }
        )
    return rows


def main() -> None:
    """Print the figures of both schemes."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_STAYS
    for name in CASES:
        scheme = load_scheme(name)
        assert isinstance(scheme, PdpmScheme)
        some = stays(scheme, 2000, 1)
        batch = pa.RecordBatch.from_pylist(some, schema=CASE_SCHEMA)
        table = pa.Table.from_batches([batch] * max(1, count // len(some))).combine_chunks()
        whole = table.to_batches()[0]
        scheme.group_batch(batch)
        started = time.perf_counter()
        result = scheme.group_batch(whole)
        seconds = time.perf_counter() - started
        grouped = result.column("status").to_pylist().count("grouped")
        print(
            f"{name}: {whole.num_rows:,} stays in {seconds:.2f} s = "
            f"{whole.num_rows / seconds:,.0f} stays/s ({grouped / whole.num_rows:.0%} grouped)"
        )
        times = []
        for row in some[:SINGLE]:
            lists = {k: tuple(v) if isinstance(v, (list, tuple)) else v for k, v in row.items()}
            case = Case(**lists)
            started = time.perf_counter()
            scheme.group(case)
            times.append(time.perf_counter() - started)
        p99 = statistics.quantiles(times, n=100)[-1]
        told(f"pdpm.{name}.batch", whole.num_rows / seconds, "stays/s")
        told(f"pdpm.{name}.one_stay", statistics.median(times) * 1e3, "ms")
        print(f"{name}: one stay {statistics.median(times) * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
