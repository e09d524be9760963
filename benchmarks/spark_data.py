"""Cases for the measurements on Spark: as many millions as are asked for, each with an id of its own.

Stays for grouping are drawn (``make_cases.py``). For pricing and audit, where persons, amounts and
charge lines count, the months of the demonstration hospital are copied, each copy with persons and ids
of its own; files go by months, so that the year of a person goes across files as it does in life.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from hospital import renamed
from make_cases import Maker

from grouper.spark.settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = ("inpatient", "outpatient", "long_stay")
CHARGES = "charges"
GROUPS = 4
"""Row groups of a file."""
SEED, DRAWN = 20250101, 4


def stays(folder: Path, count: int) -> int:
    """Write drawn stays in row groups of a unit's size; gives how many.

    So many units are drawn; those after them are the same stays with ids of their own.
    """
    rows = settings()["case_rows"]
    return _store(_drawn(count, rows), folder, rows)


def _drawn(count: int, rows: int) -> Iterator[pa.Table]:
    maker = Maker(SEED)
    drawn: list[pa.Table] = []
    for unit, first in enumerate(range(0, count, rows)):
        if unit < DRAWN:
            drawn.append(pa.Table.from_batches([maker.batch(first, rows)]))
        numbers = pa.array(np.arange(first, first + rows)).cast(pa.string())
        ids = pc.binary_join_element_wise("C", pc.utf8_lpad(numbers, 9, "0"), "")
        table = drawn[unit % DRAWN]
        place = table.schema.get_field_index("case_id")
        yield table.set_column(place, "case_id", ids).slice(0, count - first)


def rows_of(folder: Path) -> int:
    """How many rows the files of a folder have."""
    return sum(pq.read_metadata(path).num_rows for path in folder.glob("*.parquet"))


def copies_of(hospital: Path, folder: Path, wanted: int, *, lines: bool) -> int:
    """Copy a hospital until there are about so many cases: whole copies, at least one.

    Args:
        hospital: as ``grouper demo-hospital`` makes one.
        folder: where the copies go, as ``grouper audit`` reads it.
        wanted: cases.
        lines: whether the charge lines are copied, too.

    Returns:
        How many cases there are.
    """
    files = [path for kind in KINDS for path in (hospital / kind).glob("*.parquet")]
    one = sum(pq.read_metadata(path).num_rows for path in files)
    many = max(round(wanted / one), 1)
    cases = sum(
        _store(_copied(hospital / kind, many), folder / kind, settings()["case_rows"])
        for kind in KINDS
    )
    if lines:
        _store(_copied(hospital / CHARGES, many), folder / CHARGES, settings()["line_rows"])
    return cases


def _copied(folder: Path, many: int) -> Iterator[pa.Table]:
    """Every month of a kind, as often as there are copies."""
    for path in sorted(folder.glob("*.parquet")):
        month = pq.read_table(path)
        for copy in range(many):
            yield renamed(month, copy)


def _store(pieces: Iterator[pa.Table], folder: Path, rows: int) -> int:
    """Write tables below each other in files of some row groups of so many rows; gives all rows."""
    folder.mkdir(parents=True)
    writer: pq.ParquetWriter | None = None
    total = 0
    for at, table in enumerate(_cut(pieces, rows)):
        if writer is None or at % GROUPS == 0:
            if writer is not None:
                writer.close()
            path = folder / f"{at // GROUPS:05}.parquet"
            writer = pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=rows)
        total += table.num_rows
    if writer is not None:
        writer.close()
    return total


def _cut(pieces: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += piece.num_rows
        while count >= rows:
            whole = pa.concat_tables(held).unify_dictionaries()
            yield whole.slice(0, rows)
            held, count = [whole.slice(rows)], count - rows
    if count:
        yield pa.concat_tables(held).unify_dictionaries()
