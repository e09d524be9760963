"""What the hospital's own discharged stays of a group cost and how long they took."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import TYPE_CHECKING

from sqlalchemy import select

from grouper.case.dates import LOCAL
from grouper.store.schema import grouping, stay
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

_CENT, _DAY = Decimal("0.01"), Decimal("0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Figures of a group; those without a stay to count are None.

    Attributes:
        stays: how many were discharged.
        costed: how many of them have a total cost.
        mean_cost: in yuan, to the cent, half up.
        median_cost: likewise.
        mean_days: of stay, to a tenth, half up; the days of admission and discharge count as one.
        median_days: likewise.
    """

    stays: int
    costed: int
    mean_cost: Decimal | None
    median_cost: Decimal | None
    mean_days: Decimal | None
    median_days: Decimal | None


def reference(
    connection: Connection, scheme: str, group: str, since: datetime, until: datetime
) -> Reference:
    """Figures of the stays that a scheme binds and puts into a group.

    Args:
        connection: a reading transaction.
        scheme: its id.
        group: its code.
        since: discharged then or later.
        until: discharged before.
    """
    ask = (
        select(stay.c.total_cost, stay.c.admitted, stay.c.discharged)
        .join_from(stay, grouping, grouping.c.id == stay.c.grouping_id)
        .where(
            grouping.c.group == group,
            grouping.c.scheme == scheme,
            stay.c.state == StayState.DISCHARGED,
            stay.c.discharged >= since,
            stay.c.discharged < until,
        )
    )
    rows = connection.execute(ask).all()
    costs = [row.total_cost for row in rows if row.total_cost is not None]
    days = [
        Decimal(max((_day(row.discharged) - _day(row.admitted)).days, 1))
        for row in rows
        if row.admitted is not None and row.admitted <= row.discharged
    ]
    return Reference(
        stays=len(rows),
        costed=len(costs),
        mean_cost=_mean(costs, _CENT),
        median_cost=_median(costs, _CENT),
        mean_days=_mean(days, _DAY),
        median_days=_median(days, _DAY),
    )


def _day(time: datetime) -> date:
    return time.astimezone(LOCAL).date()


def _mean(values: Sequence[Decimal], to: Decimal) -> Decimal | None:
    if not values:
        return None
    return (sum(values, Decimal(0)) / len(values)).quantize(to, ROUND_HALF_UP)


def _median(values: Sequence[Decimal], to: Decimal) -> Decimal | None:
    return median(values).quantize(to, ROUND_HALF_UP) if values else None
