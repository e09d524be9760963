"""A DIP scheme as sorted arrays: which rows a diagnosis and a procedure lead to (batch engine).

Diagnoses that meet the same keys form a class. (class, procedure) leads to the rows that have it
among their main procedures, (class) to the rows that ask for none. (row, procedure) leads to the
related parts that the procedure meets, one bit a part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grouper.schemes.vocabulary import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from codebooks.dip.keys import Key
    from grouper.schemes.dip.compiled import CompiledScheme
    from grouper.schemes.dip.rows import Row

TREATMENTS = 3
"""Kinds of treatment above conservative."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Numbers in groups: those of group *i* are ``items[start[i] : start[i + 1]]``."""

    start: NDArray[np.int64]
    items: NDArray[np.int64]

    @classmethod
    def of(cls, groups: NDArray[np.int64], items: NDArray[np.int64], count: int) -> Groups:
        """Items by the group that each belongs to; within a group they ascend."""
        order = np.lexsort((items, groups))
        start = np.searchsorted(groups[order], np.arange(count + 1))
        return cls(start.astype(np.int64), items[order])

    def expand(self, groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each item of the given groups the place of its group in the argument, and the item."""
        owner, at = spread(self.start.take(groups), self.start.take(groups + 1))
        return owner, self.items.take(at)


def spread(
    first: NDArray[np.int64], stop: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All numbers of the ranges ``first`` to ``stop``, and which range each belongs to."""
    count = stop - first
    owner = np.repeat(np.arange(len(first)), count)
    before = np.cumsum(count) - count
    return owner, np.arange(len(owner)) + (first - before).take(owner)


class Keyed:
    """Numbers by a sorted key."""

    def __init__(self, keys: NDArray[np.int64], items: NDArray[np.int64]) -> None:
        order = np.lexsort((items, keys))
        self.keys, first = np.unique(keys[order], return_index=True)
        self.start = np.append(first, len(keys)).astype(np.int64)
        self.items = items[order]

    def find(self, keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each item found the place of its key in the argument, and the item."""
        if not len(self.keys):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        at = np.searchsorted(self.keys, keys)
        at[at == len(self.keys)] = 0
        hit = np.flatnonzero(self.keys.take(at) == keys)
        at = at.take(hit)
        owner, place = spread(self.start.take(at), self.start.take(at + 1))
        return hit.take(owner), self.items.take(place)


class Diagnoses:
    """The diagnosis codes in order, so that a key is a slice of them.

    Args:
        scheme: the scheme.
    """

    def __init__(self, scheme: CompiledScheme) -> None:
        codes = np.array(list(scheme.diagnoses))
        order = np.argsort(codes)
        self.codes = codes[order]
        self.numbers = np.array(list(scheme.diagnoses.values()), np.int64)[order]
        self.size = scheme.vocabulary.size

    def places(self, key: Key) -> NDArray[np.int64]:
        """Places of the codes that a key takes."""
        if key.is_any:
            return np.arange(len(self.codes))
        first = np.searchsorted(self.codes, key.first)
        last = np.searchsorted(self.codes, key.last + "\U0010ffff")
        places = np.arange(first, last)
        if key.asterisk is None:
            return places
        wanted = "+" + key.asterisk
        return places[np.char.find(self.codes[places], wanted) > 0]

    def members(self, keys: Iterable[Key]) -> NDArray[np.int64]:
        """Numbers of the codes that one of some keys takes."""
        found = [self.numbers[self.places(key)] for key in keys]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


class Index:
    """What the batch engine looks up.

    Attributes:
        classes: class of each diagnosis as the principal one; the class of codes that no row names
            holds the rows for every diagnosis.
        anywhere: the class of the rows that take their diagnosis in any place.
        width: how many places procedures have; place 0 is for those that no row names.
        place: place of each procedure.
        rows_of_class: all rows by class.
        mains: rows by class and main procedure (:meth:`key`).
        plain: rows without procedure or treatment by class.
        conservative: conservative rows by class.
        comprehensive: comprehensive rows by class and treatment.
        parts: mask of related parts by row and procedure, for every procedure that a row lists.
    """

    def __init__(self, scheme: CompiledScheme, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.diagnoses = Diagnoses(scheme)
        listed = sorted(frozenset().union(*(row.lists for row in rows)))
        self.width = len(listed) + 1
        self.place = np.zeros(scheme.vocabulary.size, np.int64)
        self.place[np.array(listed, np.int64)] = np.arange(1, self.width)
        self._set_classes()
        self._set_leads()
        self._set_parts()

    def key(self, one: NDArray[np.int64], place: NDArray[np.int64]) -> NDArray[np.int64]:
        """The key of a class or row and the place of a procedure."""
        return one * self.width + place

    def _set_classes(self) -> None:
        """Number the classes, and list the rows of each."""
        rows = self.rows
        keys = sorted(
            {key for row in rows if not row.diagnosis_any for key in row.principal}, key=str
        )
        number = {key: n for n, key in enumerate(keys)}
        everywhere = tuple(number[key] for key in keys if key.is_any)
        near = [key for key in keys if not key.is_any]
        slices = [self.diagnoses.places(key) for key in near]
        place = np.concatenate([np.zeros(0, np.int64), *slices])
        met = np.repeat([number[key] for key in near], [len(s) for s in slices]).astype(np.int64)
        by_code = Groups.of(place, met, len(self.diagnoses.codes))
        patterns: dict[tuple[int, ...], int] = {everywhere: 0}
        self.classes = np.zeros(self.diagnoses.size, np.int64)
        items, start = by_code.items.tolist(), by_code.start.tolist()
        for code in np.unique(place).tolist():
            pattern = (*everywhere, *items[start[code] : start[code + 1]])
            found = patterns.setdefault(pattern, len(patterns))
            self.classes[self.diagnoses.numbers[code]] = found
        self.anywhere = len(patterns)
        rows_of_key: list[list[int]] = [[] for _ in keys]
        for row in rows:
            if not row.diagnosis_any:
                for key in row.principal:
                    rows_of_key[number[key]].append(row.number)
        pairs = {
            (class_, row)
            for pattern, class_ in patterns.items()
            for key in pattern
            for row in rows_of_key[key]
        }
        pairs |= {(self.anywhere, row.number) for row in rows if row.diagnosis_any}
        table = np.array(sorted(pairs), np.int64).reshape(-1, 2)
        self.rows_of_class = Groups.of(table[:, 0], table[:, 1], self.anywhere + 1)

    def _set_leads(self) -> None:
        """The leads from classes, and classes with procedures, to rows."""
        rows, count = self.rows, self.anywhere + 1
        class_, row = self.rows_of_class.expand(np.arange(count))
        mains = Groups.of(
            np.array([r.number for r in rows for _ in r.main], np.int64),
            self.place[np.array([code for r in rows for code in r.main], np.int64)],
            len(rows),
        )
        owner, place = mains.expand(row)
        self.mains = Keyed(self.key(class_.take(owner), place), row.take(owner))
        bare = np.array([not r.main for r in rows], np.bool_)
        conservative = np.array([r.conservative for r in rows], np.bool_)
        kind = np.array([-1 if r.treatment is None else r.treatment for r in rows], np.int64)
        treated = bare & ~conservative & (kind >= 0)

        def by_class(which: NDArray[np.bool_]) -> Groups:
            kept = which[row]
            return Groups.of(class_[kept], row[kept], count)

        self.plain = by_class(bare & ~conservative & ~treated)
        self.conservative = by_class(bare & conservative)
        kept = treated[row]
        self.comprehensive = Groups.of(
            class_[kept] * TREATMENTS + kind[row[kept]], row[kept], count * TREATMENTS
        )

    def _set_parts(self) -> None:
        keys: list[int] = []
        masks: list[int] = []
        for row in self.rows:
            for code in row.lists:
                keys.append(row.number * self.width + int(self.place[code]))
                masks.append(sum(1 << n for n, part in enumerate(row.related) if code in part))
        order = np.argsort(np.array(keys, np.int64))
        self._part_keys = np.array(keys, np.int64)[order]
        self._part_masks = np.array(masks, np.uint64)[order]

    def parts(
        self, rows: NDArray[np.int64], places: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """The related parts that procedures meet, and whether the row lists them at all."""
        if not len(self._part_keys):
            return np.zeros(len(rows), np.uint64), np.zeros(len(rows), np.bool_)
        keys = self.key(rows, places)
        at = np.searchsorted(self._part_keys, keys)
        at[at == len(self._part_keys)] = 0
        listed = self._part_keys.take(at) == keys
        return np.where(listed, self._part_masks.take(at), np.uint64(0)), listed


class Predicates:
    """Sets of diagnoses that rows ask about beside the principal one.

    Args:
        diagnoses: the codes.
        sets: the keys of each set.
    """

    def __init__(self, diagnoses: Diagnoses, sets: Sequence[tuple[Key, ...]]) -> None:
        self._size = diagnoses.size
        members = [diagnoses.members(keys) + n * self._size for n, keys in enumerate(sets)]
        self._members = np.concatenate([np.zeros(0, np.int64), *members])

    def holds(self, which: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each code is in the set of the same place."""
        if not len(self._members):
            return np.zeros(len(which), np.bool_)
        keys = which * self._size + codes
        at = np.searchsorted(self._members, keys)
        at[at == len(self._members)] = 0
        found: NDArray[np.bool_] = (self._members.take(at) == keys) & (codes != UNKNOWN)
        return found

    def mask(self) -> NDArray[np.bool_]:
        """Codes that are in some set."""
        found = np.zeros(self._size, np.bool_)
        found[self._members % self._size] = True
        return found
