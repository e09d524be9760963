"""Parquet and Arrow files drawn from bytes: other values, other types, other bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

    from draw import Draw

_TYPES = (
    pa.string(),
    pa.int64(),
    pa.float64(),
    pa.bool_(),
    pa.date32(),
    pa.timestamp("us", tz="Asia/Shanghai"),
    pa.timestamp("ns"),
    pa.decimal128(18, 2),
    pa.decimal256(60, 20),
    pa.binary(),
    pa.list_(pa.string()),
    pa.list_(pa.int64()),
    pa.null(),
    pa.dictionary(pa.int32(), pa.string()),
    pa.struct([("a", pa.int64())]),
)
_NUMBERS: tuple[Any, ...] = (0, -1, 2**31, 2**63 - 1, -(2**63), float("nan"), float("inf"), 1e308)


def of_rows(path: Path, rows: int) -> bytes:
    """The first rows of a Parquet file."""
    return packed(pq.read_table(path).slice(0, rows))


def packed(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file."""
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def parquet(draw: Draw, good: bytes) -> bytes:
    """A Parquet file: the rest of the input, or a good one changed somewhere."""
    return draw.remember(_drawn(draw, good))


def _drawn(draw: Draw, good: bytes) -> bytes:
    if draw.raw_wanted():
        return draw.rest()
    kind = draw.number(6)
    if kind == 0:
        return flipped(draw, good)
    return packed(changed(draw, pq.read_table(io.BytesIO(good))))


def flipped(draw: Draw, good: bytes) -> bytes:
    """Bytes with some of them changed, or cut short."""
    found = bytearray(good)
    for _ in range(draw.number(8) + 1):
        found[draw.number(len(found))] ^= draw.number(255) + 1
    return bytes(found[: draw.number(len(found))] if draw.number(8) == 0 else found)


def changed(draw: Draw, table: pa.Table) -> pa.Table:
    """A table with a column that is gone, doubled, renamed, of another type or of other values."""
    for _ in range(draw.number(3) + 1):
        if not table.num_columns:
            return table
        at = draw.number(table.num_columns)
        name, kind = table.column_names[at], draw.number(8)
        if kind == 0:
            table = table.remove_column(at)
        elif kind == 1:
            table = table.append_column(name, table.column(at))
        elif kind == 2:
            names = list(table.column_names)
            names[at] = draw.text().encode("utf-8", "replace").decode()[:80]
            table = table.rename_columns(names)
        elif kind == 3:
            table = table.slice(0, draw.number(table.num_rows + 1))
        else:
            table = table.set_column(at, name, _values(draw, table.column(at)))
    return table


def _values(draw: Draw, column: pa.ChunkedArray) -> pa.Array:
    size = len(column)
    kind = draw.of(_TYPES) if draw.number(2) else column.type
    drawn = [_value(draw, kind) for _ in range(min(size, 3))]
    try:
        return pa.array([*drawn, *column.to_pylist()[len(drawn) :]], kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError, AttributeError):
        return pa.nulls(size, kind)


def _value(draw: Draw, kind: pa.DataType) -> Any:
    if draw.number(8) == 0:
        return None
    text = draw.text().encode("utf-8", "replace").decode()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return draw.of(_NUMBERS)
    if pa.types.is_date(kind):
        return draw.of((-719162, 0, 2932896, 2**31 - 1))
    if pa.types.is_timestamp(kind):
        return draw.of((-(2**62), 0, 2**62, 2**63 - 1))
    if pa.types.is_list(kind):
        return [text] * draw.number(4)
    return text
