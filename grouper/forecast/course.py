"""The course of stays: on which day of the stay each diagnosis, procedure and charge was known.

Days count from 0, the calendar day of admission, in local time. What a record holds without a time
is known from the first day of a stay that is still running (the record is what is known now), and
of a finished one only at its end (:data:`LATE`): when it became known, nobody can say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.case.fields import CASE_SCHEMA, ZONE, members
from grouper.forecast.lines import Lines, lines_of_cases, lines_of_charges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from grouper.case.record import Case

LATE = 1 << 20
"""A day after every stay: known when it ends."""
NO_DAY = -(1 << 30)
"""In the place of a day that the record does not state."""


@dataclass(frozen=True, slots=True)
class Coded:
    """Diagnoses or procedures of stays, one place each, ordered by stay and place.

    Attributes:
        stay: number of the stay.
        place: 0 for the principal diagnosis or main procedure.
        code: number in ``codes``.
        day: of the stay on which it was known.
        mark: of a diagnosis its presence on admission, of a procedure its level; 0: not stated.
        codes: the codes as the case spells them.
        undated: for each stay, how many were known without a time.
    """

    stay: NDArray[np.int64]
    place: NDArray[np.int64]
    code: NDArray[np.int64]
    day: NDArray[np.int64]
    mark: NDArray[np.int8]
    codes: tuple[str, ...]
    undated: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Courses:
    """Stays with their courses; arrays have one place a stay.

    Attributes:
        cases: columns of ``CASE_SCHEMA``, without the charge lines.
        start: local day of the admission, as days since 1970; :data:`NO_DAY`.
        end: local day of the discharge; :data:`NO_DAY` while the stay runs.
        dx: diagnoses.
        px: procedures.
        lines: charges.
    """

    cases: pa.Table
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    dx: Coded
    px: Coded
    lines: Lines

    def __len__(self) -> int:
        return int(self.cases.num_rows)

    @property
    def running(self) -> NDArray[np.bool_]:
        """Which stays have not ended."""
        found: NDArray[np.bool_] = self.end == NO_DAY
        return found

    @property
    def los(self) -> NDArray[np.int64]:
        """Days of stay of the finished ones: at least 1; 0 where a day is missing."""
        known = (self.start != NO_DAY) & ~self.running
        return np.where(known, np.maximum(1, self.end - self.start), 0)

    def known_now(self, day: NDArray[np.int64]) -> Courses:
        """Stays with what was written or done today in running ones as if it had been yesterday.

        A snapshot ends at the midnight before; a diagnosis of this morning counts all the same. Of a
        stay that has ended since, today's entries may have come later than the moment asked about.

        Args:
            day: whole days of each stay so far.
        """

        def clipped(block: Coded) -> Coded:
            today = (block.day == day[block.stay]) & self.running[block.stay]
            return replace(block, day=np.where(today, block.day - 1, block.day))

        return replace(self, dx=clipped(self.dx), px=clipped(self.px))

    def texts(self, name: str) -> list[str | None]:
        """A column of texts."""
        found: list[str | None] = self.cases[name].to_pylist()
        return found


def courses_of(cases: pa.Table, charges: pa.Table | None = None) -> Courses:
    """The courses of cases.

    Args:
        cases: columns of ``CASE_SCHEMA``; further ones are left out.
        charges: their lines as a table with ``case_id`` and the columns ``line_…``; without it the
            lines stand in the cases.
    """
    start = local_days(cases["admission_time"])
    end = local_days(cases["discharge_time"])
    undated = np.where(end == NO_DAY, 0, LATE)
    of_lines = set(members("line_item"))
    if charges is None:
        lines = lines_of_cases(cases, start, undated)
    else:
        lines = lines_of_charges(cases, charges, start, undated)
    kept = [name for name in CASE_SCHEMA.names if name not in of_lines]
    return Courses(
        cases.select(kept),
        start,
        end,
        _coded(cases, "dx", "dx_time", "dx_poa", start, undated),
        _coded(cases, "px", "px_date", "px_level", start, undated),
        lines,
    )


def courses_of_cases(cases: Sequence[Case]) -> Courses:
    """The courses of cases as records, with their lines."""
    columns = {
        field.name: pa.array([getattr(case, field.name) for case in cases], field.type)
        for field in CASE_SCHEMA
    }
    return courses_of(pa.table(columns))


def local_days(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Local days of times or dates, as days since 1970; :data:`NO_DAY` for none."""
    if pa.types.is_timestamp(column.type):
        times = column.cast(pa.timestamp("s", ZONE), safe=False)
        seconds = pc.cast(pc.local_timestamp(times), pa.int64())
        days = pc.floor(pc.divide(pc.cast(seconds, pa.float64()), 86_400.0))
    else:
        days = pc.cast(pc.cast(column, pa.int32()), pa.float64())
    return np.asarray(pc.fill_null(days, float(NO_DAY))).astype(np.int64)


def _coded(
    cases: pa.Table,
    name: str,
    when: str,
    mark: str,
    start: NDArray[np.int64],
    undated: NDArray[np.int64],
) -> Coded:
    column = cases[name].combine_chunks()
    flat = pc.list_flatten(column)
    stay = np.asarray(pc.list_parent_indices(column)).astype(np.int64)
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0)).astype(np.int64)
    place = np.arange(len(stay)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    if pa.types.is_dictionary(flat.type):
        flat = flat.cast(pa.string())
    encoded = pc.dictionary_encode(flat)
    code = np.asarray(pc.fill_null(encoded.indices, -1)).astype(np.int64)
    told = _beside(cases, when, lengths)
    day = np.where(told == NO_DAY, NO_DAY, told - start[stay])
    dated = (told != NO_DAY) & (start[stay] != NO_DAY)
    day = np.where(dated, np.maximum(day, 0), undated[stay])
    marks = _marks(cases, mark, lengths)
    some = code >= 0
    lost = np.bincount(stay[some & ~dated], minlength=len(start))
    return Coded(
        stay[some],
        place[some],
        code[some],
        day[some],
        marks[some],
        tuple(encoded.dictionary.to_pylist()),
        lost.astype(np.int64),
    )


def _beside(cases: pa.Table, name: str, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Days of a companion list, laid beside its codes; :data:`NO_DAY` where it is empty."""
    column = cases[name].combine_chunks()
    own = np.asarray(pc.fill_null(pc.list_value_length(column), 0)).astype(np.int64)
    flat = local_days(pa.chunked_array([pc.list_flatten(column)]))
    return _laid(flat, own, lengths, NO_DAY)


def _marks(cases: pa.Table, name: str, lengths: NDArray[np.int64]) -> NDArray[np.int8]:
    column = cases[name].combine_chunks()
    own = np.asarray(pc.fill_null(pc.list_value_length(column), 0)).astype(np.int64)
    flat = pc.list_flatten(column)
    if pa.types.is_dictionary(flat.type):
        flat = flat.cast(pa.string())
    words = pc.dictionary_encode(flat)
    digits = [
        int(w) if w and w.isdecimal() and len(w) == 1 else 0 for w in words.dictionary.to_pylist()
    ]
    values = np.array([*digits, 0])[np.asarray(pc.fill_null(words.indices, -1))]
    return _laid(values.astype(np.int64), own, lengths, 0).astype(np.int8)


def _laid(
    values: NDArray[np.int64], own: NDArray[np.int64], lengths: NDArray[np.int64], none: int
) -> NDArray[np.int64]:
    """Values of lists laid beside those of other lists that are as long, or nothing where empty."""
    found = np.full(int(lengths.sum()), none, np.int64)
    same = np.repeat(own == lengths, lengths)
    found[same] = values[np.repeat(own == lengths, own)]
    return found
