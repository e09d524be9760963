"""The batch engine's stays: their days, the assessments of each, and the order of those."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.schemes.columns import column_of, numbers_of
from grouper.schemes.pdpm.flat import NO_DAY, STRANGE
from grouper.schemes.pdpm.stay import LONGEST
from grouper.schemes.pdpm.writing import Written
from grouper.schemes.reasons import Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.schemes.pdpm.compiled import CompiledPdpm
    from grouper.schemes.pdpm.flat import Places

    Rows = list[tuple[Reason, NDArray[np.bool_]]]

_LATE = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Days:
    """Days since 1970 of each stay: half-open ``[start, end)``, ``last`` for an assessment."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    last: NDArray[np.int64]
    absent: NDArray[np.bool_]
    reversed: NDArray[np.bool_]
    running: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Spots:
    """Places in the lists: row and place in the row, in this order."""

    row: NDArray[np.int64]
    place: NDArray[np.int64]

    def rows(self, count: int) -> NDArray[np.bool_]:
        """Whether each row has one."""
        return _rows(self.row, count)


@dataclass(frozen=True, slots=True)
class Assessments:
    """Assessments by row, day and kind, and the stated values of those that regroup.

    ``at``, ``item`` and ``value`` are the values in the order of their assessments. The spots are
    places that are incomplete, hold a value that is not allowed, or an item that is not known; those
    of ``conflict`` name an item's number instead of a place.
    """

    row: NDArray[np.int64]
    day: NDArray[np.int64]
    kind: NDArray[np.int64]
    regroups: NDArray[np.bool_]
    at: NDArray[np.int64]
    item: NDArray[np.int64]
    value: NDArray[np.int64]
    incomplete: Spots
    bad: Spots
    conflict: Spots
    strange: Spots

    def asked(self, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The assessments that group some rows."""
        return np.flatnonzero(self.regroups & rows[self.row])

    def fill(self, values: NDArray[np.int32], some: NDArray[np.int64]) -> None:
        """Write the values of some assessments (in order) into the columns of ``values``."""
        if not len(some):
            return
        column = np.full(int(some[-1]) + 1, -1, np.int64)
        column[some] = np.arange(len(some))
        low, high = np.searchsorted(self.at, (some[0], some[-1] + 1))
        to = column[self.at[low:high]]
        values[self.item[low:high][to >= 0], to[to >= 0]] = self.value[low:high][to >= 0]


class StaysReader:
    """Puts places together to assessments, and holds their order against the stay."""

    def __init__(self, scheme: CompiledPdpm) -> None:
        self._options = scheme.options
        kinds = sorted(scheme.types.values(), key=lambda kind: kind.number)
        self._regroups = np.array([kind.regroups for kind in kinds])
        self._first = np.array([kind.position == "first" for kind in kinds])
        self._last = np.array([kind.position == "last" for kind in kinds])
        highest = max(max(i.allowed | i.void) for i in scheme.items.values())
        # One column more than any item allows: there stands every greater number.
        self._allowed = np.zeros((len(scheme.items), highest + 2), np.bool_)
        self._void = self._allowed.copy()
        for place, item in enumerate(scheme.items.values()):
            self._allowed[place, list(item.allowed)] = True
            self._void[place, list(item.void)] = True

    def assessments(self, places: Places) -> Assessments:
        """The assessments of a batch."""
        complete = places.complete
        told = places.take(complete)
        least = int(told.day.min()) if len(told.day) else 0
        span = int(told.day.max()) - least + 1 if len(told.day) else 1
        kinds = len(self._regroups)
        keys, at = np.unique(
            (told.row * span + (told.day - least)) * kinds + told.kind, return_inverse=True
        )
        rest, kind = np.divmod(keys, kinds)
        row, day = np.divmod(rest, span)
        regroups = self._regroups[told.kind]
        known = regroups & (told.item >= 0) & (told.value != Written.VOID)
        number = np.clip(told.value, 0, self._allowed.shape[1] - 1)
        item = np.maximum(told.item, 0)
        known &= ~((told.value >= 0) & self._void[item, number])
        fits = (told.value >= 0) & self._allowed[item, number]
        stated = known & fits
        order = np.argsort(at[stated] * len(self._allowed) + item[stated], kind="stable")
        at_, item_, value_ = (a[stated][order] for a in (at, item, told.value))
        strange = regroups & (told.item == STRANGE)
        clash = (at_[1:] == at_[:-1]) & (item_[1:] == item_[:-1]) & (value_[1:] != value_[:-1])
        return Assessments(
            row=row,
            day=day + least,
            kind=kind,
            regroups=self._regroups[kind],
            at=at_,
            item=item_,
            value=value_,
            incomplete=Spots(places.row[~complete], places.place[~complete]),
            bad=Spots(told.row[known & ~fits], told.place[known & ~fits]),
            conflict=Spots(row[at_[1:][clash]], item_[1:][clash]),
            strange=Spots(told.row[strange], told.place[strange]),
        )

    @staticmethod
    def days(batch: pa.RecordBatch, found: Assessments) -> Days:
        """The days of each stay; where the admission is missing they mean nothing."""
        start = local_days(column_of(batch, "admission_time"))
        discharge = local_days(column_of(batch, "discharge_time"))
        absent, running = start == NO_DAY, discharge == NO_DAY
        start = np.where(absent, 0, start)
        latest = start.copy()
        np.maximum.at(latest, found.row, found.day)
        los, unstated = numbers_of(column_of(batch, "los"))
        days = np.clip(los.astype(np.int64), 1, LONGEST)
        so_far = np.where(unstated, latest + 1, start + days)
        end = np.where(running, so_far, np.maximum(discharge, start + 1))
        last = np.where(running, so_far - 1, discharge)
        reversed_ = ~absent & ~running & (discharge < start)
        return Days(start, end, last, absent, reversed_, running)

    def faults(self, found: Assessments, days: Days) -> Rows:
        """What refuses a row, in order of weight."""
        count = len(days.start)
        least, most = np.full(count, _LATE), np.full(count, NO_DAY)
        np.minimum.at(least, found.row, found.day)
        np.maximum.at(most, found.row, found.day)
        first = self._first[found.kind]
        first_least, first_most = np.full(count, _LATE), np.full(count, NO_DAY)
        np.minimum.at(first_least, found.row[first], found.day[first])
        np.maximum.at(first_most, found.row[first], found.day[first])
        last = self._last[found.kind]
        ended = np.full(count, _LATE)
        np.minimum.at(ended, found.row[last], found.day[last])
        outside = (least < days.start) | (most > days.last)
        disordered = (first_least != least) | (first_most != least)
        after_end = (ended != _LATE) & (ended != most)
        return [
            (Reason.ADMISSION_MISSING, days.absent),
            (Reason.STAY_ORDER, days.reversed),
            (Reason.ASSESSMENT_INCOMPLETE, found.incomplete.rows(count)),
            (Reason.ASSESSMENT_MISSING, first_most == NO_DAY),
            (Reason.ASSESSMENT_VALUE, found.bad.rows(count)),
            (Reason.ASSESSMENT_CONFLICT, found.conflict.rows(count)),
            (Reason.ASSESSMENT_ORDER, outside | disordered | after_end),
        ]

    def warnings(self, found: Assessments, days: Days) -> Rows:
        """Warnings about days and items, by row."""
        row, day = found.row[found.regroups], found.day[found.regroups]
        same = np.append(row[1:] == row[:-1], False)
        after = np.where(same, np.append(day[1:], 0), days.end[row])
        begins = np.append(True, ~same[:-1]) if len(row) else same
        late, wide = self._options.late_after, self._options.interval
        count = len(days.start)
        none = np.zeros(count, np.bool_)
        is_late = _rows(row[begins & (day - days.start[row] >= late)], count)
        is_wide = _rows(row[after - day > wide], count)
        return [
            (Reason.STAY_RUNNING, days.running),
            (Reason.ASSESSMENT_LATE, is_late if late else none),
            (Reason.ASSESSMENT_GAP, is_wide if wide else none),
            (Reason.ASSESSMENT_ITEM_UNKNOWN, found.strange.rows(count)),
        ]


def local_days(column: pa.Array) -> NDArray[np.int64]:
    """Calendar days since 1970 in the column's zone; ``NO_DAY`` where missing."""
    if pa.types.is_null(column.type):
        return np.full(len(column), NO_DAY, np.int64)
    local = pc.local_timestamp(column) if column.type.tz else column
    days = local.cast(pa.date32(), safe=False).cast(pa.int32()).cast(pa.int64())
    found: NDArray[np.int64] = pc.fill_null(days, int(NO_DAY)).to_numpy(zero_copy_only=False)
    return found


def _rows(rows: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    found = np.zeros(count, np.bool_)
    found[rows] = True
    return found
