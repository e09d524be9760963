"""What few rows ask beside the principal diagnosis and the procedures (batch engine)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from grouper.schemes.dip.index import Groups, Index, Predicates, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codebooks.dip.keys import Key
    from grouper.schemes.dip.compiled import CompiledScheme
    from grouper.schemes.dip.prepare import Prepared
    from grouper.schemes.dip.rows import Limits

NONE = -1
"""No row, procedure or set."""
_FAR = np.iinfo(np.int64).max
_LEAST = np.iinfo(np.int64).min


class Conditions:
    """What rows ask beside the principal diagnosis and the procedures: few rows do."""

    def __init__(self, scheme: CompiledScheme, index: Index) -> None:
        sets: dict[tuple[Key, ...], int] = {}
        all_of: list[tuple[int, int]] = []
        rows = index.rows
        self._wanted = np.full(len(rows), NONE, np.int64)
        self._resistant_set = np.full(len(rows), NONE, np.int64)
        self._listed = np.zeros(len(rows), np.bool_)
        self._anywhere_set = np.full(len(rows), NONE, np.int64)
        for row in rows:
            all_of += [(row.number, sets.setdefault(keys, len(sets))) for keys in row.others]
            if row.resistance is not None:
                self._wanted[row.number] = row.resistance.wanted
                self._listed[row.number] = row.resistance.listed
                self._resistant_set[row.number] = sets.setdefault(row.resistance.others, len(sets))
            if row.diagnosis_any:
                self._anywhere_set[row.number] = sets.setdefault(row.principal, len(sets))
        self._sets = Predicates(index.diagnoses, tuple(sets))
        asked = np.array(all_of, np.int64).reshape(-1, 2)
        self._others = Groups.of(asked[:, 0], asked[:, 1], len(rows))
        self._limits = (
            _Range([row.age_days for row in rows]),
            _Range([row.weight_g for row in rows]),
        )
        self._asking = np.zeros(len(rows), np.bool_)
        self._asking[asked[:, 0]] = True
        self._asking |= (self._wanted != NONE) | (self._anywhere_set != NONE)
        for limits in self._limits:
            self._asking |= limits.asked
        anywhere = Predicates(index.diagnoses, [r.principal for r in rows if r.diagnosis_any])
        self._anywhere_codes = anywhere.mask()
        self._resistant_codes = np.zeros(scheme.vocabulary.size, np.bool_)
        self._resistant_codes[np.array(sorted(scheme.listed_resistant), np.int64)] = True
        self._asks_limits = self._limit_tables(index)

    def _limit_tables(self, index: Index) -> tuple[NDArray[np.bool_], ...]:
        """For age and weight: the classes with a row that asks, and the codes that lead to one."""
        found = []
        for limits in self._limits:
            class_, row = index.rows_of_class.expand(np.arange(index.anywhere + 1))
            classes = np.zeros(index.anywhere + 1, np.bool_)
            classes[class_[limits.asked[row]]] = True
            keys = [r.principal for r in index.rows if r.diagnosis_any and limits.asked[r.number]]
            found += [classes, Predicates(index.diagnoses, keys).mask()]
        return tuple(found)

    def asks(
        self, cases: Prepared, classes: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where a row of the case's diagnoses asks for the age in days, and for the weight."""
        found = []
        for turn in (0, 2):
            of_class, codes = self._asks_limits[turn : turn + 2]
            asked = of_class.take(classes)
            asked[cases.dx.rows(cases.dx.find(codes))] = True
            found.append(asked)
        return found[0], found[1]

    def meets_anywhere(self, cases: Prepared, which: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of some cases have a diagnosis that some row takes in any place."""
        met = np.zeros(len(cases.principal), np.bool_)
        met[cases.dx.rows(cases.dx.find(self._anywhere_codes))] = True
        return met.take(which)

    def hold(
        self,
        cases: Prepared,
        case: NDArray[np.int64],
        row: NDArray[np.int64],
        assumed: tuple[bool, bool],
    ) -> NDArray[np.bool_]:
        """Which candidates meet all such conditions of their rows."""
        held = np.ones(len(case), np.bool_)
        asking = np.flatnonzero(self._asking.take(row))
        if not len(asking):
            return held
        case, row = case.take(asking), row.take(asking)
        ok = np.ones(len(asking), np.bool_)
        values = (cases.age_days, cases.weight_g)
        for limits, value, gap, absent, assume in zip(
            self._limits, values, cases.missing, cases.absent, assumed, strict=True
        ):
            inside = limits.hold(row, value.take(case)) & ~absent.take(case)
            if assume:
                inside |= gap.take(case)
            ok &= inside | ~limits.asked.take(row)
        anywhere = self._anywhere_set.take(row)
        ok &= self._any_diagnosis(cases, case, anywhere, first=0) | (anywhere == NONE)
        resistant = self._any_diagnosis(cases, case, self._resistant_set.take(row), first=1)
        listed = self._resistant_codes.take(cases.principal.take(case))
        resistant |= self._listed.take(row) & listed
        wanted = self._wanted.take(row)
        ok &= (wanted == NONE) | (resistant == (wanted == 1))
        owner, sets = self._others.expand(row)
        met = self._any_diagnosis(cases, case.take(owner), sets, first=1)
        ok[owner[~met]] = False
        held[asking] = ok
        return held

    def _any_diagnosis(
        self, cases: Prepared, case: NDArray[np.int64], sets: NDArray[np.int64], *, first: int
    ) -> NDArray[np.bool_]:
        """Whether a diagnosis is in the set of the same place (``first`` 1: an other one)."""
        found = np.zeros(len(case), np.bool_)
        asked = np.flatnonzero(sets != NONE)
        of = case.take(asked)
        start = np.minimum(cases.dx.start.take(of) + first, cases.dx.start.take(of + 1))
        owner, at = spread(start, cases.dx.start.take(of + 1))
        codes = cases.dx.ids(at)
        hit = self._sets.holds(sets.take(asked).take(owner), codes)
        if first:
            hit &= codes != cases.principal.take(of).take(owner)
        found[asked.take(owner[hit])] = True
        return found


class _Range:
    """The bounds of rows, both included, and whether a row has any."""

    def __init__(self, limits: Sequence[Limits]) -> None:
        self.asked = np.array([bool(one) for one in limits], np.bool_)
        self._least = np.array([_LEAST if x.least is None else x.least for x in limits], np.int64)
        self._most = np.array([_FAR if x.most is None else x.most for x in limits], np.int64)

    def hold(self, row: NDArray[np.int64], value: NDArray[np.int64]) -> NDArray[np.bool_]:
        inside: NDArray[np.bool_] = self._least.take(row) <= value
        return inside & (value <= self._most.take(row))
