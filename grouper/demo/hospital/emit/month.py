"""One month of the demonstration hospital: its stays with their charge lines, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from grouper.case.fields import CASE_SCHEMA, FIELDS, members
from grouper.case.record import Case
from grouper.demo.hospital.emit.errors import EmitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

KINDS = ("inpatient", "long_stay")
"""The folders whose stays have charge lines of their own."""
CHARGES = "charges"
LINES = pa.schema(
    [
        ("case_id", pa.string()),
        ("line", pa.int64()),
        ("line_price", FIELDS["line_quantity"].value_type),
        *((name, FIELDS[name].value_type) for name in members("line_item")),
    ]
)
"""The columns of the charge lines; the price is in yuan for one unit."""
_ASSESSED = members("assessment_item")

Line = dict[str, Any]
"""One charge line by column."""


@dataclass(frozen=True, slots=True)
class Day:
    """The charge lines of one day of a stay.

    Attributes:
        first: place of its first line in the month's.
        count: how many it has.
        last: when the last of them was charged; None: they state no time.
    """

    first: int
    count: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay.

    Attributes:
        case: as the Parquet has it, without lines.
        first: place of its first charge line in the month's.
        count: how many it has.
    """

    case: Case
    first: int
    count: int


class Month:
    """The stays of a month of discharge, and their lines.

    Args:
        folder: the hospital, as the contract has it: ``inpatient/``, ``long_stay/`` and
            ``charges/`` with a file ``YYYY-MM.parquet`` each.
        month: such as ``2026-11``.
        stays: the first so many alone, by discharge and number; None: all.

    Raises:
        EmitError: ``DEMO_EMIT_MONTH``: neither stays nor charges of the month are there;
            ``DEMO_EMIT_FILE``: a file is no Parquet of the contract.
    """

    def __init__(self, folder: Path, month: str, stays: int | None = None) -> None:
        cases = [case for kind in KINDS for case in _cases(folder / kind / f"{month}.parquet")]
        path = folder / CHARGES / f"{month}.parquet"
        if not cases or not path.is_file():
            raise EmitError("DEMO_EMIT_MONTH", found=month)
        cases.sort(key=lambda c: (c.discharge_time is None, c.discharge_time, c.case_id or ""))
        cases = cases[:stays]
        ids = [case.case_id for case in cases]
        self._lines, of = _charges(path, ids)
        self._days = _days(self._lines["line_time"])
        starts = np.searchsorted(of, np.arange(len(ids)))
        ends = np.searchsorted(of, np.arange(len(ids)), side="right")
        self.stays: Sequence[Stay] = tuple(
            Stay(case, int(start), int(end - start))
            for case, start, end in zip(cases, starts, ends, strict=True)
        )

    @property
    def line_count(self) -> int:
        """How many lines the stays have together."""
        return int(self._lines.num_rows)

    def lines(self, of: Stay | Day) -> list[Line]:
        """The lines of a stay or a day, by time and number."""
        found: list[Line] = self._lines.slice(of.first, of.count).to_pylist()
        return found

    def days(self, stay: Stay) -> Iterator[Day]:
        """The days of a stay on which something was charged, in their order."""
        if not stay.count:
            return
        days = self._days[stay.first : stay.first + stay.count]
        cuts = np.flatnonzero(np.r_[True, days[1:] != days[:-1]]).tolist()
        for start, end in pairwise([*cuts, stay.count]):
            last = self._lines["line_time"][stay.first + end - 1].as_py()
            yield Day(stay.first + start, end - start, last)

    def case(self, stay: Stay) -> Case:
        """The case with its lines."""
        lines = self.lines(stay)
        values = {name: getattr(stay.case, name) for name in FIELDS}
        for name in members("line_item"):
            listed = tuple(line[name] for line in lines)
            values[name] = listed if any(value is not None for value in listed) else ()
        return Case(**values)


def _cases(path: Path) -> list[Case]:
    if not path.is_file():
        return []
    lines = dict.fromkeys(members("line_item"), ())
    found = []
    for row in _read(path, CASE_SCHEMA).to_pylist():
        listed = {n: tuple(row[n] or ()) for n, f in FIELDS.items() if f.nested}
        found.append(Case(**(row | listed | lines)))
    return found


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    """The columns of a file in exactly these types, nothing dictionary-encoded."""
    try:
        table = pq.read_table(path, columns=schema.names)
        return pa.table([table[field.name].cast(field.type) for field in schema], schema=schema)
    except (pa.ArrowException, KeyError, OSError) as error:
        # Arrow's own words may quote a value of the file.
        raise EmitError("DEMO_EMIT_FILE", found=f"{path.parent.name}/{path.name}") from error


def _charges(path: Path, ids: Sequence[str | None]) -> tuple[pa.Table, Any]:
    """The lines of these stays by stay, time and number, and the place of each one's stay."""
    table = _read(path, LINES)
    at = pc.index_in(table["case_id"], value_set=pa.array(ids, pa.string()))
    kept = at.is_valid()
    table, at = table.filter(kept), at.filter(kept).combine_chunks()
    order = pc.sort_indices(
        pa.table({"at": at, "time": table["line_time"], "line": table["line"]}),
        sort_keys=[("at", "ascending"), ("time", "ascending"), ("line", "ascending")],
    )
    return table.take(order), at.take(order).to_numpy(zero_copy_only=False)


def _days(times: pa.ChunkedArray) -> Any:  # noqa: ANN401 -- an array of numpy
    """The local day of each time as a number; what has no time shares a day of its own."""
    days = pc.local_timestamp(times).cast(pa.timestamp("s")).cast(pa.date32(), safe=False)
    return days.cast(pa.int32()).fill_null(np.iinfo(np.int32).max).to_numpy()


def assessed(case: Case) -> dict[str, list[Any]] | None:
    """The functional scores of a case as lists by column; None where it has none."""
    if not case.assessment_item:
        return None
    return {name: list(getattr(case, name)) for name in _ASSESSED}


def later(moment: Any, hours: float) -> Any:  # noqa: ANN401 -- a time or none
    """A time so many hours later; None stays None."""
    return None if moment is None else moment + timedelta(hours=hours)
