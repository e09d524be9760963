"""A settlement: its parts by method and insurance, with their arithmetic, and what is left open."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from grouper.payment.exact import Rounding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from decimal import Decimal

    from grouper.payment.settlement.deductions import Entry
    from grouper.payment.settlement.priced import Priced
    from grouper.payment.settlement.sums import Sums
    from grouper.payment.sheet import Line

SECTION = "settlement"
"""Of the texts of all lines here: ``pay.settlement.line.<name>`` and so on."""
FEN = Rounding(2, "half_up")
"""How lines are written whose numbers have whole fen already; nothing is rounded by it."""
AXES = ("method", "insurance", "department", "group", "physician")
"""By what totals are given."""


class Period(StrEnum):
    """What is settled."""

    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The cases of one method and insurance.

    Attributes:
        method, insurance: None where the record's word for the insurance is not known.
        sums: of its cases.
        lines: the arithmetic.
        reason, params: why it cannot be settled; then ``lines`` is empty.
    """

    method: str | None
    insurance: str | None
    sums: Sums
    lines: tuple[Line, ...] = ()
    reason: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)

    def value(self, name: str) -> Decimal | None:
        """The value of one of its lines, the last of this name; None: there is none."""
        return value_of(self.lines, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A month or a year.

    Attributes:
        period, when: such as ``month`` and ``2026-11``.
        region, hospital, day, policy: the day whose policy (its id) holds.
        priced: the cases.
        parts: by method and insurance.
        lines: of the whole.
        entries: the deductions that were taken, and those that belong to no part.
        assumptions: paths of the policy's values that are assumptions.
        elsewhere: cases of the table that fall into another period; ``undated`` have no day.
    """

    period: Period
    when: str
    region: str
    hospital: str | None
    day: date
    policy: str
    priced: Priced
    parts: tuple[Part, ...]
    lines: tuple[Line, ...]
    entries: tuple[Entry, ...] = ()
    assumptions: tuple[str, ...] = ()
    elsewhere: int = 0
    undated: int = 0

    @property
    def repeated(self) -> int:
        """Cases whose id was there before, of the same hospital; each is counted as it stands."""
        return self.priced.repeated

    @property
    def foreign(self) -> int:
        """Cases that were priced by another region's policy."""
        return self.priced.foreign

    @property
    def sums(self) -> Sums:
        """Of all its cases."""
        return self.priced.sums

    def value(self, name: str) -> Decimal | None:
        """The value of a line of the whole."""
        return value_of(self.lines, name)

    @property
    def paid(self) -> Decimal | None:
        """What the fund pays for the month, or still owes at the end of the year; None: not known."""
        return self.value("total_paid" if self.period is Period.MONTH else "total_balance")


def value_of(lines: Sequence[Line], name: str) -> Decimal | None:
    """The value of the last line of a name, where it is a number."""
    found = [one.value for one in lines if one.name == name and not isinstance(one.value, str)]
    return found[-1] if found else None
