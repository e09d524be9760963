"""Draws as figures: decimals, and intervals between quantiles."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast.outlook.result import Figure, Span
from grouper.payment.exact import Rounding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.payment.exact import Number

_FEN = Rounding(2, "half_up")


def decimal(value: float, rounding: Rounding = _FEN) -> Decimal:
    """An estimate as a decimal."""
    return rounding.of(Decimal(repr(float(value))))


def money(value: Number) -> Decimal:
    """An exact amount in yuan, with its fen."""
    return _FEN.of(value)


def spans(
    draws: NDArray[np.float64],
    middle: Decimal,
    levels: Sequence[float],
    rounding: Rounding = _FEN,
    *,
    whole: bool = False,
) -> tuple[Span, ...]:
    """The intervals of draws around an expected value, which each of them holds.

    Draws that are all the same make intervals of no width. Of what is counted (``whole``) the bounds
    are whole numbers, outward.
    """
    if not np.ptp(draws):
        return tuple(Span(level, middle, middle) for level in levels)
    found = []
    for level in levels:
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
        if whole:
            low, high = np.floor(min(low, float(middle))), np.ceil(max(high, float(middle)))
        found.append(
            Span(
                level,
                min(decimal(float(low), rounding), middle),
                max(decimal(float(high), rounding), middle),
            )
        )
    return tuple(found)


def figure(
    certain: Decimal,
    running: NDArray[np.float64],
    coming: NDArray[np.float64],
    all_draws: NDArray[np.float64],
    levels: Sequence[float],
    *,
    whole: bool = False,
) -> Figure:
    """One measure of one part."""
    means = (decimal(float(running.mean())), decimal(float(coming.mean())))
    return Figure(
        certain=certain,
        running=means[0],
        coming=means[1],
        spans=spans(all_draws, certain + means[0] + means[1], levels, whole=whole),
    )


def together(
    parts: Iterable[Mapping[str, Figure]],
    draws: Mapping[str, NDArray[np.float64]],
    levels: Sequence[float],
) -> dict[str, Figure]:
    """All parts: their expected values add up, their intervals come from their draws together."""
    many = list(parts)
    found = {}
    for name, drawn in draws.items():
        known = [one[name] for one in many if name in one]
        certain, running, coming = (
            sum((getattr(one, key) for one in known), Decimal("0.00"))
            for key in ("certain", "running", "coming")
        )
        middle = certain + running + coming
        found[name] = Figure(
            certain=certain,
            running=running,
            coming=coming,
            spans=spans(drawn, middle, levels, whole=name == "cases"),
        )
    return found
