"""The rows of an APG book as the engines read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from codebooks.apg.words import Companion, GroupType, Packing, VisitKind


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the book.

    ``number`` counts from 0. ``alone`` is the companion that the group needs to be paid, None where
    it needs none.
    """

    number: int
    code: str
    name: str
    type: GroupType
    consolidation: str
    never: bool
    alone: Companion | None


@dataclass(frozen=True, slots=True)
class Fate:
    """What the book says of a procedure or a service line apart from amounts and the visit.

    ``row`` is the row (from 1) of the table that led to the group, None without a group.
    """

    group: Group | None
    never: bool
    alone: Companion | None
    item: str
    line_class: str
    row: int | None


@dataclass(frozen=True, slots=True)
class PackagingRule:
    """A rule of the table ``packaging``; empty conditions hold. ``row`` counts from 1.

    Amounts are in CNY.
    """

    code: str
    row: int
    visits: frozenset[VisitKind]
    type: GroupType | None
    group: str
    item: str
    line_class: str
    amount_from: Decimal | None
    amount_below: Decimal | None
    action: Packing
    note: str

    def suits(self, fate: Fate) -> bool:
        """Whether the conditions hold that ask neither the visit nor the amount."""
        group = fate.group
        return (
            group is not None
            and self.type in (None, group.type)
            and self.group in ("", group.code)
            and self.line_class in ("", fate.line_class)
            and fate.item.startswith(self.item)
        )

    @property
    def asks_amount(self) -> bool:
        """Whether it has a condition on the amount."""
        return self.amount_from is not None or self.amount_below is not None

    def amount_holds(self, amount: Decimal) -> bool:
        """Whether the conditions on the amount hold."""
        return (self.amount_from is None or amount >= self.amount_from) and (
            self.amount_below is None or amount < self.amount_below
        )
