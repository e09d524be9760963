"""Answers of the batch engine as Arrow: result columns, issues and parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.case.issues import ISSUE_SCHEMA
from grouper.schemes.apg.batch import (
    LINE_REASONS,
    NO_REASON,
    Numbers,
    lines_told,
    told_in,
)
from grouper.schemes.apg.batch_decide import ACTIONS, NO_SHARE, WHYS
from grouper.schemes.apg.compiled import NONE
from grouper.schemes.apg.fates import KINDS
from grouper.schemes.apg.layout import PART_KINDS, Layout
from grouper.schemes.apg.words import REASONS, UNGROUPED
from grouper.schemes.columns import column_of, first_codes
from grouper.schemes.dressing import issue_lines, result_batch, warning_words, words
from grouper.schemes.protocol import PARTS_SCHEMA, WEIGHT
from grouper.schemes.reasons import FIELD, Reason, Status
from grouper.schemes.unknown import unknown_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.schemes.apg.compiled import CompiledApg

_STATUSES = list(Status)
_STATUS = np.array(
    [
        *(_STATUSES.index(Status.UNGROUPED if r in UNGROUPED else Status.INVALID) for r in REASONS),
        _STATUSES.index(Status.GROUPED),
    ],
    np.int32,
)
"""Status by reason number; the last element answers for ``NO_REASON``."""
_OF_VISITS = (Reason.DX_PRINCIPAL_MISSING, Reason.VISIT_NOT_PAYABLE)
"""Warnings that speak of no code and no line."""


def decimals(values: NDArray[np.int64], known: NDArray[np.bool_]) -> pa.Array:
    """Scaled whole numbers, none of them negative, as decimals of six places."""
    wide = np.zeros((len(values), 2), np.int64)
    wide[:, 0] = np.where(known, values, 0)
    valid = pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(WEIGHT, len(values), [valid, pa.py_buffer(wide)])


class Dresser:
    """Turns numbers into the columns of a result for one scheme."""

    def __init__(self, scheme: CompiledApg) -> None:
        self._id = scheme.card.id
        self._codes = [group.code for group in scheme.groups]
        self._names = [group.name for group in scheme.groups]

    def dress(self, numbers: Numbers) -> pa.RecordBatch:
        """The result columns of a batch's answers."""
        count, grouped = len(numbers.reason), numbers.grouped
        group = np.where(grouped, numbers.group, NONE)
        columns = {
            "scheme": words(np.zeros(count, np.int32), [self._id]),
            "status": words(_STATUS[numbers.reason], [s.value for s in _STATUSES]),
            "reason": words(numbers.reason.astype(np.int32), [r.value for r in REASONS]),
            "warnings": warning_words(numbers.notices, REASONS),
            "group": words(group, self._codes),
            "group_name": words(group, self._names),
            "group_kind": words(np.where(grouped, numbers.kind, -1), [k.value for k in KINDS]),
            "weight": decimals(numbers.weight, grouped),
        }
        return result_batch(columns, count)

    def parts(self, cases: pa.RecordBatch, numbers: Numbers, first_row: int) -> pa.Table:
        """The parts of the visits that are grouped, in the form of ``PARTS_SCHEMA``."""
        layout, decided = numbers.layout, numbers.decided
        at = np.flatnonzero(numbers.grouped[layout.visit])
        visit, group = layout.visit[at], layout.group[at]
        share = decided.share[at]
        columns = {
            "row": pa.array(visit + first_row),
            "part": pa.array((at - layout.start[visit] + 1).astype(np.int32)),
            "kind": _texts(layout.kind[at], [k.value for k in PART_KINDS]),
            "code": _codes(cases, layout).take(pa.array(at)),
            "group": _texts(group, self._codes),
            "action": _texts(decided.action[at], [a.value for a in ACTIONS]),
            "reason": _texts(decided.why[at], [w.value for w in WHYS]),
            "share": decimals(share, share != NO_SHARE),
            "weight": decimals(numbers.part_weight[at], group != NONE),
        }
        arrays = [columns.get(field.name, pa.nulls(len(at), field.type)) for field in PARTS_SCHEMA]
        return pa.Table.from_arrays(arrays, schema=PARTS_SCHEMA)


def _texts(places: NDArray[np.signedinteger], texts: list[str]) -> pa.Array:
    index = pa.array(places.astype(np.int64), mask=places < 0)
    return pa.array(texts, pa.string()).take(index)


def _codes(cases: pa.RecordBatch, layout: Layout) -> pa.Array:
    """The code of every part, as written."""
    procedures = column_of(cases, "px")
    null = pa.types.is_null(procedures.type)
    coded = pa.nulls(0, pa.string()) if null else procedures.flatten().cast(pa.string())
    diagnoses = column_of(cases, "dx")
    if pa.types.is_null(diagnoses.type) or not len(layout.dx.places):
        principal = pa.nulls(len(cases), pa.string())
    else:
        principal = first_codes(diagnoses, np.arange(len(cases)))
    items = _texts(layout.lines.item.place, layout.lines.item.distinct)
    offsets = np.array([0, len(coded), len(coded) + len(principal)])
    every = pa.concat_arrays([coded, principal, items])
    return every.take(pa.array(layout.source + offsets[layout.kind]))


def issues(cases: pa.RecordBatch, numbers: Numbers, first_row: int) -> pa.Table:
    """One line for each visit that is not grouped and for each warning, in the order of rows."""
    parts: list[pa.Table] = []
    refused = np.flatnonzero(numbers.reason != NO_REASON)
    for number in np.unique(numbers.reason[refused]).tolist():
        rows = refused[numbers.reason[refused] == number]
        values = _values(cases, REASONS[number], rows)
        parts.append(issue_lines(rows, REASONS[number], "reject", values, first_row))
    if numbers.notices.any():
        parts += _warnings(cases, numbers, first_row)
    if not parts:
        return ISSUE_SCHEMA.empty_table()
    return pa.concat_tables(parts).sort_by([("row", "ascending"), ("reason", "ascending")])


def _warnings(cases: pa.RecordBatch, numbers: Numbers, first_row: int) -> list[pa.Table]:
    found = []
    for reason in _OF_VISITS:
        rows = np.flatnonzero(numbers.notices >> np.uint32(REASONS.index(reason)) & np.uint32(1))
        found.append(issue_lines(rows, reason, "warning", pa.nulls(len(rows)), first_row))
    layout = numbers.layout
    items, classes = layout.lines.item, layout.lines.line_class
    for reason in LINE_REASONS:
        at = lines_told(layout, numbers.decided, reason)
        visits = numbers.reason[layout.visit[at]]
        # A reason that the visit itself has is told once, not again of each line.
        own = visits == REASONS.index(reason)
        at = at[told_in(reason, visits) & ~own]
        line = layout.source[at]
        values = pc.coalesce(
            _stated(_texts(items.place[line], items.distinct)),
            _stated(pc.utf8_trim_whitespace(_texts(classes.place[line], classes.distinct))),
        )
        found.append(issue_lines(layout.visit[at], reason, "warning", values, first_row))
    found += [
        unknown_line(cases, code, first_row)
        for code in numbers.unknown
        if numbers.notices[code.row] >> np.uint32(REASONS.index(code.reason)) & np.uint32(1)
    ]
    return found


def _stated(texts: pa.Array) -> pa.Array:
    """Texts, null where empty."""
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _values(cases: pa.RecordBatch, reason: Reason, rows: NDArray[np.int64]) -> pa.Array:
    """What the field of a reason holds, where one value says it."""
    column = column_of(cases, FIELD[reason])
    if FIELD[reason] in ("dx", "px") and not pa.types.is_null(column.type):
        return first_codes(column, rows)
    if reason is Reason.KIND_UNSUPPORTED:
        return column.take(pa.array(rows)).cast(pa.string())
    return pa.nulls(len(rows), pa.string())
