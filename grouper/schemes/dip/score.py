"""The score of a DIP group and of a case: exact decimals, rounded once at the stated places."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from codebooks.errors import GrouperError
from codebooks.factors import SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

YEAR_WEIGHTS = (1, 2, 7)
"""Weights of three years, the oldest first (national technical specification of DIP)."""
PER_THOUSAND = Decimal(1000)
"""A score in thousandths of the basis; 1 where the score is the plain quotient."""
PLACES = 6
_EXACT = Context(prec=60)
_HALF = SCALE // 2


class YearOfCosts(NamedTuple):
    """A year's cases of a group (or of the city) and what they cost in all, in CNY."""

    cost: Decimal
    cases: int


def weighted_mean(
    years: Sequence[YearOfCosts | None], weights: Sequence[int] = YEAR_WEIGHTS, places: int = PLACES
) -> Decimal:
    """The mean cost over several years, each year's mean weighted.

    Args:
        years: the oldest first; None or no cases for a year without any, whose weight falls away.
        weights: as many as years.
        places: decimal places of the result, rounded half up.

    Raises:
        GrouperError: ``DIP_SCORE_YEARS`` (not as many weights as years, or nothing to weigh).
    """
    stated = [(y, w) for y, w in zip(years, weights, strict=False) if y and y.cases > 0 and w > 0]
    if len(years) != len(weights) or not stated:
        raise GrouperError("DIP_SCORE_YEARS", years=len(years), weights=len(weights))
    with localcontext(_EXACT):
        total = sum((y.cost / y.cases * w for y, w in stated), Decimal(0))
        return rounded(total / sum(w for _, w in stated), places)


def group_score(
    mean: Decimal, basis: Decimal, scale: Decimal = PER_THOUSAND, places: int = PLACES
) -> Decimal:
    """``mean ÷ basis × scale``, rounded half up.

    Args:
        mean: the group's mean cost in CNY.
        basis: the mean cost of all cases of the city, or of its benchmark group, in CNY.
        scale: 1000 where the city's mean is 1000 points; 1 where it is one.
        places: decimal places of the result.

    Raises:
        GrouperError: ``DIP_SCORE_BASIS``, a basis that is not above 0 or a mean below 0.
    """
    if not (mean.is_finite() and basis.is_finite() and basis > 0 and mean >= 0):
        raise GrouperError("DIP_SCORE_BASIS", mean=mean, basis=basis)
    with localcontext(_EXACT):
        return rounded(mean * scale / basis, places)


def adjusted(score: Decimal, factor: Decimal, places: int = PLACES) -> Decimal:
    """The score of a case: the group's score times the auxiliary factor, rounded half up."""
    with localcontext(_EXACT):
        return rounded(score * factor, places)


def adjusted_scaled(scores: NDArray[np.int64], factors: NDArray[np.int64]) -> NDArray[np.int64]:
    """:func:`adjusted` for whole batches.

    Args:
        scores: scores times :data:`codebooks.factors.SCALE`, not negative.
        factors: factors times the same.

    Returns:
        Adjusted scores times the same, rounded half up at six places.
    """
    # In two parts, for the plain product of both may not fit into 64 bits.
    whole, rest = np.divmod(scores, SCALE)
    found: NDArray[np.int64] = whole * factors + (rest * factors + _HALF) // SCALE
    return found


def rounded(value: Decimal, places: int) -> Decimal:
    """Half up to some decimal places."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _EXACT)
