"""Conditions of the rule book: a small form that is read and checked, and never run as a program.

A condition says what is wrong with a case. It asks about *facts*, which stand with their types in
``codebooks/data/audit/facts.csv``::

    condition := both ("or" both)*
    both      := one ("and" one)*
    one       := "not" one | "(" condition ")" | test
    test      := ("missing" | "present") FACT
               | FACT (= | != | < | <= | > | >=) (NUMBER | "text" | DAY | FACT)
               | FACT ("in" | "has" | "starts") LIST
               | ("any" | "all") FACT ("in" | "has" | "starts") LIST
               | ("count" | "kinds" | "quantity") FACT ("in" | "has" | "starts") LIST op NUMBER
    LIST      := "[" item ("," item)* "]"

``in`` compares words as a whole and codes by their beginning; an item of codes may be a range:
``C60-C63`` are all codes whose first characters lie between both. ``has`` finds a text within a
text, ``starts`` one at its beginning. ``any`` and ``all`` ask the members of a list (``all`` is
false for an empty one), ``count`` counts the members that fit, ``kinds`` the items that some member
fits, ``quantity`` sums the quantities charged of the members that fit. A comparison with a value
that is missing is false.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn

from codebooks.audit.tokens import DAY, HOW, NUMBER, ORDER, RESERVED, Token, cut
from codebooks.errors import CodebookError, Where
from codebooks.folding import fold_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_DEPTH = 40


class Type(StrEnum):
    """What a fact holds; those that end in ``s`` are lists."""

    NUMBER = "number"
    TIME = "time"
    DATE = "date"
    WORD = "word"
    CODE = "code"
    WORDS = "words"
    TEXTS = "texts"
    CODES = "codes"

    @property
    def many(self) -> bool:
        """Whether it is a list."""
        return self in {Type.WORDS, Type.TEXTS, Type.CODES}

    @property
    def coded(self) -> bool:
        """Whether its values are codes, which compare by their beginning."""
        return self in {Type.CODE, Type.CODES}


@dataclass(frozen=True, slots=True)
class Known:
    """Whether a fact is missing (``present`` false) or present."""

    fact: str
    present: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """A fact against a number, a word, a day or another fact (``other`` names it)."""

    fact: str
    op: str
    value: Decimal | str | date | None = None
    other: str | None = None


@dataclass(frozen=True, slots=True)
class Matches:
    """How items fit values: ``in``, ``has`` or ``starts``; codes by their beginning.

    Attributes:
        how: the word.
        items: as written, ranges as ``first-last``.
        coded: whether values are codes.
        beginnings, ranges: the items of codes, apart.
    """

    how: str
    items: tuple[str, ...]
    coded: bool
    beginnings: tuple[str, ...] = field(init=False, repr=False, compare=False)
    ranges: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # One question for all beginnings at once: a condition is asked of every code of a month.
        ranges = tuple(item for item in self.items if "-" in item)
        plain = tuple(item for item in self.items if "-" not in item)
        object.__setattr__(self, "beginnings", plain)
        object.__setattr__(self, "ranges", ranges)

    def fits(self, value: str) -> bool:
        """Whether any of the items fits a value (a code in its folded spelling)."""
        if self.coded and value.startswith(self.beginnings):
            return True
        rest = self.ranges if self.coded else self.items
        return any(self.item_fits(item, value) for item in rest)

    def item_fits(self, item: str, value: str) -> bool:
        """Whether one item fits a value."""
        if self.coded:
            first, dash, last = item.partition("-")
            if dash:
                return first <= value[: len(first)] and value[: len(last)] <= last
            return value.startswith(item)
        if self.how == "has":
            return item in value
        return value.startswith(item) if self.how == "starts" else value == item


@dataclass(frozen=True, slots=True)
class Ask:
    """Whether a value, or any or all members of a list, fit."""

    fact: str
    quantifier: str
    matches: Matches


@dataclass(frozen=True, slots=True)
class Reckon:
    """A number made from the members that fit: ``count``, ``kinds`` or ``quantity``."""

    fact: str
    measure: str
    matches: Matches
    op: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    of: Node


@dataclass(frozen=True, slots=True)
class Both:
    """All of several."""

    of: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of several."""

    of: tuple[Node, ...]


Test = Known | Compare | Ask | Reckon
Node = Test | Not | Both | Either


def asked_in(node: Node) -> Iterator[Test]:
    """The tests of a condition, in the order in which they are written."""
    if isinstance(node, Not):
        yield from asked_in(node.of)
    elif isinstance(node, Both | Either):
        for part in node.of:
            yield from asked_in(part)
    else:
        yield node


def facts_of(node: Node) -> tuple[str, ...]:
    """The facts a condition asks about, each once."""
    found: dict[str, None] = {}
    for test in asked_in(node):
        found[test.fact] = None
        if isinstance(test, Compare) and test.other is not None:
            found[test.other] = None
    return tuple(found)


def parse(text: str, facts: Mapping[str, Type], where: Where | None = None) -> Node:
    """Read a condition and hold it against the facts there are.

    Args:
        text: the condition.
        facts: the type of every fact.
        where: its place, for the errors.

    Raises:
        CodebookError: ``AUDIT_CONDITION`` (not of the form), ``AUDIT_CONDITION_FACT`` (no such
            fact), ``AUDIT_CONDITION_TYPE`` (a fact is asked what it cannot answer).
    """
    return _Reader(text, facts, where or Where()).whole()


_ORDERED = frozenset({Type.NUMBER, Type.TIME, Type.DATE})


class _Reader:
    def __init__(self, text: str, facts: Mapping[str, Type], where: Where) -> None:
        self._facts = facts
        self._where = where
        self._depth = 0
        self._place = 0
        self._tokens = cut(text, self._refuse)

    def _refuse(self, code: str, at: int, found: str, **params: object) -> NoReturn:
        where = Where(self._where.file, None, self._where.row, self._where.column, at)
        raise CodebookError(code, where, found=found, **params)

    @property
    def _now(self) -> Token:
        return self._tokens[self._place]

    def _next(self) -> Token:
        token = self._now
        self._place = min(self._place + 1, len(self._tokens) - 1)
        return token

    def _took(self, text: str, kind: str = "word") -> bool:
        if self._now.kind == kind and self._now.text == text:
            self._next()
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._took(text, "mark"):
            self._wrong(self._now)

    def _wrong(self, token: Token) -> NoReturn:
        self._refuse("AUDIT_CONDITION", token.at, token.text)

    def whole(self) -> Node:
        node = self._either()
        if self._now.kind != "end":
            self._wrong(self._now)
        return node

    def _either(self) -> Node:
        parts = [self._both()]
        while self._took("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Node:
        parts = [self._one()]
        while self._took("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _one(self) -> Node:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            self._wrong(self._now)
        try:
            if self._took("not"):
                return Not(self._one())
            if self._took("(", "mark"):
                node = self._either()
                self._need(")")
                return node
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> Test:
        first = self._now
        for word in ("missing", "present"):
            if self._took(word):
                return Known(self._fact()[0], word == "present")
        for word in ("any", "all"):
            if self._took(word):
                return Ask(self._fact(many=True)[0], word, self._matches())
        for word in ("count", "kinds", "quantity"):
            # Where it is a fact (of own rules) it is no measure.
            if word not in self._facts and self._took(word):
                fact, _ = self._fact(many=True)
                if word == "quantity" and not fact.startswith("line_"):
                    self._refuse("AUDIT_CONDITION_TYPE", first.at, fact, type=self._facts[fact])
                matches = self._matches()
                return Reckon(fact, word, matches, self._op(), self._number())
        fact, kind = self._fact(many=False)
        if self._now.kind == "op":
            return self._compare(fact, kind)
        return Ask(fact, "value", self._matches())

    def _fact(self, *, many: bool | None = None) -> tuple[str, Type]:
        token = self._next()
        if token.kind != "word" or token.text in RESERVED - self._facts.keys():
            self._wrong(token)
        kind = self._facts.get(token.text)
        if kind is None:
            known = ", ".join(self._facts)
            self._refuse("AUDIT_CONDITION_FACT", token.at, token.text, known=known)
        if many is not None and kind.many is not many:
            self._refuse("AUDIT_CONDITION_TYPE", token.at, token.text, type=kind)
        self._last = token, kind
        return token.text, kind

    def _op(self) -> str:
        token = self._next()
        if token.kind != "op":
            self._wrong(token)
        return token.text

    def _number(self) -> Decimal:
        token = self._next()
        if token.kind != "word" or not NUMBER.fullmatch(token.text):
            self._wrong(token)
        return Decimal(token.text)

    def _day(self) -> date:
        token = self._next()
        if not DAY.fullmatch(token.text):
            self._wrong(token)
        try:
            return date.fromisoformat(token.text)
        except ValueError:
            self._wrong(token)

    def _compare(self, fact: str, kind: Type) -> Compare:
        op = self._op()
        token = self._now
        ordered = kind in _ORDERED
        if op in ORDER and not ordered:
            self._refuse("AUDIT_CONDITION_TYPE", token.at, fact, type=kind)
        if token.kind == "text" and not ordered:
            text = self._next().text[1:-1]
            return Compare(fact, op, fold_code(text) if kind.coded else text)
        if token.kind == "word" and NUMBER.fullmatch(token.text) and kind is Type.NUMBER:
            return Compare(fact, op, self._number())
        if token.kind == "word" and kind is Type.DATE and token.text[0].isdigit():
            return Compare(fact, op, self._day())
        other, of = self._fact(many=False)
        if of is not kind:
            self._refuse("AUDIT_CONDITION_TYPE", token.at, other, type=of)
        return Compare(fact, op, None, other)

    def _matches(self) -> Matches:
        token, kind = self._last
        how = self._next()
        if how.kind != "word" or how.text not in HOW:
            self._wrong(how)
        if kind in _ORDERED or (kind.coded and how.text != "in"):
            self._refuse("AUDIT_CONDITION_TYPE", token.at, token.text, type=kind)
        self._need("[")
        items = [self._item(kind)]
        while self._took(",", "mark"):
            items.append(self._item(kind))
        self._need("]")
        return Matches(how.text, tuple(items), kind.coded)

    def _item(self, kind: Type) -> str:
        token = self._next()
        if token.kind not in {"word", "text"}:
            self._wrong(token)
        item = token.text.strip('"')
        if not item:
            self._wrong(token)
        if not kind.coded:
            return item
        first, dash, last = item.partition("-")
        if dash and (not first or not last or first > last or "-" in last):
            self._wrong(token)
        return f"{fold_code(first)}-{fold_code(last)}" if dash else fold_code(first)
