"""Rules cut into atoms: what depends on the principal codes alone, and what must be looked up.

A rule's questions about the principal diagnosis and the principal procedure are answered once per
class of codes ("grid" atoms). What remains ("case" atoms) becomes one bit per case: an other
diagnosis or procedure in a union of sets, a severity level, a comparison, a count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.rules.ast import (
    SEVERITY_SETS,
    And,
    Compare,
    Count,
    Expr,
    Field,
    Member,
    Not,
    Number,
    Or,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class InSets:
    """Some code of one field stands in one of the sets."""

    field: Field
    sets: frozenset[str]


@dataclass(frozen=True, slots=True)
class HasLevel:
    """Some diagnosis of the field counts as a complication of this level (``MCC`` or ``CC``)."""

    field: Field
    level: str


Atom = InSets | HasLevel | Compare | Count

GRID_FIELDS = (Field.ZYZD, Field.ZYSS)


@dataclass(frozen=True, slots=True)
class All:
    """All parts hold."""

    parts: frozenset[Formula]


@dataclass(frozen=True, slots=True)
class Some:
    """Some part holds."""

    parts: frozenset[Formula]


@dataclass(frozen=True, slots=True)
class Nay:
    """The part does not hold."""

    part: Formula


Formula = bool | Atom | All | Some | Nay


def is_grid(atom: Atom) -> bool:
    """Whether the atom depends on the principal diagnosis or procedure alone."""
    return isinstance(atom, InSets | HasLevel) and atom.field in GRID_FIELDS


def formula(rule: Expr | None) -> Formula:
    """A rule as a formula over atoms, each of a single field."""
    match rule:
        case None:
            return True
        case Number():
            return rule.value != 0
        case And():
            return conjunction(formula(item) for item in rule.items)
        case Or():
            return disjunction(formula(item) for item in rule.items)
        case Not():
            return negation(formula(rule.item))
        case Member():
            found = disjunction(_memberships(rule))
            return negation(found) if rule.negated else found
        case Compare() | Count():
            return rule


def _memberships(rule: Member) -> list[Formula]:
    plain = frozenset(name for name in rule.sets if name not in SEVERITY_SETS)
    parts: list[Formula] = []
    for field in rule.fields:
        if plain:
            parts.append(InSets(field, plain))
        parts += [HasLevel(field, name) for name in rule.sets if name in SEVERITY_SETS]
    return parts


def conjunction(parts: Iterable[Formula]) -> Formula:
    """All of the parts, simplified."""
    kept: set[Formula] = set()
    for part in parts:
        if part is False:
            return False
        if isinstance(part, All):
            kept |= part.parts
        elif part is not True:
            kept.add(part)
    if len(kept) <= 1:
        return next(iter(kept), True)
    return All(frozenset(kept))


def disjunction(parts: Iterable[Formula]) -> Formula:
    """Some of the parts, simplified."""
    kept: set[Formula] = set()
    for part in parts:
        if part is True:
            return True
        if isinstance(part, Some):
            kept |= part.parts
        elif part is not False:
            kept.add(part)
    if len(kept) <= 1:
        return next(iter(kept), False)
    return Some(frozenset(kept))


def negation(part: Formula) -> Formula:
    """Not the part, simplified."""
    if isinstance(part, bool):
        return not part
    return part.part if isinstance(part, Nay) else Nay(part)


def assign(whole: Formula, values: dict[Atom, bool]) -> Formula:
    """The formula with some atoms known."""
    match whole:
        case bool():
            return whole
        case All():
            return conjunction(assign(p, values) for p in whole.parts)
        case Some():
            return disjunction(assign(p, values) for p in whole.parts)
        case Nay():
            return negation(assign(whole.part, values))
        case _:
            return values.get(whole, whole)


def atoms_of(whole: Formula) -> set[Atom]:
    """Every atom of a formula."""
    match whole:
        case bool():
            return set()
        case All() | Some():
            return {atom for part in whole.parts for atom in atoms_of(part)}
        case Nay():
            return atoms_of(whole.part)
        case _:
            return {whole}
