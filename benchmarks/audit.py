"""How fast charge lines are screened against every shipped row on charges of the rule book.

Usage: python benchmarks/audit.py [LINES [HOSPITAL]]      (default 10,000,000 lines)

The two years of the demonstration hospital are repeated, with ids of their own, until there are so
many LINES, a Parquet file a month, and screened in a process of its own, so that its peak of memory is
its own: reading the lines, refunds, all templates with the rows in shadow, findings with the numbers
of their lines. Reading the cases is counted apart. HOSPITAL is a folder that ``grouper demo-hospital``
made; without it the hospital is made first, which is not counted.

Then single stays, each with its last five lines as orders that are proposed: by the scalar engine, and
the same stays by DuckDB in the same run.
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
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from hospital import hospital_at, renamed
from report import told

from codebooks.audit.books import audit_book
from grouper.audit.engine import Context, audit
from grouper.audit.order.engine import check, compiled
from grouper.audit.order.lines import Line
from grouper.audit.reading import read_sources
from grouper.audit.templates import templates
from grouper.case.record import Case

LINES = 10_000_000
WORK, EPISODES = "--work", "--episodes"
"""How the other processes are told what to do."""
TOLD = {
    "lines/s": ("audit.lines", "lines/s"),
    "peak MiB": ("audit.peak", "MiB"),
    "order: median ms": ("audit.order", "ms"),
    "order: p99 ms": ("audit.order_p99", "ms"),
    "DuckDB / order": ("audit.duckdb_to_order", "times"),
}
"""The figures that are kept, by what they are printed as."""
STAYS, AGAIN, PROPOSED, LONG = 20, 20, 5, 300
"""Single stays, how often each is asked, the orders of each, and its lines (about)."""


def repeated(hospital: Path, folder: Path, wanted: int) -> int:
    """Copy months of stays until there are so many lines; gives their number."""
    for name in ("inpatient", "charges"):
        (folder / name).mkdir(parents=True)
    count = copy = 0
    while count < wanted:
        for path in sorted((hospital / "charges").glob("*.parquet")):
            lines = pq.read_table(path)
            stays = pq.read_table(hospital / "inpatient" / path.name)
            lines = lines.filter(
                pc.is_in(lines["case_id"].cast(pa.string()), stays["case_id"].combine_chunks())
            )
            target = f"{copy}-{path.name}"
            for name, table in (("inpatient", stays), ("charges", lines)):
                pq.write_table(renamed(table, copy), folder / name / target)
            count += lines.num_rows
            if count >= wanted:
                return count
        copy += 1
    return count


def work(folder: Path) -> dict[str, Any]:
    """Screen a folder."""
    begin = time.perf_counter()
    sources = read_sources([folder])
    book = audit_book()
    read = time.perf_counter()
    context = Context(levels={"H00000000001": "III"}, shadow=True)
    found = audit(sources.cases, sources.charges, book, context=context)
    end = time.perf_counter()
    return {
        "cases": found.counts["cases"],
        "lines": found.counts["lines"],
        "rows": sum(book.tables[one.table].num_rows for one in templates() if one.table),
        "findings": found.findings.num_rows,
        "read cases s": round(read - begin, 2),
        "audit s": round(end - read, 2),
        "lines/s": round(found.counts["lines"] / (end - read)),
        "processor s": round(time.process_time(), 2),
        "peak MiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def episodes(folder: Path) -> dict[str, Any]:
    """Ask single stays of the first month."""
    charges = pq.read_table(min((folder / "charges").glob("*.parquet")))
    counts = charges["case_id"].value_counts().to_pylist()
    counts.sort(key=lambda one: (abs(one["counts"] - LONG), one["values"]))
    stays = pq.read_table(min((folder / "inpatient").glob("*.parquet")))
    context = Context(moment="order", levels={"H00000000001": "III"}, shadow=True)
    book = audit_book()
    begin = time.perf_counter()
    ready = compiled(book, context=context)
    ready.warm()
    found: dict[str, Any] = {"book made ready ms": round(1e3 * (time.perf_counter() - begin))}
    seconds: dict[str, list[float]] = {"order": [], "whole stay": [], "DuckDB": []}
    lengths = []
    for one in counts[:STAYS]:
        row = stays.filter(pc.equal(stays["case_id"].cast(pa.string()), one["values"]))
        own = charges.filter(pc.equal(charges["case_id"].cast(pa.string()), one["values"]))
        case = Case.from_mapping(row.to_pylist()[0])[0]
        lines = _lines(own)
        lengths.append(len(lines))
        for only in (True, False):
            for _ in range(AGAIN):
                begin = time.perf_counter()
                check(ready, case, lines, only_proposed=only)
                seconds["order" if only else "whole stay"].append(time.perf_counter() - begin)
        begin = time.perf_counter()
        audit(row, own, book, context=context)
        seconds["DuckDB"].append(time.perf_counter() - begin)
    found["lines of a stay"] = round(statistics.median(lengths))
    for name, taken in seconds.items():
        taken.sort()
        found[f"{name}: median ms"] = round(1e3 * statistics.median(taken), 2)
        found[f"{name}: p99 ms"] = round(1e3 * taken[int(0.99 * (len(taken) - 1))], 2)
    ratio = statistics.median(seconds["DuckDB"]) / statistics.median(seconds["order"])
    return found | {"DuckDB / order": round(ratio)}


def _lines(charges: pa.Table) -> list[Line]:
    names = ("item", "quantity", "amount", "time", "class", "scope", "department", "physician")
    rows = charges.to_pylist()
    return [
        Line(
            row["line"],
            *(row[f"line_{name}"] for name in names),
            proposed=place >= len(rows) - PROPOSED,
        )
        for place, row in enumerate(rows)
    ]


def main() -> None:
    """Make the data, measure in processes of their own, print."""
    if sys.argv[1:2] in ([WORK], [EPISODES]):
        asked = work if sys.argv[1] == WORK else episodes
        print(json.dumps(asked(Path(sys.argv[2]))))
        return
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else LINES
    with tempfile.TemporaryDirectory() as scratch:
        given = Path(sys.argv[2]) if len(sys.argv) > 2 else hospital_at(Path(scratch) / "hospital")
        folder = Path(scratch) / "lines"
        repeated(given, folder, wanted)
        for part in (WORK, EPISODES):
            command = [sys.executable, __file__, part, str(folder)]
            ran = subprocess.run(command, check=True, capture_output=True, text=True)
            for name, value in json.loads(ran.stdout).items():
                print(f"{name:24} {value:>14,}")
                if name in TOLD:
                    figure, unit = TOLD[name]
                    told(figure, value, unit)


if __name__ == "__main__":
    main()
