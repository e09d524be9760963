"""What a rule reads: fields, scalars and sets."""

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
    Or,
    Scalar,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class RuleInputs:
    """The facts of a case and the sets of a book that a rule asks for.

    Attributes:
        fields: code fields of the case.
        scalars: single values of the case.
        sets: named sets of the book, without ``MCC`` and ``CC``.
        severities: those of ``MCC`` and ``CC`` that the rule names.
        lookups: which field is held against which set, ``MCC`` and ``CC`` included.
    """

    fields: frozenset[Field]
    scalars: frozenset[Scalar]
    sets: frozenset[str]
    severities: frozenset[str]
    lookups: frozenset[tuple[Field, str]]


def walk(expr: Expr | None) -> Iterator[Expr]:
    """The nodes of a tree from the root down, left to right; none for the empty rule."""
    if expr is None:
        return
    yield expr
    match expr:
        case And(items) | Or(items):
            for item in items:
                yield from walk(item)
        case Not(item):
            yield from walk(item)
        case _:
            return


def rule_inputs(expr: Expr | None) -> RuleInputs:
    """Which fields, scalars and sets a rule reads; nothing for the empty rule."""
    lookups: set[tuple[Field, str]] = set()
    scalars: set[Scalar] = set()
    for node in walk(expr):
        match node:
            case Member(fields, sets, _):
                lookups |= {(field, set_id) for field in fields for set_id in sets}
            case Count(set_id, fields, _, _):
                lookups |= {(field, set_id) for field in fields}
            case Compare(scalar, _, _):
                scalars.add(scalar)
            case _:
                continue
    named = {set_id for _, set_id in lookups}
    return RuleInputs(
        fields=frozenset(field for field, _ in lookups),
        scalars=frozenset(scalars),
        sets=frozenset(named.difference(SEVERITY_SETS)),
        severities=frozenset(named.intersection(SEVERITY_SETS)),
        lookups=frozenset(lookups),
    )
