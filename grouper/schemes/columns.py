"""Arrow columns of cases as NumPy arrays: code numbers, other codes by row, values and gaps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.schemes.vocabulary import NO_CODE, Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CodeLists:
    """A list of codes per row: ``places[start[i] : start[i + 1]]`` are row ``i``'s, first one first.

    ``numbers[place]`` is the code number: what is asked of each code is answered once for each
    distinct spelling. Arrays that serve as indices are 64 bits wide where they are long: NumPy
    looks up with those fastest.
    """

    places: NDArray[np.integer[Any]]
    start: NDArray[np.int64]
    numbers: NDArray[np.int64]

    @property
    def first(self) -> NDArray[np.int64]:
        """The first code number of each row, ``NO_CODE`` where there is none."""
        if not len(self.places):
            return np.full(len(self.start) - 1, NO_CODE, np.int64)
        first: NDArray[np.int64] = self.numbers.take(self.places.take(self.start[:-1], mode="clip"))
        first[self.start[1:] == self.start[:-1]] = NO_CODE
        return first

    def find(self, wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Where in ``places`` stand codes whose number is wanted."""
        of_spelling = wanted.take(self.numbers)
        if not of_spelling.any():
            return np.zeros(0, np.int64)
        return np.flatnonzero(of_spelling.take(self.places))

    def ids(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """The code numbers at some places."""
        found: NDArray[np.int64] = self.numbers.take(self.places.take(at))
        return found

    def rows(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row of each place."""
        counts = np.diff(self.start)
        rows: NDArray[np.int64] = np.repeat(np.arange(len(counts)), counts)
        return rows.take(at)


class CodeReader:
    """Reads code columns of one vocabulary.

    Batches of one Parquet row group share their dictionary: the numbers of the last ones are kept.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._last: deque[tuple[pa.Array, NDArray[np.int64]]] = deque(maxlen=_KEPT)

    def _of_dictionary(self, dictionary: pa.Array) -> NDArray[np.int64]:
        for known, numbers in tuple(self._last):
            if len(known) == len(dictionary) and known.equals(dictionary):
                return numbers
        known_ids = self._vocabulary.ids(dictionary.to_pylist())
        numbers = np.append(known_ids, NO_CODE).astype(np.int64)
        if len(dictionary) >= _LARGE:
            self._last.append((dictionary, numbers))
        return numbers

    def lists(self, column: pa.Array) -> CodeLists:
        """A list column of codes, plain or dictionary-encoded; null is the empty list."""
        if pa.types.is_null(column.type):
            nothing = np.zeros(0, np.int64)
            return CodeLists(nothing, np.zeros(len(column) + 1, np.int64), nothing)
        values, start = _flattened(column)
        if not pa.types.is_dictionary(values.type):
            values = values.dictionary_encode()
        numbers = self._of_dictionary(values.dictionary)
        places = values.indices
        if places.null_count:
            places = pc.fill_null(places, len(numbers) - 1)
        return CodeLists(places.to_numpy(zero_copy_only=False), start, numbers)


_KEPT = 6
_LARGE = 1000


def _flattened(column: pa.Array) -> tuple[pa.Array, NDArray[np.int64]]:
    """The items of all lists, and where each list starts among them."""
    if column.null_count:
        counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        return column.flatten(), np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
    offsets = column.offsets.to_numpy().astype(np.int64)
    start = offsets - offsets[0]
    return column.values.slice(offsets[0], int(start[-1])), start


def numbers_of(column: pa.Array) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """A numeric column and where it is missing (there its value is 0)."""
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.int32), np.ones(len(column), np.bool_)
    missing = np.zeros(len(column), np.bool_)
    if column.null_count:
        missing = column.is_null().to_numpy(zero_copy_only=False)
        column = pc.fill_null(column, pa.scalar(0, column.type))
    return column.to_numpy(zero_copy_only=False), missing


def texts_of(column: pa.Array) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct texts of a column, and each row's place among them (-1 where missing)."""
    if pa.types.is_null(column.type):
        return [], np.full(len(column), -1, np.int64)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    places = pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return column.dictionary.to_pylist(), places


def column_of(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column by name; all null where the batch has none."""
    place = batch.schema.get_field_index(name)
    return batch.column(place) if place >= 0 else pa.nulls(batch.num_rows)


def first_codes(column: pa.Array, rows: NDArray[np.int64]) -> pa.Array:
    """The first code of some rows of a list column as text, null where there is none."""
    taken = column.take(pa.array(rows))
    start = taken.offsets.to_numpy()
    empty = pc.fill_null(pc.list_value_length(taken), 0).to_numpy(zero_copy_only=False) == 0
    return taken.values.take(pa.array(start[:-1], mask=empty)).cast(pa.string())
