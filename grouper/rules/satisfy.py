"""Whether some case can satisfy what is asked of it: proofs that a rule can never hold.

A "no" is a proof; a "yes" means only that no contradiction was found. What is known about a case is
kept as bit sets (:class:`Facts`); alternatives wait beside it and are split only when nothing
simpler settles them (:class:`Scope`). Cases are taken as freely as possible: any codes may meet,
age in years and in days are not held against each other. Every real case is among them, so a proof
holds for real cases.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from grouper.rules.ast import SEVERITY_SETS, Field
from grouper.rules.formula import (
    PRINCIPAL,
    All,
    Either,
    Flag,
    Formula,
    Hit,
    Pick,
    Statement,
    Tally,
    negate,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.rules.ast import Scalar
    from grouper.rules.universe import Universe

_FUEL = 300
"""Splits tried for one question before it is left open, which counts as "possible"."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a case.

    Attributes:
        universe: the codes there are.
        picks: what each field or scalar of one value may still be.
        barred: codes that a field of many must not hold.
        wanted: sets of which a field of many must each hold a code.
        flags: statements not looked into.
        tallies: bounds of counts, by fields and codes.
    """

    universe: Universe
    picks: Mapping[Field | Scalar, int] = field(default_factory=dict)
    barred: Mapping[Field, int] = field(default_factory=dict)
    wanted: Mapping[Field, tuple[int, ...]] = field(default_factory=dict)
    flags: Mapping[tuple[str, str, str], bool] = field(default_factory=dict)
    tallies: Mapping[tuple[tuple[Field, ...], int], tuple[int, int | None]] = field(
        default_factory=dict
    )

    def assume(self, statement: Statement) -> Facts | None:
        """The facts with one more; None when it contradicts them outright."""
        match statement:
            case Pick(of, mask, rest):
                left = self.picks.get(of, mask | rest) & mask
                return replace(self, picks={**self.picks, of: left}) if left else None
            case Hit(of, mask, True):
                if not mask & ~self.barred.get(of, 0):
                    return None
                known = self.wanted.get(of, ())
                return replace(self, wanted={**self.wanted, of: (*known, mask)})
            case Hit(of, mask, _):
                barred = self.barred.get(of, 0) | mask
                if any(not wanted & ~barred for wanted in self.wanted.get(of, ())):
                    return None
                return replace(self, barred={**self.barred, of: barred})
            case Flag(key, holds):
                if self.flags.get(key, holds) != holds:
                    return None
                return replace(self, flags={**self.flags, key: holds})
            case Tally():
                return self._bound(statement)

    def _bound(self, tally: Tally) -> Facts | None:
        key = (tally.fields, tally.mask)
        low, high = self.tallies.get(key, (0, None))
        low = max(low, tally.low)
        highs = [bound for bound in (high, tally.high) if bound is not None]
        high = min(highs, default=None)
        if high is not None and high < low:
            return None
        return replace(self, tallies={**self.tallies, key: (low, high)})

    def consistent(self) -> bool:
        """Whether complications and counts agree with the rest, as far as looked into."""
        return self._severity_agrees() and all(
            self._can_count(fields, mask, low, high)
            for (fields, mask), (low, high) in self.tallies.items()
        )

    def _severity_agrees(self) -> bool:
        """Other diagnoses against the levels that must and must not be among them.

        A code whose level must be absent may stand only if some principal diagnosis excludes it.
        """
        levels = {
            level: self.flags.get(("severity", Field.QTZD, level)) for level in SEVERITY_SETS
        }
        principal = self.picks.get(Field.ZYZD, self.universe.full)
        barred = self.barred.get(Field.QTZD, 0)
        for level, codes, excluding in self.universe.complications:
            if levels.get(level) is False and not principal & excluding:
                barred |= codes
        if any(not wanted & ~barred for wanted in self.wanted.get(Field.QTZD, ())):
            return False
        return all(
            any(
                level == asked and codes & ~barred and principal & ~excluding
                for level, codes, excluding in self.universe.complications
            )
            for asked, holds in levels.items()
            if holds
        )

    def _can_count(self, fields: tuple[Field, ...], mask: int, low: int, high: int | None) -> bool:
        at_hand, forced, most = 0, False, 0
        for of in fields:
            if of in PRINCIPAL:
                may_be = self.picks.get(of, self.universe.full)
                at_hand |= may_be & mask
                forced |= not may_be & ~mask
                most += 1
            else:
                barred = self.barred.get(of, 0)
                at_hand |= mask & ~barred
                forced |= any(not w & ~barred & ~mask for w in self.wanted.get(of, ()))
                most = mask.bit_count() + len(Field)
        return min(at_hand.bit_count(), most) >= low and (high is None or high >= int(forced))


@dataclass(frozen=True, slots=True)
class Scope:
    """Facts and the alternatives that are still open."""

    facts: Facts
    open: tuple[Either, ...] = ()

    def narrow(self, *formulas: Formula) -> Scope | None:
        """The scope in which the formulas hold as well; None when they never can in it."""
        facts, waiting, queue = self.facts, list(self.open), list(formulas)
        while True:
            while queue:
                match queue.pop():
                    case All(parts):
                        queue += parts
                    case Either() as either:
                        waiting.append(either)
                    case statement:
                        known = facts.assume(statement)
                        if known is None:
                            return None
                        facts = known
            settled = _settle(facts, waiting)
            if settled is None:
                return None
            waiting, queue = settled
            if not queue:
                return Scope(facts, tuple(waiting))

    def possible(self, *formulas: Formula) -> bool:
        """Whether some case may satisfy the scope and the formulas; False is a proof."""
        narrowed = self.narrow(*formulas)
        return narrowed is not None and _search(narrowed, [_FUEL])


def _settle(facts: Facts, waiting: list[Either]) -> tuple[list[Either], list[Formula]] | None:
    """Drop what holds anyway and strike out what cannot be.

    Returns:
        Alternatives still open and those that alone are left; None when nothing is left of one.
    """
    still_open: list[Either] = []
    single: list[Formula] = []
    for either in waiting:
        if any(_entailed(facts, part) for part in either.parts):
            continue
        parts = tuple(part for part in either.parts if not _refuted(facts, part))
        if not parts:
            return None
        if len(parts) == 1:
            single.append(parts[0])
        else:
            still_open.append(Either(parts))
    return still_open, single


def _refuted(facts: Facts, formula: Formula) -> bool:
    match formula:
        case All(parts):
            known: Facts | None = facts
            for part in parts:
                if isinstance(part, All | Either):
                    if _refuted(facts, part):
                        return True
                    continue
                known = known.assume(part) if known else None
                if known is None:
                    return True
            return False
        case Either(parts):
            return all(_refuted(facts, part) for part in parts)
        case _:
            return facts.assume(formula) is None


def _entailed(facts: Facts, formula: Formula) -> bool:
    match formula:
        case All(parts):
            return all(_entailed(facts, part) for part in parts)
        case Either(parts):
            return any(_entailed(facts, part) for part in parts)
        case _:
            return _refuted(facts, negate(formula))


def _search(scope: Scope, fuel: list[int]) -> bool:
    """Try the alternatives of the shortest choice in turn; out of fuel means "possible"."""
    if not scope.facts.consistent():
        return False
    if not scope.open:
        return True
    chosen = min(scope.open, key=lambda either: len(either.parts))
    rest = Scope(scope.facts, tuple(either for either in scope.open if either is not chosen))
    for part in chosen.parts:
        if not fuel[0]:
            return True
        fuel[0] -= 1
        narrowed = rest.narrow(part)
        if narrowed is not None and _search(narrowed, fuel):
            return True
    return False
