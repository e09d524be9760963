"""A condition asked of one case, with what of the case makes it true."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from codebooks.audit.expression import Ask, Both, Compare, Either, Known, Not

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from codebooks.audit.expression import Matches, Node, Reckon, Test

    One = Decimal | datetime | date | str | None

_OPS: dict[str, Callable[[int], bool]] = {
    "=": lambda sign: sign == 0,
    "!=": lambda sign: sign != 0,
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
}


class OneCase(Protocol):
    """The facts of one case."""

    def value(self, fact: str) -> One:
        """A single value; None: missing. Codes in their folded spelling."""
        ...

    def members(self, fact: str) -> tuple[tuple[str, Decimal], ...]:
        """The members of a list, each with the quantity charged of it (0 where none is)."""
        ...

    def many(self, fact: str) -> bool:
        """Whether the fact is a list."""
        ...


def compared(op: str, sign: int) -> bool:
    """Whether an operator holds where the left side is less (−1), equal (0) or more (1)."""
    return _OPS[op](sign)


def holds(node: Node, case: OneCase) -> bool:
    """Whether a condition holds for a case."""
    if isinstance(node, Not):
        return not holds(node.of, case)
    if isinstance(node, Both):
        return all(holds(part, case) for part in node.of)
    if isinstance(node, Either):
        return any(holds(part, case) for part in node.of)
    return _test(node, case)


def grounds(node: Node, case: OneCase) -> list[tuple[Test, tuple[str, ...]]]:
    """The tests that hold and make a condition true, each with the members that fit.

    A test under ``not`` gives none: it says what is absent.
    """
    if isinstance(node, Not):
        return []
    if isinstance(node, Both | Either):
        return [ground for part in node.of if holds(part, case) for ground in grounds(part, case)]
    return [(node, _fitting(node, case))] if _test(node, case) else []


def _test(test: Test, case: OneCase) -> bool:
    if isinstance(test, Known):
        if case.many(test.fact):
            return bool(case.members(test.fact)) is test.present
        return (case.value(test.fact) is not None) is test.present
    if isinstance(test, Compare):
        return _compare(test, case)
    if isinstance(test, Ask):
        if test.quantifier == "value":
            value = case.value(test.fact)
            return isinstance(value, str) and test.matches.fits(value)
        members = case.members(test.fact)
        fit = [test.matches.fits(member) for member, _ in members]
        return any(fit) if test.quantifier == "any" else bool(fit) and all(fit)
    return _reckon(test, case)


def _compare(test: Compare, case: OneCase) -> bool:
    left = case.value(test.fact)
    right = test.value if test.other is None else case.value(test.other)
    if left is None or right is None:
        return False
    return compared(test.op, (left > right) - (left < right))  # type: ignore[operator]  # of one type: the form is checked


def _reckon(test: Reckon, case: OneCase) -> bool:
    number = measured(test.measure, test.matches, case.members(test.fact))
    return compared(test.op, (number > test.value) - (number < test.value))


def measured(measure: str, matches: Matches, members: tuple[tuple[str, Decimal], ...]) -> Decimal:
    """The number that ``count``, ``kinds`` or ``quantity`` makes of the members of a list."""
    if measure == "kinds":
        kinds = sum(
            any(matches.item_fits(item, member) for member, _ in members) for item in matches.items
        )
        return Decimal(kinds)
    fit = [quantity for member, quantity in members if matches.fits(member)]
    return Decimal(len(fit)) if measure == "count" else sum(fit, Decimal(0))


def _fitting(test: Test, case: OneCase) -> tuple[str, ...]:
    if not case.many(test.fact):
        return ()
    members = [member for member, _ in case.members(test.fact)]
    if isinstance(test, Known):
        return tuple(members)
    if isinstance(test, Compare):  # pragma: no cover -- the form compares no lists
        return ()
    return tuple(member for member in members if test.matches.fits(member))
