"""What the auxiliary directories ask of codes, answered once for each distinct spelling."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from codebooks.folding import fold_codes
from grouper.schemes.dip.auxiliary_tables import LEVELS, cc_table
from grouper.schemes.dip.charlson import ALL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from codebooks.charlson import CharlsonVariant
    from codebooks.factors import CodeKey

_KEPT = 6
_PAIR = 1 << 32
"""Two code numbers as one: the left one times this, plus the right one."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The codes of a list column, flattened; empty places are left out.

    Attributes:
        rows: the row of each code, rising.
        first: whether it stands first in its list.
        numbers: its number among the distinct codes met so far (:class:`Spellings`).
        principal: of each row the number of its first code, 0 where that is missing.
        size: number of rows.
    """

    rows: NDArray[np.int64]
    first: NDArray[np.bool_]
    numbers: NDArray[np.int64]
    principal: NDArray[np.int64]
    size: int

    def others(self) -> NDArray[np.bool_]:
        """Which codes are neither the first one nor a repeat of it."""
        repeat: NDArray[np.bool_] = self.numbers == self.principal[self.rows]
        return ~self.first & ~repeat

    def any_of(self, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """For each row whether one of its codes is wanted."""
        found = np.zeros(self.size, np.bool_)
        found[self.rows[wanted]] = True
        return found


@dataclass
class Spellings:
    """Numbers for codes by their folded text without dots; 0 is the empty text.

    Several threads may read and ask at once: numbers are given out under a lock.
    """

    numbers: dict[str, int] = field(default_factory=lambda: {"": 0})
    codes: list[str] = field(default_factory=lambda: [""])
    lock: RLock = field(default_factory=RLock)
    _last: deque[tuple[pa.Array, NDArray[np.int64]]] = field(
        default_factory=lambda: deque(maxlen=_KEPT)
    )

    def number(self, code: str) -> int:
        """The number of a bare code, a new one if it was not met before."""
        with self.lock:
            found = self.numbers.setdefault(code, len(self.codes))
            if found == len(self.codes):
                self.codes.append(code)
            return found

    def _of_dictionary(self, dictionary: pa.Array) -> NDArray[np.int64]:
        for known, numbers in tuple(self._last):
            if len(known) == len(dictionary) and known.equals(dictionary):
                return numbers
        written = [code or "" for code in dictionary.to_pylist()]
        found = [self.number(code.replace(".", "")) for code in fold_codes(written)]
        # One more for the place of a null.
        numbers = np.array([*found, 0], np.int64)
        self._last.append((dictionary, numbers))
        return numbers

    def read(self, column: pa.Array) -> Listed:
        """The codes of a list column, plain or dictionary-encoded; null is the empty list."""
        size = len(column)
        if pa.types.is_null(column.type):
            nothing = np.zeros(0, np.int64)
            return Listed(
                nothing, nothing.astype(np.bool_), nothing, np.zeros(size, np.int64), size
            )
        lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        values = column.flatten()
        if not pa.types.is_dictionary(values.type):
            values = values.dictionary_encode()
        numbers = self._of_dictionary(values.dictionary)
        places = values.indices.fill_null(len(numbers) - 1).to_numpy(zero_copy_only=False)
        found = numbers[places]
        rows = np.repeat(np.arange(size, dtype=np.int64), lengths)
        start = np.cumsum(lengths, dtype=np.int64) - lengths
        first = np.zeros(len(found), np.bool_)
        first[start[lengths > 0]] = True
        principal = np.zeros(size, np.int64)
        principal[rows[first]] = found[first]
        stated = found > 0
        return Listed(rows[stated], first[stated], found[stated], principal, size)


class _Growing:
    """An answer for each code number, computed for new ones alone."""

    def __init__(self, spellings: Spellings, dtype: type[np.generic]) -> None:
        self._spellings = spellings
        self._known: NDArray[Any] = np.zeros(0, dtype)

    def _of(self, code: str) -> int:
        raise NotImplementedError

    def answers(self) -> NDArray[Any]:
        """By code number."""
        with self._spellings.lock:
            new = self._spellings.codes[len(self._known) :]
            if new:
                more = np.array([self._of(code) for code in new], self._known.dtype)
                self._known = np.concatenate((self._known, more))
            return self._known


class KeyAnswers(_Growing):
    """Whether a code begins with one of some keys: its prefix is sought among merged ranges."""

    def __init__(self, spellings: Spellings, keys: tuple[CodeKey, ...]) -> None:
        super().__init__(spellings, np.bool_)
        self._ranges: dict[int, tuple[list[str], list[str]]] = {}
        for key in sorted(keys, key=lambda key: key.low):
            lows, highs = self._ranges.setdefault(len(key.low), ([], []))
            if highs and key.low <= highs[-1]:
                highs[-1] = max(highs[-1], key.high)
            else:
                lows.append(key.low)
                highs.append(key.high)

    def _of(self, code: str) -> int:
        for length, (lows, highs) in self._ranges.items():
            prefix = code[:length]
            at = bisect_right(lows, prefix) - 1
            if at >= 0 and prefix <= highs[at]:
                return 1
        return 0


class CharlsonAnswers(_Growing):
    """The comorbidities of a code as bits, and the points of every set of comorbidities."""

    def __init__(self, spellings: Spellings, variant: CharlsonVariant, scope: str) -> None:
        super().__init__(spellings, np.int64)
        self._all = scope == ALL
        self._bits: dict[str, int] = {}
        places = {c.id: place for place, c in enumerate(variant.comorbidities)}
        for comorbidity in variant.comorbidities:
            for prefix in comorbidity.prefixes:
                bit = 1 << places[comorbidity.id]
                self._bits[prefix] = self._bits.get(prefix, 0) | bit
        self._lengths = sorted({len(prefix) for prefix in self._bits})
        sets = np.arange(1 << len(places), dtype=np.int64)
        self._points = np.zeros(len(sets), np.int64)
        for comorbidity in variant.comorbidities:
            counts = (sets >> places[comorbidity.id]) & 1
            if comorbidity.yields_to:
                counts &= ~(sets >> places[comorbidity.yields_to])
            self._points += counts * comorbidity.weight

    def _of(self, code: str) -> int:
        found = 0
        for length in self._lengths:
            if len(code) >= length:
                found |= self._bits.get(code[:length], 0)
        return found

    def points(self, dx: Listed) -> NDArray[np.int64]:
        """The index of each row."""
        bits = self.answers()[dx.numbers]
        wanted = bits > 0
        if not self._all:
            wanted &= dx.others()
        found = np.zeros(dx.size, np.int64)
        np.bitwise_or.at(found, dx.rows[wanted], bits[wanted])
        return self._points[found]


class LevelAnswers(_Growing):
    """The level of each code of a CC table, and each row's highest level that is not excluded."""

    def __init__(self, spellings: Spellings, scheme: str) -> None:
        super().__init__(spellings, np.int64)
        table = cc_table(scheme)
        names = {name: place for place, name in enumerate(table.excluded)}
        self._table, self._names = table.levels, names
        self._pairs = np.sort(
            np.array(
                [
                    names[name] * _PAIR + spellings.number(code)
                    for name, codes in table.excluded.items()
                    for code in codes
                ],
                np.int64,
            )
        )

    def _of(self, code: str) -> int:
        """The exclusion table's place (-1: none) and the level in one number; 0 for no level."""
        level, exclusion = self._table.get(code, (LEVELS[0], ""))
        at = LEVELS.index(level)
        return at and (self._names.get(exclusion, -1) + 1) * len(LEVELS) + at

    def levels(self, dx: Listed) -> NDArray[np.int64]:
        """Of each row the place of its level in ``LEVELS``."""
        answers = self.answers()[dx.numbers]
        at = np.flatnonzero((answers > 0) & dx.others())
        exclusion, level = np.divmod(answers[at], len(LEVELS))
        rows = dx.rows[at]
        pair = (exclusion - 1) * _PAIR + dx.principal[rows]
        place = np.searchsorted(self._pairs, pair)
        excluded = self._pairs.take(place, mode="clip") == pair if len(self._pairs) else pair < 0
        counts = ~excluded | (exclusion == 0)
        found = np.zeros(dx.size, np.int64)
        np.maximum.at(found, rows[counts], level[counts])
        return found
