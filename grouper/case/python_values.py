"""Arrow values as Python objects, also those that Python's dates and times cannot hold."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def python_values(column: pa.Array) -> list[Any]:
    """The values of a column.

    Nanoseconds are cut off. A time before the year 1 or after 9999 becomes a text that is no date,
    so that it is reported as one that cannot be read.
    """
    try:
        found: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):
        return [_value(scalar) for scalar in column]
    return found


def _value(scalar: pa.Scalar) -> Any:  # noqa: ANN401 -- whatever Arrow holds
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        kind = scalar.type
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            return [_value(inner) for inner in scalar.values]
        if pa.types.is_timestamp(kind) and kind.unit == "ns":
            whole = pa.array([scalar.value // 1000], pa.int64())
            return whole.cast(pa.timestamp("us", kind.tz))[0].as_py()
        return f"#{getattr(scalar, 'value', '')}"
