"""Quotients of exact sums, to fifty digits."""

from __future__ import annotations

from decimal import Context, Decimal

CONTEXT = Context(prec=50)
PLACES = Decimal("0.0001")
"""Places of an index."""


def quotient(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """A quotient; None where the divisor is nought."""
    if not whole:
        return None
    return CONTEXT.divide(Decimal(part), Decimal(whole))


def shown(value: Decimal | None, places: Decimal = PLACES) -> Decimal | None:
    """A number rounded for a table; half up."""
    return None if value is None else value.quantize(places, "ROUND_HALF_UP", CONTEXT)
