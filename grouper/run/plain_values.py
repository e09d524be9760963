"""Values of an input's own columns in forms that CSV and JSON can hold, without loss."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

LIST_SEPARATOR = "|"
_HALF = 32


def python_values(column: pa.Array) -> list[Any]:
    """The values as Python objects; a time that Python cannot hold is text as Arrow writes it."""
    try:
        found: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):
        # A time before the year 1, after 9999 or finer than a microsecond.
        return _one_by_one(column)
    return found


def _one_by_one(column: pa.Array) -> list[Any]:
    return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> Any:  # noqa: ANN401 -- whatever Arrow holds
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        if isinstance(scalar, pa.ListScalar):
            return _one_by_one(scalar.values)
        if isinstance(scalar, pa.StructScalar):
            return {name: _value(inner) for name, inner in scalar.items()}
        kind = scalar.type
        zone = pa.types.is_timestamp(kind) and kind.tz
        # In a zone Arrow would count round the end of its range; in UTC it says what it holds.
        kind = pa.timestamp(kind.unit) if zone else kind
        width = pa.int32() if kind.bit_width == _HALF else pa.int64()
        written = pa.array([scalar.value], width).view(kind).cast(pa.string())[0].as_py()
        return f"{written}Z" if zone else written


def json_line(row: dict[str, Any]) -> str:
    """One object of JSON; what JSON has no number for (NaN, infinite) is null or text."""
    try:
        return json.dumps(row, ensure_ascii=False, default=_plain, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(row), ensure_ascii=False, default=_plain, allow_nan=False)


def flat_text(value: Any) -> str | None:  # noqa: ANN401 -- whatever Arrow holds
    """A value as one cell: a list of single values is joined, anything deeper is JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return _plain(value)
    if isinstance(value, list) and not any(isinstance(v, list | dict | tuple) for v in value):
        return LIST_SEPARATOR.join(_cells(value))
    if isinstance(value, list | dict | tuple):
        return json.dumps(_finite(value), ensure_ascii=False, default=_plain, allow_nan=False)
    return _plain(value)


def _cells(values: Sequence[Any]) -> list[str]:
    return ["" if value is None else flat_text(value) or "" for value in values]


def _finite(value: Any) -> Any:  # noqa: ANN401 -- whatever JSON takes
    if isinstance(value, float) and not isfinite(value):
        return None if isnan(value) else str(value)
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


def _plain(value: Any) -> str:  # noqa: ANN401 -- what json cannot write itself
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    return str(value)
