"""Capitation for dialysis: the patient pays the yearly deductible once, the fund up to the cap.

A visit by itself takes what was paid before it in the year from the record (``year_deductible``,
``year_basic``, both of dialysis). What is above the cap is the hospital's. The year's own settlement
by the months of each patient is :mod:`grouper.payment.capitation_year`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from codebooks.folding import fold_code, fold_codes
from grouper.payment.block import Outcomes, because, no_reasons
from grouper.payment.eligible import eligible, eligible_block
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band, Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from codebooks.policies.policy import Value
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block
    from grouper.payment.exact import Number, Rounding
    from grouper.payment.fixed import Fixed

_TOPIC = "dialysis_capitation"
_DIAGNOSIS = f"{_TOPIC}.diagnosis"
_WITHIN = "within_cap"
_YEAR = 12


class Parts(NamedTuple):
    """Who bears a cost within scope, in yuan."""

    patient: Fraction
    fund: Fraction
    excess: Fraction


@dataclass(frozen=True, slots=True)
class Capitation:
    """What the policy says of a year of dialysis.

    Attributes:
        deductible: what the patient pays once a year.
        annual: what the fund pays at most in a year of twelve months.
        place: ``before_cap`` or ``within_cap``: whether the cap holds the deductible too.
        months: the months that the cap of a visit by itself stands for.
        money: rounding of an amount.
    """

    deductible: Value
    annual: Value
    place: Value
    months: Value
    money: Rounding

    @classmethod
    def of(cls, asked: Asked | Block) -> Capitation:
        """The values for a case, or for a block of cases.

        Raises:
            PolicyError: ``POLICY_VALUE_MISSING``.
        """
        return cls(
            asked.value(f"{_TOPIC}.deductible"),
            asked.value(f"{_TOPIC}.annual_benefit"),
            asked.value(f"{_TOPIC}.deductible_place"),
            asked.value(f"{_TOPIC}.visit_months"),
            asked.rounding("money"),
        )

    def cap(self, months: int) -> Fraction:
        """What the fund pays at most in so many months: annual × months ÷ 12, rounded."""
        exact = Fraction(self.annual.number) * min(months, _YEAR) / _YEAR
        return Fraction(self.money.of(exact))

    def parts(self, cost: Number, deductible: Number, fund: Number, cap: Fraction) -> Parts:
        """Split a cost.

        Args:
            cost: within scope.
            deductible: what the patient paid of it before in the year.
            fund: what the fund paid before in the year.
            cap: of the year.
        """
        left = max(Fraction(self.deductible.number) - Fraction(deductible), Fraction(0))
        patient = Fraction(self.money.of(min(left, Fraction(cost))))
        room = cap - Fraction(fund)
        if self.place.value == _WITHIN:
            room -= Fraction(deductible) + patient
        paid = min(max(Fraction(cost) - patient, Fraction(0)), max(room, Fraction(0)))
        paid = Fraction(self.money.of(paid))
        return Parts(patient, paid, Fraction(cost) - patient - paid)


class DialysisCapitation:
    """Capitation for dialysis."""

    name = _TOPIC
    section = _TOPIC
    own_year = True
    """What patients pay of dialysis adds up apart from all other visits of their year."""

    def lists(self, asked: Asked) -> bool:
        """Whether the principal diagnosis of a case is one of those of dialysis."""
        begins = tuple(fold_codes(asked.value(_DIAGNOSIS).value))
        first = asked.case.dx[0] if asked.case.dx else None
        return first is not None and fold_code(first).startswith(begins)

    def lists_block(self, block: Block) -> NDArray[np.bool_]:
        """Whether the principal diagnosis of each case of a block is one of those of dialysis."""
        begins = tuple(block.value(_DIAGNOSIS).value)
        return block.columns.first("dx").among(begins, prefix=True)

    def price(self, asked: Asked) -> Outcome:
        """Price one visit; see :class:`grouper.payment.methods.Method`."""
        terms, found, case = Capitation.of(asked), eligible(asked), asked.case
        if found.reason is not None or found.cost is None:
            return Outcome(reason=found.reason)
        if case.year_deductible is None or case.year_basic is None:
            return Outcome(reason=PayReason.YEAR_MISSING)
        if case.year_deductible < 0 or case.year_basic < 0:
            return Outcome(reason=PayReason.COST_NEGATIVE)
        months = int(terms.months.value)
        cap, sheet = terms.cap(months), asked.sheet
        limit = sheet.add("cap", cap, annual=terms.annual, months=terms.months)
        parts = terms.parts(found.cost, case.year_deductible, case.year_basic, cap)
        patient = sheet.add(
            "patient",
            parts.patient,
            cost=found.cost,
            deductible=terms.deductible,
            paid=case.year_deductible,
        )
        fund = sheet.add(
            "fund",
            parts.fund,
            cost=found.cost,
            patient=patient,
            cap=limit,
            paid=case.year_basic,
            place=terms.place,
        )
        amount = sheet.add("standard", parts.patient + parts.fund, patient=patient, fund=fund)
        sheet.add("excess", parts.excess, cost=found.cost, standard=amount)
        return Outcome(
            amount=terms.money.of(amount.number),
            fund=terms.money.of(parts.fund),
            band=Band.CAPPED if parts.excess > 0 else Band.NORMAL,
        )

    def price_block(self, block: Block) -> Outcomes:
        """Price many visits; see :class:`grouper.payment.methods.Method`."""
        terms = Capitation.of(block)
        cost, reasons = eligible_block(block)
        before, paid_once = block.columns.fixed("year_deductible")
        paid, paid_told = block.columns.fixed("year_basic")
        because(reasons, ~paid_once | ~paid_told, PayReason.YEAR_MISSING)
        because(reasons, before.less(0) | paid.less(0), PayReason.COST_NEGATIVE)
        left = (before * -1 + terms.deductible.number).maximum(0)
        patient = left.minimum(cost).rounded(terms.money)
        room = paid * -1 + terms.money.of(terms.cap(int(terms.months.value)))
        if terms.place.value == _WITHIN:
            room = room - before - patient
        fund = (cost - patient).maximum(0).minimum(room.maximum(0)).rounded(terms.money)
        return Outcomes(
            amount=patient + fund,
            reasons=reasons,
            fund=fund,
            band=_bands(cost - patient - fund),
        )


def _bands(excess: Fixed) -> NDArray[np.object_]:
    band = no_reasons(len(excess))
    band[:] = Band.NORMAL
    band[excess.above(0)] = Band.CAPPED
    return band


METHOD = DialysisCapitation()
