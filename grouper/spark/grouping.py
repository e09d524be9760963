"""Grouping on Spark: each unit by itself, as ``grouper group`` does a file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from grouper.run.batches import group_cases
from grouper.run.choose import Chooser
from grouper.run.writers import output_schema
from grouper.spark.keeping import part_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grouper.case.readers import CaseBatch
    from grouper.run.batches import Grouped
    from grouper.spark.keeping import Stage
    from grouper.spark.units import Unit


@dataclass(frozen=True, slots=True)
class Group:
    """Group the records of a unit; the part holds its own columns and those of ``RESULT_SCHEMA``.

    Attributes:
        units: all units.
        scheme: for all cases; None: what binds each.
        region: of cases that name none.
    """

    units: tuple[Unit, ...]
    scheme: str | None
    region: str

    def __call__(self, task: int, stage: Stage) -> None:
        """As :class:`grouper.spark.session.Job`."""
        chooser = Chooser(self.scheme, self.region)
        counts: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        writer: pq.ParquetWriter | None = None
        unit = self.units[task]
        with part_file(stage.part(task)) as path:
            try:
                for batch, grouped in _grouped(unit, chooser):
                    schema = output_schema(batch.original.schema)
                    columns = [*batch.original.columns, *grouped.results.columns]
                    if writer is None:
                        writer = pq.ParquetWriter(path, schema, compression="zstd")
                    writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
                    told(grouped.results, counts, reasons)
                    counts["issues"] += grouped.issues.num_rows
            finally:
                if writer is not None:
                    writer.close()
            if writer is None:
                pq.write_table(pa.table({}), path)
        stage.finish(task, {"file": unit.file, "counts": counts, "reasons": reasons})


def _grouped(unit: Unit, chooser: Chooser) -> Iterator[tuple[CaseBatch, Grouped]]:
    for batch in unit.cases():
        yield batch, group_cases(batch.cases, batch.issues, batch.first_row, chooser)


def told(results: pa.RecordBatch | pa.Table, counts: Counter[str], reasons: Counter[str]) -> None:
    """Add up how cases stand and why."""
    counts["cases"] += results.num_rows
    for name, into in (("status", counts), ("reason", reasons)):
        column: Any = results.column(name)
        for row in column.value_counts().to_pylist():
            if row["values"] is not None:
                into[row["values"]] += row["counts"]
