"""Measure the outpatient grouper: lines a second of both engines on the same visits, one thread.

Usage: python benchmarks/apg.py [VISITS]      (default 200,000)

Figures of different runs are not comparable where a machine is shared; the ratio is.
"""

from __future__ import annotations

import statistics
import sys
import time
from decimal import Decimal

import numpy as np
import pyarrow as pa
from report import told

from grouper.case.fields import CASE_SCHEMA
from grouper.case.record import Case
from grouper.schemes.apg.scheme import ApgScheme
from grouper.schemes.load import load_scheme

SCHEME, VISITS, TRACED, REPEATS, SEED = "apg-grouper-1.0", 200_000, 3_000, 5, 7
ITEMS = 3000


def visits(count: int) -> pa.RecordBatch:
    """Visits with up to 15 lines of 3,000 items; one in five has procedures, one in 50 a refund."""
    rng = np.random.default_rng(SEED)
    scheme = load_scheme(SCHEME)
    assert isinstance(scheme, ApgScheme)
    codes = scheme.compiled.codes
    dx, px = pa.array(codes.diagnoses.codes), pa.array(codes.procedures.codes)
    heads = ["1102", "1204", "2101", "2103", "2203", "2501", "2502", "2503", "3107", "3310"]
    items = pa.array([f"00{heads[i % len(heads)]}{i:05d}0000" for i in range(ITEMS)])
    classes = pa.array([f"{n:02d}" for n in range(1, 15)])

    def lists(source: pa.Array, counts: np.ndarray) -> pa.ListArray:
        offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
        drawn = rng.integers(0, len(source), offsets[-1]).astype(np.int32)
        values = pa.DictionaryArray.from_arrays(pa.array(drawn), source)
        return pa.ListArray.from_arrays(pa.array(offsets), values)

    lines = rng.integers(1, 16, count)
    procedures = np.where(rng.random(count) < 0.2, rng.integers(1, 4, count), 0)
    item = lists(items, lines)
    total = int(lines.sum())
    amounts = rng.choice([8.0, 25.0, 120.0, 499.0, 650.0, 1200.0], total)
    refunds = rng.random(total) < 0.02 / 8
    amounts[refunds] *= -1
    money = pa.array([Decimal(str(a)) for a in (8, 25, 120, 499, 650, 1200)], pa.decimal128(14, 2))
    values, places = np.unique(amounts, return_inverse=True)
    money = pa.array([Decimal(str(v)) for v in values], pa.decimal128(14, 2))
    columns = {
        "kind": pa.repeat("outpatient", count),
        "dx": lists(dx, np.ones(count, np.int64)),
        "px": lists(px, procedures),
        "line_item": item,
        "line_class": lists(classes, lines),
        "line_amount": pa.ListArray.from_arrays(item.offsets, money.take(pa.array(places))),
        "line_quantity": pa.ListArray.from_arrays(
            item.offsets, pa.repeat(pa.scalar(Decimal(1), pa.decimal128(14, 4)), total)
        ),
    }
    return pa.RecordBatch.from_pydict(columns)


def whole(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same visits with every column of a case, as single cases are made from."""
    arrays = []
    for field in CASE_SCHEMA:
        place = batch.schema.get_field_index(field.name)
        arrays.append(
            batch.column(place).cast(field.type)
            if place >= 0
            else pa.nulls(batch.num_rows, field.type)
        )
    return pa.RecordBatch.from_arrays(arrays, schema=CASE_SCHEMA)


def timed(work: object, *args: object) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work(*args)  # type: ignore[operator]
    return time.perf_counter() - start


def main() -> None:
    """Print lines a second and the ratio."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else VISITS
    scheme = load_scheme(SCHEME)
    batch = visits(count)
    lines = len(batch.column("line_item").flatten())
    print(f"scheme {SCHEME}; {count:,} visits, {lines:,} lines; one thread")
    scheme.group_batch(batch)
    fast = statistics.median(timed(scheme.group_batch, batch) for _ in range(REPEATS)) / lines
    parts = statistics.median(timed(scheme.group_parts, batch) for _ in range(REPEATS)) / lines  # type: ignore[attr-defined]
    sample = whole(batch.slice(0, TRACED))
    cases = [Case.from_batch(sample, i) for i in range(TRACED)]
    own = sum(len(case.line_item) for case in cases)
    seconds = sorted(timed(scheme.group, case) for case in cases)
    slow = sum(seconds) / own
    words = sorted(timed(lambda c: scheme.group(c).trace.document("zh"), c) for c in cases)
    told("apg.batch", 1 / fast, "lines/s")
    told("apg.batch_to_scalar", slow / fast, "times")
    told("apg.one_visit_p99", seconds[int(TRACED * 0.99)] * 1e3, "ms")
    print(f"batch engine                 {1 / fast:12,.0f} lines/s")
    print(f"batch engine, parts as well  {1 / parts:12,.0f} lines/s")
    print(f"scalar engine                {1 / slow:12,.0f} lines/s")
    print(f"  ratio batch : scalar       {slow / fast:12,.1f}")
    print(
        f"one visit                    {statistics.median(seconds) * 1e3:9.2f} ms median, "
        f"{seconds[int(TRACED * 0.99)] * 1e3:.2f} ms p99"
    )
    print(
        f"one visit, trace in words    {statistics.median(words) * 1e3:9.2f} ms median, "
        f"{words[int(TRACED * 0.99)] * 1e3:.2f} ms p99"
    )


if __name__ == "__main__":
    main()
