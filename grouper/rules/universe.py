"""The codes and numbers of one book as bit sets, for reasoning about its rules.

A set of codes is a whole number with one bit per code, so that set algebra over tens of thousands
of codes is a few machine operations. Two bits stand for what no set names: ``EMPTY``, no code at
all, and ``OTHER``, any further code. The values of a scalar are cut at the numbers that rules
compare them with; one bit per piece, so the same algebra serves for intervals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codebooks.folding import fold_code
from grouper.rules.ast import Cmp, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from codebooks.book import SchemeBook

EMPTY = 1
"""The bit of "no code"; only a principal field can hold it."""
OTHER = 2
"""The bit of all codes that stand in no set."""
MISSING = 1
"""The bit of a scalar without a value."""

_WHOLE = frozenset({Scalar.NL, Scalar.XB, Scalar.XSRTL, Scalar.ZYTS})
"""Scalars counted in whole units; the others may have decimals."""


class Universe:
    """What the codes of a case can be.

    Args:
        sets: members of each named set.
        cc: code, level and exclusion table of each complication.
        exclusions: principal diagnoses of each exclusion table.
    """

    def __init__(
        self,
        sets: Mapping[str, Iterable[str]],
        cc: Iterable[tuple[str, str, str]] = (),
        exclusions: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self._ids: dict[str, int] = {}
        self._folded: dict[str, str] = {}
        members = {set_id: self._intern(codes) for set_id, codes in sets.items()}
        barred = {name: self._intern(codes) for name, codes in (exclusions or {}).items()}
        classes: dict[tuple[str, str], list[int]] = {}
        for code, level, exclusion in cc:
            classes.setdefault((level, exclusion), []).extend(self._intern([code]))
        self._sets = {set_id: self._mask(ids) for set_id, ids in members.items()}
        tables = {name: self._mask(ids) for name, ids in barred.items()}
        self.complications: tuple[tuple[str, int, int], ...] = tuple(
            (level, self._mask(ids), tables.get(exclusion, 0))
            for (level, exclusion), ids in classes.items()
        )
        """Level, codes and the principal diagnoses that exclude them."""
        self.full = (1 << (len(self._ids) + 2)) - 1
        """Every code, ``OTHER`` and ``EMPTY``."""

    @classmethod
    def of(cls, book: SchemeBook) -> Universe:
        """The universe of a book; rows without a code are left out."""
        return cls(
            _grouped(book, "sets", "set_id", "code"),
            [
                (row["code"], row["level"], row["exclusion"])
                for row in book.rows("cc")
                if row["code"]
            ],
            _grouped(book, "exclusions", "exclusion", "principal_code"),
        )

    def _intern(self, codes: Iterable[str]) -> list[int]:
        ids, folded = self._ids, self._folded
        found: list[int] = []
        for code in codes:
            key = folded.get(code)
            if key is None:
                key = folded[code] = fold_code(code)
            found.append(ids.setdefault(key, len(ids) + 2))
        return found

    def _mask(self, ids: Sequence[int]) -> int:
        bits = np.zeros(len(self._ids) + 2, dtype=np.uint8)
        bits[np.array(ids, dtype=np.int64)] = 1
        return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")

    def codes(self, sets: Iterable[str]) -> int:
        """The codes of one or more sets as bits; a set that the book lacks has none."""
        union = 0
        for set_id in sets:
            union |= self._sets.get(set_id, 0)
        return union


def _grouped(book: SchemeBook, table: str, key: str, value: str) -> dict[str, list[str]]:
    columns = book.tables[table]
    groups: dict[str, list[str]] = {}
    pairs = zip(columns[key].to_pylist(), columns[value].to_pylist(), strict=True)
    for name, code in pairs:
        if name:
            groups.setdefault(name, []).extend([code] if code else [])
    return groups


class Line:
    """The values of one scalar, cut at the numbers it is compared with.

    Pieces in order: below the first cut, the first cut itself, between the first and the second,
    and so on. Values are never negative (a case with a negative one is invalid); between two neighbouring whole numbers a scalar counted
    in whole units has nothing.
    """

    def __init__(self, scalar: Scalar, cuts: Iterable[int]) -> None:
        self._cuts = sorted(set(cuts))
        # The last piece, above all cuts, is never empty.
        self.full = MISSING | (2 << 2 * len(self._cuts))
        before: int | None = None
        for index, cut in enumerate(self._cuts):
            if before is None:
                gap = cut > 0
            else:
                gap = scalar not in _WHOLE or cut - before > 1
            self.full |= (4 << 2 * index) | ((2 << 2 * index) if gap else 0)
            before = cut

    def satisfying(self, cmp: Cmp, value: int) -> int:
        """The pieces where ``scalar cmp value`` holds; ``value`` must be one of the cuts."""
        index = self._cuts.index(value)
        point = 4 << 2 * index
        below = point - 1 - MISSING
        above = ~(point | below | MISSING)
        chosen = {
            Cmp.EQ: point,
            Cmp.LT: below,
            Cmp.LE: below | point,
            Cmp.GT: above,
            Cmp.GE: above | point,
        }[cmp]
        return chosen & self.full
