"""What a point is worth: by the budget, by the fund at hand, or as a forecast at the year's start.

Sources: DRG points (Jinhua): (annual budget − spending outside the system) ÷ total points. DIP:
(fund available ÷ payment ratio) ÷ total score; at the start of the year the weighted annual cost ÷
the weighted annual score of the years before (1 : 2 : 7). APG points are reckoned as DRG points.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from codebooks.policies.policy import Value
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.result import SECTION
from grouper.payment.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from grouper.payment.settlement.looked import Looked
    from grouper.payment.sheet import Line


@dataclass(frozen=True, slots=True)
class PointValue:
    """A point value in yuan, with the arithmetic."""

    value: Decimal
    lines: tuple[Line, ...]


def by_budget(
    looked: Looked,
    points: Decimal,
    *,
    budget: Decimal | None = None,
    outside: Decimal | None = None,
) -> PointValue:
    """(annual budget − spending outside the system) ÷ total points.

    Args:
        looked: for the method and insurance.
        points: of all hospitals in the year.
        budget: in yuan; None: as the policy says (topic ``budget``).
        outside: likewise.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
        SettlementError: ``SETTLE_NO_POINTS``, ``SETTLE_BUDGET_SPENT``.
    """
    sheet = Sheet(SECTION)
    given = _or_policy(looked, budget, "budget.annual_budget")
    spent = _or_policy(looked, outside, "budget.outside_spending")
    left = sheet.add(
        "budget_left", _number(given) - _number(spent), annual_budget=given, outside_spending=spent
    )
    if left.number < 0:
        raise SettlementError("SETTLE_BUDGET_SPENT", left=f"{left.value:f}")
    return _divided(sheet, looked, left, points)


def by_fund(
    looked: Looked,
    score: Decimal,
    *,
    fund: Decimal,
    payment_ratio: Decimal | None = None,
) -> PointValue:
    """(fund available ÷ payment ratio) ÷ total score.

    Args:
        looked: for the method and insurance.
        score: of all hospitals in the year.
        fund: available for the cases, in yuan.
        payment_ratio: the fund's part of all payments; None: as the policy says.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
        SettlementError: ``SETTLE_NO_POINTS``, ``SETTLE_RATIO``.
    """
    sheet = Sheet(SECTION)
    ratio = _or_policy(looked, payment_ratio, "budget.payment_ratio")
    if not 0 < _number(ratio) <= 1:
        raise SettlementError("SETTLE_RATIO", found=f"{float(_number(ratio)):.6f}")
    whole = sheet.add(
        "payments", Fraction(fund) / _number(ratio), fund_available=fund, payment_ratio=ratio
    )
    return _divided(sheet, looked, whole, score)


def forecast(looked: Looked, years: Sequence[tuple[Decimal, Decimal]]) -> PointValue:
    """Weighted annual cost ÷ weighted annual score, before the year begins.

    Args:
        looked: for the method and insurance; the weights are the policy's.
        years: cost in yuan and score of each year, the latest last; the policy weighs as many
            years as there are.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
        SettlementError: ``SETTLE_YEARS``: a year that the policy does not weigh, or none;
            ``SETTLE_NO_POINTS``.
    """
    table = looked.value("settlement.year_weights")
    weights = {int(row["years_back"]): row["weight"] for row in table.value}
    if not years or any(back not in weights for back in range(1, len(years) + 1)):
        raise SettlementError("SETTLE_YEARS", found=len(years), known=len(weights))
    sheet = Sheet(SECTION)
    costs = scores = Fraction(0)
    for back, (cost, score) in zip(range(len(years), 0, -1), years, strict=True):
        weight = Fraction(weights[back])
        sheet.add("year", weight, unit="", cost=cost, score=score, years_back=str(back))
        costs, scores = costs + weight * Fraction(cost), scores + weight * Fraction(score)
    whole = sheet.add("weighted_cost", costs)
    return _divided(sheet, looked, whole, scores)


def _divided(sheet: Sheet, looked: Looked, money: Line, points: Decimal | Fraction) -> PointValue:
    if points <= 0:
        raise SettlementError("SETTLE_NO_POINTS")
    line = sheet.add(
        "point_value",
        money.number / Fraction(points),
        rounding=looked.point_value_rounding(),
        money=money,
        points=points,
    )
    return PointValue(looked.point_value_rounding().of(line.number), tuple(sheet.lines))


def _or_policy(looked: Looked, given: Decimal | None, path: str) -> Decimal | Value:
    return looked.value(path) if given is None else given


def _number(one: Decimal | Value) -> Fraction:
    return Fraction(one.number if isinstance(one, Value) else one)
