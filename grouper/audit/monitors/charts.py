"""Control limits of a series of months by the months before: exact, with no look ahead.

Shares of cost: chart of single values, sigma by the mean moving range (divided by 1.128). Shares of
cases: chart of proportions, sigma by the number of cases of the month, as in a funnel plot.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from grouper.audit.monitors.measures import COST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.audit.monitors.measures import Asked

FEW_CASES, FEW_MONTHS = "few_cases", "few_months"
"""Why a month is not judged."""
ABOVE, BELOW = "above", "below"
_RANGE = Fraction(1128, 1000)
"""The mean range of two values of a normal distribution, in standard deviations (d2 of n = 2)."""
_DIGITS = 40
_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Month:
    """What a series has in a month.

    Attributes:
        month: first day of the month as text, ``2026-11``.
        cases: how many.
        part: fen or cases that are counted.
        whole: fen or cases of all.
    """

    month: str
    cases: int
    part: int
    whole: int


@dataclass(frozen=True, slots=True)
class Point:
    """A month judged: ``value``, ``centre``, ``lower`` and ``upper`` are shares of six places.

    ``flag`` is ``above``, ``below`` or None; ``reason`` says why it was not judged.
    """

    month: str
    cases: int
    value: Decimal | None
    centre: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    flag: str | None
    reason: str | None


def judged(months: Sequence[Month], asked: Asked) -> list[Point]:
    """Every month of a series, held against those before it.

    Args:
        months: in their order; those in which nothing was charged have no value.
        asked: the measure and its thresholds.
    """
    found: list[Point] = []
    before: list[Month] = []
    for one in months:
        share = Fraction(one.part, one.whole) if one.whole > 0 else None
        enough = share is not None and one.cases >= asked.least_cases
        reason = None
        limits = None
        if not enough:
            reason = FEW_CASES
        elif len(before) < asked.least_months:
            reason = FEW_MONTHS
        else:
            limits = _limits(one, before, asked)
        found.append(_point(one, share, limits, reason, asked.measure.sides))
        if enough:
            before.append(one)
    return found


def _limits(
    month: Month, before: Sequence[Month], asked: Asked
) -> tuple[Fraction, Fraction, Fraction]:
    """Centre, lower and upper limit."""
    if asked.measure.of == COST:
        values = [Fraction(one.part, one.whole) for one in before]
        centre = sum(values, Fraction(0)) / len(values)
        ranges = [abs(b - a) for a, b in pairwise(values)]
        sigma = sum(ranges, Fraction(0)) / max(1, len(ranges)) / _RANGE
    else:
        parts, wholes = (sum(getattr(one, name) for one in before) for name in ("part", "whole"))
        centre = Fraction(parts, wholes)
        sigma = _root(centre * (1 - centre) / month.whole)
    reach = Fraction(asked.deviations) * sigma
    return centre, max(centre - reach, Fraction(0)), min(centre + reach, Fraction(1))


def _root(value: Fraction) -> Fraction:
    with localcontext(prec=_DIGITS):
        return Fraction((Decimal(value.numerator) / Decimal(value.denominator)).sqrt())


def _point(
    one: Month,
    share: Fraction | None,
    limits: tuple[Fraction, Fraction, Fraction] | None,
    reason: str | None,
    sides: Sequence[str],
) -> Point:
    flag = None
    if limits is not None and share is not None:
        if share > limits[2] and ABOVE in sides:
            flag = ABOVE
        elif share < limits[1] and BELOW in sides:
            flag = BELOW
    value, centre, lower, upper = map(_shown, (share, *(limits or (None, None, None))))
    return Point(one.month, one.cases, value, centre, lower, upper, flag, reason)


def _shown(value: Fraction | None) -> Decimal | None:
    if value is None:
        return None
    with localcontext(prec=_DIGITS):
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        return exact.quantize(_PLACES, ROUND_HALF_EVEN)
