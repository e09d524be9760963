"""Answers of the batch engine as Arrow: result columns, parts and issues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.case.issues import ISSUE_SCHEMA
from grouper.schemes.columns import column_of, first_codes
from grouper.schemes.dressing import issue_lines, result_batch, warning_words, words
from grouper.schemes.pdpm.batch import NO_REASON, REASONS
from grouper.schemes.pdpm.scalar import SEPARATOR, UNGROUPED
from grouper.schemes.pdpm.spans import WEIGHT_PLACES
from grouper.schemes.protocol import PARTS_SCHEMA, WEIGHT
from grouper.schemes.reasons import FIELD, Reason, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from grouper.schemes.pdpm.batch import BatchEngine, Numbers, Periods
    from grouper.schemes.pdpm.sequence import Spots

PRICED, WITHOUT_DAYS = "priced", "no_days"
"""What was done with a period (``action`` of a part)."""
_STATUSES = list(Status)
_STATUS = np.array(
    [
        *(_STATUSES.index(Status.UNGROUPED if r in UNGROUPED else Status.INVALID) for r in REASONS),
        _STATUSES.index(Status.GROUPED),
    ],
    np.int32,
)
"""Status by reason number; the last element answers for ``NO_REASON``."""


class Dresser:
    """Turns the numbers of one engine into Arrow tables."""

    def __init__(self, engine: BatchEngine) -> None:
        self._engine = engine
        self._scheme = engine.scheme
        self._kinds = sorted(self._scheme.types.values(), key=lambda kind: kind.number)

    def dress(self, numbers: Numbers) -> pa.RecordBatch:
        """The result columns of a batch's answers."""
        count = len(numbers.reason)
        periods = numbers.periods
        shown = np.full(count, -1, np.int64)
        paid = np.flatnonzero(periods.days > 0)
        # The latest of a row is written last and stays.
        shown[periods.row[paid]] = paid
        codes, names, place = self._groups(periods)
        place = np.append(place, -1)[shown]
        points = np.zeros(count, np.int64)
        np.add.at(points, periods.row, periods.points)
        kinds = list(dict.fromkeys(c.kind for c in self._scheme.categories))
        kind_of = np.array([kinds.index(c.kind) for c in self._scheme.categories], np.int32)
        category = np.append(kind_of[periods.category], -1)[shown]
        return result_batch(
            {
                "scheme": words(np.zeros(count, np.int32), [self._scheme.card.id]),
                "status": words(_STATUS[numbers.reason], [s.value for s in _STATUSES]),
                "reason": words(numbers.reason.astype(np.int32), [r.value for r in REASONS]),
                "warnings": warning_words(numbers.notices, REASONS),
                "group": words(place, codes),
                "group_name": words(place, names),
                "group_kind": words(category, kinds),
                "weight": self._weights(points, shown < 0),
            },
            count,
        )

    def _weights(self, points: NDArray[np.int64], absent: NDArray[np.bool_]) -> pa.Array:
        """Points as decimals, from the two words that Arrow keeps them in."""
        scaled = self._engine.spans.rounded(points)
        low_high = np.stack([scaled, np.zeros_like(scaled)], axis=1)
        valid = pa.py_buffer(np.packbits(~absent, bitorder="little"))
        buffers = [valid, pa.py_buffer(np.ascontiguousarray(low_high))]
        kind = pa.decimal128(WEIGHT.precision, WEIGHT_PLACES)
        return pa.Array.from_buffers(kind, len(points), buffers)

    def _groups(self, periods: Periods) -> tuple[list[str], list[str], NDArray[np.int64]]:
        """The distinct codes and names of periods, and the place of each period's among them."""
        columns = np.stack([*periods.groups, periods.kind.astype(np.int32)], axis=1)
        distinct, place = np.unique(columns, axis=0, return_inverse=True)
        codes: list[str] = []
        names: list[str] = []
        for *numbers, kind in distinct.tolist():
            groups = [self._scheme.groups[number] for number in numbers]
            letters = [group.letter for group in groups]
            indicator = self._kinds[kind].indicator
            hipps = self._scheme.options.letters
            codes.append("".join(letters) + indicator if hipps else "-".join(letters))
            names.append(SEPARATOR["zh"].join(group.label.zh for group in groups))
        return codes, names, np.asarray(place).reshape(-1)

    def parts(self, numbers: Numbers, first_row: int) -> pa.Table:
        """One line for each period of the cases that are grouped."""
        periods = numbers.periods
        count = len(periods.row)
        codes, _, place = self._groups(periods)
        begins = np.searchsorted(periods.row, periods.row)
        none = np.zeros(count, np.bool_)
        columns = {
            "row": pa.array(periods.row + first_row),
            "part": pa.array((np.arange(count) - begins + 1).astype(np.int32)),
            "kind": pa.repeat("period", count),
            "code": words(periods.kind, [kind.name for kind in self._kinds]),
            "group": words(place, codes),
            "action": words((periods.days == 0).astype(np.int32), [PRICED, WITHOUT_DAYS]),
            "start": pa.array(periods.start.astype(np.int32)).cast(pa.date32()),
            "days": pa.array(periods.days.astype(np.int32)),
            "share": self._weights(np.full(count, 10**self._engine.spans.places), none),
            "weight": self._weights(periods.points, none),
        }
        arrays = [
            columns[f.name].cast(f.type) if f.name in columns else pa.nulls(count, f.type)
            for f in PARTS_SCHEMA
        ]
        return pa.table(arrays, schema=PARTS_SCHEMA)

    def issues(self, cases: pa.RecordBatch, numbers: Numbers, first_row: int) -> pa.Table:
        """One line for each case that is not grouped and for each warning, in the order of rows."""
        parts = [
            issue_lines(rows, REASONS[number], "reject", values, first_row)
            for number in np.unique(numbers.reason[numbers.reason != NO_REASON]).tolist()
            for rows in [np.flatnonzero(numbers.reason == number)]
            for values in [self._values(cases, numbers, REASONS[number], rows)]
        ]
        for number, reason in enumerate(REASONS):
            if FIELD[reason] != "dx":
                rows = np.flatnonzero(numbers.notices >> np.uint32(number) & np.uint32(1))
                if len(rows):
                    values = self._values(cases, numbers, reason, rows)
                    parts.append(issue_lines(rows, reason, "warning", values, first_row))
        column = column_of(cases, "dx")
        for code in numbers.unknown:
            value = pa.array([column[code.row][code.place].as_py()])
            rows = np.array([code.row])
            parts.append(issue_lines(rows, code.reason, "warning", value, first_row))
        if not parts:
            return ISSUE_SCHEMA.empty_table()
        return pa.concat_tables(parts).sort_by([("row", "ascending"), ("reason", "ascending")])

    def _values(
        self, cases: pa.RecordBatch, numbers: Numbers, reason: Reason, rows: NDArray[np.int64]
    ) -> pa.Array:
        """What the field of a reason holds, where one value says it; nothing else."""
        found = numbers.assessments
        items = column_of(cases, "assessment_item")
        said: Mapping[int, str] = {}
        if FIELD[reason] == "dx":
            column = column_of(cases, "dx")
            if not pa.types.is_null(column.type):
                return first_codes(column, rows)
        elif reason is Reason.ASSESSMENT_VALUE:
            values = column_of(cases, "assessment_value")
            said = {
                row: f"{items[row][place].as_py()}={values[row][place].as_py()}"
                for row, place in _firsts(found.bad)
            }
        elif reason is Reason.ASSESSMENT_CONFLICT:
            names = list(self._scheme.items)
            said = {row: names[item] for row, item in _firsts(found.conflict)}
        elif reason is Reason.ASSESSMENT_ITEM_UNKNOWN:
            said = {row: items[row][place].as_py() for row, place in _firsts(found.strange)}
        elif reason is Reason.ASSESSMENT_ITEM_MISSING:
            said = self._missing(numbers)
        return pa.array([said.get(row) for row in rows.tolist()], pa.string())

    def _missing(self, numbers: Numbers) -> dict[int, str]:
        """By row the first item by which an unmet requirement could have been met."""
        unmet = numbers.answers.unmet
        at = np.flatnonzero(unmet.any(axis=1))[::-1]
        rows = numbers.assessments.row[numbers.asked[at]]
        first = np.argmax(unmet[at], axis=1)
        items = [r.alternatives[0][0][0] for r in self._scheme.requirements]
        return {row: items[place] for row, place in zip(rows.tolist(), first.tolist(), strict=True)}


def _firsts(spots: Spots) -> Iterable[tuple[int, int]]:
    """The first spot of each row: they come in order, and the last pair of a row stays in a mapping."""
    return zip(spots.row[::-1].tolist(), spots.place[::-1].tolist(), strict=True)
