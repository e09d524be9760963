"""Pricing on Spark: units are grouped, laid into buckets by person, and each bucket priced whole.

A patient's year goes across files, so all cases of a person have to be together; across persons nothing
is asked, so that buckets give what one table gives.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from grouper.case.fields import CASE_SCHEMA
from grouper.payment.place import Terms
from grouper.payment.run import below, group_batch, price_table
from grouper.spark.buckets import bucket_of, read_bucket, write_buckets, write_nothing
from grouper.spark.grouping import told
from grouper.spark.keeping import part_file

if TYPE_CHECKING:
    from pathlib import Path

    from grouper.spark.keeping import Stage
    from grouper.spark.units import Unit

FILE, ROW = "file", "row"
"""Columns of the result: number of the file, from 0, and of the record in it, from 1. Sorted by them the
parts are the table of one machine."""
_SUMMED = ("amount", "patient", "fund", "surplus")


@dataclass(frozen=True, slots=True)
class Lay:
    """Group the records of a unit and lay them into buckets by person.

    Attributes:
        units: all units.
        scheme: for all cases; None: what binds each.
        region: of cases that name none.
        buckets: how many.
    """

    units: tuple[Unit, ...]
    scheme: str | None
    region: str
    buckets: int

    def __call__(self, task: int, stage: Stage) -> None:
        """As :class:`grouper.spark.session.Job`."""
        unit = self.units[task]
        tables, rows = [], []
        for batch in unit.cases():
            found = group_batch(
                batch.cases, batch.issues, self.region, self.scheme, batch.first_row
            )
            tables.append(pa.Table.from_batches([found]))
            rows.append(np.arange(batch.first_row, batch.first_row + found.num_rows))
        counts: Counter[str] = Counter()
        if tables:
            table = below(tables)
            table = table.append_column(FILE, pa.array([unit.file] * table.num_rows, pa.int32()))
            table = table.append_column(ROW, pa.array(np.concatenate(rows), pa.int64()))
            counts["cases"] = table.num_rows
            buckets = bucket_of(table["person"], self.buckets, task)
            write_buckets(table, buckets, stage.laid(task), self.buckets)
        else:
            write_nothing(stage.laid(task), self.buckets)
        stage.finish(task, {"counts": counts})


@dataclass(frozen=True, slots=True)
class Price:
    """Price a bucket.

    Attributes:
        laid: the files of the stage before, in the order of the units.
        region: whose policy.
    """

    laid: tuple[Path, ...]
    region: str

    def __call__(self, task: int, stage: Stage) -> None:
        """As :class:`grouper.spark.session.Job`."""
        tables = read_bucket(self.laid, task)
        counts: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        sums: dict[str, str] = {}
        if tables:
            whole = below(tables)
            places = whole.select([FILE, ROW])
            priced = price_table(whole.drop_columns([FILE, ROW]), Terms(region=self.region))
            for name in (FILE, ROW):
                priced = priced.append_column(name, places[name])
            with part_file(stage.part(task)) as path:
                pq.write_table(_alike(priced), path, compression="zstd")
            told(priced, counts, reasons)
            for row in priced["pay_status"].value_counts().to_pylist():
                counts[f"pay_{row['values']}"] += row["counts"]
            # Sums of decimals are exact, so they may be added up in any order.
            sums = {name: str(pc.sum(priced[name]).as_py() or 0) for name in _SUMMED}
        stage.finish(task, {"counts": counts, "reasons": reasons, "sums": sums})


def _alike(table: pa.Table) -> pa.Table:
    """With the columns of cases of one type in all parts, whatever the files had."""
    for at, name in enumerate(table.column_names):
        if name in CASE_SCHEMA.names:
            table = table.set_column(at, name, table[name].cast(CASE_SCHEMA.field(name).type))
    return table
