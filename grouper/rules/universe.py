"""The codes and numbers of one book as bit sets, for reasoning about its rules.

A set of codes is a whole number with one bit for each class of codes that no rule tells apart, so
that set algebra over tens of thousands of codes is a few machine operations. Two bits stand for what no set names: ``EMPTY``, no code at
all, and ``OTHER``, any further code. The values of a scalar are cut at the numbers that rules
compare them with; one bit per piece, so the same algebra serves for intervals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codebooks.folding import fold_code
from grouper.rules.ast import Cmp, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

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

    Codes that stand in the same sets share one bit: no rule tells them apart.

    Args:
        sets: members of each named set.
        cc: code, level and exclusion table of each complication.
        exclusions: principal diagnoses of each exclusion table.
        counted: sets whose codes are counted, so that each needs a bit of its own.
    """

    def __init__(
        self,
        sets: Mapping[str, Iterable[str]],
        cc: Iterable[tuple[str, str, str]] = (),
        exclusions: Mapping[str, Iterable[str]] | None = None,
        counted: Collection[str] = (),
    ) -> None:
        codes = _Codes()
        members = {set_id: codes.ids(of) for set_id, of in sets.items()}
        barred = {name: codes.ids(of) for name, of in (exclusions or {}).items()}
        levels: dict[tuple[str, str], list[int]] = {}
        for code, level, exclusion in cc:
            levels.setdefault((level, exclusion), []).extend(codes.ids([code]))
        mask = codes.classes(
            [*members.values(), *barred.values(), *levels.values()],
            [members[set_id] for set_id in counted if set_id in members],
        )
        self._sets = {set_id: mask(ids) for set_id, ids in members.items()}
        tables = {name: mask(ids) for name, ids in barred.items()}
        self.complications: tuple[tuple[str, int, int], ...] = tuple(
            (level, mask(ids), tables.get(exclusion, 0))
            for (level, exclusion), ids in levels.items()
        )
        """Level, codes and the principal diagnoses that exclude them."""
        self.full = codes.full
        """Every code, ``OTHER`` and ``EMPTY``."""

    @classmethod
    def of(cls, book: SchemeBook, counted: Collection[str] = ()) -> Universe:
        """The universe of a book; rows without a code are left out."""
        cc = [book.tables["cc"][name].to_pylist() for name in ("code", "level", "exclusion")]
        return cls(
            _grouped(book, "sets", "set_id", "code"),
            [row for row in zip(*cc, strict=True) if row[0]],
            _grouped(book, "exclusions", "exclusion", "principal_code"),
            counted,
        )

    def codes(self, sets: Iterable[str]) -> int:
        """The codes of one or more sets as bits; a set that the book lacks has none."""
        union = 0
        for set_id in sets:
            union |= self._sets.get(set_id, 0)
        return union


class _Codes:
    """Gives codes their numbers, and classes of codes their bits."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.full = 0

    def ids(self, codes: Iterable[str]) -> list[int]:
        """The numbers of codes, however they are spelled."""
        numbers = self._numbers
        found: list[int] = []
        for code in codes:
            number = numbers.get(code)
            if number is None:
                number = numbers.setdefault(fold_code(code), len(numbers))
                numbers[code] = number
            found.append(number)
        return found

    def classes(
        self, groups: Sequence[list[int]], counted: Sequence[list[int]]
    ) -> Callable[[list[int]], int]:
        """Put codes that stand in the same groups into one class.

        Returns:
            The function from a group to its bits.
        """
        owners: list[list[int]] = [[] for _ in range(len(self._numbers))]
        for index, group in enumerate(groups):
            for code in set(group):
                owners[code].append(index)
        for group in counted:
            for code in group:
                owners[code].append(-1 - code)
        bits: dict[tuple[int, ...], int] = {}
        # Bits 0 and 1 are EMPTY and OTHER.
        bit_of = np.array([bits.setdefault(tuple(o), len(bits) + 2) for o in owners], np.int64)
        size = len(bits) + 2
        self.full = (1 << size) - 1

        def mask(group: list[int]) -> int:
            flags = np.zeros(size, dtype=np.uint8)
            flags[bit_of[group]] = 1
            return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")

        return mask


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
            gap = cut > 0 if before is None else scalar not in _WHOLE or cut - before > 1
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
