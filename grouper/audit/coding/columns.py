"""Columns of cases as arrays a condition can be asked of, many cases at once.

Numbers are whole numbers of ten-thousandths, times are seconds of the local clock since 1970, words
and codes are places in a list of distinct spellings, so that each spelling is looked at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.folding import fold_code

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

PARTS = 10_000
_MOST = (1 << 62) // PARTS


@dataclass(frozen=True, slots=True)
class Scalars:
    """A number or a time of each case, and whether it is known."""

    values: NDArray[np.int64]
    known: NDArray[np.bool_]

    def where(self, keep: NDArray[np.bool_]) -> Scalars:
        """Known only where ``keep`` says so, too."""
        return Scalars(self.values, self.known & keep)


@dataclass(frozen=True, slots=True)
class Words:
    """A word or a code of each case: its place in ``words``, below 0 where it is missing."""

    at: NDArray[np.int64]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lists:
    """A list of words or codes of each case, one place a member; rows ascend.

    Attributes:
        row: number of the case.
        at: place in ``words``.
        words: the distinct spellings.
        quantity: what was charged of each member, in ten-thousandths; None where nothing is charged.
    """

    row: NDArray[np.int64]
    at: NDArray[np.int64]
    words: tuple[str, ...]
    quantity: NDArray[np.int64] | None = None

    def take(self, keep: NDArray[Any]) -> Lists:
        """Some of the members."""
        quantity = None if self.quantity is None else self.quantity[keep]
        return Lists(self.row[keep], self.at[keep], self.words, quantity)

    def chosen(self, fits: Callable[[str], bool]) -> NDArray[np.bool_]:
        """Of each member, whether its spelling fits."""
        if not len(self.at):
            return np.zeros(0, bool)
        found: NDArray[np.bool_] = np.array([fits(word) for word in self.words], bool)[self.at]
        return found

    def chosen_at(self, wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The places of the members whose spelling is wanted (one answer a word)."""
        return np.flatnonzero(wanted[self.at]) if len(self.at) else np.zeros(0, np.int64)

    def of(self, row: int) -> slice:
        """The places of one case's members."""
        return slice(*np.searchsorted(self.row, (row, row + 1)).tolist())


def folded(words: Sequence[str | None]) -> list[str]:
    """Codes in the spelling in which they compare; empty for none."""
    return [fold_code(word) if word else "" for word in words]


def merged(
    at: NDArray[np.int64], words: Sequence[str]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Places with equal spellings made one; empty spellings are missing (−1).

    Words come in the order of their spelling, which no batch can change.
    """
    distinct = sorted({word for word in words if word})
    places = {word: place for place, word in enumerate(distinct)}
    moved = np.array([*(places.get(word, -1) for word in words), -1], np.int64)
    return moved[at], tuple(distinct)


def words_of(column: pa.Array | None, count: int, *, codes: bool = False) -> Words:
    """A column of texts."""
    at, words = encoded(column, count)
    return Words(*merged(at, folded(words) if codes else [(word or "").strip() for word in words]))


def encoded(column: pa.Array | None, count: int) -> tuple[NDArray[np.int64], list[str | None]]:
    """Places of texts in their distinct spellings, −1 where missing."""
    if column is None or pa.types.is_null(column.type):
        return np.full(count, -1, np.int64), []
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    at = np.asarray(pc.fill_null(column.indices, -1)).astype(np.int64)
    return at, column.dictionary.to_pylist()


def decimals(column: pa.Array | None, count: int) -> Scalars:
    """A column of numbers of any kind."""
    if column is None or pa.types.is_null(column.type):
        return Scalars(np.zeros(count, np.int64), np.zeros(count, bool))
    known = np.asarray(column.is_valid())
    if pa.types.is_floating(column.type):
        floats = np.asarray(pc.fill_null(column, 0.0), np.float64)
        sound = known & np.isfinite(floats)
        exact = np.rint(np.clip(np.where(sound, floats, 0.0), -_MOST, _MOST) * PARTS)
        return Scalars(exact.astype(np.int64), sound)
    if pa.types.is_decimal(column.type):
        exact = pc.fill_null(column.cast(pa.decimal128(22, 4)), 0)
        halves = np.frombuffer(exact.buffers()[1], np.int64)
        whole = halves[2 * exact.offset : 2 * (exact.offset + count) : 2]
        return Scalars(np.ascontiguousarray(whole), known)
    whole = np.asarray(pc.fill_null(column.cast(pa.int64()), 0))
    return Scalars(np.clip(whole, -_MOST, _MOST) * PARTS, known)


def flat(column: pa.Array | None, count: int) -> tuple[NDArray[np.int64], pa.Array | None]:
    """How many members each list has, and all members one after another."""
    if column is None or pa.types.is_null(column.type):
        return np.zeros(count, np.int64), None
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0)).astype(np.int64)
    return lengths, column.flatten()


def rows_of(lengths: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each member of all lists: the number of its case and its place in the list, from 0."""
    row = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return row, place


def beside(column: pa.Array | None, lengths: NDArray[np.int64]) -> pa.Array | None:
    """The members of a list that goes with another of these lengths; null where it is shorter."""
    own, members = flat(column, len(lengths))
    if members is None:
        return None
    if np.array_equal(own, lengths):
        return members
    row, place = rows_of(lengths)
    there = place < own[row]
    at = (np.cumsum(own) - own)[row] + place
    return members.take(pa.array(np.where(there, at, 0), mask=~there))
