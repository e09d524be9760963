"""Rows of one key that say different things of the same day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


class _Open(NamedTuple):
    """The row of a value that ends last."""

    value: int
    end: int
    at: int


def overlapping(
    key: Any,  # noqa: ANN401 -- Arrow
    value: NDArray[np.int64],
    since: NDArray[np.int64],
    until: NDArray[np.int64],
) -> Iterator[tuple[int, int]]:
    """Pairs of rows with the same key and different values that share a day.

    Of each row that begins while another of its key holds, one such row before it is named; so the
    work grows with the rows, however many share a key. Rows without a key have none.

    Args:
        key: of each row, Arrow.
        value: of each row, as a number.
        since: first day of each row.
        until: first day after it.

    Yields:
        Places of a row and of one that began before it.
    """
    if isinstance(key, pa.ChunkedArray):
        key = key.combine_chunks()
    codes = np.asarray(pc.fill_null(pc.dictionary_encode(key).indices, -1)).astype(np.int64)
    counts = np.bincount(codes[codes >= 0], minlength=1)
    several = np.flatnonzero((codes >= 0) & (counts[codes] > 1))
    order = several[np.lexsort((value[several], since[several], codes[several]))]
    first: _Open | None = None
    second: _Open | None = None
    group = -1
    for at in order.tolist():
        if codes[at] != group:
            group, first, second = int(codes[at]), None, None
        own = _Open(int(value[at]), int(until[at]), at)
        other = second if first is not None and first.value == own.value else first
        if other is not None and other.end > since[at]:
            yield at, other.at
        if first is None or (own.value == first.value and own.end > first.end):
            first = own
        elif own.value != first.value and own.end > first.end:
            first, second = own, first
        elif own.value != first.value and (second is None or own.end > second.end):
            second = own
