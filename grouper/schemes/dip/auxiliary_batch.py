"""Auxiliary directories of many cases at once: the winning factor, its subtype, and the gaps.

Every condition gives two masks, where it certainly holds and where it may hold (a missing value);
alternatives and subtypes combine them. :mod:`grouper.schemes.dip.auxiliary` is the scalar form.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.factors import CODE_KEYS, SCALE, Asked, Subtype
from grouper.case.dates import local_days
from grouper.case.fields import ZONE
from grouper.schemes.columns import column_of, numbers_of, texts_of
from grouper.schemes.dip.auxiliary_codes import (
    CharlsonAnswers,
    KeyAnswers,
    LevelAnswers,
    Listed,
    Spellings,
)
from grouper.schemes.dip.auxiliary_tables import GAP_REASON, GAPS, LEVELS, variant_of
from grouper.schemes.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codebooks.factors import Condition, InForce
    from grouper.schemes.dip.auxiliary_tables import AuxiliaryTables

_EPOCH = date(1970, 1, 1)
_FIELD = {Asked.AGE: "age", Asked.AGE_DAYS: "age_days", Asked.LOS: "los"}
_DAY_HOURS = 24
_BIT = {reason: 1 << place for place, reason in enumerate(GAPS)}


@dataclass(frozen=True, slots=True)
class AuxiliaryColumns:
    """The answer for a batch, one place a case.

    Attributes:
        factor: the factor times :data:`codebooks.factors.SCALE`.
        winner: place of the winning subtype in ``subtypes``, -1 for none.
        gaps: the missing values that could have changed the factor, a bit for each of
            :data:`grouper.schemes.dip.auxiliary_tables.GAPS` (the first is bit 0).
        subtypes: every subtype that is ever in force for the scheme.
    """

    factor: NDArray[np.int64]
    winner: NDArray[np.int64]
    gaps: NDArray[np.int64]
    subtypes: tuple[Subtype, ...]

    def with_gap(self, reason: Reason) -> NDArray[np.int64]:
        """The rows that have a gap."""
        return np.flatnonzero(self.gaps & _BIT[reason])


class AuxiliaryBatch:
    """The auxiliary directories of one scheme, for batches of cases.

    Args:
        tables: of the scheme.
        groups: the codes of the scheme's groups; a batch names them by their place.
    """

    def __init__(self, tables: AuxiliaryTables, groups: Sequence[str]) -> None:
        self._tables = tables
        self.subtypes = tuple(dict.fromkeys(s for p in tables.periods for s in p.subtypes))
        self._place = {subtype: place for place, subtype in enumerate(self.subtypes)}
        self._spellings = Spellings()
        self._keys: dict[Condition, KeyAnswers] = {}
        self._charlson: dict[str, CharlsonAnswers] = {}
        self._levels: dict[str, LevelAnswers] = {}
        self._factors = [self._of_period(period, groups) for period in tables.periods]
        starts = [(period.valid_from - _EPOCH).days for period in tables.periods]
        self._starts = np.array(starts, np.int64)

    @staticmethod
    def _of_period(
        period: InForce, groups: Sequence[str]
    ) -> list[tuple[Subtype, NDArray[np.int64]]]:
        """The factor of each group for each subtype that has any; 0 for none.

        One place more than there are groups serves cases without one.
        """
        found = []
        for subtype in period.subtypes:
            rows = [period.factor(subtype, group) for group in groups]
            factors = [int(row.factor * SCALE) if row else 0 for row in rows]
            if any(factors):
                found.append((subtype, np.array([*factors, 0], np.int64)))
        return found

    def __call__(self, batch: pa.RecordBatch, group: NDArray[np.integer[Any]]) -> AuxiliaryColumns:
        """The factors of a batch.

        Args:
            batch: the cases; missing columns are missing values.
            group: the place of each case's group, -1 for a case without one.
        """
        size = batch.num_rows
        best, winner = np.zeros(size, np.int64), np.full(size, -1, np.int64)
        gaps = np.zeros(size, np.int64)
        if self._tables.active and size:
            days, undated = _days(column_of(batch, "discharge_time"))
            gaps[undated & (group >= 0)] = _BIT[Reason.SCHEME_DATE_MISSING]
            period = np.searchsorted(self._starts, days, side="right") - 1
            for at, factors in enumerate(self._factors):
                rows = np.flatnonzero((period == at) & ~undated & (group >= 0))
                if factors and len(rows):
                    part = batch if len(rows) == size else batch.take(pa.array(rows))
                    best[rows], winner[rows], gaps[rows] = self._answer(part, group[rows], factors)
        return AuxiliaryColumns(np.where(winner < 0, SCALE, best), winner, gaps, self.subtypes)

    def _answer(
        self,
        batch: pa.RecordBatch,
        group: NDArray[np.integer[Any]],
        factors: list[tuple[Subtype, NDArray[np.int64]]],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        asked = _Asked(self, batch)
        size = batch.num_rows
        best, winner = np.zeros(size, np.int64), np.full(size, -1, np.int64)
        open_: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        for subtype, of_groups in factors:
            factor = of_groups[group]
            met, gap = asked.subtype(subtype)
            better = met & (factor > best)
            best[better] = factor[better]
            winner[better] = self._place[subtype]
            if gap is not None:
                open_.append((factor, gap))
        gaps = np.zeros(size, np.int64)
        for factor, gap in open_:
            changes = np.where(winner < 0, factor != SCALE, factor > best) & (factor > 0)
            gaps |= np.where(changes, gap, 0)
        return best, winner, gaps

    def met(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        """Which subtypes the cases meet, whether or not these have factors.

        Returns:
            One row for each of :attr:`subtypes`, one column a case; a case without a day of
            discharge meets none.
        """
        found = np.zeros((len(self.subtypes), batch.num_rows), np.bool_)
        days, undated = _days(column_of(batch, "discharge_time"))
        period = np.searchsorted(self._starts, days, side="right") - 1
        for at, in_force in enumerate(self._tables.periods):
            rows = np.flatnonzero((period == at) & ~undated)
            asked = _Asked(self, batch.take(pa.array(rows)))
            for subtype in in_force.subtypes if len(rows) else ():
                found[self._place[subtype], rows] = asked.subtype(subtype)[0]
        return found

    def key_answers(self, condition: Condition) -> KeyAnswers:
        """The codes that a condition means."""
        if condition not in self._keys:
            self._keys[condition] = KeyAnswers(self._spellings, condition.keys)
        return self._keys[condition]

    def charlson_answers(self, condition: Condition) -> CharlsonAnswers:
        """The Charlson variant that a condition names."""
        if condition.table not in self._charlson:
            variant, scope = variant_of(condition)
            self._charlson[condition.table] = CharlsonAnswers(self._spellings, variant, scope)
        return self._charlson[condition.table]

    def level_answers(self, condition: Condition) -> LevelAnswers:
        """The CC table that a condition names."""
        if condition.table not in self._levels:
            self._levels[condition.table] = LevelAnswers(self._spellings, condition.table)
        return self._levels[condition.table]

    def codes(self, batch: pa.RecordBatch, name: str) -> Listed:
        """The codes of a list column."""
        return self._spellings.read(column_of(batch, name))


class _Asked:
    """The conditions asked of one batch; what was answered once is kept."""

    def __init__(self, engine: AuxiliaryBatch, batch: pa.RecordBatch) -> None:
        self._engine, self._batch = engine, batch
        self._size = batch.num_rows
        self._codes: dict[str, Listed] = {}
        self._numbers: dict[str, tuple[NDArray[Any], NDArray[np.bool_]]] = {}
        self._answers: dict[Condition, tuple[NDArray[np.bool_], NDArray[np.bool_] | None]] = {}

    def subtype(self, subtype: Subtype) -> tuple[NDArray[np.bool_], NDArray[np.int64] | None]:
        """Where a subtype is met, and the bits of the gaps that leave it open (None: nowhere)."""
        met = np.zeros(self._size, np.bool_)
        gaps: NDArray[np.int64] | None = None
        for alternative in subtype.alternatives:
            sure, may = np.ones(self._size, np.bool_), np.ones(self._size, np.bool_)
            missing: list[tuple[int, NDArray[np.bool_]]] = []
            for condition in alternative:
                holds, unknown = self._condition(condition)
                sure &= holds
                if unknown is None:
                    may &= holds
                else:
                    may &= holds | unknown
                    missing.append((_BIT[GAP_REASON[condition.asked]], unknown))
            met |= sure
            for bit, unknown in missing:
                gaps = np.zeros(self._size, np.int64) if gaps is None else gaps
                gaps |= np.where(may & unknown, bit, 0)
        return met, None if gaps is None else np.where(met, 0, gaps)

    def _condition(
        self, condition: Condition
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_] | None]:
        """Where it holds, and where its value is missing (None: it never is)."""
        if condition not in self._answers:
            self._answers[condition] = self._ask(condition)
        return self._answers[condition]

    def _ask(self, condition: Condition) -> tuple[NDArray[np.bool_], NDArray[np.bool_] | None]:
        asked = condition.asked
        if asked in CODE_KEYS:
            return self._coded(condition), None
        if asked == Asked.CC_LEVEL:
            levels = self._engine.level_answers(condition).levels(self._listed("dx"))
            wanted = np.array([level in condition.words for level in LEVELS])
            return wanted[levels], None
        if asked in {Asked.DISCHARGE_WAY, Asked.NOT_DISCHARGE_WAY}:
            ways, places = texts_of(column_of(self._batch, "discharge_way"))
            wanted = np.array([*(way in condition.words for way in ways), False])
            listed = wanted[places] == (asked == Asked.DISCHARGE_WAY)
            return listed & (places >= 0), places < 0
        missing: NDArray[np.bool_] | None = None
        if asked == Asked.CHARLSON:
            numbers: NDArray[Any] = self._engine.charlson_answers(condition).points(
                self._listed("dx")
            )
        else:
            numbers, missing = self._number(asked)
        holds = np.ones(self._size, np.bool_) if missing is None else ~missing
        if condition.low is not None:
            holds &= numbers >= condition.low
        if condition.high is not None:
            holds &= numbers <= condition.high
        return holds, missing

    def _coded(self, condition: Condition) -> NDArray[np.bool_]:
        asked = condition.asked
        codes = self._listed("px" if asked == Asked.PROCEDURE else "dx")
        wanted = self._engine.key_answers(condition).answers()[codes.numbers]
        if asked == Asked.PRINCIPAL_DIAGNOSIS:
            wanted = wanted & codes.first
        elif asked == Asked.OTHER_DIAGNOSIS:
            wanted = wanted & codes.others()
        return codes.any_of(wanted)

    def _listed(self, name: str) -> Listed:
        if name not in self._codes:
            self._codes[name] = self._engine.codes(self._batch, name)
        return self._codes[name]

    def _number(self, asked: Asked) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        name = _FIELD.get(asked, "icu_hours")
        if name not in self._numbers:
            self._numbers[name] = numbers_of(column_of(self._batch, name))
        numbers, missing = self._numbers[name]
        if name == "icu_hours":
            missing = missing | ~np.isfinite(numbers)
            days = np.where(missing, 0, numbers) / _DAY_HOURS
            numbers = np.floor(days) if asked == Asked.ICU_DAYS_COMPLETED else np.ceil(days)
        return numbers, missing


def _days(column: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Local days since 1970 and where there is none."""
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.int64), np.ones(len(column), np.bool_)
    undated = column.is_null().to_numpy(zero_copy_only=False)
    if column.type.tz == ZONE:
        seconds = pc.fill_null(column.cast(pa.timestamp("s", tz=ZONE), safe=False), 0)
        plain = seconds.to_numpy(zero_copy_only=False).astype(np.int64)
        return local_days(plain).astype(np.int64), undated
    local = pc.local_timestamp(column) if column.type.tz else column
    days = pc.fill_null(local.cast(pa.date32(), safe=False).cast(pa.int32()), 0)
    return days.to_numpy(zero_copy_only=False).astype(np.int64), undated
