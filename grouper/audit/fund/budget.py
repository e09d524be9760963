"""How much of the year's budget the hospital's settled months have used, beside the day of the year.

Used = the fund's part of the settled months. Expected = budget × days of those months ÷ days of the
year. Projected = used × days of the year ÷ days of those months, or what an outlook says.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from grouper.audit.errors import AuditError
from grouper.payment.exact import Rounding
from grouper.payment.settlement.deductions import INSURANCES
from grouper.payment.settlement.exactly import total

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from codebooks.errors import Where
    from grouper.payment.settlement.looked import Looked

HOSPITAL, SHARE, REGION = "hospital", "share", "region"
NO_BUDGET, UNKNOWN = "FUND_NO_BUDGET", "FUND_PART_UNKNOWN"
AHEAD, BEHIND, ON_COURSE = "ahead", "behind", "on_course"
_FEN = Rounding(2, "half_up")
_RATE = Rounding(4, "half_up")
_METHODS = "budget.annual_budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A settled month, as ``grouper settle`` tells it.

    Attributes:
        month: such as ``2026-11``.
        region, hospital: as it says.
        fund: the fund's part in yuan by insurance; None: the statement knows none of it.
        unknown: yuan of payments whose fund's part is not known, by insurance.
        other: the fund's part in yuan of cases whose insurance is none of these.
    """

    month: str
    region: str
    hospital: str | None
    fund: Mapping[str, Decimal | None]
    unknown: Mapping[str, Decimal]
    other: Decimal = Decimal("0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The year's budget of one insurance, and what it rests on.

    Attributes:
        value: in yuan; None: none is stated.
        basis: ``hospital`` (its own), ``share`` (its share of the region's) or ``region`` (of all
            hospitals).
        paths: of the policy's values; ``assumptions`` are those of them that are assumptions.
    """

    value: Decimal | None
    basis: str | None
    paths: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How one budget is used; ``insurance`` None: all together.

    Attributes:
        used: yuan of the settled months.
        budget: of the year.
        share: used ÷ budget, four places.
        expected: yuan by the days of the settled months; not of a budget of the whole region.
        course: ``ahead``, ``behind`` or ``on_course`` of that.
        projected: yuan of the whole year at the same pace.
        unknown: yuan of payments whose fund's part is not known; they are no part of ``used``.
        reason: why there is no share.
    """

    insurance: str | None
    used: Decimal | None
    budget: Budget
    share: Decimal | None = None
    expected: Decimal | None = None
    course: str | None = None
    projected: Decimal | None = None
    unknown: Decimal = Decimal("0.00")
    reason: str | None = None


def statement_of(told: Mapping[str, Any], where: Where) -> Statement:
    """A settled month from the JSON document of ``grouper settle``.

    Args:
        told: the document.
        where: the place of it, for errors.

    Raises:
        AuditError: ``FUND_STATEMENT``: it is no document of a settled month.
    """
    try:
        if told["period"] != "month":
            raise AuditError("FUND_STATEMENT", where)
        fund: dict[str, Decimal | None] = {}
        unknown: dict[str, Decimal] = {}
        other = Decimal("0.00")
        for part in told["parts"]:
            insurance, sums = part["insurance"], part["sums"]
            if insurance not in INSURANCES:
                other += _money(sums["fund"] or "0")
                continue
            unknown[insurance] = unknown.get(insurance, Decimal(0)) + _money(
                sums["unknown_amount"] or "0"
            )
            if sums["fund"] is not None:
                fund[insurance] = (fund.get(insurance) or Decimal(0)) + _money(sums["fund"])
            else:
                fund.setdefault(insurance, None)
        month = f"{date.fromisoformat(str(told['when']) + '-01'):%Y-%m}"
        hospital = told["hospital"]
        return Statement(
            month=month,
            region=str(told["region"]),
            hospital=None if hospital is None else str(hospital),
            fund=fund,
            unknown=unknown,
            other=other,
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as cause:
        raise AuditError("FUND_STATEMENT", where) from cause


def _money(written: object) -> Decimal:
    found = Decimal(str(written))
    if not found.is_finite():
        raise ValueError(written)
    return found


def budget_of(looked: Looked, insurance: str) -> Budget:
    """The year's budget of one insurance as the policy states it: the hospital's, else the region's.

    Args:
        looked: of the region, with the hospital among its facts.
        insurance: whose.
    """
    of = looked.of(insurance=insurance)
    own = of.find("global_budget.budget")
    if own is not None:
        return _budget(own.number, HOSPITAL, own)
    given = looked.policy.values.get(_METHODS)
    keys = [] if given is None else [keys for keys, _ in given.by_keys()]
    methods = sorted({one[-1] for one in keys if len(one) > 1})
    found = [one for m in methods if (one := of.of(method=m).find(_METHODS)) is not None]
    if not found:
        return Budget(value=None, basis=None)
    whole = total(one.number for one in found)
    share = of.find("global_budget.spending_share")
    if share is None:
        return _budget(whole, REGION, *found)
    return _budget(_FEN.of(whole * share.number), SHARE, *found, share)


def _budget(value: Decimal, basis: str, *found: Any) -> Budget:  # noqa: ANN401 -- values of a policy
    return Budget(
        value=value,
        basis=basis,
        paths=tuple(sorted({one.path for one in found})),
        assumptions=tuple(sorted({one.given.path for one in found if one.assumption})),
    )


def once(statements: Iterable[Statement], year: int, month: str) -> list[Statement]:
    """The statements of a year up to a month, in order.

    Raises:
        AuditError: ``FUND_STATEMENT_TWICE``: two of one month.
    """
    found: dict[str, Statement] = {}
    for one in statements:
        if one.month[:4] != f"{year:04d}" or one.month > month:
            continue
        if one.month in found:
            raise AuditError("FUND_STATEMENT_TWICE", found=one.month)
        found[one.month] = one
    return [found[key] for key in sorted(found)]


def uses(
    statements: Sequence[Statement], budgets: Mapping[str, Budget], tolerance: Decimal
) -> list[Use]:
    """How the budgets are used, by insurance and together.

    Args:
        statements: of one year.
        budgets: by insurance.
        tolerance: share of the expected use by which it may be off.
    """
    days = sum(_days(one.month) for one in statements)
    whole = _year(statements[0].month) if statements else 1
    found = []
    for insurance in INSURANCES:
        known = [value for one in statements if (value := one.fund.get(insurance)) is not None]
        open_ = total(one.unknown.get(insurance, Decimal(0)) for one in statements)
        said = any(insurance in one.fund for one in statements)
        used = total(known) if known or not said else None
        budget = budgets[insurance]
        found.append(_use(insurance, used, budget, open_, tolerance, Fraction(days, whole)))
    return [*found, _together(found, tolerance, Fraction(days, whole))]


def _use(
    insurance: str | None,
    used: Decimal | None,
    budget: Budget,
    unknown: Decimal,
    tolerance: Decimal,
    passed: Fraction,
) -> Use:
    plain = Use(insurance=insurance, used=used, budget=budget, unknown=unknown)
    if used is None or not passed:
        return _because(plain, UNKNOWN)
    projected = _FEN.of(Fraction(used) / passed)
    plain = Use(insurance=insurance, used=used, budget=budget, unknown=unknown, projected=projected)
    if not budget.value:
        return _because(plain, NO_BUDGET)
    share = _RATE.of(Fraction(used) / Fraction(budget.value))
    expected = course = None
    if budget.basis != REGION:
        exact = Fraction(budget.value) * passed
        expected, course = _FEN.of(exact), _course(Fraction(used), exact, tolerance)
    return Use(
        insurance=insurance,
        used=used,
        budget=budget,
        share=share,
        expected=expected,
        course=course,
        projected=projected,
        unknown=unknown,
    )


def _because(use: Use, reason: str) -> Use:
    return Use(
        insurance=use.insurance,
        used=use.used,
        budget=use.budget,
        projected=use.projected,
        unknown=use.unknown,
        reason=reason,
    )


def _together(found: Sequence[Use], tolerance: Decimal, passed: Fraction) -> Use:
    """All insurances; of budgets that rest on different things no sum is made."""
    bases = {one.budget.basis for one in found}
    known = [one.used for one in found if one.used is not None]
    used = total(known) if len(known) == len(found) else None
    values = [one.budget.value for one in found]
    budget = Budget(value=None, basis=None)
    if len(bases) == 1 and None not in values:
        budget = Budget(
            value=total(value for value in values if value is not None),
            basis=bases.pop(),
            paths=tuple(sorted({path for one in found for path in one.budget.paths})),
            assumptions=tuple(sorted({path for one in found for path in one.budget.assumptions})),
        )
    unknown = total(one.unknown for one in found)
    return _use(None, used, budget, unknown, tolerance, passed)


def _course(used: Fraction, expected: Fraction, tolerance: Decimal) -> str:
    off = Fraction(tolerance) * expected
    if used > expected + off:
        return AHEAD
    return BEHIND if used < expected - off else ON_COURSE


def _days(month: str) -> int:
    return calendar.monthrange(int(month[:4]), int(month[5:]))[1]


def _year(month: str) -> int:
    return 366 if calendar.isleap(int(month[:4])) else 365
