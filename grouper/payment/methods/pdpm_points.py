"""PDPM bed-day points: points = points of the stay × hospital factor; payment = points × point value.

The points of the stay are those of its days, period by period (``docs/PDPM.md``). Source: Jinhua pays
long stays for rehabilitation by the points of the day; the arithmetic is that of ``docs/PDPM.md``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.block import Outcomes, because, no_reasons
from grouper.payment.exact import plain
from grouper.payment.fixed import Fixed
from grouper.payment.methods._paid import Paying, put, words_of
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band, Outcome
from grouper.schemes.pdpm.stay import local_day

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from codebooks.policies.policy import Value
    from grouper.case.record import Case
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block
    from grouper.payment.columns import Columns
    from grouper.payment.sheet import Line

_TOPIC = "pdpm_points"
_CAP = f"{_TOPIC}.cap_days"


class PdpmPoints:
    """PDPM bed-day points."""

    name = _TOPIC
    section = _TOPIC

    def price(self, asked: Asked) -> Outcome:
        """Price one stay; see :class:`grouper.payment.methods.Method`."""
        paying, cap = Paying.of(asked, _TOPIC), asked.find(_CAP)
        weight = asked.grouping.weight
        if weight is None or weight <= 0:
            return Outcome(reason=PayReason.GROUP_WITHOUT_WEIGHT)
        days = days_of(asked.case)
        if cap is not None and days is None:
            return Outcome(reason=PayReason.DAYS_MISSING)
        _write_periods(asked)
        stay = asked.sheet.add("stay", weight, unit="points", weight=weight)
        capped = cap is not None and days is not None and days > cap.value
        if capped and cap is not None and days is not None:
            stay = _capped(asked, stay, cap, days)
        exact = stay.number * Fraction(paying.factor.number)
        points = asked.sheet.add(
            "points",
            exact,
            unit="points",
            rounding=paying.points,
            stay=stay,
            hospital_factor=paying.factor,
        )
        amount = paying.amount(asked, points)
        return Outcome(
            amount=paying.money.of(amount.number),
            fund=paying.fund(asked, amount),
            unit_weight=plain(weight),
            points=plain(points.number),
            point_value=plain(paying.point_value.number),
            band=Band.CAPPED if capped else Band.BED_DAY,
        )

    def price_block(self, block: Block) -> Outcomes:
        """Price many stays; see :class:`grouper.payment.methods.Method`."""
        paying, cap = Paying.of(block, _TOPIC), block.find(_CAP)
        weight, known = block.columns.fixed("weight")
        reasons = no_reasons(len(block))
        because(reasons, ~known | ~weight.above(0), PayReason.GROUP_WITHOUT_WEIGHT)
        band = words_of(Band.BED_DAY, len(block))
        points = (weight * paying.factor.number).rounded(paying.points)
        if cap is not None:
            days, counted = days_of_columns(block.columns)
            because(reasons, ~counted, PayReason.DAYS_MISSING)
            capped = counted & (days > cap.value)
            band[capped] = Band.CAPPED
            some = np.flatnonzero(capped)
            if len(some):
                whole = weight.take(some) * paying.factor.number * int(cap.value)
                points = put(points, some, whole.over(Fixed(days[some], 0), paying.points))
        amount = paying.amounts(points)
        return Outcomes(
            amount=amount,
            reasons=reasons,
            fund=paying.funds(amount),
            unit_weight=weight,
            points=points,
            point_value=paying.values(len(block)),
            band=band,
        )


def days_of(case: Case) -> int | None:
    """The days of a stay: from admission to the day before discharge, at least one.

    Without both days the stay in days that the case states; None where it states none.
    """
    admission, discharge = local_day(case.admission_time), local_day(case.discharge_time)
    if admission is not None and discharge is not None:
        return max((discharge - admission).days, 1)
    return case.los if case.los is not None and case.los > 0 else None


def days_of_columns(columns: Columns) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """:func:`days_of` for many cases, and where it is known; nought where it is not."""
    (admission, admitted), (discharge, gone) = (
        columns.day("admission_time"),
        columns.day("discharge_time"),
    )
    los, stated = columns.whole("los")
    both = admitted & gone
    stated = stated & (los > 0)
    days = np.where(both, np.maximum(discharge - admission, 1), np.where(stated, los, 0))
    return days, both | stated


def _capped(asked: Asked, stay: Line, cap: Value, days: int) -> Line:
    exact = stay.number * Fraction(cap.number) / days
    return asked.sheet.add("capped", exact, unit="points", stay=stay, cap_days=cap, days=days)


def _write_periods(asked: Asked) -> None:
    """A line for each period: its days at their mean points a day."""
    for part in asked.grouping.parts:
        if part.weight is None or not part.days:
            continue
        asked.sheet.add(
            "period",
            part.weight,
            unit="points",
            group=part.group or "-",
            days=part.days,
            daily=Fraction(part.weight) / part.days,
        )


METHOD = PdpmPoints()
