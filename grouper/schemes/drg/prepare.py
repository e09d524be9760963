"""A record batch made ready for the diagrams: code numbers, bits, levels and gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.rules.ast import Field, Scalar
from grouper.schemes.columns import (
    CodeLists,
    CodeReader,
    column_of,
    numbers_of,
    texts_of,
)
from grouper.schemes.drg.compiled import CC, MCC
from grouper.schemes.drg.facts import GAP_REASON
from grouper.schemes.drg.layout import WORD, Layout
from grouper.schemes.drg.walk import Work
from grouper.schemes.vocabulary import NO_CODE

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from grouper.schemes.drg.compiled import CompiledScheme

_COLUMN = {
    Scalar.NL: "age",
    Scalar.XB: "sex",
    Scalar.XSRTL: "age_days",
    Scalar.ZYTS: "los",
    Scalar.LYFS: "discharge_way",
    Scalar.ICUXS: "icu_hours",
    Scalar.KS: "department",
}
_TEXTS = (Scalar.LYFS, Scalar.KS)
_NEWBORN_ONLY = (Scalar.XSRTL, Scalar.XSRTZ)


@dataclass(frozen=True, slots=True)
class Others:
    """Other codes that some rule asks about, sorted by row; repeats of the first are dropped."""

    rows: NDArray[np.int64]
    ids: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64], count: int) -> Others:
        """The codes of some of ``count`` cases, their rows numbered anew."""
        place = np.full(count, -1, np.int64)
        place[rows] = np.arange(len(rows))
        new = place[self.rows]
        order = np.argsort(new[new >= 0], kind="stable")
        return Others(new[new >= 0][order], self.ids[new >= 0][order])


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch as the diagrams see it, and what is needed to change a case and ask again.

    ``missing`` tells for each value with gaps where the gap leaves a comparison open; ``level`` is
    the highest level of a complication that counts.
    """

    dx: CodeLists
    px: CodeLists
    work: Work
    other_dx: Others
    other_px: Others
    missing: dict[Scalar, NDArray[np.bool_]]
    level: NDArray[np.uint8]


class Preparer:
    """Reads batches for one scheme."""

    def __init__(self, scheme: CompiledScheme, layout: Layout) -> None:
        self.scheme = scheme
        self.layout = layout
        self._codes = CodeReader(scheme.vocabulary)
        self._gap_scalars = [s for s in GAP_REASON if s in scheme.scalars]
        size = scheme.vocabulary.size
        self._main = np.arange(size)
        self._main[scheme.not_grouping] = NO_CODE
        self._counted = [scheme.member_mask(c.set_id) for c in layout.counts]
        self._excluding, self._excluded = self._exclusions()
        self._exclusion = scheme.exclusion.astype(np.int64)
        self._dx_wanted = scheme.level > 0
        for table in layout.diagnosis.values():
            self._dx_wanted |= table != 0
        self._px_wanted = np.zeros(size, np.bool_)
        for table in layout.procedure.values():
            self._px_wanted |= table != 0
        for members in self._counted:
            self._dx_wanted |= members
            self._px_wanted |= members
        if scheme.retries_procedures:
            self._px_wanted[NO_CODE + 1 :] = True
        self._px_wanted &= ~scheme.not_grouping

    def _exclusions(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The class of each principal code, and (class × exclusion table) whether it excludes."""
        tables, principals = self.scheme.exclusion_pairs()
        order = np.lexsort((tables, principals))
        tables, principals = tables[order], principals[order]
        codes, start = np.unique(principals, return_index=True)
        stop = np.append(start[1:], len(tables))
        patterns: dict[tuple[int, ...], int] = {(): 0}
        classes = np.zeros(self.scheme.vocabulary.size, np.int64)
        listed = tables.tolist()
        for code, first, last in zip(
            codes.tolist(), start.tolist(), stop[: len(start)].tolist(), strict=True
        ):
            classes[code] = patterns.setdefault(tuple(listed[first:last]), len(patterns))
        matrix = np.zeros((len(patterns), len(self.scheme.exclusion_names) + 1), np.bool_)
        for pattern, row in patterns.items():
            matrix[row, list(pattern)] = True
        return classes, matrix

    def prepare(self, batch: pa.RecordBatch) -> Prepared:
        """Read a batch with the columns of ``CASE_SCHEMA`` that grouping needs."""
        dx = self._codes.lists(column_of(batch, "dx"))
        px = self._codes.lists(column_of(batch, "px"))
        principal, main = dx.first, self._main.take(px.first)
        other_dx = self._others(dx, self._dx_wanted, principal)
        other_px = self._others(px, self._px_wanted, main)
        words = np.zeros((self.layout.words, batch.num_rows), np.uint64)
        work = Work(principal, main, words)
        missing = self._read_values(batch, words)
        level = self._read_levels(words, principal, other_dx)
        for tables, others in (
            (self.layout.diagnosis, other_dx),
            (self.layout.procedure, other_px),
        ):
            for word, table in tables.items():
                _or_into(words[word], others.rows, table.take(others.ids))
        self.read_counts(work, other_dx, other_px)
        return Prepared(dx, px, work, other_dx, other_px, missing, level)

    @staticmethod
    def _others(codes: CodeLists, wanted: NDArray[np.bool_], first: NDArray[np.int64]) -> Others:
        at = codes.find(wanted)
        rows, ids = codes.rows(at), codes.ids(at)
        kept = np.flatnonzero((at != codes.start.take(rows)) & (ids != first.take(rows)))
        return Others(rows.take(kept), ids.take(kept))

    def _read_values(
        self, batch: pa.RecordBatch, words: NDArray[np.uint64]
    ) -> dict[Scalar, NDArray[np.bool_]]:
        """Set the bits of all comparisons; returns where each value is missing for good."""
        missing: dict[Scalar, NDArray[np.bool_]] = {}
        values = words[: self.layout.value_words]
        for scalar in self._gap_scalars:
            if scalar in _TEXTS:
                texts, places = texts_of(column_of(batch, _COLUMN[scalar]))
                bits = self.layout.text_bits(scalar, texts)
                absent = places < 0
                values |= np.where(absent, 0, bits[:, places]) if texts else np.uint64(0)
            else:
                numbers, absent = self._numbers(batch, scalar)
                self._set_number_bits(values, scalar, numbers, absent)
            if absent.any():
                missing[scalar] = absent
        newborn_only = [s for s in _NEWBORN_ONLY if s in missing]
        if newborn_only:
            age, unknown = numbers_of(column_of(batch, "age"))
            maybe_newborn = unknown | (age < 1)
            for scalar in newborn_only:
                missing[scalar] = missing[scalar] & maybe_newborn
        return {scalar: where for scalar, where in missing.items() if where.any()}

    def _numbers(
        self, batch: pa.RecordBatch, scalar: Scalar
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        if scalar is not Scalar.XSRTZ:
            return numbers_of(column_of(batch, _COLUMN[scalar]))
        kind = self.scheme.card.newborn_weight
        stated, absent = numbers_of(column_of(batch, f"{kind}_weight_g"))
        plain, neither = numbers_of(column_of(batch, "weight_g"))
        return np.where(absent, plain, stated), absent & neither

    def _set_number_bits(
        self,
        values: NDArray[np.uint64],
        scalar: Scalar,
        numbers: NDArray[Any],
        absent: NDArray[np.bool_],
    ) -> None:
        if not absent.any():
            values |= self._number_bits(scalar, numbers)
            return
        # A newborn's values are there for few: only those are looked at.
        rows = np.flatnonzero(~absent)
        values[:, rows] |= self._number_bits(scalar, numbers.take(rows))

    def _number_bits(self, scalar: Scalar, numbers: NDArray[Any]) -> NDArray[np.uint64]:
        if numbers.dtype.kind != "i":
            return self.layout.value_bits(scalar, numbers)
        # Beyond the bounds of its comparisons one number answers like another: a small table does.
        least, most = self.layout.bounds(scalar)
        table = self.layout.value_bits(scalar, np.arange(least - 1, most + 2))
        places = np.clip(numbers.astype(np.int64), least - 1, most + 1) - (least - 1)
        return table.take(places, axis=1)

    def _read_levels(
        self, words: NDArray[np.uint64], principal: NDArray[np.int64], others: Others
    ) -> NDArray[np.uint8]:
        """Set the bits of the counted levels; returns the highest level of each case."""
        scheme = self.scheme
        kept = np.flatnonzero(scheme.level.take(others.ids))
        rows, ids = others.rows.take(kept), others.ids.take(kept)
        # Exclusion by (class of the principal diagnosis × exclusion table), as one flat table.
        cell = self._excluding.take(principal.take(rows)) * self._excluded.shape[1]
        excluded = self._excluded.take(cell + self._exclusion.take(ids))
        counted = np.flatnonzero(~excluded)
        rows, levels = rows.take(counted), scheme.level.take(ids.take(counted))
        highest = np.zeros(len(principal), np.uint8)
        for level in (CC, MCC):
            # Setting one bit twice is setting it once: repeated rows do no harm here.
            of_level = rows.take(np.flatnonzero(levels == level))
            highest[of_level] = level
            for word in range(self.layout.value_words):
                words[word][of_level] |= self.layout.levels[level, word]
        return highest

    def read_counts(self, work: Work, other_dx: Others, other_px: Others) -> None:
        """Set the bits of the rules that count distinct codes of a set."""
        for count, members in zip(self.layout.counts, self._counted, strict=True):
            found = np.zeros(len(work.principal), np.int64)
            for field, first in ((Field.ZYZD, work.principal), (Field.ZYSS, work.main)):
                if field in count.fields:
                    found += members[first]
            for field, others in ((Field.QTZD, other_dx), (Field.QTSS, other_px)):
                if field in count.fields:
                    kept = members[others.ids]
                    keys = others.rows[kept].astype(np.int64) * len(members) + others.ids[kept]
                    rows = np.unique(keys) // len(members)
                    found += np.bincount(rows, minlength=len(found))
            word, bit = divmod(self.layout.bits[count], WORD)
            answers = self.layout.count_answers(count, found)
            work.words[word] &= ~np.uint64(1 << bit)
            work.words[word] |= answers.astype(np.uint64) << np.uint64(bit)


def _or_into(target: NDArray[np.uint64], rows: NDArray[np.int64], bits: NDArray[np.uint64]) -> None:
    """Set bits of cases, many of one case at a time; ``rows`` are sorted."""
    if not len(rows):
        return
    start = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
    target[rows[start]] |= np.bitwise_or.reduceat(bits, start)
