"""Arrow columns as arrays of numpy, the short way: what has nothing to be converted is not.

One running case is asked about while somebody waits. Each call of Arrow's functions takes some
microseconds even for one row, and a forecast asks for hundreds of columns, most of them empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TEXT, _FLOAT = pa.string(), pa.float64()


def whole(column: Any) -> pa.Array:  # noqa: ANN401 -- Arrow, in pieces or not
    """A column in one piece."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def empty(column: Any) -> bool:  # noqa: ANN401 -- Arrow, in pieces or not
    """Whether nothing stands in a column."""
    return bool(column.null_count == len(column))


def texts(column: Any) -> pa.Array:  # noqa: ANN401 -- Arrow, in pieces or not
    """A column of texts, plain."""
    found = whole(column)
    return found if found.type == _TEXT else found.cast(_TEXT)


def floats(column: Any) -> NDArray[np.float64]:  # noqa: ANN401 -- Arrow, in pieces or not
    """A column of numbers; NaN where there is none."""
    found = whole(column)
    if empty(found):
        return np.full(len(found), np.nan)
    if found.type != _FLOAT:
        found = found.cast(_FLOAT)
    if found.null_count:
        found = pc.fill_null(found, float("nan"))
    return np.asarray(found)


def numbers(column: Any, none: int) -> NDArray[np.int64]:  # noqa: ANN401 -- Arrow, in pieces or not
    """A column of whole numbers; ``none`` where there is none."""
    found = whole(column)
    if found.null_count:
        found = pc.fill_null(found, none)
    return np.asarray(found).astype(np.int64)


def stated(column: Any) -> NDArray[np.bool_]:  # noqa: ANN401 -- Arrow, in pieces or not
    """Where something stands in a column."""
    found = whole(column)
    return np.asarray(found.is_valid()) if found.null_count else np.ones(len(found), bool)


def lengths(lists: pa.Array) -> NDArray[np.int64]:
    """How many entries each list of a column has; a missing one none."""
    if lists.null_count:
        return numbers(lists.value_lengths(), 0)
    found: NDArray[np.int64] = np.diff(np.asarray(lists.offsets)).astype(np.int64)
    return found


def taken(array: pa.Array, places: NDArray[Any]) -> pa.Array:
    """The values at some places; nothing where the place is below nought."""
    lost = places < 0
    if lost.any():
        return array.take(pa.array(np.maximum(places, 0), mask=lost))
    return array.take(pa.array(places))
