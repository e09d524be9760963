"""How fast charge lines are screened against every shipped row on charges of the rule book.

Usage: python benchmarks/audit.py [LINES [HOSPITAL]]      (default 10,000,000 lines)

The two years of the demonstration hospital are repeated, with ids of their own, until there are so
many LINES, a Parquet file a month, and screened in a process of its own, so that its peak of memory is
its own: reading the lines, refunds, all templates with the rows in shadow, findings with the numbers
of their lines. Reading the cases is counted apart. HOSPITAL is a folder that ``grouper demo-hospital``
made; without it the hospital is made first, which is not counted.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codebooks.audit.books import audit_book
from grouper.audit.engine import Context, audit
from grouper.audit.reading import read_sources
from grouper.audit.templates import templates
from grouper.demo.hospital.build import make_hospital
from grouper.demo.hospital.plan import make_plan
from grouper.demo.hospital.tables import toml

LINES = 10_000_000
FIRST, MONTHS, SEED = "2025-01", 24, 20250101
WORK = "--work"
"""How the second process is told what to do."""


def hospital_at(folder: Path) -> Path:
    """The demonstration hospital, or what is missing of it."""
    own = toml("hospital.toml")["hospital"]
    plan = make_plan(FIRST, MONTHS, SEED, 1.0, region=own["region"], scheme=own["scheme"])
    make_hospital(folder, plan)
    return folder


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


def renamed(table: pa.Table, copy: int) -> pa.Table:
    """With ids and persons of their own for each copy."""
    for name in ("case_id", "person"):
        if name in table.column_names:
            ids = pc.binary_join_element_wise(table[name].cast(pa.string()), str(copy), "-")
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, ids.dictionary_encode())
    return table


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


def main() -> None:
    """Make the data, measure in a process of its own, print."""
    if sys.argv[1:2] == [WORK]:
        print(json.dumps(work(Path(sys.argv[2]))))
        return
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else LINES
    with tempfile.TemporaryDirectory() as scratch:
        given = Path(sys.argv[2]) if len(sys.argv) > 2 else hospital_at(Path(scratch) / "hospital")
        folder = Path(scratch) / "lines"
        repeated(given, folder, wanted)
        command = [sys.executable, __file__, WORK, str(folder)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for name, value in json.loads(told).items():
        print(f"{name:14} {value:>14,}")


if __name__ == "__main__":
    main()
