"""The course of stays: on which day of the stay each diagnosis, procedure and charge was known.

Days count from 0, the calendar day of admission, in local time. What a record holds without a time
is known from the first day of a stay that is still running (the record is what is known now), and
of a finished one only at its end (:data:`LATE`): when it became known, nobody can say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.case.dates import DAY_SECONDS
from grouper.case.fields import CASE_SCHEMA, ZONE, members
from grouper.case.record import Case
from grouper.forecast.arrays import empty, lengths, numbers, texts, whole
from grouper.forecast.lines import Lines, lines_of_cases, lines_of_charges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LATE = 1 << 20
"""A day after every stay: known when it ends."""
BEYOND = (pa.ArrowException, TypeError, ValueError, OverflowError)
"""What is raised where a case holds a value that its column cannot."""
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

        On the day of admission a principal diagnosis that is written already takes the place of that
        of admission: nothing but one is known then of the stays that models learn from. As a
        principal diagnosis it would speak for a stay whose course is known.

        Args:
            day: whole days of each stay so far.
        """

        def today(block: Coded) -> NDArray[np.bool_]:
            now: NDArray[np.bool_] = (block.day == day[block.stay]) & self.running[block.stay]
            return now

        dx, px = self.dx, self.px
        first = today(dx) & (dx.place == 0) & (day[dx.stay] == 0)
        before = today(dx) & ~first
        return replace(
            self,
            cases=self._admitted_with(np.flatnonzero(first)) if first.any() else self.cases,
            dx=replace(dx, day=np.where(before, dx.day - 1, dx.day)),
            px=replace(px, day=np.where(today(px), px.day - 1, px.day)),
        )

    def _admitted_with(self, entries: NDArray[np.int64]) -> pa.Table:
        """The cases with some diagnoses as those of their admission."""
        name = "admission_dx"
        told = texts(self.cases[name]).to_pylist()
        for entry in entries.tolist():
            told[self.dx.stay[entry]] = self.dx.codes[self.dx.code[entry]]
        return self.cases.set_column(
            self.cases.column_names.index(name), name, pa.array(told, pa.string())
        )

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
    columns = {field.name: _column(cases, field) for field in CASE_SCHEMA}
    return courses_of(pa.table(columns))


def held(cases: Sequence[Case]) -> tuple[list[Case], list[int]]:
    """Cases with those emptied that hold a value beyond its type, and the places of these.

    A reader refuses such a value; a case that was made by hand may hold it.
    """
    found, beyond = list(cases), []
    for place, case in enumerate(cases):
        try:
            courses_of_cases([case])
        except BEYOND:
            beyond.append(place)
            name = case.case_id if _writable(case.case_id) else None
            found[place] = Case(case_id=name)
    return found, beyond


def _writable(word: object) -> bool:
    """Whether a text has a spelling in UTF-8; half a character has none."""
    try:
        return isinstance(word, str) and bool(word.encode())
    except UnicodeEncodeError:
        return False


def _column(cases: Sequence[Case], field: pa.Field) -> pa.Array:
    values = [getattr(case, field.name) for case in cases]
    # Most fields of a running case are empty.
    for nothing in (None, ()):
        if values.count(nothing) == len(values):
            return _blank(nothing, len(values), field.type)
    return pa.array(values, field.type)


@lru_cache(maxsize=256)
def _blank(value: tuple[()] | None, count: int, kind: pa.DataType) -> pa.Array:
    return pa.array([value] * count, kind)


def local_days(column: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    """Local days of times or dates, as days since 1970; :data:`NO_DAY` for none."""
    found = whole(column)
    if empty(found):
        return np.full(len(found), NO_DAY, np.int64)
    if not pa.types.is_timestamp(found.type):
        return numbers(found.cast(pa.int32()), NO_DAY)
    times = found.cast(pa.timestamp("s", ZONE), safe=False)
    seconds = numbers(pc.local_timestamp(times).view(pa.int64()), NO_DAY * DAY_SECONDS)
    return seconds // DAY_SECONDS


def _coded(
    cases: pa.Table,
    name: str,
    when: str,
    mark: str,
    start: NDArray[np.int64],
    undated: NDArray[np.int64],
) -> Coded:
    column = whole(cases[name])
    counts = lengths(column)
    flat = texts(column.flatten())
    stay = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(stay)) - np.repeat(np.cumsum(counts) - counts, counts)
    encoded = flat.dictionary_encode()
    code = numbers(encoded.indices, -1)
    told = _beside(whole(cases[when]), counts)
    day = np.where(told == NO_DAY, NO_DAY, told - start[stay])
    dated = (told != NO_DAY) & (start[stay] != NO_DAY)
    day = np.where(dated, np.maximum(day, 0), undated[stay])
    marks = _marks(whole(cases[mark]), counts)
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


def _beside(column: pa.Array, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Days of a companion list, laid beside its codes; :data:`NO_DAY` where it is empty."""
    own = lengths(column)
    if not own.any():
        return np.full(int(counts.sum()), NO_DAY, np.int64)
    return _laid(local_days(column.flatten()), own, counts, NO_DAY)


def _marks(column: pa.Array, counts: NDArray[np.int64]) -> NDArray[np.int8]:
    own = lengths(column)
    if not own.any():
        return np.zeros(int(counts.sum()), np.int8)
    words = texts(column.flatten()).dictionary_encode()
    digits = [
        int(w) if w and w.isdecimal() and len(w) == 1 else 0 for w in words.dictionary.to_pylist()
    ]
    values = np.array([*digits, 0])[numbers(words.indices, -1)]
    return _laid(values.astype(np.int64), own, counts, 0).astype(np.int8)


def _laid(
    values: NDArray[np.int64], own: NDArray[np.int64], counts: NDArray[np.int64], none: int
) -> NDArray[np.int64]:
    """Values of lists laid beside those of other lists that are as long, or nothing where empty."""
    if np.array_equal(own, counts):
        return values
    found = np.full(int(counts.sum()), none, np.int64)
    same = np.repeat(own == counts, counts)
    found[same] = values[np.repeat(own == counts, own)]
    return found
