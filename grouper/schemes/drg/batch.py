"""The batch engine: a record batch of cases in, group numbers and reasons out.

Independent of the scalar engine: rules are never evaluated case by case but compiled to decision
diagrams (``grid``, ``diagram``) over classes of codes and bits of the case (``layout``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.rules.ast import Scalar
from grouper.schemes.columns import column_of, numbers_of
from grouper.schemes.drg.compiled import GroupKind
from grouper.schemes.drg.diagram import PASS
from grouper.schemes.drg.facts import GAP_REASON, NEWBORN_DAYS
from grouper.schemes.drg.layout import Layout
from grouper.schemes.drg.prepare import Others, Prepared, Preparer
from grouper.schemes.drg.walk import Walker, Work
from grouper.schemes.reasons import Reason
from grouper.schemes.unknown import Unknown, unknown_codes
from grouper.schemes.vocabulary import NO_CODE, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa
    from numpy.typing import NDArray

    from grouper.schemes.drg.compiled import CompiledScheme

REASONS: tuple[Reason, ...] = (
    Reason.DX_PRINCIPAL_MISSING,
    Reason.DX_PRINCIPAL_UNKNOWN,
    Reason.DX_PRINCIPAL_EDITION,
    Reason.DX_NOT_PRINCIPAL,
    Reason.PX_MAIN_UNKNOWN,
    Reason.PX_MAIN_EDITION,
    *GAP_REASON.values(),
    Reason.SEX_CONFLICT,
    Reason.PX_UNRELATED,
    Reason.GROUP_FALLBACK,
    Reason.GROUP_NONE,
    Reason.DX_OTHER_UNKNOWN,
    Reason.DX_OTHER_EDITION,
    Reason.PX_UNKNOWN,
    Reason.PX_EDITION,
)
"""The reasons that this family gives, in order of weight; the batch engine counts by place."""
NUMBER = {reason: i for i, reason in enumerate(REASONS)}
NO_REASON = -1
OPEN = -1
"""Group of a case for which a gap decides between groups."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Answers of a batch, one element a case.

    ``group`` is ``OPEN`` where a gap decides between groups; ``reason`` indexes :data:`REASONS` or
    is ``NO_REASON``; bit *i* of ``notices`` stands for the *i*-th reason as a warning.
    """

    group: NDArray[np.int32]
    reason: NDArray[np.int8]
    level: NDArray[np.uint8]
    notices: NDArray[np.uint32]
    unknown: tuple[Unknown, ...]


class BatchEngine:
    """Groups record batches under one scheme. Safe to use from several threads at once."""

    def __init__(self, scheme: CompiledScheme) -> None:
        self.scheme = scheme
        self.layout = Layout(scheme)
        self.walker = Walker(scheme, self.layout)
        self.preparer = Preparer(scheme, self.layout)
        self._unknown = np.zeros(scheme.vocabulary.size, np.bool_)
        self._unknown[UNKNOWN] = True
        self._kind = np.array([group.kind for group in scheme.groups], np.uint8)

    def run(self, batch: pa.RecordBatch) -> Numbers:
        """Group a batch with the columns of ``CASE_SCHEMA`` that grouping needs."""
        case = self.preparer.prepare(batch)
        principal = case.work.principal
        absent = principal == NO_CODE
        barred = self.scheme.not_principal.take(principal)
        group = self._group(case, np.arange(batch.num_rows), case.work)
        group[barred] = PASS
        rows = np.flatnonzero(~(absent | barred))
        kind = self._kind.take(group)
        reason = np.full(batch.num_rows, NO_REASON, np.int8)
        reason[kind == GroupKind.AMBIGUOUS] = NUMBER[Reason.PX_UNRELATED]
        reason[kind == GroupKind.FALLBACK] = NUMBER[Reason.GROUP_FALLBACK]
        reason[group == PASS] = NUMBER[Reason.GROUP_NONE]
        self._other_sex(case, batch, rows, group, reason)
        self._deciding_gaps(case, rows, group, reason)
        unknown = self._unknown_codes(batch, case)
        # The principal diagnosis comes last: its reason goes before that of the main procedure.
        for code in reversed(unknown):
            if code.place == 0:
                reason[code.row] = NUMBER[code.reason]
        reason[barred] = NUMBER[Reason.DX_NOT_PRINCIPAL]
        reason[absent] = NUMBER[Reason.DX_PRINCIPAL_MISSING]
        notices = self._notices(batch, case, unknown)
        twice = np.flatnonzero((notices != 0) & (reason != NO_REASON))
        notices[twice] &= ~(np.uint32(1) << reason[twice].astype(np.uint32))
        level = np.where(absent, np.uint8(0), case.level)
        open_ = _INVALID[reason] & (kind != GroupKind.FALLBACK)
        return Numbers(np.where(open_, np.int32(OPEN), group), reason, level, notices, unknown)

    def _group(self, case: Prepared, rows: NDArray[np.int64], work: Work) -> NDArray[np.int32]:
        """Group the cases of ``work``, which stand at ``rows`` of the batch."""
        found = self.walker.groups(work)
        if self.scheme.retries_procedures:
            self._try_each_procedure(case, rows, work, found)
        return found

    def _try_each_procedure(
        self, case: Prepared, rows: NDArray[np.int64], work: Work, found: NDArray[np.int32]
    ) -> None:
        """Try, where nothing took the case, each other procedure alone as the principal one."""
        turn = np.searchsorted(case.other_px.rows, rows)
        stop = np.searchsorted(case.other_px.rows, rows, side="right")
        while True:
            left = np.flatnonzero((found == PASS) & (turn < stop))
            if not len(left):
                return
            tried = work.take(left)
            tried = Work(tried.principal, case.other_px.ids[turn[left]], tried.words)
            for word in self.layout.procedure:
                tried.words[word] = 0
            if self.layout.counts:
                other_dx = case.other_dx.take(rows[left], len(case.work.principal))
                none = Others(np.zeros(0, np.int64), np.zeros(0, np.int64))
                self.preparer.read_counts(tried, other_dx, none)
            found[left] = self.walker.groups(tried)
            turn[left] += 1

    def _assuming(
        self, case: Prepared, rows: NDArray[np.int64], assumed: Iterable[Scalar]
    ) -> NDArray[np.int32]:
        """Group with the comparisons on these values true where the values are missing."""
        work = case.work.take(rows)
        for scalar in assumed:
            bits = self.layout.assumed([scalar])[:, None]
            work.words[: self.layout.value_words] |= np.where(
                case.missing[scalar][rows], bits, np.uint64(0)
            )
        return self._group(case, rows, work)

    def _deciding_gaps(
        self,
        case: Prepared,
        rows: NDArray[np.int64],
        group: NDArray[np.int32],
        reason: NDArray[np.int8],
    ) -> None:
        """Give the cases whose group hangs on a missing value its reason (see the scalar engine)."""
        gaps = list(case.missing)
        if not gaps:
            return
        rows = rows[np.logical_or.reduce([case.missing[g][rows] for g in gaps])]
        rows = rows[self._assuming(case, rows, gaps) != group[rows]]
        # The last resort comes first and is overwritten: each rule outranks the ones before it.
        decided = np.full(len(rows), -1, np.int64)
        for i, gap in reversed(list(enumerate(gaps))):
            decided[case.missing[gap][rows]] = i
        for i, gap in reversed(list(enumerate(gaps))):
            alone = self._assuming(case, rows, [gap]) != group[rows]
            decided[alone & case.missing[gap][rows]] = i
        for i, gap in reversed(list(enumerate(gaps))):
            without = self._assuming(case, rows, [g for g in gaps if g is not gap])
            decided[(without == group[rows]) & case.missing[gap][rows]] = i
        numbers = np.array([NUMBER[GAP_REASON[gap]] for gap in gaps], np.int8)
        reason[rows] = numbers[decided]

    def _other_sex(
        self,
        case: Prepared,
        batch: pa.RecordBatch,
        rows: NDArray[np.int64],
        group: NDArray[np.int32],
        reason: NDArray[np.int8],
    ) -> None:
        """Mark the cases that nothing takes but that the other sex would lead to a group."""
        if Scalar.XB not in self.scheme.scalars:
            return
        sex, absent = numbers_of(column_of(batch, "sex"))
        rows = rows[(group[rows] == PASS) & ~absent[rows] & np.isin(sex[rows], (1, 2))]
        if not len(rows):
            return
        work = case.work.take(rows)
        values = work.words[: self.layout.value_words]
        values &= ~self.layout.assumed([Scalar.XB])[:, None]
        values |= self.layout.value_bits(Scalar.XB, 3 - sex[rows].astype(np.int64))
        helped = self._group(case, rows, work) != PASS
        reason[rows[helped]] = NUMBER[Reason.SEX_CONFLICT]

    def _unknown_codes(self, batch: pa.RecordBatch, case: Prepared) -> tuple[Unknown, ...]:
        lists = (("dx", case.dx), ("px", case.px))
        return tuple(unknown_codes(batch, lists, self._unknown, self.scheme.foreign_edition))

    def _notices(
        self, batch: pa.RecordBatch, case: Prepared, unknown: tuple[Unknown, ...]
    ) -> NDArray[np.uint32]:
        notices = np.zeros(batch.num_rows, np.uint32)
        for scalar, missing in case.missing.items():
            where = missing
            if scalar is Scalar.XSRTL:
                where = missing & ~numbers_of(column_of(batch, "age"))[1]
            elif scalar is Scalar.XSRTZ:
                days, unstated = numbers_of(column_of(batch, "age_days"))
                where = missing & ~unstated & (days < NEWBORN_DAYS)
            notices[where] |= np.uint32(1 << NUMBER[GAP_REASON[scalar]])
        for code in unknown:
            if code.place > 0:
                notices[code.row] |= np.uint32(1 << NUMBER[code.reason])
        return notices


_INVALID_REASONS = {
    Reason.PX_MAIN_UNKNOWN,
    Reason.PX_MAIN_EDITION,
    Reason.DX_PRINCIPAL_MISSING,
    Reason.DX_PRINCIPAL_UNKNOWN,
    Reason.DX_PRINCIPAL_EDITION,
    Reason.SEX_CONFLICT,
    *GAP_REASON.values(),
}
_INVALID = np.array([*(r in _INVALID_REASONS for r in REASONS), False])
"""Whether a reason makes a case invalid; the last element answers for ``NO_REASON``."""
