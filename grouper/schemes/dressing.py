"""Answers as Arrow columns: words by place, warnings by bit, issue lines; the same in every family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from grouper.case.issues import ISSUE_SCHEMA, Severity
from grouper.schemes.columns import column_of, first_codes
from grouper.schemes.protocol import RESULT_SCHEMA
from grouper.schemes.reasons import FIELD, Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray


def result_batch(columns: Mapping[str, pa.Array], count: int) -> pa.RecordBatch:
    """A batch of ``RESULT_SCHEMA``; columns that are not given are null."""
    arrays = [
        _as(columns[field.name], field.type)
        if field.name in columns
        else pa.nulls(count, field.type)
        for field in RESULT_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=RESULT_SCHEMA)


def _as(column: pa.Array, kind: pa.DataType) -> pa.Array:
    return column if column.type == kind else column.cast(kind)


def words(
    places: NDArray[np.integer[Any]], texts: Sequence[str | None] | pa.StringArray
) -> pa.DictionaryArray:
    """A dictionary array; places below zero are null.

    Args:
        places: of the words.
        texts: the words; an Arrow array where they are the same many every time.
    """
    known = texts if isinstance(texts, pa.StringArray) else pa.array(texts, pa.string())
    return pa.DictionaryArray.from_arrays(indices(places), known)


def indices(places: NDArray[np.integer[Any]]) -> pa.Array:
    """Places as Arrow integers without a copy, null where below zero."""
    places = np.ascontiguousarray(places, dtype=np.int32)
    there = places >= 0
    if there.all():
        return pa.array(places)
    valid = pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(pa.int32(), len(places), [valid, pa.py_buffer(places)])


def warning_words(
    notices: NDArray[np.unsignedinteger[Any]], reasons: Sequence[Reason]
) -> pa.DictionaryArray:
    """Warnings joined by ``;``: bit *i* of a notice stands for the *i*-th reason."""
    if not notices.any():
        return words(np.full(len(notices), -1, np.int32), [])
    masks, places = np.unique(notices, return_inverse=True)
    texts = [
        ";".join(r.value for i, r in enumerate(reasons) if mask >> i & 1) for mask in masks.tolist()
    ]
    places = places.astype(np.int32)
    places[notices == 0] = -1
    return words(places, texts)


def issue_lines(
    rows: NDArray[np.int64], reason: Reason, severity: str, values: pa.Array, first_row: int
) -> pa.Table:
    """Issues of one reason for many rows (0-based; the table counts from ``first_row``)."""
    count = len(rows)
    return pa.table(
        [
            pa.array(rows + first_row),
            pa.repeat(FIELD[reason], count),
            pa.repeat(reason.value, count),
            pa.repeat(severity, count),
            values.cast(pa.string()),
        ],
        schema=ISSUE_SCHEMA,
    )


def issues_of(
    cases: pa.RecordBatch,
    reason: NDArray[np.integer[Any]],
    notices: NDArray[np.unsignedinteger[Any]],
    reasons: Sequence[Reason],
    first_row: int,
    more: Iterable[pa.Table] = (),
    *,
    passed_over: Collection[Reason] = (),
) -> pa.Table:
    """One line for each rejected case and for each warning, in the order of rows.

    Args:
        cases: the batch.
        reason: for each case its place in ``reasons``, below zero where it is grouped.
        notices: bit *i* stands for the *i*-th reason as a warning.
        reasons: the reasons of the family.
        first_row: number of the first case.
        more: lines made elsewhere, such as those that name a code.
        passed_over: reasons and warnings that are told by ``more`` or not at all.
    """
    parts: list[pa.Table] = list(more)
    for number in np.unique(reason[reason >= 0]).tolist():
        if reasons[number] not in passed_over:
            rows = np.flatnonzero(reason == number)
            values = _stated(cases, reasons[number], rows)
            parts.append(issue_lines(rows, reasons[number], Severity.REJECT, values, first_row))
    warned = np.flatnonzero(notices)
    for number, one in enumerate(reasons if len(warned) else ()):
        rows = warned[(notices[warned] >> np.uint32(number)) & np.uint32(1) > 0]
        if one not in passed_over and len(rows):
            nothing = pa.nulls(len(rows), pa.string())
            parts.append(issue_lines(rows, one, Severity.WARNING, nothing, first_row))
    if not parts:
        return ISSUE_SCHEMA.empty_table()
    return pa.concat_tables(parts).sort_by([("row", "ascending"), ("reason", "ascending")])


def _stated(cases: pa.RecordBatch, reason: Reason, rows: NDArray[np.int64]) -> pa.Array:
    """What the field of a reason holds, where one value says it."""
    column = column_of(cases, FIELD[reason])
    if FIELD[reason] in ("dx", "px") and not pa.types.is_null(column.type):
        return first_codes(column, rows)
    if reason is Reason.SEX_CONFLICT:
        return column.take(pa.array(rows)).cast(pa.string())
    return pa.nulls(len(rows), pa.string())
