"""How fast cases are priced: in batches against one by one, and two years of a hospital whole.

Usage: python benchmarks/pricing.py [CASES [HOSPITAL]]      (default 1,000,000 cases)

CASES of one month of the demonstration hospital, repeated in memory, are priced in batches on two
threads; ONE_BY_ONE of them one by one, with all lines. What is compared is the ratio of one run.

Then the two years of the demonstration hospital are grouped, priced and settled month by month, in
a process of its own, so that its peak of memory is its own. HOSPITAL is a folder that ``grouper
demo-hospital`` made; without it the hospital is made first, which is not counted.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from hospital import hospital_at
from report import told

from codebooks.policies.policies import policies
from grouper.case.readers import open_source
from grouper.case.record import Case
from grouper.demo.hospital.tables import toml
from grouper.payment.batch import price_batch
from grouper.payment.engine import price
from grouper.payment.place import Terms
from grouper.payment.run import grouped_table, priced_table
from grouper.payment.settlement.month import settle_month
from grouper.schemes.load import load_scheme

if TYPE_CHECKING:
    from collections.abc import Sequence

CASES, ONE_BY_ONE, PIECE = 1_000_000, 2_000, 65_536
MONTH = "2026-11"
KINDS = ("inpatient", "outpatient", "long_stay")
WHOLE = "--whole"
"""How the second process is told what to do."""


def whole(folder: Path, region: str) -> dict[str, float]:
    """Group, price and settle all months of a hospital, the patients' years across the files."""
    files = sorted(path for kind in KINDS for path in (folder / kind).glob("*.parquet"))
    began = time.perf_counter()
    priced = priced_table(files, region=region)
    priced_after = time.perf_counter()
    months = sorted({path.stem for path in files})
    for month in months:
        settle_month(priced, region=region, month=month, at_hand=policies())
    return {
        "cases": priced.num_rows,
        "months": len(months),
        "priced": priced_after - began,
        "settled": time.perf_counter() - priced_after,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_batches(batches: Sequence[pa.RecordBatch], terms: Terms) -> float:
    """Cases a second on two threads."""
    price_batch(batches[0].slice(0, 100), terms)
    began = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        done = sum(pool.map(lambda one: price_batch(one, terms).num_rows, batches))
    spent = time.perf_counter() - began
    return float(done / spent)


def one_by_one(batch: pa.RecordBatch, scheme: str, terms: Terms) -> float:
    """Cases a second with all lines, each grouped beforehand."""
    cases = [Case.from_batch(batch, row) for row in range(batch.num_rows)]
    loaded = load_scheme(scheme)
    pairs = [(case, loaded.group(case)) for case in cases]
    price(*pairs[0], terms)
    began = time.perf_counter()
    for case, grouping in pairs:
        price(case, grouping, terms)
    return len(pairs) / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    own = toml("hospital.toml")["hospital"]
    region = own["region"]
    if sys.argv[1:2] == [WHOLE]:
        print(json.dumps(whole(Path(sys.argv[2]), region)))
        return
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else CASES
    terms = Terms(region=region)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else hospital_at(Path(made))
        source = open_source(folder / "inpatient" / f"{MONTH}.parquet")
        month = grouped_table(source, region=region).combine_chunks()
        table = pa.concat_tables([month] * (wanted // month.num_rows + 1)).slice(0, wanted)
        batched = in_batches(table.combine_chunks().to_batches(PIECE), terms)
        print(f"in batches, two threads, {wanted:,} inpatient cases: {batched:,.0f} cases/s")
        single = one_by_one(month.slice(0, ONE_BY_ONE).to_batches()[0], own["scheme"], terms)
        print(f"one by one with all lines:    {single:,.0f} cases/s")
        told("pricing.batch", batched, "cases/s")
        told("pricing.batch_to_single", batched / single, "times")
        print(f"ratio of this run:            {batched / single:,.0f}")
        command = [sys.executable, __file__, WHOLE, str(folder)]
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(ran.stdout)
    spent = found["priced"] + found["settled"]
    told("pricing.hospital", found["cases"] / spent, "cases/s")
    told("pricing.hospital_peak", found["peak_mib"], "MiB")
    print(
        f"{found['months']} months, {found['cases']:,} cases and visits:"
        f" grouped and priced {found['priced']:.1f} s, settled {found['settled']:.1f} s,"
        f" together {spent:.1f} s; peak memory {found['peak_mib']:,.0f} MiB"
    )


if __name__ == "__main__":
    main()
