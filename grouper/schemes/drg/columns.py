"""Arrow columns of cases as NumPy arrays: code numbers, other codes by row, values and gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.schemes.drg.compiled import NO_CODE, Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CodeLists:
    """A list of codes per row: ``ids[start[i] : start[i + 1]]`` are row ``i``'s, first one first."""

    ids: NDArray[np.int32]
    start: NDArray[np.int64]

    @property
    def first(self) -> NDArray[np.int32]:
        """The first code number of each row, ``NO_CODE`` where there is none."""
        padded = np.append(self.ids, np.int32(NO_CODE))
        first: NDArray[np.int32] = padded[self.start[:-1]]
        first[self.start[1:] == self.start[:-1]] = NO_CODE
        return first

    def others(self, wanted: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Rows and code numbers of the codes after the first for which ``wanted`` is true."""
        at = np.flatnonzero(wanted[self.ids])
        counts = np.diff(self.start)
        rows = np.repeat(np.arange(len(counts), dtype=np.int32), counts)[at]
        kept = at != self.start[rows]
        return rows[kept], self.ids[at[kept]]


def code_lists(vocabulary: Vocabulary, column: pa.Array) -> CodeLists:
    """Read a list column of codes, plain or dictionary-encoded; null is the empty list."""
    if pa.types.is_null(column.type):
        return CodeLists(np.zeros(0, np.int32), np.zeros(len(column) + 1, np.int64))
    if column.null_count:
        counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        start = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        values = column.flatten()
    else:
        offsets = column.offsets.to_numpy().astype(np.int64)
        start = offsets - offsets[0]
        values = column.values.slice(offsets[0], int(start[-1]))
    return CodeLists(_numbers(vocabulary, values), start)


def _numbers(vocabulary: Vocabulary, values: pa.Array) -> NDArray[np.int32]:
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    numbers = np.append(vocabulary.ids(values.dictionary.to_pylist()), np.int32(NO_CODE))
    indices = values.indices
    if indices.null_count:
        indices = pc.fill_null(indices, len(numbers) - 1)
    found: NDArray[np.int32] = numbers[indices.to_numpy(zero_copy_only=False)]
    return found


def numbers_of(column: pa.Array) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
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
