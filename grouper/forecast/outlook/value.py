"""What a point is worth by the region's own rule, from totals that are known or drawn.

The formulas are those of the settlement (:mod:`grouper.payment.settlement.point_value`); here they
are asked for a part of the year and for many totals at once.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from grouper.payment.exact import Rounding
from grouper.payment.settlement.point_value import PointValue, by_budget, by_fund, forecast
from grouper.payment.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from grouper.forecast.outlook.published import Month
    from grouper.payment.settlement.looked import Looked

SECTION = "outlook"
"""Of the texts of all lines here: ``pay.outlook.line.<name>`` and so on."""
_YEAR = 12
_PLACES = Rounding(6, "half_up")
_ONE = Decimal(1)


class Money(NamedTuple):
    """How a region pays its points.

    Attributes:
        rule: ``budget``, ``fund`` or ``forecast``.
        monthly: ``month``, ``year_to_date``, or None where months have no point value of their own.
        budget: of the year, where the bureau said one beside its points.
        years: cost and score of the years before, the latest last, for the rule ``forecast``.
    """

    rule: str
    monthly: str | None = None
    budget: Decimal | None = None
    years: tuple[tuple[Decimal, Decimal], ...] = ()


def rules(
    looked: Looked, *, budget: Decimal | None = None, before: Sequence[Month] = (), year: int = 0
) -> Money:
    """How the policy reckons the point value of a method.

    Args:
        looked: for the method and insurance.
        budget: what the bureau said; None: the policy's.
        before: published months, of which whole years before ``year`` are taken.
        year: of the forecast.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``: the region has no rule.
    """
    rule = str(looked.value("settlement.point_value_rule").value)
    monthly = looked.find("settlement.month_point_value")
    return Money(
        rule, None if monthly is None else str(monthly.value), budget, _years(looked, before, year)
    )


def _years(
    looked: Looked, before: Sequence[Month], year: int
) -> tuple[tuple[Decimal, Decimal], ...]:
    """Whole published years one after another up to the last, as many as the policy weighs."""
    weights = looked.find("settlement.year_weights")
    found: list[tuple[Decimal, Decimal]] = []
    for back in range(1, 1 + (len(weights.value) if weights else 0)):
        months = [one for one in before if one.month // _YEAR == year - back]
        if len(months) < _YEAR:
            break
        cost = sum((one.points * one.value for one in months), Decimal(0))
        found.insert(0, (cost, sum((one.points for one in months), Decimal(0))))
    return tuple(found)


def worth(looked: Looked, money: Money, points: Decimal, share: Fraction) -> PointValue:
    """The point value of the region's points.

    Args:
        looked: for the method and insurance.
        money: how it is reckoned.
        points: of all hospitals in the time.
        share: of the year's money that the time has; 1: the year.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
        SettlementError: the sums give no point value.
    """
    if money.rule == "forecast":
        return forecast(looked, money.years)
    budget = looked.value("budget.annual_budget") if money.budget is None else money.budget
    outside = looked.value("budget.outside_spending")
    given = budget if isinstance(budget, Decimal) else budget.number
    sheet = Sheet(SECTION)
    if money.rule == "budget":
        if share == 1:
            return by_budget(looked, points, budget=money.budget)
        parts = [
            sheet.add("month_budget", Fraction(given) * share, annual_budget=budget, share=share),
            sheet.add(
                "month_outside",
                Fraction(outside.number) * share,
                outside_spending=outside,
                share=share,
            ),
        ]
        found = by_budget(
            looked, points, budget=_exact(parts[0].number), outside=_exact(parts[1].number)
        )
    else:
        fund = sheet.add(
            "fund_available",
            (Fraction(given) - Fraction(outside.number)) * share,
            annual_budget=budget,
            outside_spending=outside,
            share=share,
        )
        found = by_fund(looked, points, fund=_exact(fund.number))
    return PointValue(found.value, (*sheet.lines, *found.lines))


def month_value(looked: Looked, money: Money, month: int, points: Sequence[Decimal]) -> PointValue:
    """The point value of a month.

    Args:
        looked: for the method and insurance, on the month's last day.
        money: how it is reckoned; ``monthly`` says over which months.
        month: of the calendar, from 1.
        points: of the year's months up to this one, in order.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
        SettlementError: the sums give no point value.
    """
    if money.monthly == "year_to_date":
        return worth(looked, money, sum(points, Decimal(0)), Fraction(month, _YEAR))
    return worth(looked, money, points[-1], Fraction(1, _YEAR))


def many(
    looked: Looked, money: Money, points: NDArray[np.float64], share: Fraction
) -> NDArray[np.float64]:
    """Point values of drawn totals; a test holds them to :func:`worth`.

    The rules divide an amount by the points, so the amount is asked once, with one point.
    """
    whole = float(worth(looked, money, _ONE, share).value)
    if money.rule == "forecast":
        return points * 0.0 + whole
    places = looked.point_value_rounding().places
    found: NDArray[np.float64] = (whole / points).round(places)
    return found


def _exact(number: Fraction) -> Decimal:
    return _PLACES.of(number)
