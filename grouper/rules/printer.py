"""Printer of the rule language: a tree back into the text of a cell, in the official look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.rules.ast import And, Compare, Count, Expr, Member, Not, Number, Or

if TYPE_CHECKING:
    from collections.abc import Sequence


def print_rule(expr: Expr | None) -> str:
    """The canonical text of a rule; empty for the empty rule.

    ``parse(print_rule(expr)) == expr`` for every tree that the parser can give. Brackets stand
    only where the tree needs them; keywords are in lower case, as official sheets write them.
    """
    match expr:
        case None:
            return ""
        case Or(items):
            # "and" binds tighter than "or", so only an "or" directly inside an "or" needs brackets.
            return " or ".join(_inner(item, Or) for item in items)
        case And(items):
            return " and ".join(_inner(item, And, Or) for item in items)
        case Not(item):
            return f"not {_inner(item, And, Or)}"
        case _:
            return _leaf(expr)


def _inner(expr: Expr, *bracketed: type) -> str:
    text = print_rule(expr)
    return f"({text})" if isinstance(expr, bracketed) else text


def _leaf(expr: Number | Compare | Member | Count) -> str:
    match expr:
        case Number(value):
            return str(value)
        case Compare(scalar, cmp, str(value)):
            return f"{scalar}{cmp}'{value}'"
        case Compare(scalar, cmp, value):
            return f"{scalar}{cmp}{value}"
        case Member(fields, sets, negated):
            return f"{_listed(fields)} {'not in' if negated else 'in'} {_listed(sets)}"
        case Count(set_id, fields, cmp, number):
            return f"length({set_id} ∩ {_listed(fields)}){cmp}{number}"


def _listed(names: Sequence[str]) -> str:
    joined = ", ".join(names)
    return f"{{{joined}}}" if len(names) > 1 else joined
