"""Exact numbers of the batch engine: whole units of a power of ten, never floats.

Units are 64-bit where every result is known to fit, else Python's own whole numbers: slower, and as
exact. To know it, each array carries a bound that follows from those of what it was made of; the
numbers themselves are only looked at where the bound does not do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.payment.exact import exactly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from grouper.payment.exact import Rounding

Units = Any
"""``NDArray[np.int64]``, or an array of Python's whole numbers."""
_SAFE = 2**62


@dataclass(frozen=True, slots=True)
class Fixed:
    """Numbers ``units / 10**places``, one a case.

    Arithmetic with a :class:`Decimal` or an int applies it to every case.
    """

    units: Units
    places: int
    most: int | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, values: Sequence[Decimal | int], places: int) -> Fixed:
        """Numbers that have at most so many places."""
        scaled = [int(Fraction(value) * 10**places) for value in values]
        fits = all(abs(one) < _SAFE for one in scaled)
        return cls(np.array(scaled, np.int64 if fits else object), places)

    @classmethod
    def same(cls, value: Decimal | int, count: int) -> Fixed:
        """One number for all cases, with the places it is written with."""
        units, places = _scaled(value)
        kind = np.int64 if abs(units) < _SAFE else object
        return cls(np.full(count, units, kind), places, abs(units))

    def __len__(self) -> int:
        return len(self.units)

    def __add__(self, other: Fixed | Decimal | int) -> Fixed:
        left, right, places, bounds = self._alike(other)
        left = left if sum(bounds) < _SAFE else _roomy(left, right)
        return Fixed(left + right, places, sum(bounds))

    def __sub__(self, other: Fixed | Decimal | int) -> Fixed:
        left, right, places, bounds = self._alike(other)
        left = left if sum(bounds) < _SAFE else _roomy(left, right)
        return Fixed(left - right, places, sum(bounds))

    def __mul__(self, other: Fixed | Decimal | int) -> Fixed:
        left = self.units
        right: Any
        if isinstance(other, Fixed):
            right, places, bound = other.units, other.places, other.bound()
        else:
            # One number for all needs no array of its own.
            right, places = _scaled(other)
            bound = abs(right)
        # Noughts have no greatest product, but the number itself must fit as well.
        most = max(self.bound(), 1) * bound
        if most >= _SAFE:
            bound = largest(right) if isinstance(other, Fixed) else bound
            if max(largest(left), 1) * bound >= _SAFE:
                left = left.astype(object)
        found = left * right
        if found.dtype != object:
            return Fixed(found, self.places + places, most)
        return Fixed(_slim(found), self.places + places)

    def bound(self) -> int:
        """What none of the units exceeds, their signs left aside; not always the least such number."""
        if self.most is None:
            object.__setattr__(self, "most", largest(self.units))
        return self.most or 0

    def over(self, other: Fixed | Decimal | int, rounding: Rounding) -> Fixed:
        """The quotient, rounded exactly; where the divisor is nought the result is nought."""
        divisor = other if isinstance(other, Fixed) else Fixed.same(other, len(self))
        shift = rounding.places + divisor.places - self.places
        above = Fixed(self.units, 0, self.most) * 10 ** max(shift, 0)
        below = Fixed(divisor.units, 0, divisor.most) * 10 ** max(-shift, 0)
        return Fixed(_slim(_divide(above.units, below.units, rounding.mode)), rounding.places)

    def rounded(self, rounding: Rounding) -> Fixed:
        """These numbers with the places of a rounding."""
        if rounding.places >= self.places:
            return self.at(rounding.places)
        step = 10 ** (self.places - rounding.places)
        if rounding.mode == "half_up" and self.units.dtype != object and step < _SAFE // 4:
            units, bound = self.units, self.bound()
            if bound < _SAFE // 4:
                # Halves go away from nought: of positive numbers, and of negative ones mirrored.
                found = (abs(units) * 2 + step) // (2 * step)
                return Fixed(np.where(units < 0, -found, found), rounding.places, bound // step + 1)
        whole = np.full(len(self), step, np.int64 if step < _SAFE else object)
        return Fixed(_slim(_divide(self.units, whole, rounding.mode)), rounding.places)

    def at(self, places: int) -> Fixed:
        """The same numbers with more places."""
        if places == self.places:
            return self
        more = Fixed(self.units, 0, self.most) * 10 ** (places - self.places)
        return Fixed(more.units, places, more.most)

    def minimum(self, other: Fixed | Decimal | int) -> Fixed:
        """The lesser of two, case by case."""
        left, right, places, bounds = self._alike(other)
        return _made(np.minimum(left, right), places, bounds)

    def maximum(self, other: Fixed | Decimal | int) -> Fixed:
        """The greater of two, case by case."""
        left, right, places, bounds = self._alike(other)
        return _made(np.maximum(left, right), places, bounds)

    def where(self, mask: NDArray[np.bool_], other: Fixed | Decimal | int) -> Fixed:
        """These numbers where the mask holds, the others elsewhere."""
        left, right, places, bounds = self._alike(other)
        return _made(np.where(mask, left, right), places, bounds)

    def less(self, other: Fixed | Decimal | int) -> NDArray[np.bool_]:
        """Whether each is less than the other."""
        left, right, _, _ = self._alike(other)
        return np.asarray(left < right, np.bool_)

    def above(self, other: Fixed | Decimal | int) -> NDArray[np.bool_]:
        """Whether each is greater than the other."""
        left, right, _, _ = self._alike(other)
        return np.asarray(left > right, np.bool_)

    def take(self, places: NDArray[Any]) -> Fixed:
        """The numbers of some cases."""
        return Fixed(self.units[places], self.places, self.most)

    def decimals(self) -> list[Decimal]:
        """As decimals, with their places."""
        return [exactly(int(one), self.places) for one in self.units]

    def _alike(self, other: Fixed | Decimal | int) -> tuple[Units, Any, int, tuple[int, int]]:
        """Both with the same places: units (of one number for all that alone), places, bounds."""
        if isinstance(other, Fixed):
            places = max(self.places, other.places)
            left, right = self.at(places), other.at(places)
            return left.units, right.units, places, (left.bound(), right.bound())
        one, given = _scaled(other)
        left = self.at(max(self.places, given))
        one *= 10 ** (left.places - given)
        if abs(one) < _SAFE:
            return left.units, one, left.places, (left.bound(), abs(one))
        every = np.full(len(self), one, object)
        return left.units, every, left.places, (left.bound(), abs(one))


def _made(units: Units, places: int, bounds: tuple[int, int]) -> Fixed:
    """Numbers each of which is one of two."""
    if units.dtype == object:
        return Fixed(_slim(units), places)
    return Fixed(units, places, max(bounds))


@lru_cache(maxsize=4096)
def _scaled(value: Decimal | int) -> tuple[int, int]:
    """A number as units and places, no more places than it needs."""
    exponent = Decimal(value).normalize().as_tuple().exponent
    places = max(-exponent, 0) if isinstance(exponent, int) else 0
    return int(Fraction(value) * 10**places), places


def largest(units: Units) -> int:
    """The greatest of units without their signs; of none nought."""
    return max(int(units.max()), -int(units.min())) if len(units) else 0


def _roomy(left: Units, right: Any) -> Units:  # noqa: ANN401 -- units, or one number for all
    more = largest(right) if isinstance(right, np.ndarray) else abs(right)
    return left.astype(object) if largest(left) + more >= _SAFE else left


def _slim(units: Units) -> Units:
    if units.dtype == object and largest(units) < _SAFE:
        return units.astype(np.int64)
    return units


def _divide(above: Units, below: Units, mode: str) -> Units:
    if above.dtype == object or largest(above) * 2 >= _SAFE or largest(below) * 2 >= _SAFE:
        above, below = above.astype(object), below.astype(object)
    sign = np.where((above < 0) != (below < 0), -1, 1)
    none = np.asarray(below == 0, np.bool_)
    above, below = np.where(none, 0, abs(above)), np.where(none, 1, abs(below))
    whole, rest = above // below, above % below
    if mode == "half_up":
        more = rest * 2 >= below
    elif mode == "half_even":
        more = (rest * 2 > below) | ((rest * 2 == below) & (whole % 2 == 1))
    elif mode == "up":
        more = rest > 0
    else:
        more = np.zeros(len(whole), np.bool_)
    return (whole + np.asarray(more, np.int64)) * sign
