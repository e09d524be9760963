"""The facts of one case out of many, as :mod:`codebooks.audit.evaluate` asks for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from codebooks.audit.conditions import types
from codebooks.audit.expression import Type
from grouper.audit.coding.columns import PARTS

if TYPE_CHECKING:
    from grouper.audit.coding.facts import Facts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class OneRow:
    """One case of a table.

    Attributes:
        facts: of the table.
        row: number of the case.
    """

    def __init__(self, facts: Facts, row: int) -> None:
        self.facts = facts
        self.row = row

    def value(self, fact: str) -> Decimal | datetime | str | None:
        """A single value; a time stands for the local clock (its zone is none of ours)."""
        kind = types()[fact]
        if kind in {Type.NUMBER, Type.TIME}:
            found = self.facts.scalars(fact)
            if not found.known[self.row]:
                return None
            whole = int(found.values[self.row])
            if kind is Type.TIME:
                return _EPOCH + timedelta(seconds=whole)
            return Decimal(whole) / PARTS
        words = self.facts.words(fact)
        at = int(words.at[self.row])
        return None if at < 0 else words.words[at]

    def members(self, fact: str) -> tuple[tuple[str, Decimal], ...]:
        """The members of a list, each with the quantity charged of it."""
        lists = self.facts.lists(fact)
        part = lists.of(self.row)
        at = lists.at[part].tolist()
        quantity = [0] * len(at) if lists.quantity is None else lists.quantity[part].tolist()
        return tuple(
            (lists.words[place], Decimal(whole) / PARTS)
            for place, whole in zip(at, quantity, strict=True)
        )

    @staticmethod
    def many(fact: str) -> bool:
        """Whether the fact is a list."""
        return types()[fact].many
