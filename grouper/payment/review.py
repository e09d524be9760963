"""Candidates for individual review (特病单议): which of those that a method marks may be sent in.

A region takes at most a share of its discharges (DIP 3.0: 5 per mille,
``dip_score.review_share`` of the policy). Those with the greatest loss go first.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from codebooks.errors import GrouperError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COLUMNS = ("total_cost", "amount", "review")


def most_reviewed(discharges: int, share: Decimal) -> int:
    """How many cases a region may review: the share of its discharges, rounded down.

    Raises:
        GrouperError: ``REVIEW_SHARE``.
    """
    if discharges < 0 or not 0 <= share <= 1:
        raise GrouperError("REVIEW_SHARE", discharges=discharges, share=share)
    return int(Fraction(share) * discharges)


def review_candidates(cases: pa.Table, discharges: int, share: Decimal) -> NDArray[np.bool_]:
    """Mark the cases that go to individual review.

    Args:
        cases: priced cases; columns ``total_cost``, ``amount`` and ``review``.
        discharges: of the region in the same time, on which the share rests.
        share: the most that may be reviewed, from 0 to 1.

    Returns:
        For each case whether it goes: of the candidates those with the greatest cost − amount, the
        earlier row first where they are equal; a candidate without a cost or an amount goes last.

    Raises:
        GrouperError: ``REVIEW_SHARE``, ``REVIEW_COLUMNS``.
    """
    missing = [name for name in _COLUMNS if name not in cases.schema.names]
    if missing:
        raise GrouperError("REVIEW_COLUMNS", missing=", ".join(missing))
    most = most_reviewed(discharges, share)
    rows = np.flatnonzero(np.asarray(cases["review"].fill_null(fill_value=False), np.bool_))
    told = cases.select(_COLUMNS[:2]).take(pa.array(rows))
    costs, amounts = told["total_cost"].to_pylist(), told["amount"].to_pylist()
    losses = [
        None if cost is None or amount is None else cost - amount
        for cost, amount in zip(costs, amounts, strict=True)
    ]
    order = sorted(range(len(rows)), key=lambda i: (losses[i] is None, -(losses[i] or Decimal(0))))
    found = np.zeros(cases.num_rows, np.bool_)
    found[rows[np.array(order[:most], np.int64)]] = True
    return found
