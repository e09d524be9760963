"""Money of a day: base rate × case-mix factor × share of the day, rounded once a day.

Arithmetic as CMS publishes it: the amounts of the components are added and the sum is rounded to
cents, half up; a stay is the sum of its days.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError
from grouper.schemes.pdpm.scalar import share_sum

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from grouper.schemes.pdpm.compiled import CompiledPdpm
    from grouper.schemes.pdpm.records import Group
    from grouper.schemes.protocol import Part


@dataclass(frozen=True, slots=True)
class RateCard:
    """The rates of one area on one day.

    Attributes:
        scheme: the compiled book.
        area: the area, as the book names it (``urban``, ``rural``).
        amounts: by component the amount a day for factor 1.
    """

    scheme: CompiledPdpm
    area: str
    amounts: Mapping[str, Decimal]

    @classmethod
    def of(cls, scheme: CompiledPdpm, area: str, day: date) -> RateCard:
        """The rates that hold on a day.

        Raises:
            CodebookError: ``PDPM_RATE_MISSING`` when the book lacks the rate of a component.
        """
        amounts: dict[str, Decimal] = {}
        for rate in scheme.rates:
            inside = rate.valid_from <= day and (rate.valid_to is None or day < rate.valid_to)
            if rate.area == area and inside and rate.amount is not None:
                amounts[rate.component] = rate.amount
        for component in scheme.components:
            if component.name not in amounts:
                raise CodebookError(
                    "PDPM_RATE_MISSING",
                    scheme=scheme.card.id,
                    area=area,
                    day=day.isoformat(),
                    component=component.name,
                )
        return cls(scheme, area, amounts)

    def groups(self, code: str) -> tuple[Group, ...]:
        """As :func:`groups_of`."""
        return groups_of(self.scheme, code)

    def day(self, code: str, day: int) -> Decimal:
        """The amount of one day of the stay (the day of admission is day 1), rounded.

        Raises:
            CodebookError: ``PDPM_CODE_UNKNOWN``.
        """
        total = _day(self.scheme, code, day, self.amounts)
        return total.quantize(Decimal(1).scaleb(-self.scheme.options.day_places), ROUND_HALF_UP)

    def days(self, code: str, first: int, last: int) -> Decimal:
        """The amount of days ``first`` to ``last`` of the stay, both counted."""
        return sum((self.day(code, day) for day in range(first, last + 1)), Decimal(0))

    def stay(self, parts: Iterable[Part]) -> Decimal:
        """The amount of a stay by its periods, as :attr:`.protocol.Grouping.parts` gives them."""
        total, done = Decimal(0), 0
        for part in parts:
            days = part.days or 0
            total += self.days(str(part.group), done + 1, done + days)
            done += days
        return total


def groups_of(scheme: CompiledPdpm, code: str) -> tuple[Group, ...]:
    """The groups that the code of a stay stands for (``NHNC1``, with or without its indicator).

    Raises:
        CodebookError: ``PDPM_CODE_UNKNOWN``.
    """
    letters = list(code) if scheme.options.letters else code.split("-")
    known = [{g.letter: g for g in axis.groups} for axis in scheme.axes]
    indicators = {"", *(kind.indicator for kind in scheme.types.values())}
    rest = "".join(letters[len(known) :])
    found = [k[x] for k, x in zip(known, letters, strict=False) if x in k]
    if len(found) < len(known) or rest not in indicators:
        raise CodebookError("PDPM_CODE_UNKNOWN", found=code, scheme=scheme.card.id)
    return tuple(found)


def day_points(scheme: CompiledPdpm, code: str, day: int) -> Decimal:
    """The points of one day of the stay: factor × base points × share of the day, not rounded.

    Raises:
        CodebookError: ``PDPM_CODE_UNKNOWN``.
    """
    return _day(scheme, code, day, {c.name: c.points for c in scheme.components})


def _day(scheme: CompiledPdpm, code: str, day: int, bases: Mapping[str, Decimal]) -> Decimal:
    by_axis = {group.axis: group.name for group in groups_of(scheme, code)}
    total = Decimal(0)
    for component in scheme.components:
        factor = component.factors[by_axis[component.axis]] if component.axis else Decimal(1)
        total += bases[component.name] * factor * share_sum(component, day, 1)
    return total
