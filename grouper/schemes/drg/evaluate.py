"""A rule asked of one case: plain recursion over the tree."""

from __future__ import annotations

import operator
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
from grouper.schemes.drg.compiled import CC, MCC

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from grouper.schemes.drg.compiled import CompiledScheme
    from grouper.schemes.drg.facts import Facts

COMPARE: dict[Cmp, Callable[[float, float], bool]] = {
    Cmp.GE: operator.ge,
    Cmp.LE: operator.le,
    Cmp.GT: operator.gt,
    Cmp.LT: operator.lt,
    Cmp.EQ: operator.eq,
}

_MOST_DIGITS = 18
_LEVEL = {"MCC": MCC, "CC": CC}


def holds(
    scheme: CompiledScheme, rule: Expr | None, facts: Facts, assumed: Collection[Scalar] = ()
) -> bool:
    """Whether a rule holds.

    Args:
        scheme: whose sets the rule names.
        rule: the tree; None always holds.
        facts: the case.
        assumed: missing values whose comparisons are taken as true instead of false, to learn
            whether a gap matters.
    """
    match rule:
        case None:
            return True
        case Member():
            return member(scheme, rule, facts) != rule.negated
        case And():
            return all(holds(scheme, item, facts, assumed) for item in rule.items)
        case Or():
            return any(holds(scheme, item, facts, assumed) for item in rule.items)
        case Compare():
            return compare(rule, facts, assumed)
        case Not():
            return not holds(scheme, rule.item, facts, assumed)
        case Count():
            return COMPARE[rule.cmp](count(scheme, rule, facts), rule.number)
        case Number():
            return rule.value != 0


def member(scheme: CompiledScheme, rule: Member, facts: Facts) -> bool:
    """Whether any field holds a member of any set, before a ``not``."""
    return member_code(scheme, rule, facts) is not None


def member_code(scheme: CompiledScheme, rule: Member, facts: Facts) -> int | None:
    """The number of the code that makes the membership true."""
    for field in rule.fields:
        for name in rule.sets:
            if name in SEVERITY_SETS:
                found = _severity_code(scheme, field, _LEVEL[name], facts)
            else:
                found = facts.hits[field].get(name)
            if found is not None:
                return found
    return None


def _severity_code(scheme: CompiledScheme, field: Field, level: int, facts: Facts) -> int | None:
    if field is Field.QTZD:
        counted = (s.code for s in facts.severities if s.level == level and not s.excluded)
        return next(counted, None)
    for code in facts.codes[field]:
        if scheme.level[code] == level and not scheme.excludes(facts.principal, code):
            return code
    return None


def compare(rule: Compare, facts: Facts, assumed: Collection[Scalar] = ()) -> bool:
    """A comparison; false when the value is missing, unless it is assumed."""
    value = facts.values.get(rule.scalar)
    if value is None:
        return rule.scalar in assumed
    if isinstance(rule.value, str):
        number = number_in(rule.value)
        return value == (rule.value if isinstance(value, str) else number)
    if isinstance(value, str):
        # A discharge way or department code compared with a number; other text is no number.
        number = number_in(value)
        return number is not None and COMPARE[rule.cmp](number, rule.value)
    return COMPARE[rule.cmp](value, rule.value)


def number_in(text: str) -> int | None:
    """The whole number that a text writes, if it writes one; of too many digits it is none."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def count(scheme: CompiledScheme, rule: Count, facts: Facts) -> int:
    """How many distinct codes of the fields stand in the set."""
    found = {code for field in rule.fields for code in facts.codes[field]}
    return sum(rule.set_id in scheme.sets_of(code) for code in found)
