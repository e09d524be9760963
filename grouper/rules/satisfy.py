"""Whether some case can satisfy what is asked of it: proofs that a rule can never hold.

A "no" is a proof; a "yes" means only that no contradiction was found. What is known about a case is
kept as bit sets (:class:`Facts`); alternatives wait beside it and are split only when nothing
simpler settles them (:class:`Scope`). Cases are taken as freely as possible: any codes may meet,
age in years and in days are not held against each other. Every real case is among them, so a proof
holds for real cases.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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

    def refutes(self, statement: Statement) -> bool:
        """Whether a statement contradicts the facts outright."""
        match statement:
            case Pick(of, mask, rest):
                return not self.picks.get(of, mask | rest) & mask
            case Hit(of, mask, True):
                return not mask & ~self.barred.get(of, 0)
            case Hit(of, mask, _):
                barred = self.barred.get(of, 0) | mask
                return any(not wanted & ~barred for wanted in self.wanted.get(of, ()))
            case Flag(key, holds):
                return self.flags.get(key, holds) != holds
            case Tally():
                low, high = self._bounds(statement)
                return high is not None and high < low

    def ensures(self, statement: Statement) -> bool:
        """Whether a statement follows from the facts outright."""
        match statement:
            case Pick(of, mask, rest):
                return not self.picks.get(of, mask | rest) & rest
            case Hit(of, mask, True):
                allowed = mask | self.barred.get(of, 0)
                return any(not wanted & ~allowed for wanted in self.wanted.get(of, ()))
            case Hit(of, mask, _):
                return not mask & ~self.barred.get(of, 0)
            case Flag(key, holds):
                return self.flags.get(key) is holds
            case Tally(_, _, least, most):
                low, high = self.tallies.get((statement.fields, statement.mask), (0, None))
                return low >= least and (most is None or (high is not None and high <= most))

    def assume(self, statement: Statement) -> Facts:
        """The facts with one more, which they must not refute."""
        picks, barred, wanted, flags, tallies = (
            self.picks,
            self.barred,
            self.wanted,
            self.flags,
            self.tallies,
        )
        match statement:
            case Pick(of, mask, rest):
                picks = {**picks, of: picks.get(of, mask | rest) & mask}
            case Hit(of, mask, True):
                wanted = {**wanted, of: (*wanted.get(of, ()), mask)}
            case Hit(of, mask, _):
                barred = {**barred, of: barred.get(of, 0) | mask}
            case Flag(key, holds):
                flags = {**flags, key: holds}
            case Tally():
                tallies = {**tallies, (statement.fields, statement.mask): self._bounds(statement)}
        return Facts(self.universe, picks, barred, wanted, flags, tallies)

    def _bounds(self, tally: Tally) -> tuple[int, int | None]:
        low, high = self.tallies.get((tally.fields, tally.mask), (0, None))
        bounds = [bound for bound in (high, tally.high) if bound is not None]
        return max(low, tally.low), min(bounds, default=None)

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
        absent = [level for level in SEVERITY_SETS if self._asked(level) is False]
        present = [level for level in SEVERITY_SETS if self._asked(level)]
        wanted = self.wanted.get(Field.QTZD, ())
        if not present and not (absent and wanted):
            return True
        principal = self.picks.get(Field.ZYZD, self.universe.full)
        barred = self.barred.get(Field.QTZD, 0)
        for level, codes, excluding in self.universe.complications if absent else ():
            if level in absent and not principal & excluding:
                barred |= codes
        if any(not codes & ~barred for codes in wanted):
            return False
        return all(
            any(
                level == asked and codes & ~barred and principal & ~excluding
                for level, codes, excluding in self.universe.complications
            )
            for asked in present
        )

    def _asked(self, level: str) -> bool | None:
        return self.flags.get(("severity", Field.QTZD, level))

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
class Choice:
    """Alternatives of which one must hold, and the facts they speak of."""

    parts: tuple[Formula, ...]
    about: frozenset[object]


@dataclass(frozen=True, slots=True)
class Scope:
    """Facts and the choices that are still open, each settled as far as the facts allow."""

    facts: Facts
    open: tuple[Choice, ...] = ()

    def narrow(self, *formulas: Formula) -> Scope | None:
        """The scope in which the formulas hold as well; None when they never can in it."""
        facts, choices, queue = self.facts, list(self.open), list(formulas)
        while queue:
            changed: set[object] = set()
            fresh: list[Choice] = []
            while queue:
                match queue.pop():
                    case All(parts):
                        queue += parts
                    case Either(parts) as either:
                        fresh.append(Choice(parts, frozenset(_about(either))))
                    case statement:
                        if facts.refutes(statement):
                            return None
                        facts = facts.assume(statement)
                        changed |= _about(statement)
            untouched = [choice for choice in choices if choice.about.isdisjoint(changed)]
            touched = [choice for choice in choices if not choice.about.isdisjoint(changed)]
            settled = _settle(facts, touched + fresh)
            if settled is None:
                return None
            still_open, queue = settled
            choices = untouched + still_open
        return Scope(facts, tuple(choices))

    def possible(self, *formulas: Formula) -> bool:
        """Whether some case may satisfy the scope and the formulas; False is a proof."""
        narrowed = self.narrow(*formulas)
        return narrowed is not None and _search(narrowed, [_FUEL])


def _about(formula: Formula) -> set[object]:
    match formula:
        case All(parts) | Either(parts):
            return set().union(*(_about(part) for part in parts))
        case Flag(key, _):
            return {key}
        case Tally():
            return {Tally}
        case Pick(of, _, _) | Hit(of, _, _):
            return {of}


def _settle(facts: Facts, choices: list[Choice]) -> tuple[list[Choice], list[Formula]] | None:
    """Drop what holds anyway and strike out what cannot be.

    Returns:
        Choices still open and formulas that alone are left; None when a choice has nothing left.
    """
    still_open: list[Choice] = []
    single: list[Formula] = []
    for choice in choices:
        if any(_ensured(facts, part) for part in choice.parts):
            continue
        parts = tuple(part for part in choice.parts if not _refuted(facts, part))
        if not parts:
            return None
        if len(parts) == 1:
            single.append(parts[0])
        else:
            still_open.append(Choice(parts, choice.about))
    return still_open, single


def _ensured(facts: Facts, formula: Formula) -> bool:
    match formula:
        case All(parts):
            return all(_ensured(facts, part) for part in parts)
        case Either(parts):
            return any(_ensured(facts, part) for part in parts)
        case statement:
            return facts.ensures(statement)


def _refuted(facts: Facts, formula: Formula) -> bool:
    """A quick look only: choices inside "all" wait until they are split."""
    match formula:
        case All(parts):
            return any(facts.refutes(part) for part in parts if not isinstance(part, All | Either))
        case Either(parts):
            return all(_refuted(facts, part) for part in parts)
        case statement:
            return facts.refutes(statement)


def _search(scope: Scope, fuel: list[int]) -> bool:
    """Try the alternatives of the shortest choice in turn; out of fuel means "possible"."""
    if not scope.facts.consistent():
        return False
    if not scope.open:
        return True
    chosen = min(scope.open, key=lambda choice: len(choice.parts))
    rest = Scope(scope.facts, tuple(choice for choice in scope.open if choice is not chosen))
    for part in chosen.parts:
        if not fuel[0]:
            return True
        fuel[0] -= 1
        narrowed = rest.narrow(part)
        if narrowed is not None and _search(narrowed, fuel):
            return True
    return False
