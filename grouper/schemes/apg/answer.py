"""The answer of the scalar engine: the visit, its parts, and what decided each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from codebooks.apg.words import GroupType, VisitKind
    from grouper.schemes.apg.rules import Fate, Group, PackagingRule
    from grouper.schemes.apg.words import Action, PartKind, Why
    from grouper.schemes.reasons import Reason, Status


@dataclass(slots=True)
class Part:
    """One procedure, the visit itself, or one service line, while it is decided about.

    Attributes:
        kind: what it is.
        code: as written.
        fate: what the book says of it.
        name: of the line, as written.
        modifier: of the procedure.
        amount: of the line less refunds, in CNY.
        quantity: of the line.
        rule: the packaging rule that decided.
        action: what was done with it, None while it is open.
        why: why.
        share: of the weight that it adds, None where nothing is to be added.
        weight: of its group on the day, None without a group.
        value: what it adds, None where nothing.
    """

    kind: PartKind
    code: str | None
    fate: Fate
    name: str = ""
    modifier: str | None = None
    amount: Decimal | None = None
    quantity: Decimal | None = None
    rule: PackagingRule | None = None
    action: Action | None = None
    why: Why | None = None
    share: Decimal | None = None
    weight: Decimal | None = None
    value: Decimal | None = None

    @property
    def group(self) -> Group | None:
        """Its group."""
        return self.fate.group

    @property
    def type(self) -> GroupType | None:
        """The type of its group."""
        return self.fate.group.type if self.fate.group is not None else None

    @property
    def open(self) -> bool:
        """Whether nothing was decided about it yet."""
        return self.action is None

    def close(self, action: Action, why: Why, share: Decimal | None = None) -> None:
        """Decide about it."""
        self.action, self.why, self.share = action, why, share


@dataclass(frozen=True, slots=True)
class Notice:
    """A reason that applies to the visit, with the codes it speaks of as they were written."""

    reason: Reason
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The grouping of one visit before it is dressed for people.

    ``day`` is the day by which weights were chosen, None where they hang on none.
    """

    status: Status
    reason: Reason | None
    notices: tuple[Notice, ...]
    kind: VisitKind | None = None
    group: Group | None = None
    weight: Decimal | None = None
    parts: tuple[Part, ...] = ()
    day: date | None = None
