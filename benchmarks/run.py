"""Measure Grouper on this machine and print figures and ratios of one run.

Usage: python benchmarks/run.py [CASES]      (default 10,000,000)

Figures of different runs are not comparable where a machine is shared; the ratios are.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from make_cases import SCHEME, Maker, write
from report import told

from grouper.case.fields import CASE_SCHEMA
from grouper.case.record import Case
from grouper.schemes.load import load_scheme

SAMPLE = 20_000
TRACED = 2_000
CASES = 10_000_000


def in_a_process(code: str, *words: str) -> dict[str, float]:
    """Run code in a fresh interpreter; its last line of output is JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code, *words], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


LOAD = """
import json, sys, time
import pyarrow.parquet
from codebooks.registry import registry
registry()
from grouper.schemes.load import load_scheme
start = time.perf_counter()
load_scheme(sys.argv[1])
print(json.dumps({"seconds": time.perf_counter() - start}))
"""

GROUP = """
import json, resource, sys, time
from pathlib import Path
from grouper.case.readers import open_source
from grouper.run.choose import Chooser
from grouper.run.flow import run
start, cpu = time.perf_counter(), time.process_time()
summary = run(open_source(sys.argv[1]), Path(sys.argv[2]), Chooser())
print(json.dumps({
    "rows": summary.rows,
    "seconds": time.perf_counter() - start,
    "cpu": time.process_time() - cpu,
    "grouped": summary.statuses["grouped"] + summary.statuses["ambiguous"],
    "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def sample_cases(count: int) -> pa.RecordBatch:
    """Cases in memory, in the columns of a case."""
    drawn = Maker(2).batch(0, count)
    columns = []
    for field in CASE_SCHEMA:
        place = drawn.schema.get_field_index(field.name)
        column = drawn.column(place) if place >= 0 else pa.nulls(count)
        columns.append(
            column if place >= 0 and field.name in ("dx", "px") else column.cast(field.type)
        )
    return pa.RecordBatch.from_arrays(columns, names=CASE_SCHEMA.names)


def timed(work: object, *args: object) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work(*args)  # type: ignore[operator]
    return time.perf_counter() - start


def engines() -> None:
    """Both engines on cases in memory."""
    scheme = load_scheme(SCHEME)
    batch = sample_cases(131_072)
    scheme.group_batch(batch)
    fast = statistics.median(timed(scheme.group_batch, batch) for _ in range(7)) / batch.num_rows
    cases = [Case.from_batch(batch, i) for i in range(TRACED)]
    slow = sorted(timed(scheme.group, case) for case in cases)
    traced = sorted(timed(lambda c: scheme.group(c).trace.document("zh"), case) for case in cases)
    median = statistics.median(slow)
    told("run.batch", 1 / fast, "cases/s")
    told("run.scalar", 1 / statistics.mean(slow), "cases/s")
    told("run.batch_to_scalar", statistics.mean(slow) / fast, "times")
    told("run.one_case_p99", slow[int(TRACED * 0.99)] * 1e3, "ms")
    print(f"batch engine, in memory, one thread   {1 / fast:12,.0f} cases/s")
    print(f"scalar engine with its steps          {1 / statistics.mean(slow):12,.0f} cases/s")
    print(f"  ratio batch : scalar                {statistics.mean(slow) / fast:12,.0f}")
    print(
        f"one case, with its steps              {median * 1e3:9.2f} ms median, "
        f"{slow[int(TRACED * 0.99)] * 1e3:.2f} ms p99"
    )
    print(
        f"one case, trace put into words        {statistics.median(traced) * 1e3:9.2f} ms median, "
        f"{traced[int(TRACED * 0.99)] * 1e3:.2f} ms p99"
    )


def loading() -> None:
    """A book, from its files to the first case it can group."""
    seconds = [in_a_process(LOAD, SCHEME)["seconds"] for _ in range(5)]
    told("run.loading", statistics.median(seconds), "s")
    print(f"loading a book                        {statistics.median(seconds):9.2f} s median of 5")


def whole_file(count: int) -> None:
    """Parquet to Parquet, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "cases.parquet", Path(folder) / "grouped.parquet"
        write(source, count)
        found = in_a_process(GROUP, str(source), str(output))
        rows = pq.read_metadata(output).num_rows
        assert rows == found["rows"] == count
    rate = count / found["seconds"]
    told("run.parquet_to_parquet", rate, "cases/s")
    told("run.peak", found["peak_mib"], "MiB")
    print(
        f"Parquet to Parquet, {count:,} cases  {rate:12,.0f} cases/s "
        f"({found['seconds']:.1f} s, {found['cpu']:.1f} s of processor time)"
    )
    print(f"  peak memory                         {found['peak_mib']:9.0f} MiB")
    print(f"  grouped or ambiguous                {found['grouped'] / count:9.1%}")


def main() -> None:
    """Run everything."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CASES
    print(f"scheme {SCHEME}; up to ten diagnoses and five procedures a case")
    loading()
    engines()
    whole_file(count)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"(this process: {own:.0f} MiB)")


if __name__ == "__main__":
    main()
