"""The month of a table that has only one, and the day by whose policy a table is read."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from grouper.case.fields import ZONE
from grouper.payment.settlement.errors import SettlementError

if TYPE_CHECKING:
    from codebooks.policies.policies import Policies
    from codebooks.policies.policy import Policy

_TIME = "discharge_time"


def the_month(table: pa.Table) -> str:
    """The month of discharge, where all cases that have a day fall into one.

    Raises:
        SettlementError: ``SETTLE_MONTHS``: there are none, or several.
    """
    days = _days(table)
    found = sorted(set(pc.strftime(days, "%Y-%m").to_pylist()) - {None})
    if len(found) != 1:
        raise SettlementError("SETTLE_MONTHS", found=", ".join(found[:12]) or "-")
    return str(found[0])


def last_policy(table: pa.Table, region: str, at_hand: Policies) -> Policy:
    """The policy of a region on the last day of discharge.

    Raises:
        SettlementError: ``SETTLE_MONTHS``: no case has a day.
        CodebookError: the region has no policy on that day.
    """
    last = pc.max(_days(table)).as_py()
    if last is None:
        raise SettlementError("SETTLE_MONTHS", found="-")
    return at_hand.on(region, date(last.year, last.month, last.day))


def _days(table: pa.Table) -> pa.ChunkedArray:
    kind = pa.timestamp("s", ZONE)
    if _TIME not in table.column_names:
        raise SettlementError("SETTLE_COLUMN", column=_TIME)
    try:
        return pc.local_timestamp(table[_TIME].cast(kind))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as cause:
        raise SettlementError(
            "SETTLE_COLUMN_TYPE", column=_TIME, found=str(table[_TIME].type), wanted=str(kind)
        ) from cause
