"""A record batch of cases as arrays: procedures that count, treatments, values and gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from grouper.schemes.columns import CodeLists, CodeReader, column_of, numbers_of
from grouper.schemes.dip.compiled import CONSERVATIVE, NOT_MAIN
from grouper.schemes.dip.index import TREATMENTS, Predicates
from grouper.schemes.dip.policy import Treatment
from grouper.schemes.vocabulary import NO_CODE, UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.schemes.dip.compiled import CompiledScheme
    from grouper.schemes.dip.index import Index

MICRO = 10_000
"""A cost in cents times this is in millionths of a yuan, the unit of the mean costs."""
_CENTS = pa.decimal128(14, 2)


@dataclass(frozen=True, slots=True)
class Procedures:
    """The distinct procedures that count, by case and in the order stated.

    Those of case *i* stand from ``start[i]`` to ``start[i + 1]``; fields as in
    :class:`grouper.schemes.dip.facts.Procedure`, ``place`` as in :class:`Index`.
    """

    start: NDArray[np.int64]
    place: NDArray[np.int64]
    treatment: NDArray[np.uint8]
    may_be_main: NDArray[np.bool_]
    is_main: NDArray[np.bool_]
    repeated: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch ready to be matched.

    Attributes:
        dx: the diagnoses as they came.
        px: the procedures as they came.
        principal: number of each case's principal diagnosis.
        procedures: those that count.
        treatments: treatments of the procedures that may be main, one bit each.
        has_main: whether there is one that may be.
        cost: total cost in millionths of a yuan.
        no_cost: where it is missing.
        age_days: age in days.
        weight_g: birth weight in grams.
        missing: for age and weight, where a gap leaves a row open.
        absent: for age and weight, where the value is missing at all.
    """

    dx: CodeLists
    px: CodeLists
    principal: NDArray[np.int64]
    procedures: Procedures
    treatments: NDArray[np.uint8]
    has_main: NDArray[np.bool_]
    cost: NDArray[np.int64]
    no_cost: NDArray[np.bool_]
    age_days: NDArray[np.int64]
    weight_g: NDArray[np.int64]
    missing: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    absent: tuple[NDArray[np.bool_], NDArray[np.bool_]]


class Preparer:
    """Reads batches for one scheme."""

    def __init__(self, scheme: CompiledScheme, index: Index) -> None:
        self._index = index
        self._codes = CodeReader(scheme.vocabulary)
        size = scheme.vocabulary.size
        self._treatment = np.full(size, Treatment.CONSERVATIVE, np.uint8)
        numbers = np.array(list(scheme.treatments), np.int64)
        self._treatment[numbers] = np.array(list(scheme.treatments.values()), np.uint8)
        self._counts = np.ones(size, np.bool_)
        self._counts[[NO_CODE, UNKNOWN]] = False
        # Which set of principal diagnoses a procedure needs to be main; -1: any, -2: none does.
        self._needs = np.full(size, _ANY, np.int64)
        texts: dict[str, int] = {}
        keys = []
        for number, exclusion in scheme.exclusions.items():
            self._counts[number] &= exclusion.treatment != CONSERVATIVE
            if exclusion.treatment == NOT_MAIN:
                self._needs[number] = _NEVER
            elif exclusion.treatment != CONSERVATIVE:
                if exclusion.text not in texts:
                    keys.append(exclusion.diagnoses)
                self._needs[number] = texts.setdefault(exclusion.text, len(texts))
        self._diagnoses = Predicates(index.diagnoses, keys)

    def prepare(self, batch: pa.RecordBatch) -> Prepared:
        """Read a batch with the columns of ``CASE_SCHEMA`` that matching needs."""
        dx = self._codes.lists(column_of(batch, "dx"))
        px = self._codes.lists(column_of(batch, "px"))
        principal = dx.first
        procedures, row = self._procedures(px, principal)
        may = procedures.may_be_main
        treatments = np.zeros(len(principal), np.uint8)
        for treatment in range(TREATMENTS):
            of_it = row[may & (procedures.treatment == treatment)]
            treatments[of_it] |= np.uint8(1 << treatment)
        has_main = np.zeros(len(principal), np.bool_)
        has_main[row[may]] = True
        cost, no_cost = _cost(column_of(batch, "total_cost"))
        values = [numbers_of(column_of(batch, name)) for name in ("age_days", "birth_weight_g")]
        (age_days, no_days), (birth, no_birth) = values
        plain, no_plain = numbers_of(column_of(batch, "weight_g"))
        age, no_age = numbers_of(column_of(batch, "age"))
        young = no_age | (age < 1)
        no_weight = no_birth & no_plain
        return Prepared(
            dx=dx,
            px=px,
            principal=principal,
            procedures=procedures,
            treatments=treatments,
            has_main=has_main,
            cost=cost,
            no_cost=no_cost,
            age_days=age_days.astype(np.int64),
            weight_g=np.where(no_birth, plain, birth).astype(np.int64),
            missing=(no_days & young, no_weight & young),
            absent=(no_days, no_weight),
        )

    def _procedures(
        self, px: CodeLists, principal: NDArray[np.int64]
    ) -> tuple[Procedures, NDArray[np.int64]]:
        """The procedures that count, and the case of each."""
        cases = len(principal)
        codes = px.numbers.take(px.places) if len(px.places) else np.zeros(0, np.int64)
        kept = np.flatnonzero(self._counts.take(codes))
        row = np.repeat(np.arange(cases), np.diff(px.start)).take(kept)
        codes = codes.take(kept)
        first, repeated = _distinct(row * len(self._counts) + codes)
        row, codes = row.take(first), codes.take(first)
        may = self._may_be_main(codes, principal.take(row))
        is_main = np.zeros(len(row), np.bool_)
        able = np.flatnonzero(may)
        of_case = row.take(able)
        is_main[able[np.append(True, of_case[1:] != of_case[:-1])[: len(able)]]] = True
        start = np.searchsorted(row, np.arange(cases + 1)).astype(np.int64)
        found = Procedures(
            start,
            self._index.place.take(codes),
            self._treatment.take(codes),
            may,
            is_main,
            repeated,
        )
        return found, row

    def _may_be_main(
        self, codes: NDArray[np.int64], principal: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        needs = self._needs.take(codes)
        may: NDArray[np.bool_] = needs == _ANY
        asked = np.flatnonzero(needs >= 0)
        may[asked] = self._diagnoses.holds(needs.take(asked), principal.take(asked))
        return may


_ANY, _NEVER = -1, -2


def _distinct(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Places of the first of equal keys, in order, and whether each has others like it.

    Equal keys stand near each other: the keys of one case follow each other.
    """
    order = np.argsort(keys, kind="stable")
    sorted_ = keys.take(order)
    same = sorted_[1:] == sorted_[:-1]
    if not same.any():
        return np.arange(len(keys)), np.zeros(len(keys), np.bool_)
    first = np.append(True, ~same)
    repeated = np.append(same, False)[first]
    places = order[first]
    back = np.argsort(places, kind="stable")
    return places[back], repeated[back]


def _cost(column: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Costs in millionths of a yuan, and where there is none."""
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.int64), np.ones(len(column), np.bool_)
    if column.type != _CENTS:
        column = column.cast(_CENTS)
    # A decimal is 128 bits, low word first; 14 digits fit into that word.
    words: NDArray[Any] = np.frombuffer(column.buffers()[1], np.int64)
    cents = words[2 * column.offset : 2 * (column.offset + len(column)) : 2]
    absent = column.is_null().to_numpy(zero_copy_only=False)
    return np.where(absent, 0, cents) * MICRO, absent
