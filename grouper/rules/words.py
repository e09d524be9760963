"""A rule in plain words that a physician can read, in Chinese or English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.messages import catalogue, language, text
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
from grouper.rules.set_names import SetNames

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def describe(expr: Expr | None, lang: str | None = None, names: SetNames | None = None) -> str:
    """Say a rule in words.

    Alternatives at the top, when one of them is a combination, are numbered; deeper combinations
    stand in brackets, so that "and" and "or" cannot be read two ways.

    Args:
        expr: the rule; None is the empty rule, which always holds.
        lang: ``zh`` or ``en``; the process's language when None.
        names: the names of the book's groups, from :meth:`SetNames.of`; without them a set is
            named by its code alone.
    """
    words = _Words(lang or language(), names or SetNames({}, {}))
    if expr is None:
        return words.say("always")
    return words.top(expr)


def _flat(expr: And | Or) -> list[Expr]:
    """The items of a combination, combinations of the same kind inside it taken apart."""
    items: list[Expr] = []
    for item in expr.items:
        nested = isinstance(item, And | Or) and type(item) is type(expr)
        items += _flat(item) if nested else [item]  # type: ignore[arg-type]  # nested says so
    return items


class _Words:
    def __init__(self, lang: str, names: SetNames) -> None:
        self.lang = lang
        self.names = names

    def say(self, key: str, **params: object) -> str:
        return text(f"rule_words.{key}", self.lang, **params)

    def has(self, key: str) -> bool:
        return f"rule_words.{key}" in catalogue(self.lang)

    def join(self, key: str, parts: Iterable[str]) -> str:
        return self.say(f"join.{key}").join(parts)

    def top(self, expr: Expr) -> str:
        if isinstance(expr, Or):
            items = _flat(expr)
            if any(isinstance(item, And) for item in items):
                numbered = [
                    self.say("numbered", number=number, item=self.tree(item))
                    for number, item in enumerate(items, 1)
                ]
                return self.say("one_of", items=self.join("numbered", numbered))
        return self.tree(expr)

    def tree(self, expr: Expr) -> str:
        match expr:
            case And():
                return self.join("and", [self.inner(item) for item in _flat(expr)])
            case Or():
                return self.join("or", [self.inner(item) for item in _flat(expr)])
            case Not(item):
                return self.say("not", item=self.tree(item))
            case _:
                return self.leaf(expr)

    def leaf(self, expr: Number | Compare | Member | Count) -> str:
        match expr:
            case Number(value):
                return self.say("always" if value else "never")
            case Compare():
                return self.compare(expr)
            case Count():
                return self.count(expr)
            case Member():
                return self.member(expr)

    def inner(self, expr: Expr) -> str:
        said = self.tree(expr)
        return self.say("bracket", item=said) if isinstance(expr, And | Or) else said

    def compare(self, expr: Compare) -> str:
        scalar, cmp = expr.scalar.value, expr.cmp.name.lower()
        for key in (f"special.{scalar}.{cmp}.{expr.value}", f"special.{scalar}.{cmp}"):
            if self.has(key):
                return self.say(key, value=expr.value)
        value = self.say("quoted", value=expr.value) if isinstance(expr.value, str) else expr.value
        name, unit = self.say(f"scalar.{scalar}"), self.say(f"unit.{scalar}")
        return self.say(f"compare.{cmp}", scalar=name, value=value, unit=unit)

    def count(self, expr: Count) -> str:
        return self.say(
            "count",
            fields=self.fields(expr.fields),
            set=self.names.label(expr.set_id, self.lang),
            cmp=self.say(f"amount.{expr.cmp.name.lower()}"),
            number=expr.number,
        )

    def fields(self, fields: Iterable[Field]) -> str:
        wanted = [field for field in Field if field in fields]
        key = f"fields.{'_'.join(wanted)}"
        if self.has(key):
            return self.say(key)
        return self.join("fields", [self.say(f"fields.{field}") for field in wanted])

    def member(self, expr: Member) -> str:
        """Sets and severities are asked differently, so a mixed list is two questions."""
        sets = [s for s in expr.sets if s not in SEVERITY_SETS]
        levels = [s for s in expr.sets if s in SEVERITY_SETS]
        if not levels:
            return self.listed(expr, sets)
        if not sets:
            return self.severity(expr, levels)
        both = [self.severity(expr, levels), self.listed(expr, sets)]
        return self.say("bracket", item=self.join("and" if expr.negated else "or", both))

    def severity(self, expr: Member, levels: Sequence[str]) -> str:
        named = self.join("levels", [self.say(f"level.{level}") for level in levels])
        key = "no_severity" if expr.negated else "severity"
        return self.say(key, fields=self.fields(expr.fields), levels=named)

    def listed(self, expr: Member, sets: Sequence[str]) -> str:
        asked = "out" if expr.negated else "in"
        labels = self.join("sets", [self.names.label(s, self.lang) for s in sets])
        named = self.say(f"several_{asked}", sets=labels) if len(sets) > 1 else labels
        # One value is or is not in a list; of several values one is, or none is.
        wanted = [field for field in Field if field in expr.fields]
        key = f"{asked}.{wanted[0]}" if len(wanted) == 1 else ""
        if not self.has(key):
            several = len(wanted) > 1 or wanted[0] in (Field.QTZD, Field.QTSS)
            key = f"{asked}.several" if several else f"{asked}.one"
        return self.say(key, fields=self.fields(wanted), sets=named)
