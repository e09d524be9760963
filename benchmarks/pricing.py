"""How fast cases are priced: in batches against one by one, and the demonstration hospital whole.

Usage: python benchmarks/pricing.py [CASES] [HOSPITAL]

Ratios of one run. CASES (default 1,000,000) cases of one month of the demonstration hospital,
repeated, are priced on two threads, as a file's batches are. With HOSPITAL, a folder made by
``grouper demo-hospital``, its two years are grouped, priced and settled month by month.
"""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pyarrow as pa

from grouper.case.readers import open_source
from grouper.case.record import Case
from grouper.demo.hospital import make_hospital
from grouper.payment.batch import price_batch
from grouper.payment.engine import price
from grouper.payment.place import Terms
from grouper.payment.run import grouped_table, priced_table
from grouper.schemes.load import load_scheme

REGION = "demo"
ONE_BY_ONE = 2_000
PIECE = 65_536


def main() -> None:
    """Measure and print."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    terms = Terms(region=REGION)
    with tempfile.TemporaryDirectory() as folder:
        make_hospital(Path(folder), start="2026-11", months=1)
        source = open_source(Path(folder) / "inpatient" / "2026-11.parquet")
        month = grouped_table(source, region=REGION)
    table = pa.concat_tables([month] * (wanted // month.num_rows + 1)).slice(0, wanted)
    batches = table.combine_chunks().to_batches(PIECE)
    price_batch(batches[0].slice(0, 100), terms)

    began = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        done = sum(one.num_rows for one in pool.map(lambda b: price_batch(b, terms), batches))
    batched = done / (time.perf_counter() - began)
    print(f"priced in batches, two threads: {batched:,.0f} cases/s of {done:,}")

    batch = month.slice(0, ONE_BY_ONE).combine_chunks().to_batches()[0]
    cases = [Case.from_batch(batch, row) for row in range(batch.num_rows)]
    scheme = load_scheme("dip-pingdingshan-2025")
    groupings = [scheme.group(case) for case in cases]
    began = time.perf_counter()
    for case, grouping in zip(cases, groupings, strict=True):
        price(case, grouping, terms)
    single = len(cases) / (time.perf_counter() - began)
    print(f"one by one with all lines: {single:,.0f} cases/s; batches are {batched / single:,.0f} times")

    if len(sys.argv) > 2:
        hospital = Path(sys.argv[2])
        began = time.perf_counter()
        rows = 0
        for kind in ("inpatient", "outpatient", "long_stay"):
            rows += priced_table(sorted((hospital / kind).glob("*.parquet")), region=REGION).num_rows
        spent = time.perf_counter() - began
        peak = psutil.Process().memory_info().rss / 2**20
        print(f"two years, {rows:,} cases grouped and priced: {spent:.1f} s, {peak:,.0f} MiB at the end")


if __name__ == "__main__":
    main()
