"""Exact numbers of the scalar engine: fractions, rounded once where the policy says."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

Number = Decimal | Fraction | int


def exactly(units: int, places: int) -> Decimal:
    """``units / 10**places`` as a decimal, whatever the number of its digits."""
    # Decimal.scaleb would round to the context's 28 digits.
    return Decimal(f"{units}E-{places}")


def _half_up(value: Fraction) -> int:
    whole = (abs(value) + Fraction(1, 2)).__floor__()
    return whole if value >= 0 else -whole


MODES: dict[str, Callable[[Fraction], int]] = {
    "half_up": _half_up,
    "half_even": round,
    "down": int,
    "up": lambda value: value.__ceil__() if value >= 0 else value.__floor__(),
}
"""How a fraction becomes a whole number; each treats a negative as its positive, mirrored."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """Decimal places, and one of :data:`MODES`."""

    places: int
    mode: str

    def of(self, value: Number) -> Decimal:
        """A number rounded, as a decimal with exactly these places."""
        scaled = MODES[self.mode](Fraction(value) * 10**self.places)
        return exactly(scaled, self.places)


WEIGHT_PLACES = 6
"""Places of weights, points and point values in results."""
_AS_IS = Rounding(WEIGHT_PLACES, "half_up")


def plain(value: Number) -> Decimal:
    """A number for the columns of results: at most six places, half up."""
    return _AS_IS.of(value)
