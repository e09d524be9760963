"""A global budget: who is under it, the advances of the year, and the settlement at its end.

An advance is budget ÷ periods × (1 − reserve). At the year's end a surplus is kept as the policy
says; an overspend is shared in bands of the budget, and what lies above the last band is the
hospital's. Source of the rules: the global budget of Baicheng (2015); what its document leaves open
is marked in ``codebooks/data/policies/baicheng/global_budget.yaml``.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from codebooks.policies.yaml_nodes import PolicyError
from grouper.payment.exact import Rounding
from grouper.payment.sheet import Sheet, TableCell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.policies.policy import Policy, Value
    from grouper.payment.sheet import Line

SECTION = "budget_year"
_TOPIC = "global_budget"
_FEN_PLACES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Advances:
    """The advances of a year, in yuan.

    Attributes:
        budget: of the year.
        amount: of each period.
        periods: in a year.
        kept: what the fund keeps back: budget − periods × amount.
        lines: the arithmetic.
        asked: the policy's values that it rests on.
    """

    budget: Decimal
    amount: Decimal
    periods: int
    kept: Decimal
    lines: tuple[Line, ...] = ()
    asked: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """The settlement of a year, in yuan.

    Attributes:
        budget: of the year.
        spent: what the fund would owe for all cases by item.
        due: what it owes in all.
        kept: of a surplus, by the hospital.
        shared: of an overspend, by the fund.
        borne: of an overspend, by the hospital.
        rest: due − advances − deductions; negative: the hospital pays back.
        lines: the arithmetic.
        asked: the policy's values that it rests on.
    """

    budget: Decimal
    spent: Decimal
    due: Decimal
    kept: Decimal
    shared: Decimal
    borne: Decimal
    rest: Decimal
    lines: tuple[Line, ...] = ()
    asked: tuple[Value, ...] = ()


class Band(NamedTuple):
    """A band of overspend as shares of the budget, and the fund's share of what lies in it."""

    start: Fraction
    end: Fraction | None
    share: TableCell


class Share(NamedTuple):
    """What a hospital has of the area's target, in yuan; None: exempt, it is paid by item."""

    spending_share: Fraction
    budget: Decimal | None


@dataclass(slots=True)
class _Terms:
    """A policy for one hospital, and what was asked of it."""

    policy: Policy
    facts: Mapping[str, str | None]
    sheet: Sheet

    def value(self, name: str) -> Value:
        found = self.policy.value(f"{_TOPIC}.{name}", **self.facts)
        self.sheet.asked[found.path] = found
        return found

    def budget(self, given: Decimal | None) -> Line:
        """The line of the year's budget: as given, else as the policy says."""
        if given is not None:
            return self.sheet.add("budget", given, budget=given)
        told = self.value("budget")
        return self.sheet.add("budget", told.number, budget=told)

    @property
    def money(self) -> Rounding:
        places = self.policy.value("general.money_places")
        mode = self.policy.value("general.money_rounding")
        self.sheet.asked |= {places.path: places, mode.path: mode}
        return Rounding(int(places.value), mode.value)


def _terms(policy: Policy, facts: Mapping[str, str | None]) -> _Terms:
    return _Terms(policy, facts, Sheet(SECTION))


def advances(
    policy: Policy, facts: Mapping[str, str | None], *, budget: Decimal | None = None
) -> Advances:
    """The advances of a year.

    Args:
        policy: that holds in the year.
        facts: ``insurance`` and ``hospital``.
        budget: of the year in yuan; None: as the policy says.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
    """
    terms = _terms(policy, facts)
    sheet, money = terms.sheet, terms.money
    periods, reserve = terms.value("periods"), terms.value("reserve")
    whole = terms.budget(budget)
    exact = whole.number / int(periods.value) * (1 - Fraction(reserve.number))
    line = sheet.add(
        "advance", exact, rounding=money, budget=whole, periods=periods, reserve=reserve
    )
    kept = whole.number - line.number * int(periods.value)
    sheet.add("kept_back", kept, budget=whole, advance=line, periods=periods)
    return Advances(
        budget=money.of(whole.number),
        amount=money.of(line.number),
        periods=int(periods.value),
        kept=money.of(kept),
        lines=tuple(sheet.lines),
        asked=tuple(sheet.asked.values()),
    )


def clear(
    policy: Policy,
    facts: Mapping[str, str | None],
    spent: Decimal,
    *,
    budget: Decimal | None = None,
    paid: Decimal = Decimal(0),
    deducted: Decimal = Decimal(0),
) -> Cleared:
    """The settlement of a year.

    Args:
        policy: that holds at its end.
        facts: ``insurance`` and ``hospital``.
        spent: what the fund would owe for all cases of the year by item, in yuan.
        budget: of the year in yuan; None: as the policy says.
        paid: the advances.
        deducted: assessment and recoveries.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``; ``POLICY_BANDS``: the bands of overspend leave a gap
            or overlap.
    """
    terms = _terms(policy, facts)
    sheet, money = terms.sheet, terms.money
    keeping, bands = terms.value("surplus_kept"), bands_of(terms.value("overspend"))
    whole = terms.budget(budget)
    over = Fraction(spent) - whole.number
    kept = shared = Fraction(0)
    if over <= 0:
        surplus = sheet.add("surplus", -over, budget=whole, spent=spent)
        line = sheet.add(
            "kept", -over * Fraction(keeping.number), rounding=money, surplus=surplus, share=keeping
        )
        kept = line.number
        due = sheet.add(
            "due_within", Fraction(spent) + kept, rounding=money, spent=spent, kept=line
        )
    else:
        excess = sheet.add("overspend", over, spent=spent, budget=whole)
        for one in bands:
            top = over if one.end is None else min(over, one.end * whole.number)
            part = top - one.start * whole.number
            if part > 0:
                inside = sheet.add("band", part, overspend=excess, start=one.start)
                line = sheet.add(
                    "shared",
                    part * Fraction(one.share.number),
                    rounding=money,
                    band=inside,
                    share=one.share,
                )
                shared += line.number
        due = sheet.add(
            "due_over", whole.number + shared, rounding=money, budget=whole, shared=shared
        )
        sheet.add("borne", over - shared, overspend=excess, shared=shared)
    rest = due.number - Fraction(paid) - Fraction(deducted)
    sheet.add("rest", rest, due=due, paid=paid, deducted=deducted)
    return Cleared(
        budget=money.of(whole.number),
        spent=money.of(spent),
        due=money.of(due.number),
        kept=money.of(kept),
        shared=money.of(shared),
        borne=money.of(max(over, Fraction(0)) - shared),
        rest=money.of(rest),
        lines=tuple(sheet.lines),
        asked=tuple(sheet.asked.values()),
    )


def bands_of(table: Value) -> tuple[Band, ...]:
    """The bands of overspend in their order.

    Raises:
        PolicyError: ``POLICY_BANDS``.
    """
    rows: list[dict[str, Any]] = sorted(table.value, key=lambda row: Decimal(row["from"]))
    found: list[Band] = []
    after: Fraction | None = Fraction(0)
    for row in rows:
        start, end = Fraction(row["from"]), row["to"]
        if start != after or (end is not None and Fraction(end) <= start):
            raise PolicyError("POLICY_BANDS", table.given.where, path=table.path)
        after = None if end is None else Fraction(end)
        found.append(Band(start, after, TableCell(table, str(row["from"]), row["fund_share"])))
    return tuple(found)


def allot(
    policy: Policy, facts: Mapping[str, str | None], spending: Mapping[str, Decimal]
) -> dict[str, Share]:
    """The area's target shared by what each hospital spent, without the exempt.

    A hospital whose share of the spending is below ``exempt_below_share`` is exempt. The shares of
    the others sum to the target to the fen: what rounding leaves goes to those that lost most by it.

    Args:
        policy: that holds in the year.
        facts: ``insurance``.
        spending: of the fund by hospital in the year before, in yuan, none negative.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``; ``BUDGET_SPENDING``: a spending is negative.
    """
    terms = _terms(policy, facts)
    limit = Fraction(terms.value("exempt_below_share").number)
    target = Fraction(terms.value("target").number)
    for hospital, one in spending.items():
        if one < 0:
            raise PolicyError("BUDGET_SPENDING", hospital=hospital, found=f"{one:f}")
    total = sum((Fraction(one) for one in spending.values()), Fraction(0))
    shares = {h: Fraction(one) / total if total else Fraction(0) for h, one in spending.items()}
    under = {hospital: share for hospital, share in shares.items() if share and share >= limit}
    whole = sum(under.values(), Fraction(0))
    unit = 10**_FEN_PLACES
    exact = {hospital: target * unit * share / whole for hospital, share in under.items()}
    units = {hospital: int(one) for hospital, one in exact.items()}
    left = int(target * unit) - sum(units.values()) if units else 0
    for hospital in sorted(exact, key=lambda one: (units[one] - exact[one], one))[:left]:
        units[hospital] += 1
    return {
        hospital: Share(
            share, Decimal(units[hospital]).scaleb(-_FEN_PLACES) if hospital in units else None
        )
        for hospital, share in shares.items()
    }
