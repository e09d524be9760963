"""The service lines of a batch as arrays: parallel lists of Arrow brought to one length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.schemes.columns import column_of, texts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

MONEY, QUANTITY = pa.decimal128(14, 2), pa.decimal128(14, 4)
CENTS, PARTS = 100, 10_000
"""Scales of amounts (CNY) and quantities as whole numbers."""
_COLUMNS = ("line_item", "line_name", "line_class", "line_quantity", "line_amount", "line_time")
_WORDS = 2
"""64-bit words of a decimal."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Decimals as whole numbers of their last place; 0 where missing."""

    value: NDArray[np.int64]
    missing: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts by place among the distinct ones; -1 where missing."""

    distinct: list[str]
    place: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LineColumns:
    """The lines of all visits one after the other.

    Visit ``i`` has the lines ``start[i]`` to ``start[i + 1]``; ``visit`` is the visit of each line.
    """

    start: NDArray[np.int64]
    visit: NDArray[np.int64]
    item: Texts
    name: Texts
    line_class: Texts
    quantity: Numbers
    amount: Numbers


def read_lines(batch: pa.RecordBatch) -> LineColumns:
    """The lines of a batch, as many for each visit as the longest of its lists has places."""
    columns = {name: column_of(batch, name) for name in _COLUMNS}
    lengths = {name: lengths_of(column) for name, column in columns.items()}
    counts = np.maximum.reduce(list(lengths.values()))
    start = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    visit = np.repeat(np.arange(batch.num_rows), counts)

    def flat(name: str) -> pa.Array:
        return _aligned(columns[name], lengths[name], counts, start, visit)

    def texts(name: str) -> Texts:
        return Texts(*texts_of(flat(name)))

    return LineColumns(
        start=start,
        visit=visit,
        item=texts("line_item"),
        name=texts("line_name"),
        line_class=texts("line_class"),
        quantity=_whole(flat("line_quantity"), QUANTITY),
        amount=_whole(flat("line_amount"), MONEY),
    )


def lengths_of(column: pa.Array) -> NDArray[np.int64]:
    """The lengths of the lists of a column; a missing list is empty."""
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.int64)
    counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    found: NDArray[np.int64] = counts.astype(np.int64)
    return found


def _aligned(
    column: pa.Array,
    own: NDArray[np.int64],
    counts: NDArray[np.int64],
    start: NDArray[np.int64],
    visit: NDArray[np.int64],
) -> pa.Array:
    """The items of a list column, with null in the places that its lists do not have."""
    if pa.types.is_null(column.type):
        return pa.nulls(len(visit))
    values = column.flatten()
    if len(values) == len(visit) and np.array_equal(own, counts):
        return values
    first = np.concatenate((np.zeros(1, np.int64), np.cumsum(own)[:-1])) if len(own) else own
    within = np.arange(len(visit)) - start[:-1][visit]
    lacking = within >= own[visit]
    return values.take(pa.array(first[visit] + within, mask=lacking))


def _whole(values: pa.Array, kind: pa.Decimal128Type) -> Numbers:
    if pa.types.is_null(values.type):
        nothing = np.zeros(len(values), np.int64)
        return Numbers(nothing, np.ones(len(values), np.bool_))
    if values.type != kind:
        values = values.cast(kind)
    missing = values.is_null().to_numpy(zero_copy_only=False)
    if not len(values):
        return Numbers(np.zeros(0, np.int64), missing)
    # The low word of a decimal in two's complement is the number where it fits in 64 bits.
    words = np.frombuffer(values.buffers()[1], np.int64)
    low = words[_WORDS * values.offset : _WORDS * (values.offset + len(values)) : _WORDS]
    return Numbers(np.where(missing, 0, low), missing)


def whole_amounts(values: pa.Array) -> Numbers:
    """A column of amounts in CNY as whole hundredths."""
    return _whole(values, MONEY)
