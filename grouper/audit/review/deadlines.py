"""Until when a finding may stay where it is: local calendar days, to the end of the last."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from grouper.audit.review.tables import limits
from grouper.case.dates import LOCAL

if TYPE_CHECKING:
    from datetime import date


def due_of(state: str, level: str, at: datetime) -> datetime | None:
    """When a finding that comes into a state is due; None: the state has no deadline.

    Args:
        state: the state.
        level: of the finding.
        at: when it comes there, aware.

    Raises:
        ReviewError: ``REVIEW_TABLE``: the hospital's own figures are not as they should be.
    """
    days = limits().days.get(state, {}).get(level)
    if days is None:
        return None
    return end_of(at.astimezone(LOCAL).date() + timedelta(days=days))


def end_of(day: date) -> datetime:
    """The end of a local day, aware."""
    return datetime.combine(day + timedelta(days=1), time(), LOCAL)
