"""What a credit evaluation asks of a hospital: quantities, points and grade, by a dated scheme.

The regions' documents are not public: the shipped scheme is a proposal, and a region's own takes its
place. A grade is told only where no input is missing; else between which grades it lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from grouper.payment.exact import Rounding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.audit.fund.credit_scheme import Input, Scheme

ABSENT, EMPTY = "CREDIT_INPUT_ABSENT", "CREDIT_INPUT_EMPTY"
PER_MILLE = "per_mille"
_POINTS = Rounding(2, "half_up")
_VALUE = Rounding(4, "half_up")
_THOUSAND = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A quantity that is asked.

    Attributes:
        part, whole: the value is part ÷ whole.
        source: ``store`` or what was handed in.
    """

    part: Decimal
    whole: Decimal
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An input with its points.

    Attributes:
        input: as the scheme has it.
        quantity: None: not known.
        value: of the input's unit, four places.
        points: of its weight, two places.
        reason: why there are none.
    """

    input: Input
    quantity: Quantity | None
    value: Decimal | None = None
    points: Decimal | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """How a hospital's credit stands.

    Attributes:
        scheme: by which.
        inputs: in its order.
        weight: of the whole scheme; ``known`` of the inputs with points.
        points: of these.
        grade: None where an input is missing; then it lies between ``worst`` and ``best``.
        worst: the grade where all missing inputs have no points.
        best: where they have all.
    """

    scheme: Scheme
    inputs: tuple[Judged, ...]
    weight: Decimal
    known: Decimal
    points: Decimal
    grade: str | None
    worst: str
    best: str


def credit(scheme: Scheme, quantities: Mapping[str, Quantity]) -> Credit:
    """Points and grade.

    Args:
        scheme: of the region on the day.
        quantities: by the names of inputs; what is missing stays so, and is told.
    """
    inputs = tuple(_judged(one, quantities.get(one.name)) for one in scheme.inputs)
    weight = sum((one.weight for one in scheme.inputs), Decimal(0))
    given = [one for one in inputs if one.points is not None]
    known = sum((one.input.weight for one in given), Decimal(0))
    points = sum((one.points for one in given if one.points is not None), Decimal("0.00"))
    # Grades are of a hundred, whatever the weights add up to.
    worst = _grade(scheme, Fraction(points), Fraction(weight))
    best = _grade(scheme, Fraction(points + weight - known), Fraction(weight))
    return Credit(
        scheme=scheme,
        inputs=inputs,
        weight=weight,
        known=known,
        points=points,
        grade=worst if known == weight else None,
        worst=worst,
        best=best,
    )


def _judged(asked: Input, quantity: Quantity | None) -> Judged:
    if quantity is None:
        return Judged(input=asked, quantity=None, reason=ABSENT)
    if not quantity.whole:
        return Judged(input=asked, quantity=quantity, reason=EMPTY)
    exact = Fraction(quantity.part) / Fraction(quantity.whole)
    if asked.unit == PER_MILLE:
        exact *= _THOUSAND
    full, none = Fraction(asked.full), Fraction(asked.none)
    # Below nought or above one is no more than none or all.
    share = min(max((exact - none) / (full - none), Fraction(0)), Fraction(1))
    return Judged(
        input=asked,
        quantity=quantity,
        value=_VALUE.of(exact),
        points=_POINTS.of(Fraction(asked.weight) * share),
    )


def _grade(scheme: Scheme, points: Fraction, weight: Fraction) -> str:
    of_hundred = points * 100 / weight
    return next(one.grade for one in scheme.grades if of_hundred >= Fraction(one.least))
