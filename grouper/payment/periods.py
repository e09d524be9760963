"""The days of a batch's cases, and in which period of a region's policy each falls."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from codebooks.errors import CodebookError
from grouper.payment.place import region_id

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.payment.columns import Columns
    from grouper.payment.place import Terms

EPOCH = date(1970, 1, 1)
"""The day from which the days of columns count."""


def days_of(columns: Columns, terms: Terms) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The day on which each case is priced, in days since :data:`EPOCH`, and where there is one."""
    days, stated = columns.day("discharge_time")
    if terms.today is not None:
        days = np.where(stated, days, (terms.today - EPOCH).days)
        stated = np.ones(len(stated), np.bool_)
    return days, stated


def period_numbers(region: str | None, days: NDArray[np.int64], terms: Terms) -> NDArray[np.int64]:
    """A number for each day, the same for days between which nothing changes in a region.

    A region that is unknown, or cannot be used, is one period.
    """
    starts = np.array([], np.int64)
    if region is not None and region_id(region) is not None:
        try:
            periods = terms.policies.periods(region)
        except CodebookError:
            periods = ()
        starts = np.array([(one.valid_from - EPOCH).days for one in periods], np.int64)
    return np.searchsorted(starts, days, side="right")
