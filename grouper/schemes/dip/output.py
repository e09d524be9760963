"""Answers of the batch engine as Arrow: result columns and issues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from codebooks.factors import SCALE
from grouper.schemes.dip.batch import REASONS, Numbers
from grouper.schemes.dip.conditions import NONE
from grouper.schemes.dip.fallback import CHAPTER, chapter_group, chapter_of
from grouper.schemes.dip.fallback import NONE as NO_GROUP
from grouper.schemes.dip.index import TREATMENTS
from grouper.schemes.dip.policy import Treatment
from grouper.schemes.dip.score import adjusted_scaled
from grouper.schemes.dressing import issues_of, result_batch, warning_words, words
from grouper.schemes.protocol import WEIGHT
from grouper.schemes.reasons import Reason, Status
from grouper.schemes.unknown import TOLD_BY_CODE, unknown_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.schemes.dip.compiled import CompiledScheme

_STATUSES = list(Status)
_UNGROUPED = {Reason.GROUP_NONE, Reason.DX_NOT_PRINCIPAL}
_STATUS = np.array(
    [
        *(
            _STATUSES.index(Status.UNGROUPED if r in _UNGROUPED else Status.INVALID)
            for r in REASONS
        ),
        _STATUSES.index(Status.GROUPED),
    ],
    np.int32,
)
"""Status by reason number; the last element answers for ``NO_REASON``."""


class Dresser:
    """Turns row numbers into the columns of a result for one scheme."""

    def __init__(self, scheme: CompiledScheme) -> None:
        rows = scheme.rows
        self._id = scheme.card.id
        self._unmatched = scheme.policy.unmatched
        self._groups = [row.group for row in rows]
        self._names = [row.name for row in rows]
        self._words = tuple(pa.array(one, pa.string()) for one in (self._groups, self._names))
        self._sections = sorted({row.section for row in rows})
        # A row number below zero counts from the end: there stands "none".
        section = [self._sections.index(row.section) for row in rows]
        self._section = np.array([*section, -1], np.int32)
        scores = [-1 if row.score is None else int(row.score * SCALE) for row in rows]
        self._score = np.array([*scores, -1], np.int64)
        self._folded = scheme.folded

    def dress(self, numbers: Numbers) -> pa.RecordBatch:
        """The result columns of a batch's answers."""
        count = len(numbers.row)
        row, reason = numbers.row, numbers.reason
        groups, names, place = self._with_fallback(numbers)
        score = self._score.take(row, mode="wrap")
        weight = np.where(numbers.factor == SCALE, score, adjusted_scaled(score, numbers.factor))
        columns = {
            "scheme": words(np.zeros(count, np.int32), [self._id]),
            "status": words(_STATUS.take(reason, mode="wrap"), [s.value for s in _STATUSES]),
            "reason": words(reason, [r.value for r in REASONS]),
            "warnings": warning_words(numbers.notices, REASONS),
            "group": words(place, groups),
            "group_name": words(place, names),
            "group_kind": words(self._section.take(row, mode="wrap"), self._sections),
            "weight": _decimals(weight, score < 0),
        }
        return result_batch(columns, count)

    def _with_fallback(
        self, numbers: Numbers
    ) -> tuple[pa.StringArray, pa.StringArray, NDArray[np.int64]]:
        """Codes and names of groups, and each case's place among them."""
        none = np.flatnonzero(numbers.reason == REASONS.index(Reason.GROUP_NONE))
        if self._unmatched == NO_GROUP or not len(none):
            return *self._words, numbers.row
        if self._unmatched == CHAPTER:
            found = self._chapters(numbers, none)
        else:
            found = [self._unmatched] * len(none)
        more = list(dict.fromkeys(group for group in found if group))
        places = {group: len(self._groups) + n for n, group in enumerate(more)}
        place = numbers.row.copy()
        place[none] = [places[group] if group else NONE for group in found]
        groups, names = [*self._groups, *more], [*self._names, *([""] * len(more))]
        return pa.array(groups, pa.string()), pa.array(names, pa.string()), place

    def _chapters(self, numbers: Numbers, rows: NDArray[np.int64]) -> list[str | None]:
        principal = numbers.prepared.principal.take(rows).tolist()
        bits = numbers.prepared.treatments.take(rows)
        kind = np.full(len(rows), Treatment.CONSERVATIVE)
        for treatment in reversed(range(TREATMENTS)):
            kind[bits >> treatment & 1 > 0] = treatment
        return [
            chapter_group(chapter_of(self._folded.get(code, "")), Treatment(one))
            for code, one in zip(principal, kind.tolist(), strict=True)
        ]


def _decimals(scaled: NDArray[np.int64], missing: NDArray[np.bool_]) -> pa.Array:
    """Whole millionths as the type of weights."""
    halves = np.empty((len(scaled), 2), np.int64)
    halves[:, 0] = scaled
    halves[:, 1] = scaled >> 63
    valid = pa.py_buffer(np.packbits(~missing, bitorder="little")) if missing.any() else None
    return pa.Array.from_buffers(WEIGHT, len(scaled), [valid, pa.py_buffer(halves)])


def issues(cases: pa.RecordBatch, numbers: Numbers, first_row: int) -> pa.Table:
    """One line for each rejected case and for each warning, in the order of rows."""
    return issues_of(
        cases,
        numbers.reason,
        numbers.notices,
        REASONS,
        first_row,
        unknown_lines(cases, numbers.unknown, first_row),
        passed_over=TOLD_BY_CODE,
    )
