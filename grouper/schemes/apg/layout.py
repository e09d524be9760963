"""The parts of all visits of a batch in one order: procedures, the visit itself, lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from codebooks.apg.words import MODIFIER_RATES
from grouper.schemes.apg.batch_refunds import Refunds, find_refunds
from grouper.schemes.apg.compiled import NONE
from grouper.schemes.apg.fates import COMPANIONS, KINDS
from grouper.schemes.apg.line_columns import LineColumns, lengths_of, read_lines
from grouper.schemes.apg.words import DISTINCT, PartKind
from grouper.schemes.columns import CodeLists, CodeReader, column_of, texts_of
from grouper.schemes.vocabulary import NO_CODE, UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.schemes.apg.compiled import CompiledApg
    from grouper.schemes.apg.fates import FateReader

PART_KINDS = tuple(PartKind)
MODIFIERS = (None, *(rate.value for rate in MODIFIER_RATES), DISTINCT)
"""By number; 0 is none, and any word that the scheme does not know."""
_PROCEDURE, _VISIT, _LINE = range(len(PART_KINDS))


@dataclass(slots=True)
class Layout:
    """Everything that is known of the parts before anything is decided; one element a part.

    Attributes:
        visit: the visit that it belongs to.
        kind: index of :data:`PART_KINDS`.
        source: place among the batch's procedures or lines, or the visit.
        group: group number, ``NONE`` without a group.
        unknown: whether its code is in no code set.
        never: whether it is never paid.
        companion: index of :data:`grouper.schemes.apg.fates.COMPANIONS`.
        outcome: of packaging by kind of visit.
        modifier: index of :data:`MODIFIERS`.
        start: of each visit's parts; one element a visit and one more.
        dx: the diagnoses.
        px: the procedures.
        lines: the service lines.
        refunds: what refunds do to the lines.
    """

    visit: NDArray[np.int64]
    kind: NDArray[np.int8]
    source: NDArray[np.int64]
    group: NDArray[np.int32]
    unknown: NDArray[np.bool_]
    never: NDArray[np.bool_]
    companion: NDArray[np.int8]
    outcome: NDArray[np.int8]
    modifier: NDArray[np.int8]
    start: NDArray[np.int64]
    dx: CodeLists
    px: CodeLists
    lines: LineColumns
    refunds: Refunds

    def of_lines(self, values: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A mask of lines as a mask of parts."""
        found = np.zeros(len(self.visit), np.bool_)
        lines = self.kind == _LINE
        found[lines] = values[self.source[lines]]
        return found


class LayoutReader:
    """Reads batches of visits for one scheme. Safe to use from several threads at once."""

    def __init__(self, scheme: CompiledApg, fates: FateReader) -> None:
        self._scheme = scheme
        self._fates = fates
        self._dx = CodeReader(scheme.vocabulary)
        self._px = CodeReader(scheme.vocabulary)
        # A group number below zero (no group) counts from the end.
        groups = scheme.groups
        self._group_never = np.array([*(g.never for g in groups), False], np.bool_)
        companions = [COMPANIONS.index(g.alone) for g in groups]
        self._group_companion = np.array([*companions, 0], np.int8)

    def read(self, batch: pa.RecordBatch) -> Layout:
        """The parts of a batch with the columns of ``CASE_SCHEMA`` that grouping needs."""
        dx = self._dx.lists(column_of(batch, "dx"))
        px = self._px.lists(column_of(batch, "px"))
        lines = read_lines(batch)
        px_numbers = px.ids(np.arange(len(px.places)))
        px_at = np.flatnonzero(px_numbers != NO_CODE)
        px_visit = px.rows(px_at)
        principal = dx.first
        seen_at = np.flatnonzero(principal != NO_CODE)
        visit = np.concatenate((px_visit, seen_at, lines.visit))
        sizes = [len(px_at), len(seen_at), len(lines.visit)]
        kind = np.repeat(np.arange(len(sizes), dtype=np.int8), sizes)
        source = np.concatenate((px_at, seen_at, np.arange(len(lines.visit))))
        # Sources of one kind stand in the order of the record already.
        order = np.lexsort((kind, visit))
        visit, kind, source = visit[order], kind[order], source[order]
        start = np.searchsorted(visit, np.arange(batch.num_rows + 1))
        layout = Layout(
            visit=visit,
            kind=kind,
            source=source,
            group=np.full(len(visit), NONE, np.int32),
            unknown=np.zeros(len(visit), np.bool_),
            never=np.zeros(len(visit), np.bool_),
            companion=np.zeros(len(visit), np.int8),
            outcome=np.zeros((len(visit), len(KINDS)), np.int8),
            modifier=np.zeros(len(visit), np.int8),
            start=start,
            dx=dx,
            px=px,
            lines=lines,
            refunds=find_refunds(lines),
        )
        self._fill_procedures(layout, px_numbers, column_of(batch, "px_modifier"))
        self._fill_visits(layout, principal)
        self._fill_lines(layout)
        return layout

    def _fill_procedures(
        self, layout: Layout, numbers: NDArray[np.int64], modifiers: pa.Array
    ) -> None:
        parts = np.flatnonzero(layout.kind == _PROCEDURE)
        if not len(parts):
            return
        own = numbers[layout.source[parts]]
        distinct, place = np.unique(own, return_inverse=True)
        table = self._fates.table(self._fates.of_procedures(distinct))
        layout.group[parts] = table.group[place]
        layout.unknown[parts] = own == UNKNOWN
        layout.never[parts] = table.never[place]
        layout.companion[parts] = table.companion[place]
        layout.outcome[parts] = table.outcome[place, :, self._fates.coded]
        layout.modifier[parts] = _modifiers(layout, modifiers)[layout.source[parts]]

    def _fill_visits(self, layout: Layout, principal: NDArray[np.int64]) -> None:
        parts = np.flatnonzero(layout.kind == _VISIT)
        own = principal[layout.source[parts]]
        group = self._scheme.dx_group[own]
        layout.group[parts] = group
        layout.unknown[parts] = own == UNKNOWN
        layout.never[parts] = self._group_never[group]
        layout.companion[parts] = self._group_companion[group]

    def _fill_lines(self, layout: Layout) -> None:
        parts = np.flatnonzero(layout.kind == _LINE)
        if not len(parts):
            return
        lines = layout.lines
        rows, place = self._fates.of_lines(lines.item, lines.line_class)
        table = self._fates.table(rows)
        band = self._fates.band(layout.refunds.amount, lines.amount.missing)
        layout.group[parts] = table.group[place]
        layout.never[parts] = table.never[place]
        layout.companion[parts] = table.companion[place]
        layout.outcome[parts] = table.outcome[place, :, band]


def _modifiers(layout: Layout, column: pa.Array) -> NDArray[np.int8]:
    """The modifier of each procedure of the batch."""
    count = len(layout.px.places)
    found = np.zeros(count, np.int8)
    if pa.types.is_null(column.type):
        return found
    lengths = lengths_of(column)
    texts, places = texts_of(column.flatten())
    known = np.array(
        [*(MODIFIERS.index(text) if text in MODIFIERS else 0 for text in texts), 0], np.int8
    )
    first = np.cumsum(lengths) - lengths
    rows = layout.px.rows(np.arange(count))
    within = np.arange(count) - layout.px.start[:-1][rows]
    has = within < lengths[rows]
    found[has] = known[places[(first[rows] + within)[has]]]
    return found
