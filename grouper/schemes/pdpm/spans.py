"""Points of periods in whole numbers: many periods at once, without walking their days."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from codebooks.errors import CodebookError, Where

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from grouper.schemes.pdpm.compiled import CompiledPdpm
    from grouper.schemes.pdpm.records import Component

WEIGHT_PLACES = 6
_MOST_DAYS = 4_000_000
"""More days than any two dates lie apart."""


def places_of(numbers: Iterable[Decimal]) -> int:
    """The decimal places that numbers need, useless zeros aside."""
    found = 0
    for number in numbers:
        exponent = number.normalize().as_tuple().exponent
        found = max(found, -exponent if isinstance(exponent, int) else 0)
    return found


class Spans:
    """Points of periods under one scheme, as whole numbers of ``10 ** -places``.

    Raises:
        CodebookError: ``PDPM_VALUE`` when the numbers of the book are too great to be added up.
    """

    def __init__(self, scheme: CompiledPdpm) -> None:
        self._components = scheme.components
        axes = {axis.name: i for i, axis in enumerate(scheme.axes)}
        self._axis = [axes[c.axis] if c.axis else None for c in scheme.components]
        daily = [
            [f * c.points for f in (*c.factors.values(), Decimal(0))] for c in scheme.components
        ]
        base = places_of(d for row in daily for d in row)
        base = max(base, places_of(c.points for c in scheme.components))
        shares = [row.share for c in scheme.components for row in c.curve]
        self._share_places = places_of(shares)
        self.places = base + self._share_places
        greatest = sum(
            max((*row, c.points)) for row, c in zip(daily, scheme.components, strict=True)
        )
        if greatest * max(shares, default=Decimal(0)) * _MOST_DAYS * 10**self.places >= 2**62:
            raise CodebookError("PDPM_VALUE", Where(scheme.card.id, "factors"), found=greatest)
        # By group number what a whole day of the component adds; the last answers for "no axis".
        self._daily = []
        for component in scheme.components:
            column = np.zeros(len(scheme.groups) + 1, np.int64)
            for group in scheme.groups:
                if group.axis == component.axis:
                    factor = component.factors[group.name]
                    column[group.number] = _scaled(factor * component.points, base)
            column[-1] = _scaled(component.points, base)
            self._daily.append(column)

    def points(
        self,
        groups: tuple[NDArray[np.int32], ...],
        first: NDArray[np.int64],
        days: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """The points of periods by their groups, first day in the stay and number of days."""
        total = np.zeros(len(first), np.int64)
        for component, axis, daily in zip(self._components, self._axis, self._daily, strict=True):
            group = groups[axis] if axis is not None else np.full(len(first), -1, np.int32)
            total += daily[group] * self._shares(component, first, first + days - 1)
        return total

    def _shares(
        self, component: Component, first: NDArray[np.int64], last: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        found = np.zeros(len(first), np.int64)
        for row in component.curve:
            until = last if row.last is None else np.minimum(last, row.last)
            inside = np.maximum(until - np.maximum(first, row.first) + 1, 0)
            found += inside * _scaled(row.share, self._share_places)
        return found

    def rounded(self, points: NDArray[np.int64]) -> NDArray[np.int64]:
        """Points as whole numbers of a weight's step, rounded half up."""
        step = np.int64(10 ** max(0, self.places - WEIGHT_PLACES))
        scale = np.int64(10 ** max(0, WEIGHT_PLACES - self.places))
        found: NDArray[np.int64] = (points * scale + step // 2) // step
        return found


def _scaled(number: Decimal, places: int) -> int:
    return int(number.scaleb(places))
