"""The parallel lists of a batch's assessments as columns of numbers, one line for each place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.schemes.columns import column_of
from grouper.schemes.pdpm.writing import Written, fold, number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from grouper.schemes.pdpm.compiled import CompiledPdpm

NOTHING, STRANGE = -1, -2
"""Item or kind of a place that states none, or one that the scheme does not know."""
NO_DAY = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Places:
    """One line for each place of the lists that states anything.

    ``row`` is the case, ``item`` the item's number (or ``NOTHING``, ``STRANGE``), ``value`` its
    number (or one of ``Written``), ``day`` in days since 1970 (``NO_DAY``: none), ``kind`` the
    number of the kind of assessment (or ``NOTHING``, ``STRANGE``), ``place`` the place in the list.
    """

    row: NDArray[np.int64]
    place: NDArray[np.int64]
    item: NDArray[np.int64]
    value: NDArray[np.int64]
    day: NDArray[np.int64]
    kind: NDArray[np.int64]

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Whether a place has an item (known or not), a day and a known kind."""
        found: NDArray[np.bool_] = (self.item != NOTHING) & (self.day != NO_DAY) & (self.kind >= 0)
        return found

    def take(self, chosen: NDArray[np.bool_]) -> Places:
        """Some of the places."""
        return Places(
            self.row[chosen],
            self.place[chosen],
            self.item[chosen],
            self.value[chosen],
            self.day[chosen],
            self.kind[chosen],
        )


class PlaceReader:
    """Reads the assessments of batches under one scheme."""

    def __init__(self, scheme: CompiledPdpm) -> None:
        numbers = {name: i for i, name in enumerate(scheme.items)}
        self._items = {name: numbers[item] for name, item in scheme.spellings.items()}
        self._kinds = {fold(name): kind.number for name, kind in scheme.types.items()}

    def read(self, cases: pa.RecordBatch) -> Places:
        """The places of a batch; lists of unequal length are filled up with nothing."""
        items, values, days, kinds = (
            _List.of(column_of(cases, f"assessment_{name}"))
            for name in ("item", "value", "date", "type")
        )
        lists = (items, values, days, kinds)
        lengths = np.max([one.lengths for one in lists], axis=0)
        row = np.repeat(np.arange(cases.num_rows), lengths)
        place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        at = [one.positions(row, place) for one in lists]
        read = Places(
            row=row,
            place=place,
            item=items.texts(at[0], lambda text: _named(text, self._items), NOTHING),
            value=values.texts(at[1], number_of, Written.VOID),
            day=days.days(at[2]),
            kind=kinds.texts(at[3], lambda text: _named(text, self._kinds), NOTHING),
        )
        return read.take(
            np.logical_or.reduce([one.stated(p) for one, p in zip(lists, at, strict=True)])
        )


def _named(text: str | None, known: Mapping[str, int]) -> int:
    folded = fold(text or "")
    return known.get(folded, STRANGE) if folded else NOTHING


@dataclass(frozen=True, slots=True)
class _List:
    """The items of a list column, and where each row's begin."""

    items: pa.Array
    start: NDArray[np.int64]

    @classmethod
    def of(cls, column: pa.Array) -> _List:
        if pa.types.is_null(column.type):
            return cls(pa.nulls(0), np.zeros(len(column) + 1, np.int64))
        counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        return cls(column.flatten(), np.concatenate(([0], np.cumsum(counts, dtype=np.int64))))

    @property
    def lengths(self) -> NDArray[np.int64]:
        found: NDArray[np.int64] = np.diff(self.start)
        return found

    def positions(self, row: NDArray[np.int64], place: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the place of a row stands among all items; -1 where its list is too short."""
        inside = place < self.lengths[row]
        found: NDArray[np.int64] = np.where(inside, self.start[:-1][row] + place, -1)
        return found

    def stated(self, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether something stands at some positions."""
        valid = np.append(self.items.is_valid().to_numpy(zero_copy_only=False), False)
        found: NDArray[np.bool_] = valid.astype(np.bool_)[at]
        return found

    def texts(
        self, at: NDArray[np.int64], number: Callable[[str | None], int], absent: int
    ) -> NDArray[np.int64]:
        """The numbers of the texts at some positions; each distinct text is read once."""
        if not len(self.items) or pa.types.is_null(self.items.type):
            return np.full(len(at), absent, np.int64)
        column = self.items
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        words = column.dictionary.to_pylist()
        numbers = np.array([*(number(word) for word in words), absent], np.int64)
        codes = pc.fill_null(column.indices, len(words)).to_numpy(zero_copy_only=False)
        found: NDArray[np.int64] = numbers[np.append(codes.astype(np.int64), len(words))[at]]
        return found

    def days(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """The days since 1970 at some positions."""
        if not len(self.items) or pa.types.is_null(self.items.type):
            return np.full(len(at), NO_DAY, np.int64)
        days = pc.cast(self.items, pa.date32()).cast(pa.int32())
        numbers = pc.fill_null(days.cast(pa.int64()), NO_DAY).to_numpy(zero_copy_only=False)
        found: NDArray[np.int64] = np.append(numbers, NO_DAY)[at]
        return found
