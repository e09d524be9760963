"""The facts of cases that conditions ask about, each made when it is first asked for.

Their names and types stand in ``codebooks/data/audit/facts.csv``. What is made of the record:

- ``days_old``: days from birth to admission (of a visit: to its day), else the age in days as stated.
- ``los_counted``: days between admission and discharge, at least 1; ``stay_hours`` by the times.
- ``newborn_weight``: at birth, else on admission, else of a newborn that does not say which.
- ``parts_total``: in scope, own, above limit and first share, where all four are stated;
  ``paid_total``: fund and patient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from codebooks.audit.conditions import types
from codebooks.audit.expression import Type
from grouper.audit.coding import code_facts, line_facts
from grouper.audit.coding.codes import CodeTables
from grouper.audit.coding.columns import (
    PARTS,
    Lists,
    Scalars,
    Words,
    decimals,
    encoded,
    flat,
    merged,
    rows_of,
    words_of,
)
from grouper.audit.lines import NO_TIME, local_seconds
from grouper.case.dates import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Column = Scalars | Words | Lists
_HOUR = 3600
_LISTED = ("dx_poa", "px_level", "assessment_item", "assessment_type")
_PARTS_OF_COST = ("scope_cost", "own_cost", "over_limit_cost", "first_share_cost")


class Facts:
    """The facts of a table of cases.

    Attributes:
        cases: columns of ``CASE_SCHEMA``; those that are missing are empty.
        count: how many cases.
        charges: their lines, or None where none are at hand.
    """

    def __init__(self, cases: pa.Table, charges: pa.Table | None = None) -> None:
        self.cases = cases.combine_chunks()
        self.count: int = cases.num_rows
        self.charges = line_facts.charged(self.cases, charges)
        self.tables = CodeTables()
        self._made: dict[str, Column] = {}

    @property
    def lacking(self) -> frozenset[str]:
        """The facts that no case can answer, since there are no charge lines at all."""
        if self.charges is not None:
            return frozenset()
        return frozenset(name for name in types() if name.startswith("line"))

    def raw(self, name: str) -> pa.Array | None:
        """A column of the cases as it is."""
        if name not in self.cases.column_names:
            return None
        column = self.cases.column(name)
        return column.chunk(0) if column.num_chunks else pa.nulls(0)

    def scalars(self, name: str) -> Scalars:
        """A number or a time."""
        found = self._get(name)
        if not isinstance(found, Scalars):
            raise TypeError(name)
        return found

    def words(self, name: str) -> Words:
        """A word or a code."""
        found = self._get(name)
        if not isinstance(found, Words):
            raise TypeError(name)
        return found

    def lists(self, name: str) -> Lists:
        """A list."""
        found = self._get(name)
        if not isinstance(found, Lists):
            raise TypeError(name)
        return found

    def _get(self, name: str) -> Column:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> Column:
        if name in _DERIVED:
            return _DERIVED[name](self)
        if name in code_facts.MADE:
            return code_facts.MADE[name](self)
        if name.startswith("line"):
            return line_facts.fact(self.charges, name, self.count)
        kind = types()[name]
        if kind is Type.NUMBER:
            return decimals(self.raw(name), self.count)
        if kind is Type.TIME:
            return _time(self.raw(name), self.count)
        if name in _LISTED:
            return _list(self.raw(name), self.count)
        return words_of(self.raw(name), self.count, codes=kind.coded)


def _time(column: pa.Array | None, count: int) -> Scalars:
    if column is None or pa.types.is_null(column.type):
        return Scalars(np.zeros(count, np.int64), np.zeros(count, bool))
    if pa.types.is_date32(column.type):
        days = decimals(column.cast(pa.int32()), count)
        return Scalars(days.values // PARTS * DAY_SECONDS, days.known)
    seconds = local_seconds(column, count)
    known = seconds != NO_TIME
    return Scalars(np.where(known, seconds, 0), known)


def _list(column: pa.Array | None, count: int) -> Lists:
    lengths, members = flat(column, count)
    row, _ = rows_of(lengths)
    at, words = encoded(members, len(row))
    at, distinct = merged(at, [word or "" for word in words])
    return Lists(row, at, distinct).take(at >= 0)


def _days_old(facts: Facts) -> Scalars:
    birth, admitted = facts.scalars("birth_date"), facts.scalars("admission_time")
    left = facts.scalars("discharge_time")
    begun = np.where(admitted.known, admitted.values, left.values)
    days = (begun // DAY_SECONDS - birth.values // DAY_SECONDS) * PARTS
    sure = birth.known & (admitted.known | left.known)
    stated = facts.scalars("age_days")
    return Scalars(np.where(sure, days, stated.values), sure | stated.known)


def _stay(facts: Facts) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    start, end = facts.scalars("admission_time"), facts.scalars("discharge_time")
    return start.values, end.values, start.known & end.known & (end.values >= start.values)


def _los_counted(facts: Facts) -> Scalars:
    start, end, known = _stay(facts)
    days = np.maximum(1, end // DAY_SECONDS - start // DAY_SECONDS)
    return Scalars(days * PARTS, known)


def _stay_hours(facts: Facts) -> Scalars:
    start, end, known = _stay(facts)
    return Scalars(np.where(known, end - start, 0) * PARTS // _HOUR, known)


def _newborn_weight(facts: Facts) -> Scalars:
    values, known = np.zeros(facts.count, np.int64), np.zeros(facts.count, bool)
    for name in ("birth_weight_g", "admission_weight_g", "weight_g"):
        one = decimals(facts.raw(name), facts.count)
        values = np.where(known, values, one.values)
        known = known | one.known
    return Scalars(values, known)


def _sum(*names: str) -> Callable[[Facts], Scalars]:
    def summed(facts: Facts) -> Scalars:
        parts = [facts.scalars(name) for name in names]
        known = np.logical_and.reduce([part.known for part in parts])
        return Scalars(np.sum([part.values for part in parts], axis=0, dtype=np.int64), known)

    return summed


def _principal_time(facts: Facts) -> Scalars:
    """When the principal diagnosis was written; the first place of ``dx_time``."""
    lengths, members = flat(facts.raw("dx_time"), facts.count)
    row, place = rows_of(lengths)
    times = _time(members, len(row))
    values, known = np.zeros(facts.count, np.int64), np.zeros(facts.count, bool)
    first = place == 0
    values[row[first]], known[row[first]] = times.values[first], times.known[first]
    return Scalars(values, known)


_DERIVED: dict[str, Callable[[Facts], Column]] = {
    "days_old": _days_old,
    "los_counted": _los_counted,
    "stay_hours": _stay_hours,
    "newborn_weight": _newborn_weight,
    "principal_time": _principal_time,
    "parts_total": _sum(*_PARTS_OF_COST),
    "paid_total": _sum("fund_paid", "patient_paid"),
}
