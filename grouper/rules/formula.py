"""Rules as formulas over a universe: statements about single facts, joined by "all" and "either".

"Not" is worked inward to the statements, so that what remains can be assumed one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.rules.ast import (
    SEVERITY_SETS,
    And,
    Cmp,
    Compare,
    Count,
    Expr,
    Field,
    Member,
    Not,
    Number,
    Or,
    Scalar,
)
from grouper.rules.facts import walk
from grouper.rules.universe import Line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grouper.rules.universe import Universe

PRINCIPAL = (Field.ZYZD, Field.ZYSS)
"""Fields that hold one code or none; the others hold any number."""


@dataclass(frozen=True, slots=True)
class Pick:
    """The one value of a field or scalar lies in ``mask``; ``rest`` is all else it can be."""

    of: Field | Scalar
    mask: int
    rest: int


@dataclass(frozen=True, slots=True)
class Hit:
    """Some code of a field of many lies in ``mask``; with ``some`` false, none does."""

    of: Field
    mask: int
    some: bool


@dataclass(frozen=True, slots=True)
class Flag:
    """A statement that is not looked into, only held against its own denial.

    ``key`` names it: ``severity``, field and level, or ``text``, scalar and value.
    """

    key: tuple[str, str, str]
    holds: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """The number of distinct codes of ``mask`` in the fields lies in ``[low, high]``."""

    fields: tuple[Field, ...]
    mask: int
    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; without parts always true."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Some part holds; without parts never true."""

    parts: tuple[Formula, ...]


Statement = Pick | Hit | Flag | Tally
Formula = Statement | All | Either
ALWAYS, NEVER = All(()), Either(())


def all_of(parts: Iterable[Formula]) -> Formula:
    """All parts at once, what they say of one fact put together."""
    flat: list[Formula] = []
    picks: dict[Field | Scalar, Pick] = {}
    barred: dict[Field, int] = {}
    for part in parts:
        if part == NEVER:
            return NEVER
        match part:
            case All(inner):
                flat += inner
            case _:
                flat.append(part)
    rest: list[Formula] = []
    for part in flat:
        match part:
            case Pick(of, mask, outside):
                known = picks.get(of, Pick(of, mask | outside, 0))
                picks[of] = Pick(of, known.mask & mask, known.rest | outside)
            case Hit(of, mask, False):
                barred[of] = barred.get(of, 0) | mask
            case _:
                rest.append(part)
    merged: list[Formula] = [*picks.values()]
    merged += [Hit(of, mask, some=False) for of, mask in barred.items()]
    merged += rest
    return merged[0] if len(merged) == 1 else All(tuple(merged))


def either_of(parts: Iterable[Formula]) -> Formula:
    """One of the parts, what they say of one fact put together."""
    return negate(all_of(negate(part) for part in parts))


def negate(formula: Formula) -> Formula:
    """The denial of a formula."""
    match formula:
        case Pick(of, mask, rest):
            return Pick(of, rest, mask)
        case Hit(of, mask, some):
            return Hit(of, mask, not some)
        case Flag(key, holds):
            return Flag(key, not holds)
        case Tally(fields, mask, low, high):
            outside: list[Formula] = [Tally(fields, mask, 0, low - 1)] if low else []
            outside += [Tally(fields, mask, high + 1, None)] if high is not None else []
            return outside[0] if len(outside) == 1 else Either(tuple(outside))
        case All(parts):
            return Either(tuple(negate(part) for part in parts))
        case Either(parts):
            return All(tuple(negate(part) for part in parts))


class Reader:
    """Turns rules into formulas over one universe.

    Args:
        universe: the codes.
        rules: every rule that will be read; their numbers cut the lines of the scalars.
    """

    def __init__(self, universe: Universe, rules: Iterable[Expr | None]) -> None:
        self.universe = universe
        cuts: dict[Scalar, set[int]] = {}
        for rule in rules:
            for node in walk(rule):
                if isinstance(node, Compare) and isinstance(node.value, int):
                    cuts.setdefault(node.scalar, set()).add(node.value)
        self._lines = {scalar: Line(scalar, values) for scalar, values in cuts.items()}

    def read(self, expr: Expr | None) -> Formula:
        """The formula of a rule; the empty rule is always true."""
        match expr:
            case None:
                return ALWAYS
            case And(items):
                return all_of(self.read(item) for item in items)
            case Or(items):
                return either_of(self.read(item) for item in items)
            case Not(item):
                return negate(self.read(item))
            case _:
                return self._leaf(expr)

    def _leaf(self, expr: Number | Compare | Member | Count) -> Formula:
        match expr:
            case Number(value):
                return ALWAYS if value else NEVER
            case Compare():
                return self._compare(expr)
            case Member():
                return self._member(expr)
            case Count():
                return self._count(expr)

    def _compare(self, expr: Compare) -> Formula:
        if isinstance(expr.value, str):
            return Flag(("text", expr.scalar, expr.value), holds=True)
        line = self._lines[expr.scalar]
        mask = line.satisfying(expr.cmp, expr.value)
        return Pick(expr.scalar, mask, line.full ^ mask)

    def _member(self, expr: Member) -> Formula:
        named = [set_id for set_id in expr.sets if set_id not in SEVERITY_SETS]
        codes, full = self.universe.codes(named), self.universe.full
        parts: list[Formula] = []
        for field in expr.fields:
            parts += [
                Flag(("severity", field, level), holds=True)
                for level in SEVERITY_SETS
                if level in expr.sets
            ]
            if field in PRINCIPAL:
                parts.append(Pick(field, codes, full ^ codes))
            else:
                parts.append(Hit(field, codes, some=True))
        found = either_of(parts)
        return negate(found) if expr.negated else found

    def _count(self, expr: Count) -> Formula:
        number = expr.number
        low, high = {
            Cmp.GE: (number, None),
            Cmp.GT: (number + 1, None),
            Cmp.LE: (0, number),
            Cmp.LT: (0, number - 1),
            Cmp.EQ: (number, number),
        }[expr.cmp]
        fields = tuple(field for field in Field if field in expr.fields)
        return Tally(fields, self.universe.codes([expr.set_id]), low, high)
