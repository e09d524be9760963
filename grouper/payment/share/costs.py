"""The costs of one case parted: outside the catalogue, first share, above the limit, within scope.

As the record states them; where it does not, out of the charge lines. Where neither says it there is
a reason: nothing is filled in.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from grouper.payment.reasons import PayReason

if TYPE_CHECKING:
    from decimal import Decimal

    from grouper.case.record import Case
    from grouper.payment.share.rules import Catalogue

OUTSIDE = ("own_cost", "over_limit_cost", "first_share_cost")
"""The fields of a case that state what is outside the scope."""
CLASS_A, CLASS_B, CLASS_C = "A", "B", "C"
"""Classes of the catalogue, as ``line_scope`` spells them; C is what it does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Four parts in yuan, or the reason why they are not known; ``lines``: out of the lines."""

    reason: str | None = None
    lines: bool = False
    own: Fraction = Fraction(0)
    first_share: Fraction = Fraction(0)
    over_limit: Fraction = Fraction(0)
    scope: Fraction = Fraction(0)

    @property
    def total(self) -> Fraction:
        """All of it."""
        return self.own + self.first_share + self.over_limit + self.scope


def costs_of(case: Case, catalogue: Catalogue) -> Costs:
    """The costs of one case."""
    stated = [getattr(case, name) for name in ("total_cost", "scope_cost", *OUTSIDE)]
    if any(one is not None and one < 0 for one in stated):
        return Costs(reason=PayReason.COST_NEGATIVE)
    return _stated(case, Fraction(catalogue.tolerance)) or scope_of_lines(case, catalogue)


def _stated(case: Case, tolerance: Fraction) -> Costs | None:
    """The costs as the record states them; None: it does not state enough."""
    told = {name: getattr(case, name) for name in OUTSIDE}
    lacking = [name for name, one in told.items() if one is None]
    known = {name: Fraction(one) for name, one in told.items() if one is not None}
    total, scope = case.total_cost, case.scope_cost
    if total is None:
        return None if scope is None or lacking else _parted(known, Fraction(scope))
    rest = Fraction(total) - sum(known.values())
    if scope is None:
        if lacking:
            return None
    else:
        left = rest - Fraction(scope)
        if left < -tolerance or (not lacking and left > tolerance):
            return Costs(reason=PayReason.COST_MISMATCH)
        if lacking and left > 0:
            if len(lacking) > 1 and left > tolerance:
                return None
            if len(lacking) == 1:
                known[lacking[0]] = left
                rest -= left
    return _parted(known, rest)


def _parted(known: dict[str, Fraction], scope: Fraction) -> Costs:
    if scope < 0:
        return Costs(reason=PayReason.COST_MISMATCH)
    own, over, first = (known.get(name, Fraction(0)) for name in OUTSIDE)
    return Costs(own=own, first_share=first, over_limit=over, scope=scope)


def scope_of_lines(case: Case, catalogue: Catalogue) -> Costs:
    """The costs of one case out of its charge lines.

    A line of class C is the patient's. Of the others what is above the price limit is, and of class
    B its first share; each is rounded line by line, as a bill is. A refund is a charge mirrored.
    """
    amounts = [(n, Fraction(one)) for n, one in enumerate(case.line_amount) if one is not None]
    if not amounts or not catalogue.lines:
        lost = case.total_cost is None and not amounts
        return Costs(reason=PayReason.COST_MISSING if lost else PayReason.SCOPE_MISSING)
    own = over = first = total = Fraction(0)
    for n, amount in amounts:
        parts = _line(case, n, amount, catalogue)
        if parts is None:
            return Costs(reason=PayReason.SCOPE_MISSING)
        own, over, first = own + parts[0], over + parts[1], first + parts[2]
        total += amount
    if case.total_cost is not None:
        if abs(Fraction(case.total_cost) - total) > Fraction(catalogue.tolerance):
            return Costs(reason=PayReason.COST_MISMATCH)
        total = Fraction(case.total_cost)
    if min(own, over, first, total) < 0:
        return Costs(reason=PayReason.COST_NEGATIVE)
    if total < own + over + first:
        return Costs(reason=PayReason.COST_MISMATCH)
    scope = total - own - over - first
    return Costs(lines=True, own=own, over_limit=over, first_share=first, scope=scope)


def _line(
    case: Case, n: int, amount: Fraction, catalogue: Catalogue
) -> tuple[Fraction, Fraction, Fraction] | None:
    """What is outside the catalogue, above the limit and first share of a line; None: not known."""
    scope = _at(case.line_scope, n)
    none = Fraction(0)
    if scope == CLASS_C:
        return amount, none, none
    if scope not in {CLASS_A, CLASS_B}:
        return None
    limit, quantity = _at(case.line_limit, n), _at(case.line_quantity, n)
    sign = -1 if amount < 0 else 1
    over = none
    if limit is not None:
        if quantity is None:
            return None
        most = Fraction(limit) * abs(Fraction(quantity))
        over = sign * Fraction(catalogue.money.of(max(abs(amount) - most, none)))
    if scope == CLASS_A:
        return none, over, none
    share = _at(case.line_first_share, n)
    share = catalogue.class_b if share is None else share
    if share is None:
        return None
    base = amount - over if catalogue.within_limit else amount
    first = sign * Fraction(catalogue.money.of(abs(base) * Fraction(share)))
    # Reckoned on the whole amount, limit and first share may together not exceed it.
    return none, over, sign * min(abs(first), abs(amount - over))


def _at(values: tuple[Decimal | str | None, ...], n: int) -> Decimal | str | None:
    return values[n] if n < len(values) else None
