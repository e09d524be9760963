"""Cases as they were known on a day of the stay: nothing that came later is in them.

A snapshot is a Case of its own: the diagnoses written so far (the admission diagnosis in the place
of a principal one that is not yet written), the procedures done so far, what had been charged so
far. It is grouped and priced as if the stay ended then; whatever is stated at discharge only is
empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.case.dates import DAY_SECONDS, OFFSET
from grouper.case.fields import CASE_SCHEMA, members
from grouper.forecast.arrays import empty, lengths, stated, taken, texts, whole
from grouper.forecast.course import LATE
from grouper.forecast.grid import Grid, columns, grid_of, most_days
from grouper.forecast.lines import CLASSES
from grouper.forecast.tables import rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.forecast.course import Coded, Courses

_LAST_SECOND = DAY_SECONDS - 1
_HOURS = 24.0
_COSTS = ("total_cost", "own_cost", "over_limit_cost", "first_share_cost", "scope_cost")


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Days of stays, one place each.

    Attributes:
        courses: the stays.
        grid: their days.
        stay: number of the stay.
        day: of the stay; 0 is at admission.
    """

    courses: Courses
    grid: Grid
    stay: NDArray[np.int64]
    day: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.stay)

    def take(self, places: NDArray[Any]) -> Snapshots:
        """Some of them."""
        return Snapshots(self.courses, self.grid, self.stay[places], self.day[places])

    def of_stays(self, column: pa.ChunkedArray) -> pa.Array:
        """A column of the stays, laid beside the snapshots."""
        found = whole(column)
        if len(self.stay) == len(found) and bool((self.stay == np.arange(len(found))).all()):
            return found
        return found.take(pa.array(self.stay))

    def sums(self) -> NDArray[np.float64]:
        """[snapshots, columns of the grid] what had come together by the day."""
        return self.grid.up_to(self.stay, self.day)

    def cost(self) -> NDArray[np.float64]:
        """What had been charged by the day, in yuan; refunds are taken off."""
        found: NDArray[np.float64] = self.sums()[:, : CLASSES + 1].sum(axis=1) / 100
        return found


def snapshots_of(courses: Courses, days: tuple[int, ...] | None = None) -> Snapshots:
    """Snapshots of finished stays at the end of each of some days on which they still ran.

    Days beyond those that are kept one by one (``most_days``) have none.

    Args:
        courses: the stays; those without a day of admission have none.
        days: which days; None: all.
    """
    los = courses.los
    wanted = range(min(int(los.max(initial=0)), most_days()) + 1) if days is None else days
    # A stay of n days runs at the end of its n-th calendar day and ends on the next; one that ends
    # on the day on which it began was never at the end of a day.
    last = np.where(courses.end > courses.start, los, 0)
    # The last day kept one by one holds what comes after it too.
    last = np.minimum(last, most_days() - 1)
    parts = [np.flatnonzero((last >= day) & (los > 0)) for day in wanted]
    stay = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    day = np.repeat(np.array(list(wanted), np.int64), [len(p) for p in parts])
    order = np.lexsort((day, stay))
    return Snapshots(courses, grid_of(courses), stay[order], day[order])


def snapshots_at(courses: Courses, day: NDArray[np.int64]) -> Snapshots:
    """One snapshot of each stay, on the day given for each."""
    return Snapshots(courses, grid_of(courses), np.arange(len(courses)), day)


def known_cases(snapshots: Snapshots) -> pa.RecordBatch:
    """The cases as they were known: columns of ``CASE_SCHEMA``, one row a snapshot, without lines."""
    courses, stay, day = snapshots.courses, snapshots.stay, snapshots.day
    sums = snapshots.sums()
    names = columns()
    size = len(stay)
    found: dict[str, pa.Array] = {}
    for name in _kept():
        column = courses.cases[name]
        if not empty(column):
            found[name] = snapshots.of_stays(column)
    midnight = (courses.start[stay] + np.maximum(day, 1) - 1) * DAY_SECONDS - OFFSET
    ends = pa.array(midnight + _LAST_SECOND).cast(pa.timestamp("s", "UTC"))
    found["discharge_time"] = ends.cast(CASE_SCHEMA.field("discharge_time").type)
    found["los"] = pa.array(np.maximum(day, 1), pa.int32())
    found["department"] = _wards(snapshots)
    for field, mark in (("icu_hours", "icu_days"), ("ventilator_hours", "ventilation_days")):
        days = sums[:, names.index(mark)]
        found[field] = pa.array(days * _HOURS, pa.float64(), mask=days == 0)
    found |= _costs(sums, names)
    found |= _diagnoses(snapshots)
    found["px"], procedures = _listed(courses.px, snapshots)
    found["px_date"] = _of_list(courses.cases["px_date"], courses.px, procedures, found["px"])
    found["px_level"] = _of_list(courses.cases["px_level"], courses.px, procedures, found["px"])
    arrays = [
        _typed(found[f.name], f.type) if f.name in found else pa.nulls(size, f.type)
        for f in CASE_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=CASE_SCHEMA)


@cache
def _kept() -> tuple[str, ...]:
    """What of a case stays as it is stated."""
    lists = {name for nested in ("line_item", "dx", "px") for name in members(nested)}
    other = lists | {row["field"] for row in rows("hidden.csv")}
    return tuple(name for name in CASE_SCHEMA.names if name not in other)


def _typed(array: pa.Array, kind: pa.DataType) -> pa.Array:
    return array if array.type == kind else array.cast(kind)


def _wards(snapshots: Snapshots) -> pa.Array:
    """The ward whose bed was charged last; before the first bed the department of admission."""
    courses, grid = snapshots.courses, snapshots.grid
    at = np.where(snapshots.day > 0, grid.ward[grid.at(snapshots.stay, snapshots.day)], -1)
    admitted = texts(snapshots.of_stays(courses.cases["admission_department"]))
    if not (at >= 0).any():
        return admitted
    wards = taken(pa.array(courses.lines.wards, pa.string()), at)
    return pc.coalesce(wards, admitted) if wards.null_count else wards


def _costs(sums: NDArray[np.float64], names: tuple[str, ...]) -> dict[str, pa.Array]:
    total = sums[:, : CLASSES + 1].sum(axis=1)
    own, over, first = (sums[:, names.index(name)] for name in ("own", "over", "first_share"))
    amounts = (total, own, over, first, total - own - over - first)
    found = {name: yuan(fen) for name, fen in zip(_COSTS, amounts, strict=True)}
    # One line that does not tell its parts leaves all parts open.
    open_ = sums[:, names.index("unclear")] > 0
    if not open_.any():
        return found
    unclear = pa.array(open_)
    for name in _COSTS[1:]:
        found[name] = pc.if_else(unclear, pa.scalar(None, found[name].type), found[name])
    return found


def yuan(fen: NDArray[np.float64]) -> pa.Array:
    """Amounts in fen, rounded to whole ones, as a column of the case; below nought is nought."""
    whole = np.rint(np.maximum(fen, 0.0)).astype(np.int64)
    words = np.empty((len(whole), 2), np.int64)
    words[:, 0], words[:, 1] = whole, 0
    kind = CASE_SCHEMA.field("total_cost").type
    return pa.Array.from_buffers(kind, len(whole), [None, pa.py_buffer(words.tobytes())])


def _pairs(block: Coded, snapshots: Snapshots) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What each snapshot knows of a block: numbers of the snapshots, and of the entries."""
    count = len(snapshots.courses)
    starts = np.searchsorted(block.stay, np.arange(count + 1))
    sizes = (starts[1:] - starts[:-1])[snapshots.stay]
    owner = np.repeat(np.arange(len(snapshots)), sizes)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    entry = starts[snapshots.stay][owner] + within
    # At admission what is written on the day of admission is not known yet.
    known = block.day[entry] < snapshots.day[owner]
    return owner[known], entry[known]


def _listed(block: Coded, snapshots: Snapshots) -> tuple[pa.Array, NDArray[np.int64]]:
    """Lists of the codes known, and the entries that they hold in order (−1: an empty first place)."""
    owner, entry = _pairs(block, snapshots)
    return _ranked(block, len(snapshots), owner, entry)


def _ranked(
    block: Coded, size: int, owner: NDArray[np.int64], entry: NDArray[np.int64]
) -> tuple[pa.Array, NDArray[np.int64]]:
    """As lists; where the first place is not among the entries known, it stays empty."""
    counts = np.bincount(owner, minlength=size)
    leads = np.zeros(size, bool)
    leads[owner[block.place[entry] == 0]] = True
    gap = (counts > 0) & ~leads
    sizes = counts + gap
    ends = np.cumsum(sizes)
    flat = np.full(int(sizes.sum()), -1, np.int64)
    begins = ends - sizes
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    flat[begins[owner] + gap[owner] + within] = entry
    codes = pa.array(block.codes, pa.string())
    at = np.append(block.code, -1)[flat]
    offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, taken(codes, at)), flat


def _of_list(
    column: pa.ChunkedArray, block: Coded, flat: NDArray[np.int64], like: pa.Array
) -> pa.Array:
    """A companion list beside a list of codes, as the entries stand."""
    lists = whole(column)
    own = lengths(lists)
    if not own.any():
        return pa.nulls(len(like), pa.list_(lists.type.value_type))
    begins = np.cumsum(own) - own
    # An entry without a code is none, so the place in the list is that of the block.
    at = begins[block.stay] + block.place
    at = np.where(block.place < own[block.stay], at, -1)
    places = np.append(at, -1)[flat]
    return pa.ListArray.from_arrays(like.offsets, taken(lists.flatten(), places))


def _diagnoses(snapshots: Snapshots) -> dict[str, pa.Array]:
    """The diagnoses known; without a principal one that of admission leads them."""
    block, courses = snapshots.courses.dx, snapshots.courses
    lists, flat = _listed(block, snapshots)
    marks = _of_list(courses.cases["dx_poa"], block, flat, lists)
    times = _of_list(courses.cases["dx_time"], block, flat, lists)
    offsets = np.asarray(lists.offsets).astype(np.int64)
    codes = lists.values
    first = np.zeros(len(snapshots), bool)
    some = offsets[1:] > offsets[:-1]
    first[some] = flat[offsets[:-1][some]] < 0
    admitted = texts(snapshots.of_stays(courses.cases["admission_dx"]))
    known = stated(admitted)
    # In the empty first place, or as the only diagnosis.
    fill = first & known
    alone = ~some & known
    if fill.any():
        places = np.full(len(flat), -1, np.int64)
        places[offsets[:-1][fill]] = np.flatnonzero(fill)
        codes = pc.coalesce(codes, taken(admitted, places))
        lists = pa.ListArray.from_arrays(lists.offsets, codes)
    if not alone.any():
        return {"dx": lists, "dx_poa": marks, "dx_time": times}
    single = pa.ListArray.from_arrays(pa.array(np.arange(len(admitted) + 1), pa.int32()), admitted)
    choose = pa.array(alone)
    return {
        "dx": pc.if_else(choose, single, lists),
        "dx_poa": pc.if_else(choose, pa.nulls(len(marks), marks.type), marks),
        "dx_time": pc.if_else(choose, pa.nulls(len(times), times.type), times),
    }


def unknown_until_the_end(courses: Courses) -> NDArray[np.bool_]:
    """Finished stays that hold diagnoses or procedures whose day nobody wrote down."""
    late = np.zeros(len(courses), bool)
    for block in (courses.dx, courses.px):
        late[block.stay[block.day == LATE]] = True
    return late
