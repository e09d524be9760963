"""Answers of the batch engine as Arrow: result columns and issues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.case.issues import ISSUE_SCHEMA
from grouper.schemes.columns import column_of, first_codes
from grouper.schemes.dressing import indices, issue_lines, result_batch, warning_words, words
from grouper.schemes.drg.batch import NO_REASON, REASONS, Numbers
from grouper.schemes.drg.facts import GAP_REASON
from grouper.schemes.drg.scalar import LEVEL_NAME
from grouper.schemes.reasons import FIELD, Reason, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from grouper.schemes.drg.compiled import CompiledScheme, Row

_STATUSES = list(Status)
_STATUS_OF_REASON = {
    Reason.PX_UNRELATED: Status.AMBIGUOUS,
    Reason.GROUP_NONE: Status.UNGROUPED,
    Reason.GROUP_FALLBACK: Status.UNGROUPED,
    Reason.DX_NOT_PRINCIPAL: Status.UNGROUPED,
}
_STATUS = np.array(
    [
        *(_STATUSES.index(_STATUS_OF_REASON.get(r, Status.INVALID)) for r in REASONS),
        _STATUSES.index(Status.GROUPED),
    ],
    np.int32,
)
"""Status by reason number; the last element answers for ``NO_REASON``."""


class Dresser:
    """Turns group numbers into the columns of a result for one scheme."""

    def __init__(self, scheme: CompiledScheme) -> None:
        self._id = scheme.card.id
        groups = scheme.groups
        self._places = [
            _Named(("mdc",), [_named(g.mdc) for g in groups]),
            _Named(("adrg",), [_named(g.adrg) for g in groups]),
            _Named(("group", "group_name"), [_named(g.drg) for g in groups]),
        ]

    def dress(self, numbers: Numbers) -> pa.RecordBatch:
        """The result columns of a batch's answers."""
        count = len(numbers.group)
        status = words(_STATUS[numbers.reason], [s.value for s in _STATUSES])
        columns = {
            "scheme": words(np.zeros(count, np.int32), [self._id]),
            "status": status,
            "reason": words(numbers.reason.astype(np.int32), [r.value for r in REASONS]),
            "warnings": warning_words(numbers.notices, REASONS),
            "cc_level": words(numbers.level.astype(np.int32) - 1, [LEVEL_NAME[1], LEVEL_NAME[2]]),
        }
        for named in self._places:
            columns |= named.columns(numbers.group)
        return result_batch(columns, count)


def _named(row: Row | None) -> tuple[str, str] | None:
    return None if row is None else (row.code, row.name)


class _Named:
    """One level of a group by group number: its code, and its name where a column asks for it."""

    def __init__(self, columns: tuple[str, ...], words: Sequence[tuple[str, str] | None]) -> None:
        distinct = list(dict.fromkeys(w for w in words if w is not None))
        place = {word: i for i, word in enumerate(distinct)}
        # A group number below zero (OPEN) counts from the end: there stands "none".
        self._place = np.array([-1 if w is None else place[w] for w in (*words, None)], np.int32)
        self._words = {
            column: pa.array(part, pa.string())
            for column, part in zip(columns, zip(*distinct, strict=True), strict=False)
        }

    def columns(self, groups: NDArray[np.int32]) -> dict[str, pa.DictionaryArray]:
        places = indices(self._place.take(groups))
        return {
            column: pa.DictionaryArray.from_arrays(places, texts)
            for column, texts in self._words.items()
        }


def issues(cases: pa.RecordBatch, numbers: Numbers, first_row: int) -> pa.Table:
    """One line for each rejected case and for each warning, in the order of rows.

    A case that no group takes is rejected with its reason; an ambiguous one is not.
    """
    ambiguous = REASONS.index(Reason.PX_UNRELATED)
    told = np.flatnonzero((numbers.reason != NO_REASON) & (numbers.reason != ambiguous))
    warned = np.flatnonzero(numbers.notices)
    if not len(told) and not len(warned):
        return ISSUE_SCHEMA.empty_table()
    parts: list[pa.Table] = []
    for number in np.unique(numbers.reason[told]).tolist():
        rows = told[numbers.reason[told] == number]
        values = _values(cases, REASONS[number], rows)
        parts.append(issue_lines(rows, REASONS[number], "reject", values, first_row))
    gaps = set(GAP_REASON.values())
    for number, reason in enumerate(REASONS):
        rows = warned[(numbers.notices[warned] >> np.uint32(number)) & np.uint32(1) > 0]
        if reason in gaps and len(rows):
            parts.append(issue_lines(rows, reason, "warning", pa.nulls(len(rows)), first_row))
    for code in numbers.unknown:
        if code.place > 0:
            row = np.array([code.row])
            value = column_of(cases, code.column)[code.row][code.place].as_py()
            parts.append(issue_lines(row, code.reason, "warning", pa.array([value]), first_row))
    return pa.concat_tables(parts).sort_by([("row", "ascending"), ("reason", "ascending")])


def _values(cases: pa.RecordBatch, reason: Reason, rows: NDArray[np.int64]) -> pa.Array:
    """What the field of a reason holds, where one value says it."""
    column = column_of(cases, FIELD[reason])
    if FIELD[reason] in ("dx", "px") and not pa.types.is_null(column.type):
        return first_codes(column, rows)
    if reason is Reason.SEX_CONFLICT:
        return column.take(pa.array(rows)).cast(pa.string())
    return pa.nulls(len(rows), pa.string())
