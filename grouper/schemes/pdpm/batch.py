"""The batch engine: a record batch of cases in, periods, groups and reasons out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.schemes.columns import CodeReader, column_of, texts_of
from grouper.schemes.pdpm.codes import NO_CATEGORY, RETURNED
from grouper.schemes.pdpm.columnar import NONE, NOT_STATED, OPEN, Answers, Columns
from grouper.schemes.pdpm.flat import PlaceReader
from grouper.schemes.pdpm.sequence import Assessments, Days, StaysReader
from grouper.schemes.pdpm.spans import Spans
from grouper.schemes.reasons import Reason
from grouper.schemes.vocabulary import NO_CODE, UNKNOWN

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from grouper.schemes.columns import CodeLists
    from grouper.schemes.pdpm.codes import Diagnoses
    from grouper.schemes.pdpm.compiled import CompiledPdpm

REASONS: tuple[Reason, ...] = (
    Reason.KIND_UNSUPPORTED,
    Reason.CODE_SYSTEM_MISMATCH,
    Reason.DX_PRINCIPAL_MISSING,
    Reason.DX_PRINCIPAL_UNKNOWN,
    Reason.DX_PRINCIPAL_EDITION,
    Reason.DX_RETURNED,
    Reason.DX_CATEGORY_NONE,
    Reason.ADMISSION_MISSING,
    Reason.STAY_ORDER,
    Reason.ASSESSMENT_INCOMPLETE,
    Reason.ASSESSMENT_MISSING,
    Reason.ASSESSMENT_VALUE,
    Reason.ASSESSMENT_CONFLICT,
    Reason.ASSESSMENT_ORDER,
    Reason.ASSESSMENT_ITEM_MISSING,
    Reason.STAY_RUNNING,
    Reason.ASSESSMENT_LATE,
    Reason.ASSESSMENT_GAP,
    Reason.ASSESSMENT_ITEM_UNKNOWN,
    Reason.GROUP_NONE,
    Reason.DX_OTHER_UNKNOWN,
    Reason.DX_OTHER_EDITION,
)
"""The reasons of this family in order of weight; the engine counts by place."""
NUMBER = {reason: i for i, reason in enumerate(REASONS)}
NO_REASON = -1
SERVED, OTHER_KIND, OTHER_SYSTEM = 0, 1, 2
CHUNK = 16_384
"""Assessments that are asked at once; their columns stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A diagnosis beside the principal one that the scheme does not know."""

    row: int
    place: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods of the cases that are grouped, in the order of rows and days.

    ``start`` is in days since 1970; ``groups`` has an array of group numbers for each axis;
    ``points`` are whole numbers as in :class:`.spans.Spans`; ``unmet`` a column for each requirement.
    """

    row: NDArray[np.int64]
    kind: NDArray[np.int64]
    start: NDArray[np.int64]
    days: NDArray[np.int64]
    groups: tuple[NDArray[np.int32], ...]
    category: NDArray[np.int32]
    points: NDArray[np.int64]

    def take(self, chosen: NDArray[np.bool_]) -> Periods:
        """Some of the periods."""
        groups = tuple(g[chosen] for g in self.groups)
        return Periods(
            self.row[chosen],
            self.kind[chosen],
            self.start[chosen],
            self.days[chosen],
            groups,
            self.category[chosen],
            self.points[chosen],
        )


@dataclass(frozen=True, slots=True)
class Numbers:
    """Answers of a batch.

    ``reason`` indexes :data:`REASONS` (or is ``NO_REASON``); bit *i* of ``notices`` stands for the
    *i*-th reason as a warning. ``asked`` and ``answers`` are the assessments that were asked and
    what they answered; ``assessments`` is what the lists hold.
    """

    reason: NDArray[np.int8]
    notices: NDArray[np.uint32]
    periods: Periods
    unknown: tuple[Unknown, ...]
    assessments: Assessments
    asked: NDArray[np.int64]
    answers: Answers


class BatchEngine:
    """Groups record batches under one scheme. Safe to use from several threads at once."""

    def __init__(self, scheme: CompiledPdpm, dx: Diagnoses) -> None:
        self.scheme = scheme
        self.dx = dx
        self.spans = Spans(scheme)
        self._codes = CodeReader(dx.vocabulary)
        self._places = PlaceReader(scheme)
        self._stays = StaysReader(scheme)
        self._columns = Columns(scheme)
        self._unknown = np.zeros(dx.vocabulary.size, np.bool_)
        self._unknown[UNKNOWN] = True

    def run(self, batch: pa.RecordBatch) -> Numbers:
        """Group a batch with the columns of ``CASE_SCHEMA`` that grouping needs."""
        count = batch.num_rows
        codes = self._codes.lists(column_of(batch, "dx"))
        places = self._places.read(batch)
        found = self._stays.assessments(places)
        days = self._stays.days(batch, found)
        served = self._served(batch)
        faults = self._faults(batch, codes, served) + self._stays.faults(found, days)
        reason = np.full(count, NO_REASON, np.int8)
        for fault, where in reversed(faults):
            reason[where] = NUMBER[fault]
        asked = found.asked(reason == NO_REASON)
        answers = self._ask(found, asked, codes)
        periods = self._periods(found, days, asked, answers)
        rows = found.row[asked]
        reason[rows[_any(answers, NONE)]] = NUMBER[Reason.GROUP_NONE]
        reason[rows[_any(answers, OPEN)]] = NUMBER[Reason.ASSESSMENT_ITEM_MISSING]
        notices = np.zeros(count, np.uint32)
        grouped = reason == NO_REASON
        missing = answers.unmet.any(axis=1) | answers.stood_in
        warned = self._stays.warnings(found, days)
        warned += [(Reason.ASSESSMENT_ITEM_MISSING, _rows(rows[missing], count))]
        for notice, where in warned:
            notices[where & grouped] |= np.uint32(1 << NUMBER[notice])
        unknown = self._unknown_others(batch, codes, served)
        for code in unknown:
            notices[code.row] |= np.uint32(1 << NUMBER[code.reason])
        kept = periods.take(grouped[periods.row])
        return Numbers(reason, notices, kept, unknown, found, asked, answers)

    def _served(self, batch: pa.RecordBatch) -> NDArray[np.int8]:
        """``SERVED``, or why the scheme does not serve a case."""
        kind = _texts(batch, "kind", "inpatient")
        system = _texts(batch, "code_system", "nhsa")
        served = np.where(system == self.scheme.options.code_system, SERVED, OTHER_SYSTEM)
        served[~np.isin(kind, self.scheme.card.kinds)] = OTHER_KIND
        return served.astype(np.int8)

    def _faults(
        self, batch: pa.RecordBatch, codes: CodeLists, served: NDArray[np.int8]
    ) -> list[tuple[Reason, NDArray[np.bool_]]]:
        principal = codes.first
        category = self.dx.facts[principal, 0]
        unknown = principal == UNKNOWN
        foreign = unknown.copy()
        column = column_of(batch, "dx")
        for row in np.flatnonzero(unknown).tolist():
            foreign[row] = self.dx.is_foreign(column[row][0].as_py())
        return [
            (Reason.KIND_UNSUPPORTED, served == OTHER_KIND),
            (Reason.CODE_SYSTEM_MISMATCH, served == OTHER_SYSTEM),
            (Reason.DX_PRINCIPAL_MISSING, principal == NO_CODE),
            (Reason.DX_PRINCIPAL_UNKNOWN, unknown & ~foreign),
            (Reason.DX_PRINCIPAL_EDITION, foreign),
            (Reason.DX_RETURNED, category == RETURNED),
            (Reason.DX_CATEGORY_NONE, category == NO_CATEGORY),
        ]

    def _unknown_others(
        self, batch: pa.RecordBatch, codes: CodeLists, served: NDArray[np.int8]
    ) -> tuple[Unknown, ...]:
        at = codes.find(self._unknown)
        rows = codes.rows(at)
        column = column_of(batch, "dx")
        found: list[Unknown] = []
        for row, place in zip(rows.tolist(), (at - codes.start[rows]).tolist(), strict=True):
            if place and not served[row]:
                foreign = self.dx.is_foreign(column[row][place].as_py())
                reason = Reason.DX_OTHER_EDITION if foreign else Reason.DX_OTHER_UNKNOWN
                found.append(Unknown(row, place, reason))
        return tuple(found)

    def _lists(self, codes: CodeLists) -> dict[str, NDArray[np.bool_]]:
        """By list, whether each row holds one of its codes where the list looks for them."""
        listed = np.logical_or.reduce(
            [np.zeros(self.dx.vocabulary.size, np.bool_), *self.dx.members.values()]
        )
        at = codes.find(listed)
        rows, numbers = codes.rows(at), codes.ids(at)
        other = (at > codes.start[rows]) & (numbers != codes.first[rows])
        found: dict[str, NDArray[np.bool_]] = {}
        for name, members in self.dx.members.items():
            hit = members[numbers]
            if name not in self.scheme.any_place:
                hit = hit & other
            found[name] = _rows(rows[hit], len(codes.start) - 1)
        return found

    def _ask(self, found: Assessments, asked: NDArray[np.int64], codes: CodeLists) -> Answers:
        lists = self._lists(codes)
        facts = self.dx.facts[codes.first]
        parts: list[Answers] = []
        for start in range(0, max(1, len(asked)), CHUNK):
            some = asked[start : start + CHUNK]
            rows = found.row[some]
            values = np.full((len(self.scheme.items), len(some)), NOT_STATED, np.int32)
            found.fill(values, some)
            here = {name: holds[rows] for name, holds in lists.items()}
            parts.append(self._columns.ask(values, facts[rows], here))
        if len(parts) == 1:
            return parts[0]
        return Answers(
            tuple(np.concatenate(g) for g in zip(*(p.groups for p in parts), strict=True)),
            np.concatenate([p.category for p in parts]),
            np.concatenate([p.unmet for p in parts]),
            np.concatenate([p.stood_in for p in parts]),
        )

    def _periods(
        self, found: Assessments, days: Days, asked: NDArray[np.int64], answers: Answers
    ) -> Periods:
        row, day = found.row[asked], found.day[asked]
        same = np.append(row[1:] == row[:-1], False)
        first = np.append(True, ~same[:-1]) if len(row) else same
        start = np.where(first, days.start[row], day)
        end = np.where(same, np.append(start[1:], 0), days.end[row])
        length = np.maximum(end - start, 0)
        number = start - days.start[row] + 1
        points = self.spans.points(answers.groups, number, length)
        kind = found.kind[asked]
        return Periods(row, kind, start, length, answers.groups, answers.category, points)


def _any(answers: Answers, what: int) -> NDArray[np.bool_]:
    """Where a group or the category is ``OPEN`` or ``NONE``."""
    columns = (answers.category, *answers.groups)
    found: NDArray[np.bool_] = np.logical_or.reduce([column == what for column in columns])
    return found


def _rows(rows: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    found = np.zeros(count, np.bool_)
    found[rows] = True
    return found


def _texts(batch: pa.RecordBatch, name: str, default: str) -> NDArray[np.str_]:
    texts, places = texts_of(column_of(batch, name))
    words = np.array([*(text or default for text in texts), default], np.str_)
    found: NDArray[np.str_] = words[places]
    return found
