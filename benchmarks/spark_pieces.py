"""What it costs on Spark that rows are laid into many buckets: each unit is cut into as many pieces.

Usage: python benchmarks/spark_pieces.py HOSPITAL [BUCKETS …]       (default 1 10 100 400)

Half a year of outpatients of a hospital that ``grouper demo-hospital`` made is grouped and laid into so
many buckets, as ``grouper spark price`` does it, and some of the pieces are read again. Printed are
core-seconds for all of them to be laid, the size, and milliseconds of a core to read one piece.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from grouper.spark.buckets import read_bucket
from grouper.spark.keeping import Stage
from grouper.spark.pricing import Lay
from grouper.spark.units import units_of

BUCKETS, MONTHS, READ = (1, 10, 100, 400), 6, 20


def main() -> None:
    """Lay and read."""
    buckets = [int(word) for word in sys.argv[2:]] or BUCKETS
    months = sorted((Path(sys.argv[1]) / "outpatient").glob("*.parquet"))[:MONTHS]
    with tempfile.TemporaryDirectory() as name:
        unit = Path(name) / "unit.parquet"
        table = pa.concat_tables([pq.read_table(path) for path in months])
        pq.write_table(table, unit)
        units = tuple(units_of([unit], table.num_rows))
        print(f"{table.num_rows:,} cases, {unit.stat().st_size / 1e6:.1f} MB")
        # Books are loaded before anything is counted.
        for count in (1, *buckets):
            stage = Stage(Path(name) / f"{count}")
            stage.folder.mkdir(exist_ok=True)
            begin = time.process_time()
            Lay(units, None, "demo", count)(0, stage)
            laid = time.process_time() - begin
            size = stage.laid(0).stat().st_size / 1e6
            begin = time.process_time()
            some = range(min(count, READ))
            for bucket in some:
                read_bucket(stage.all_laid(1), bucket)
            read = (time.process_time() - begin) / len(some) * 1e3
            print(
                f"{count:>5} buckets: laid {laid:6.2f} s, {size:6.1f} MB, a piece read {read:6.1f} ms"
            )


if __name__ == "__main__":
    main()
