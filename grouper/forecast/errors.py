"""Errors of forecasting."""

from __future__ import annotations

from codebooks.errors import GrouperError


class ForecastError(GrouperError):
    """Forecasting cannot go on; the code says why."""
