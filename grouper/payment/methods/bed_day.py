"""Bed-days: Σ days in a segment × the segment's rate.

The segments of a stay meet end to end from its first day; a stay with a day that no segment holds
is not priced, for nobody said what that day is worth.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from grouper.payment.block import Outcomes, because, no_reasons
from grouper.payment.fixed import Fixed
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band, Outcome
from grouper.payment.sheet import TableCell

if TYPE_CHECKING:
    from decimal import Decimal

    from codebooks.policies.policy import Value
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block

_SEGMENTS = "bed_day.segments"
_LONGEST = 10**6
"""Days of a segment without an end; no stay is as long."""


class Segment(NamedTuple):
    """Days of a stay that have one rate: from the first to the last, inclusive; yuan a day."""

    first: int
    last: int
    rate: Decimal


class BedDay:
    """Bed-days."""

    name = "bed_day"
    section = "bed_day"

    def price(self, asked: Asked) -> Outcome:
        """Price one case; see :class:`grouper.payment.methods.Method`."""
        table, money = asked.value(_SEGMENTS), asked.rounding("money")
        days = asked.case.los
        reason = _reason(segments_of(table), days)
        if reason is not None or days is None:
            return Outcome(reason=reason)
        total = Fraction(0)
        for one in segments_of(table) or ():
            inside = min(days, one.last) - one.first + 1
            if inside > 0:
                rate = TableCell(table, str(one.first), one.rate)
                line = asked.sheet.add(
                    "segment", inside * Fraction(one.rate), days=str(inside), rate=rate
                )
                total += line.number
        standard = asked.sheet.add("standard", total, rounding=money, segments=total)
        return Outcome(amount=money.of(standard.number), band=Band.BED_DAY)

    def price_block(self, block: Block) -> Outcomes:
        """Price many cases; see :class:`grouper.payment.methods.Method`."""
        found, money = segments_of(block.value(_SEGMENTS)), block.rounding("money")
        days, known = block.columns.whole("los")
        reasons, band = no_reasons(len(block)), no_reasons(len(block))
        band[:] = Band.BED_DAY
        because(reasons, ~known | (days < 1), PayReason.DAYS_MISSING)
        total = Fixed(np.zeros(len(block), np.int64), 0)
        if found is None:
            because(reasons, np.ones(len(block), np.bool_), PayReason.POLICY_UNUSABLE)
        else:
            because(reasons, days > found[-1].last, PayReason.QUOTA_MISSING)
            for one in found:
                inside = np.clip(np.minimum(days, one.last) - one.first + 1, 0, None)
                total += Fixed(inside, 0) * one.rate
        return Outcomes(amount=total.rounded(money), reasons=reasons, band=band)


def segments_of(table: Value) -> tuple[Segment, ...] | None:
    """The segments of a stay in their order; None where they leave a gap, overlap or are none."""
    rows: list[dict[str, Any]] = sorted(table.value, key=lambda row: int(row["from_day"]))
    found = tuple(
        Segment(
            int(row["from_day"]),
            _LONGEST if row["to_day"] is None else int(row["to_day"]),
            row["rate"],
        )
        for row in rows
    )
    after = 1
    for one in found:
        if one.first != after or one.last < one.first:
            return None
        after = one.last + 1
    return found or None


def _reason(segments: tuple[Segment, ...] | None, days: int | None) -> str | None:
    if days is None or days < 1:
        return PayReason.DAYS_MISSING
    if segments is None:
        return PayReason.POLICY_UNUSABLE
    return PayReason.QUOTA_MISSING if days > segments[-1].last else None


METHOD = BedDay()
