"""Columns that already are what a field wants: checked as a whole and passed through.

Each check answers with the column in its field's type, or with None when some value needs the eye
of :mod:`grouper.case.values`. No value is read here in a way of its own: a column passes only if
every value would be read as it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.case.dates import DAY_SECONDS, EPOCH, OFFSET, SETTLED
from grouper.case.fields import Field, Kind
from grouper.case.tables import date_limits, missing, number_limits
from grouper.case.values import read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

# Blanks and control characters, and every byte of a character that is not ASCII.
_DOUBTFUL_BYTE = np.array([byte <= ord(" ") or byte >= 0x80 for byte in range(256)])  # noqa: PLR2004 -- above ASCII
_LONGEST_MARK = max(len(mark.encode()) for mark in missing())
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_CENTS = 100
# A binary fraction this near to a cent is that cent; values.py allows twice as much.
_NEAR = 5e-5


def passed(field: Field, column: pa.Array) -> pa.Array | None:
    """The column of a single field if every value is clean, else None."""
    if column.null_count == len(column):
        return pa.nulls(len(column), field.type)
    return _CHECKS[field.kind](field, column)


def passed_lists(fields: Sequence[Field], columns: Sequence[pa.Array]) -> list[pa.Array] | None:
    """A list of codes and its companions if all elements are clean and aligned, else None.

    Each code must be there; a companion may lack values, or the whole list.

    Args:
        fields: the codes first, then the companions at hand.
        columns: their columns.
    """
    lead = _passed_list(fields[0], columns[0])
    if lead is None or lead.flatten().null_count:
        return None
    lengths = pc.fill_null(pc.list_value_length(lead), 0).to_numpy()
    found = [lead]
    for field, column in zip(fields[1:], columns[1:], strict=True):
        one = _passed_list(field, column)
        if one is None:
            return None
        own = pc.fill_null(pc.list_value_length(one), 0).to_numpy()
        if not ((own == lengths) | (own == 0)).all():
            return None
        found.append(_without_empty(one, own))
    return found


def _passed_list(field: Field, column: pa.Array) -> pa.Array | None:
    if not pa.types.is_list(column.type) and not pa.types.is_large_list(column.type):
        return None
    values = column.flatten()
    stated = values.drop_null() if values.null_count else values
    if not len(stated):
        return column.cast(field.type)
    clean = _CHECKS[field.kind](field, stated)
    if clean is None:
        return None
    same = clean.type == column.type.value_type and pa.types.is_list(column.type)
    # Each value was seen to be right; what is below a second is cut off as values.py does.
    return column if same else pc.cast(column, field.type, safe=False)


def _without_empty(column: pa.Array, lengths: NDArray[np.int32]) -> pa.Array:
    """Companions of codes: a list that holds no value at all is empty, however long it is."""
    values = column.flatten()
    if not values.null_count:
        return column
    parents = pc.list_parent_indices(column).to_numpy()
    stated = np.bincount(
        parents[values.is_valid().to_numpy(zero_copy_only=False)], minlength=len(column)
    )
    dead = (lengths > 0) & (stated == 0)
    if not dead.any():
        return column
    offsets = np.concatenate([[0], np.cumsum(np.where(dead, 0, lengths))]).astype(np.int32)
    kept = values.filter(pa.array(~dead[parents]))
    return pa.ListArray.from_arrays(pa.array(offsets), kept)


def _whole(field: Field, column: pa.Array) -> pa.Array | None:
    if not pa.types.is_integer(column.type) or not _inside(field, column):
        return None
    return column.cast(field.value_type)


def _hours(field: Field, column: pa.Array) -> pa.Array | None:
    if pa.types.is_floating(column.type):
        if pc.any(pc.is_nan(column)).as_py() or not _inside(field, column):
            return None
    elif not pa.types.is_integer(column.type) or not _inside(field, column):
        return None
    return column.cast(field.value_type)


def _inside(field: Field, column: pa.Array) -> bool:
    minimum, maximum = number_limits()[field.name]
    if not column.null_count and not pa.types.is_decimal(column.type):
        values = column.to_numpy(zero_copy_only=False)
        least, most = values.min().item(), values.max().item()
    else:
        span = pc.min_max(column).as_py()
        least, most = span["min"], span["max"]
    return bool(minimum <= least and most <= maximum)


def _money(field: Field, column: pa.Array) -> pa.Array | None:
    if pa.types.is_floating(column.type):
        return _cents(field, column)
    if not pa.types.is_decimal(column.type) and not pa.types.is_integer(column.type):
        return None
    if not _inside(field, column):
        return None
    try:
        return column.cast(field.value_type)
    except pa.ArrowInvalid:
        return None


def _quantity(field: Field, column: pa.Array) -> pa.Array | None:
    whole = pa.types.is_integer(column.type) or column.type == field.value_type
    if not whole or not _inside(field, column):
        return None
    return column.cast(field.value_type)


def _cents(field: Field, column: pa.Array) -> pa.Array | None:
    """Money as binary fractions, when each stands for a number of cents."""
    if pc.any(pc.invert(pc.is_finite(column))).as_py() or not _inside(field, column):
        return None
    known = column.is_valid().to_numpy(zero_copy_only=False)
    scaled = pc.fill_null(column, 0.0).to_numpy(zero_copy_only=False).astype(np.float64) * _CENTS
    cents = np.rint(scaled)
    if (np.abs(scaled - cents) > _NEAR).any():
        return None
    whole: NDArray[np.int64] = cents.astype(np.int64)
    # A decimal128 is its count of the last place as 128 bits, low half first.
    halves = np.stack([whole, np.zeros_like(whole)], axis=1)
    mask = None if known.all() else pa.array(known).buffers()[1]
    buffers = [mask, pa.py_buffer(np.ascontiguousarray(halves))]
    return pa.Array.from_buffers(field.value_type, len(column), buffers)


def _date(field: Field, column: pa.Array) -> pa.Array | None:
    if not pa.types.is_date32(column.type):
        return None
    first, last = date_limits()[field.name]
    span = pc.min_max(column).as_py()
    return column if first <= span["min"] and span["max"] <= last else None


def _time(field: Field, column: pa.Array) -> pa.Array | None:
    """Points in time, or local times, from the day on which the zone's offset settled."""
    if pa.types.is_date32(column.type):
        local = column.cast(pa.int32()).cast(pa.int64())
        seconds = pc.subtract(pc.multiply(local, DAY_SECONDS), OFFSET)
    elif pa.types.is_timestamp(column.type):
        seconds = column.cast(pa.int64())
        unit = _UNITS[column.type.unit]
        if unit > 1:
            down = (
                seconds.to_numpy(zero_copy_only=False) // unit if not seconds.null_count else None
            )
            seconds = None if down is None else pa.array(down)
        if seconds is None:
            return None
        if column.type.tz is None:
            seconds = pc.subtract(seconds, OFFSET)
    else:
        return None
    _, last_day = date_limits()[field.name]
    last = ((last_day - EPOCH).days + 1) * DAY_SECONDS - OFFSET
    span = pc.min_max(seconds).as_py()
    if span["min"] < SETTLED.timestamp() or span["max"] >= last:
        return None
    return seconds.view(field.value_type)


def _text(field: Field, column: pa.Array) -> pa.Array | None:
    """Text without blanks around it and without marks of missing values."""
    if pa.types.is_large_string(column.type):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type):
        return column if all(_unchanged(field, t) for t in _doubtful(column)) else None
    return _dictionary(field, column)


def _choice(field: Field, column: pa.Array) -> pa.Array | None:
    if pa.types.is_string(column.type):
        return column if all(_unchanged(field, t) for t in column.unique().to_pylist()) else None
    return _dictionary(field, column)


def _dictionary(field: Field, column: pa.Array) -> pa.Array | None:
    wanted = pa.dictionary(pa.int32(), pa.string())
    if column.type != wanted or column.dictionary.null_count:
        return None
    texts = column.dictionary
    doubtful = texts.to_pylist() if field.kind is Kind.CHOICE else _doubtful(texts)
    return column if all(_unchanged(field, text) for text in doubtful) else None


def _unchanged(field: Field, text: str | None) -> bool:
    return text is None or read(text, field) == (text, None)


def _doubtful(column: pa.Array) -> list[str | None]:
    """The distinct texts that may have blanks around them or stand for nothing."""
    if not len(column):
        return []
    offsets = np.frombuffer(column.buffers()[1], np.int32)[column.offset :][: len(column) + 1]
    size, last = np.diff(offsets), offsets[-1]
    if column.buffers()[2] is None or last == offsets[0]:
        empties: list[str | None] = column.unique().to_pylist()
        return empties
    data = np.frombuffer(column.buffers()[2], np.uint8)
    # Empty texts read a neighbour's byte here; their size makes them doubtful all the same.
    head = data[np.minimum(offsets[:-1], last - 1)]
    tail = data[np.maximum(offsets[1:] - 1, 0)]
    doubtful = _DOUBTFUL_BYTE[head] | _DOUBTFUL_BYTE[tail] | (size <= _LONGEST_MARK)
    if not doubtful.any():
        return []
    found: list[str | None] = column.filter(pa.array(doubtful)).unique().to_pylist()
    return found


_CHECKS: dict[Kind, Callable[[Field, pa.Array], pa.Array | None]] = {
    Kind.TEXT: _text,
    Kind.CHOICE: _choice,
    Kind.SEX: _whole,
    Kind.WHOLE: _whole,
    Kind.HOURS: _hours,
    Kind.MONEY: _money,
    Kind.QUANTITY: _quantity,
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.CODE: _text,
}
