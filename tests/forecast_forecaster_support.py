"""Rows of forecasts as they are read, and a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa

from grouper.forecast.result import FORECAST_SCHEMA

DAY = timedelta(days=1)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of an answer, which has the declared columns."""
    assert table.schema.equals(FORECAST_SCHEMA)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
