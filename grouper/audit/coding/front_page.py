"""The conditions of the book asked of all cases, and what made them true."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from codebooks.audit.conditions import types
from codebooks.audit.evaluate import grounds
from codebooks.audit.expression import Compare, Known, Type, facts_of
from grouper.audit.coding.findings import Found
from grouper.audit.coding.line_facts import lines_with
from grouper.audit.coding.one import OneRow
from grouper.audit.coding.vector import holding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codebooks.audit.conditions import Check
    from codebooks.audit.expression import Node, Test
    from grouper.audit.coding.facts import Facts

_DX, _PX = "dx", "px"
_PRIVATE = frozenset({"case_id", "physician"})
_MONEY = ("_cost", "_total", "_paid")
_BY_CODES = ("dx-sex", "pdx-sex", "dx-age", "proc-sex")
"""Kinds of checks where two rows may speak of the same codes: such a fault is told once."""


def kind_of_codes(fact: str) -> str | None:
    """``dx`` or ``px`` for a fact that holds codes; None for others."""
    if not types()[fact].coded and fact != "px_exact":
        return None
    return _PX if "px" in fact else _DX


def check(one: Check, facts: Facts) -> Iterator[Found]:
    """The findings of one check; none where it cannot run."""
    if one.condition is None:
        return
    words = facts.words("kind")
    served = np.array([*(word in one.cases for word in words.words), False], bool)[words.at]
    for at in np.flatnonzero(holding(one.condition, facts) & served).tolist():
        yield _found(one, one.condition, facts, at)


def _found(one: Check, condition: Node, facts: Facts, at: int) -> Found:
    case = OneRow(facts, at)
    codes: dict[str, None] = {}
    evidence: dict[str, str] = {}
    lines: set[int] = set()
    observed = allowed = None
    for test, fitting in grounds(condition, case):
        of = kind_of_codes(test.fact)
        shown = fitting
        if of is not None:
            members = fitting or _single(test, case)
            shown = tuple(facts.tables.official(of, code) for code in members)
            codes |= dict.fromkeys(shown)
        elif test.fact.startswith("line_") and facts.charges is not None and fitting:
            lines |= set(lines_with(facts.charges, at, test.fact, frozenset(fitting)))
        if observed is None:
            observed, allowed = _numbers(test, case)
        for fact in facts_of(test):
            told = " ".join(dict.fromkeys(shown)) if types()[fact].many else _told(fact, case)
            empty = isinstance(test, Known) and not test.present
            if (told or empty) and fact not in _PRIVATE:
                evidence.setdefault(fact, told)
    money = any(part in fact for fact in facts_of(condition) for part in _MONEY)
    amount = _apart(observed, allowed) if money and one.kind == "totals" else Decimal("0.00")
    return Found(
        at=at,
        rule=one.rule,
        row=one.row,
        level=one.level,
        codes=tuple(codes),
        evidence=tuple(evidence.items()),
        lines=tuple(sorted(lines)),
        observed=observed,
        allowed=allowed,
        unit="yuan" if money and observed is not None else None,
        amount=amount,
        alike=tuple(sorted(codes)) if one.kind in _BY_CODES and codes else None,
    )


def _single(test: Test, case: OneRow) -> tuple[str, ...]:
    if case.many(test.fact):
        return ()
    value = case.value(test.fact)
    return (value,) if isinstance(value, str) else ()


def _told(fact: str, case: OneRow) -> str:
    value = case.value(fact)
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, str):
        return value
    return value.strftime("%Y-%m-%d" if fact == "birth_date" else "%Y-%m-%d %H:%M")


def _numbers(test: Test, case: OneRow) -> tuple[Decimal | None, Decimal | None]:
    """What was observed and what it was compared with, of a test on a number."""
    if isinstance(test, Compare) and types()[test.fact] is Type.NUMBER and test.fact != "sex":
        left = case.value(test.fact)
        right = test.value if test.other is None else case.value(test.other)
        if isinstance(left, Decimal) and isinstance(right, Decimal):
            return left, right
    return None, None


def _apart(observed: Decimal | None, allowed: Decimal | None) -> Decimal:
    if observed is None or allowed is None:
        return Decimal("0.00")
    return abs(observed - allowed).quantize(Decimal("0.01"))
