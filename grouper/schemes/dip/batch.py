"""The batch engine: a record batch of cases in, row numbers and reasons out.

Independent of the scalar engine: no row is asked of a case; candidates of all cases are looked up
at once in sorted arrays (``index``), and preferences are minima over their segments (``matching``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from codebooks.factors import SCALE
from grouper.schemes.dip.auxiliary_batch import AuxiliaryBatch
from grouper.schemes.dip.auxiliary_tables import GAPS as FACTOR_GAPS
from grouper.schemes.dip.conditions import NONE
from grouper.schemes.dip.index import Index
from grouper.schemes.dip.matching import Matcher
from grouper.schemes.dip.prepare import Prepared, Preparer
from grouper.schemes.reasons import Reason
from grouper.schemes.unknown import Unknown, unknown_codes
from grouper.schemes.vocabulary import NO_CODE, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from grouper.schemes.columns import CodeLists
    from grouper.schemes.dip.auxiliary_tables import AuxiliaryTables
    from grouper.schemes.dip.compiled import CompiledScheme

_GAPS = (Reason.AGE_DAYS_MISSING, Reason.NEWBORN_WEIGHT_MISSING)
_KINDS = {
    Reason.DX_PRINCIPAL_MISSING,
    Reason.DX_PRINCIPAL_UNKNOWN,
    Reason.DX_PRINCIPAL_EDITION,
    Reason.DX_NOT_PRINCIPAL,
    Reason.PX_MAIN_UNKNOWN,
    Reason.PX_MAIN_EDITION,
    Reason.PX_MAIN_MISSING,
    *_GAPS,
    *FACTOR_GAPS,
    Reason.COST_MISSING,
    Reason.GROUP_NONE,
    Reason.DX_OTHER_UNKNOWN,
    Reason.DX_OTHER_EDITION,
    Reason.PX_UNKNOWN,
    Reason.PX_EDITION,
}
REASONS: tuple[Reason, ...] = tuple(reason for reason in Reason if reason in _KINDS)
"""The reasons that matching gives, in order of weight; the batch engine counts by place."""
NUMBER = {reason: i for i, reason in enumerate(REASONS)}
NO_REASON = -1


@dataclass(frozen=True, slots=True)
class Numbers:
    """Answers of a batch, one element a case.

    Attributes:
        row: number of the row that takes the case, or ``NONE``.
        reason: place in :data:`REASONS`, or ``NO_REASON``.
        notices: bit *i* stands for the *i*-th reason as a warning.
        unknown: the unknown codes.
        factor: auxiliary factor times :data:`codebooks.factors.SCALE`.
        prepared: the batch as arrays.
    """

    row: NDArray[np.int64]
    reason: NDArray[np.int64]
    notices: NDArray[np.uint32]
    unknown: tuple[Unknown, ...]
    factor: NDArray[np.int64]
    prepared: Prepared


class BatchEngine:
    """Groups record batches under one scheme. Safe to use from several threads at once."""

    def __init__(self, scheme: CompiledScheme, tables: AuxiliaryTables) -> None:
        self.scheme = scheme
        self._auxiliary = AuxiliaryBatch(tables, [row.group for row in scheme.rows])
        self._factors = tables.active
        self.index = Index(scheme, scheme.rows)
        self.matcher = Matcher(scheme, self.index)
        self.preparer = Preparer(scheme, self.index)
        size = scheme.vocabulary.size
        self._excluded = np.zeros(size, np.bool_)
        self._excluded[np.array(sorted(scheme.excluded_diagnoses), np.int64)] = True
        self._unknown = np.zeros(size, np.bool_)
        self._unknown[UNKNOWN] = True

    def run(self, batch: pa.RecordBatch) -> Numbers:
        """Group a batch with the columns of ``CASE_SCHEMA`` that matching needs."""
        cases = self.preparer.prepare(batch)
        unknown = tuple(self._unknown_codes(batch, cases))
        reason = self._refusals(cases, unknown)
        asked = np.flatnonzero(reason == NO_REASON)
        row, no_cost = self.matcher.match(cases, asked)
        notices = np.zeros(batch.num_rows, np.uint32)
        self._gaps(cases, asked, row, reason, notices)
        reason[(row == NONE) & (reason == NO_REASON)] = NUMBER[Reason.GROUP_NONE]
        row[reason != NO_REASON] = NONE
        notices[no_cost & (reason == NO_REASON)] |= _bit(Reason.COST_MISSING)
        for code in unknown:
            if code.place > 0:
                notices[code.row] |= _bit(code.reason)
        factor = self._adjust(batch, row, notices)
        return Numbers(row, reason, notices, unknown, factor, cases)

    def _adjust(
        self, batch: pa.RecordBatch, row: NDArray[np.int64], notices: NDArray[np.uint32]
    ) -> NDArray[np.int64]:
        """The auxiliary factors; a missing value that could change one is a warning."""
        if not self._factors:
            return np.full(batch.num_rows, SCALE, np.int64)
        found = self._auxiliary(batch, row)
        for gap in FACTOR_GAPS:
            notices[found.with_gap(gap)] |= _bit(gap)
        return found.factor

    def _refusals(self, cases: Prepared, unknown: tuple[Unknown, ...]) -> NDArray[np.int64]:
        """Why cases cannot be asked at all."""
        reason = np.full(len(cases.principal), NO_REASON, np.int64)
        if self.scheme.policy.main_decides:
            reason[_main_missing(cases.px)] = NUMBER[Reason.PX_MAIN_MISSING]
        for code in unknown:
            if code.place == 0 and code.column == "px":
                reason[code.row] = NUMBER[code.reason]
        reason[self._excluded.take(cases.principal)] = NUMBER[Reason.DX_NOT_PRINCIPAL]
        for code in unknown:
            if code.place == 0 and code.column == "dx":
                reason[code.row] = NUMBER[code.reason]
        reason[cases.principal == NO_CODE] = NUMBER[Reason.DX_PRINCIPAL_MISSING]
        return reason

    def _gaps(
        self,
        cases: Prepared,
        asked: NDArray[np.int64],
        row: NDArray[np.int64],
        reason: NDArray[np.int64],
        notices: NDArray[np.uint32],
    ) -> None:
        """Give the cases whose row hangs on a missing value its reason, the others a warning."""
        age, weight = cases.missing
        open_ = asked[(age | weight).take(asked)]
        if not len(open_):
            return
        asks = self.matcher.asks(cases, self.index.classes.take(cases.principal))
        open_ = open_[((asks[0] & age) | (asks[1] & weight)).take(open_)]
        if not len(open_):
            return
        plain = row.take(open_)
        # Of each way to fill the gaps (age, weight) whether it changes the row.
        changes = {
            filled: self.matcher.match(cases, open_, filled)[0].take(open_) != plain
            for filled in ((True, True), (True, False), (False, True))
        }
        decided = changes[True, True]
        both = (age & weight).take(open_)
        # With both gaps it is the age unless the weight alone changes the row.
        by_weight = np.where(both, changes[False, True] & ~changes[True, False], ~age.take(open_))
        number = by_weight.astype(np.int64)
        numbers = np.array([NUMBER[gap] for gap in _GAPS])
        reason[open_[decided]] = numbers[number[decided]]
        for gap, missing, asks_it in zip(_GAPS, cases.missing, asks, strict=True):
            told = open_[~decided]
            notices[told[(missing & asks_it).take(told)]] |= _bit(gap)

    def _unknown_codes(self, batch: pa.RecordBatch, cases: Prepared) -> Iterator[Unknown]:
        lists = (("dx", cases.dx), ("px", cases.px))
        return unknown_codes(batch, lists, self._unknown, self.scheme.is_foreign)


def _bit(reason: Reason) -> np.uint32:
    return np.uint32(1 << NUMBER[reason])


def _main_missing(px: CodeLists) -> NDArray[np.int64]:
    """The cases that state procedures but not the main one."""
    suspect = np.flatnonzero((px.first == NO_CODE) & (np.diff(px.start) > 0))
    if not len(suspect):
        return suspect
    stated = np.flatnonzero(px.numbers.take(px.places) != NO_CODE)
    return np.intersect1d(suspect, px.rows(stated))
