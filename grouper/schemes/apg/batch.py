"""The batch engine: a record batch of visits in; kinds, groups, weights, parts and reasons out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.case.fields import FIELDS
from grouper.schemes.apg.batch_decide import (
    ACTIONS,
    SCALE,
    WHYS,
    Decider,
    Decisions,
    scaled_product,
)
from grouper.schemes.apg.compiled import NONE
from grouper.schemes.apg.fates import FateReader
from grouper.schemes.apg.layout import PART_KINDS, Layout, LayoutReader
from grouper.schemes.apg.numbering import marked, segment_sums
from grouper.schemes.apg.words import REASONS, Action, PartKind, Why
from grouper.schemes.columns import column_of, texts_of
from grouper.schemes.reasons import Reason
from grouper.schemes.unknown import Unknown, unknown_codes
from grouper.schemes.vocabulary import NO_CODE, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from grouper.schemes.apg.compiled import CompiledApg

NUMBER = {reason: i for i, reason in enumerate(REASONS)}
NO_REASON = -1
_LINE = PART_KINDS.index(PartKind.LINE)
LINE_REASONS = {
    Reason.LINE_UNASSIGNED: (Action.UNASSIGNED, Why.NO_GROUP),
    Reason.LINE_AMOUNT_MISSING: (Action.UNDECIDED, Why.AMOUNT_MISSING),
    Reason.LINE_QUANTITY_UNUSABLE: (Action.UNDECIDED, Why.QUANTITY_UNUSABLE),
    Reason.REFUND_UNMATCHED: (Action.REPORTED, Why.REFUND_UNMATCHED),
}
"""Reasons that are told of lines, and what was done with those."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Answers of a batch, one element a visit; of ``layout`` and ``decided`` one a part.

    ``reason`` indexes :data:`REASONS` or is ``NO_REASON``; then the visit is grouped. Bit *i* of
    ``notices`` stands for the *i*-th reason as a warning. ``kind`` indexes
    :data:`grouper.schemes.apg.fates.KINDS`. Weights and shares are scaled by ``SCALE``;
    ``part_weight`` is that of a part's group, 0 without one, ``value`` what the part adds.
    """

    reason: NDArray[np.int8]
    notices: NDArray[np.uint32]
    kind: NDArray[np.int8]
    group: NDArray[np.int32]
    weight: NDArray[np.int64]
    unknown: tuple[Unknown, ...]
    layout: Layout
    decided: Decisions
    part_weight: NDArray[np.int64]
    value: NDArray[np.int64]

    @property
    def grouped(self) -> NDArray[np.bool_]:
        """Which visits are grouped."""
        found: NDArray[np.bool_] = self.reason == NO_REASON
        return found


class BatchEngine:
    """Groups record batches under one scheme. Safe to use from several threads at once."""

    def __init__(self, scheme: CompiledApg) -> None:
        self.scheme = scheme
        self._reader = LayoutReader(scheme, FateReader(scheme))
        self._decider = Decider(scheme)
        self._unknown = np.zeros(scheme.vocabulary.size, np.bool_)
        self._unknown[UNKNOWN] = True
        # One row for each stretch of time; a group number below zero counts from the end.
        self._weights = np.array(
            [
                [*(int(p.weights.get(g.code, 0) * SCALE) for g in scheme.groups), 0]
                for p in scheme.periods
            ],
            np.int64,
        )
        self._covered = np.array([bool(period.weights) for period in scheme.periods], np.bool_)
        ends = [period.end for period in scheme.periods[:-1]]
        self._ends = np.array(ends, "datetime64[D]").astype(np.int64)

    def run(self, batch: pa.RecordBatch) -> Numbers:
        """Group a batch with the columns of ``CASE_SCHEMA`` that grouping needs."""
        layout = self._reader.read(batch)
        period, dated = self._periods(batch)
        unknown = tuple(self._unknown_codes(batch, layout))
        reason = self._refused(batch, period, dated, unknown)
        decided = self._decider.assign(layout)
        gone = decided.gone
        self._nothing(layout, gone, unknown, reason)
        weight = self._weights[period[layout.visit], layout.group]
        kind = self._decider.decide(layout, decided, weight)
        paying = decided.paying
        value = np.where(paying, scaled_product(np.where(paying, decided.share, 0), weight), 0)
        group, paid = self._main_groups(layout, gone, paying, value)
        notices = self._notices(layout, decided, unknown, reason)
        notices[(reason == NO_REASON) & ~paid] |= _bit(Reason.VISIT_NOT_PAYABLE)
        has = np.flatnonzero(reason != NO_REASON)
        notices[has] &= ~(np.uint32(1) << reason[has].astype(np.uint32))
        total = segment_sums(value, layout.start)
        return Numbers(reason, notices, kind, group, total, unknown, layout, decided, weight, value)

    def _periods(self, batch: pa.RecordBatch) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The stretch of time of each visit, and whether that is known."""
        count = batch.num_rows
        if not self.scheme.asks_day:
            return np.zeros(count, np.int64), np.ones(count, np.bool_)
        column = column_of(batch, "discharge_time")
        if pa.types.is_null(column.type):
            return np.zeros(count, np.int64), np.zeros(count, np.bool_)
        local = pc.local_timestamp(column.cast(FIELDS["discharge_time"].type, safe=False))
        days = pc.fill_null(local.cast(pa.date32(), safe=False).cast(pa.int32()), 0)
        found = np.searchsorted(self._ends, days.to_numpy(zero_copy_only=False), side="right")
        return found.astype(np.int64), column.is_valid().to_numpy(zero_copy_only=False)

    def _refused(
        self,
        batch: pa.RecordBatch,
        period: NDArray[np.int64],
        dated: NDArray[np.bool_],
        unknown: Iterable[Unknown],
    ) -> NDArray[np.int8]:
        """The reasons why visits cannot be grouped whatever their parts are."""
        reason = np.full(batch.num_rows, NO_REASON, np.int8)
        for code in unknown:
            if code.column == "px" and code.place == 0:
                reason[code.row] = NUMBER[code.reason]
        texts, places = texts_of(column_of(batch, "kind"))
        # A visit that states no kind is of the field's default kind.
        kinds = [*texts, FIELDS["kind"].default]
        served = np.array([kind in self.scheme.card.kinds for kind in kinds], np.bool_)
        reason[~served[places]] = NUMBER[Reason.KIND_UNSUPPORTED]
        reason[~self._covered[period]] = NUMBER[Reason.SCHEME_UNCOVERED]
        reason[~dated] = NUMBER[Reason.SCHEME_DATE_MISSING]
        return reason

    def _nothing(
        self,
        layout: Layout,
        gone: NDArray[np.bool_],
        unknown: Iterable[Unknown],
        reason: NDArray[np.int8],
    ) -> None:
        """Give the visits that fall into no group at all their reasons."""
        count = len(reason)
        is_line = layout.kind == _LINE
        lines = np.diff(layout.lines.start) > 0
        left = marked(layout.visit[is_line & ~gone], count)
        assigned = marked(layout.visit[~gone & (layout.group != NONE)], count)
        found = np.full(count, NUMBER[Reason.GROUP_NONE], np.int8)
        found[left] = NUMBER[Reason.LINE_UNASSIGNED]
        found[np.diff(layout.start) == 0] = NUMBER[Reason.LINES_MISSING]
        for code in unknown:
            if code.column == "dx" and code.place == 0:
                found[code.row] = NUMBER[code.reason]
        found[assigned] = NO_REASON
        found[lines & ~left] = NUMBER[Reason.LINES_REFUNDED]
        open_ = reason == NO_REASON
        reason[open_] = found[open_]

    @staticmethod
    def _main_groups(
        layout: Layout,
        gone: NDArray[np.bool_],
        paying: NDArray[np.bool_],
        value: NDArray[np.int64],
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """The group that pays most of each visit, and whether anything pays.

        Where nothing does it is the first group that is there.
        """
        count = len(layout.start) - 1
        group = np.full(count, NONE, np.int32)
        assigned = np.flatnonzero((layout.group != NONE) & ~gone)[::-1]
        # Assigned from the last to the first: the first of a visit stays.
        group[layout.visit[assigned]] = layout.group[assigned]
        at = np.flatnonzero(paying)
        most = np.full(count, -1, np.int64)
        np.maximum.at(most, layout.visit[at], value[at])
        best = at[value[at] == most[layout.visit[at]]][::-1]
        group[layout.visit[best]] = layout.group[best]
        return group, most >= 0

    def _notices(
        self,
        layout: Layout,
        decided: Decisions,
        unknown: Iterable[Unknown],
        reason: NDArray[np.int8],
    ) -> NDArray[np.uint32]:
        notices = np.zeros(len(reason), np.uint32)
        notices[layout.dx.first == NO_CODE] |= _bit(Reason.DX_PRINCIPAL_MISSING)
        for code in unknown:
            if code.column == "dx" or code.place > 0:
                notices[code.row] |= _bit(code.reason)
        for told in LINE_REASONS:
            visits = layout.visit[lines_told(layout, decided, told)]
            notices[visits[told_in(told, reason[visits])]] |= _bit(told)
        return notices

    def _unknown_codes(self, batch: pa.RecordBatch, layout: Layout) -> Iterable[Unknown]:
        lists = (("dx", layout.dx), ("px", layout.px))
        return unknown_codes(batch, lists, self._unknown, self.scheme.codes.is_foreign)


def _bit(reason: Reason) -> np.uint32:
    return np.uint32(1 << NUMBER[reason])


def lines_told(layout: Layout, decided: Decisions, reason: Reason) -> NDArray[np.int64]:
    """The parts of lines that a reason of :data:`LINE_REASONS` is told of."""
    action, why = LINE_REASONS[reason]
    found = (layout.kind == _LINE) & (decided.action == ACTIONS.index(action))
    return np.flatnonzero(found & (decided.why == WHYS.index(why)))


_EARLY = np.array(
    [
        *(
            reason
            in (
                Reason.SCHEME_DATE_MISSING,
                Reason.SCHEME_UNCOVERED,
                Reason.KIND_UNSUPPORTED,
                Reason.PX_MAIN_UNKNOWN,
                Reason.PX_MAIN_EDITION,
            )
            for reason in REASONS
        ),
        False,
    ]
)
"""Whether a reason refuses a visit before its lines are looked at; the last is ``NO_REASON``."""


def told_in(told: Reason, reason: NDArray[np.int8]) -> NDArray[np.bool_]:
    """In which visits, by their reasons, a reason of lines is told beside them.

    Refunds that cancel nothing are told wherever the lines were looked at, the others where the
    visit is grouped.
    """
    if told is Reason.REFUND_UNMATCHED:
        found: NDArray[np.bool_] = ~_EARLY[reason]
        return found
    grouped: NDArray[np.bool_] = reason == NO_REASON
    return grouped
