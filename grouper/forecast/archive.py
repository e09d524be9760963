"""The finished stays that models learn from, read from a hospital's files.

A folder has ``inpatient/*.parquet`` and ``charges/*.parquet`` (as ``grouper demo-hospital`` writes
them); or the files of cases and of charges are named one by one. Without files of charges the lines
stand in the cases.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codebooks.errors import Where
from codebooks.plain import ARROW_FAULTS
from codebooks.registry import INPATIENT
from grouper.case.fields import CASE_SCHEMA
from grouper.case.normalise import plain
from grouper.case.readers import open_source
from grouper.forecast.course import NO_DAY, Courses, courses_of, local_days
from grouper.forecast.errors import ForecastError
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_CASES, _CHARGES = "inpatient", "charges"
_NEEDED = ("case_id", "line_amount", "line_time")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Archive:
    """Stays with their charges.

    Attributes:
        cases: columns of ``CASE_SCHEMA``.
        charges: lines as a table; None: they stand in the cases.
        files: name and SHA-256 of each file read, in order.
        left_out: how many records were left out, by why.
    """

    cases: pa.Table
    charges: pa.Table | None
    files: tuple[tuple[str, str], ...]
    left_out: dict[str, int]

    def __len__(self) -> int:
        return int(self.cases.num_rows)

    @property
    def ends(self) -> NDArray[np.int64]:
        """Local day of each discharge, as days since 1970; ``NO_DAY`` while the stay runs."""
        return local_days(self.cases["discharge_time"])

    def only(self, keep: NDArray[np.bool_]) -> Archive:
        """Some of the stays; charges of others do not matter."""
        return replace(self, cases=self.cases.filter(pa.array(keep)))

    def between(self, first: int, until: int) -> Archive:
        """The stays discharged on a day from ``first`` on and before ``until`` (days since 1970)."""
        ends = self.ends
        return self.only((ends >= first) & (ends < until))

    def finished(self) -> Archive:
        """The stays that have ended."""
        return self.only(self.ends != NO_DAY)

    def courses(self) -> Courses:
        """Their courses."""
        charges = self.charges
        if charges is not None:
            known = pc.unique(self.cases["case_id"].cast(pa.string()))
            charges = charges.filter(_among(charges["case_id"], known))
        return courses_of(self.cases, charges)

    @property
    def data_hash(self) -> str:
        """SHA-256 over the hashes of the files."""
        return hashlib.sha256("".join(one for _, one in self.files).encode()).hexdigest()


def read_archive(
    paths: Sequence[Path],
    charges: Sequence[Path] = (),
    *,
    progress: Callable[[str], None] | None = None,
) -> Archive:
    """Read the stays of a hospital.

    Args:
        paths: a folder, or files of cases.
        charges: files of charge lines (Parquet with ``case_id`` and columns ``line_…``), or folders
            of them; a file that is named twice is read once. Times without a zone are local.
        progress: called with the name of each file.

    Raises:
        GrouperError: a file cannot be read.
        ForecastError: ``FORECAST_FOLDER`` (no files of inpatients in a folder), ``FORECAST_CHARGES``
            (a file of charges that cannot be used, with the column that is missing).
    """
    found, lines = [], [file for path in charges for file in _inside(path)]
    for path in paths:
        if path.is_dir():
            own = sorted((path / _CASES).glob("*.parquet"))
            if not own:
                raise ForecastError("FORECAST_FOLDER", Where(file=path.name))
            found += own
            lines += sorted((path / _CHARGES).glob("*.parquet"))
        else:
            found.append(path)
    left: dict[str, int] = {}
    tables, files = [], []
    for path in found:
        if progress:
            progress(path.name)
        tables.append(_cases(path, left))
        files.append((path.name, _hash(path)))
    cases = pa.concat_tables(tables) if tables else CASE_SCHEMA.empty_table()
    cases = _once(cases, left)
    tables = []
    for path in {path.resolve(): path for path in lines}.values():
        if progress:
            progress(path.name)
        tables.append(_charges(path))
        files.append((path.name, _hash(path)))
    told = pa.concat_tables(tables, promote_options="default") if tables else None
    if told is not None:
        nested = pc.sum(pc.list_value_length(cases["line_amount"])).as_py()
        _count(left, "lines_in_cases", nested or 0)
    return Archive(cases, told, tuple(files), left)


def _cases(path: Path, left: dict[str, int]) -> pa.Table:
    batches = []
    for batch in open_source(path).batches():
        keep = ~batch.rejected
        _count(left, "rejected", int((~keep).sum()))
        whole = plain(batch.cases)
        wanted = np.asarray(pc.fill_null(pc.equal(whole["kind"], INPATIENT), False))  # noqa: FBT003 -- Arrow
        _count(left, "other_kind", int((keep & ~wanted).sum()))
        batches.append(whole.filter(pa.array(keep & wanted)))
    return pa.Table.from_batches(batches, CASE_SCHEMA)


def _once(cases: pa.Table, left: dict[str, int]) -> pa.Table:
    """Without records whose id was there before, or that have none."""
    ids = cases["case_id"].to_pylist()
    seen: set[str | None] = {None}
    keep = []
    for one in ids:
        keep.append(one not in seen)
        seen.add(one)
    _count(left, "repeated", len(keep) - sum(keep))
    return cases.filter(pa.array(keep, pa.bool_()))


def _count(left: dict[str, int], why: str, number: int) -> None:
    if number:
        left[why] = left.get(why, 0) + number


def _inside(path: Path) -> list[Path]:
    """The Parquet files of a folder; a file stands for itself, as does a folder without any."""
    return sorted(path.glob("*.parquet")) or [path]


def _charges(path: Path) -> pa.Table:
    where = Where(file=path.name)
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
        # A damaged page may decode to indices beyond its dictionary, or to no text.
        table.validate(full=True)
    except ARROW_FAULTS as cause:
        raise ForecastError("FORECAST_CHARGES", where, problem=type(cause).__name__) from cause
    wanted = [
        name
        for name in table.column_names
        if name == "case_id" or (name in CASE_SCHEMA.names and name.startswith("line_"))
    ]
    for name in (*_NEEDED, *wanted):
        # Missing, or there twice.
        if wanted.count(name) != 1:
            place = Where(file=path.name, column=name)
            raise ForecastError("FORECAST_CHARGES", place, problem=name)
    columns = {}
    for name in wanted:
        kind = table.schema.field(name).type
        right = pa.string() if name == "case_id" else CASE_SCHEMA.field(name).type.value_type
        if pa.types.is_string(right):
            right = pa.dictionary(pa.int32(), pa.string())
        try:
            columns[name] = _cast(table[name], right)
        except pa.ArrowException as cause:
            place = Where(file=path.name, column=name)
            raise ForecastError("FORECAST_CHARGES", place, problem=str(kind)) from cause
    return pa.table(columns)


def _cast(column: pa.ChunkedArray, right: pa.DataType) -> pa.ChunkedArray:
    """A column in the type of the case's own lines."""
    if not (pa.types.is_timestamp(right) and pa.types.is_timestamp(column.type)):
        return column.cast(right)
    if column.type.tz is None:
        # As in a record: local time. Clocks in China were put forward in the summers of 1986 to 1991.
        column = pc.assume_timezone(column, right.tz, ambiguous="earliest", nonexistent="earliest")
    return column.cast(right, safe=False)


def _among(column: pa.ChunkedArray, wanted: pa.Array) -> pa.ChunkedArray:
    """Whether each id is one of those wanted; decided on the dictionaries."""
    chunks = []
    for chunk in column.chunks:
        known = pc.is_in(chunk.dictionary.cast(pa.string()), wanted)
        chunks.append(pc.fill_null(known.take(chunk.indices), False))  # noqa: FBT003 -- Arrow
    return pa.chunked_array(chunks, pa.bool_())


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def months_of(ends: Iterable[int]) -> list[str]:
    """The months of days since 1970, written ``2026-11``, in order and once."""
    days = np.unique(np.fromiter(ends, np.int64))
    months = np.unique(days[days != NO_DAY].astype("datetime64[D]").astype("datetime64[M]"))
    return [str(month) for month in months]


def least_stays() -> int:
    """Finished stays that training needs at least."""
    return int(toml("training.toml")["least_stays"])
