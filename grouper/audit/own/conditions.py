"""A condition as SQL: every word of it becomes a bound parameter, never a part of the text."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.audit.expression import Ask, Both, Compare, Either, Known, Not, Type
from codebooks.audit.own_rules import own_types
from grouper.audit.lines import PARTS
from grouper.audit.templates import toml
from grouper.case.dates import EPOCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codebooks.audit.expression import Matches, Node, Reckon, Test

Parameter = str | int


class Conditions:
    """Conditions compiled together.

    Attributes:
        parameters: what the texts are bound to, by name.
    """

    def __init__(self) -> None:
        self.parameters: dict[str, Parameter] = {}
        self._facts: dict[str, Any] = toml("own.toml")

    def bound(self, value: Parameter) -> str:
        """The place of a value in a text."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def all_of(self, parts: Sequence[Node]) -> str:
        """A text that is true where all parts hold; it is never null."""
        return " AND ".join(self._node(part) for part in parts) or "true"

    def number(self, fact: str) -> str:
        """The value of a fact in ten-thousandths."""
        return str(self._facts["numbers"][fact])

    def shown(self, fact: str) -> str:
        """The value of a fact as it is written, for the evidence."""
        kind = own_types()[fact]
        if kind is Type.NUMBER:
            exact = f"(({self.number(fact)})::DECIMAL(30, 0) * 0.0001)::VARCHAR"
            return rf"regexp_replace({exact}, '\.?0+$', '')"
        if kind is Type.DATE:
            return f"day_words({self._facts['days'][fact]})"
        return self._word(fact)

    def _node(self, node: Node) -> str:
        if isinstance(node, Not):
            return f"(NOT {self._node(node.of)})"
        if isinstance(node, Both):
            return f"({' AND '.join(self._node(part) for part in node.of)})"
        if isinstance(node, Either):
            return f"({' OR '.join(self._node(part) for part in node.of)})"
        return self._test(node)

    def _test(self, test: Test) -> str:
        kind = own_types()[test.fact]
        if isinstance(test, Known):
            there = (
                self._exists(test.fact) if kind.many else f"({self._value(test.fact)} IS NOT NULL)"
            )
            return there if test.present else f"(NOT {there})"
        if isinstance(test, Compare):
            return self._compare(test)
        if isinstance(test, Ask):
            return self._ask(test)
        return self._reckon(test)

    def _value(self, fact: str) -> str:
        kind = own_types()[fact]
        if kind is Type.NUMBER:
            return f"({self.number(fact)})"
        return f"({self._facts['days'][fact]})" if kind is Type.DATE else self._word(fact)

    def _word(self, fact: str) -> str:
        numbered = self._facts["numbered"].get(fact)
        if numbered is None:
            return str(self._facts["words"][fact])
        found = self._shape("word", **numbered)
        return f"coalesce({found}, {numbered['else']})" if "else" in numbered else found

    def _compare(self, test: Compare) -> str:
        if test.other is not None:
            return self._sure(f"{self._value(test.fact)} {test.op} {self._value(test.other)}")
        if isinstance(test.value, str):
            wanted = self.bound(test.value)
            return self._of_word(test.fact, lambda word: f"{word} {test.op} {wanted}")
        return self._sure(f"{self._value(test.fact)} {test.op} {self.whole(test.value)}")

    def whole(self, value: object) -> str:
        """The place of a number in ten-thousandths, or of a day since 1970."""
        if isinstance(value, Decimal):
            return self.bound(int(value * PARTS))
        if isinstance(value, date):
            return self.bound((value - EPOCH).days)
        raise TypeError(value)  # pragma: no cover -- the form knows no other

    def _ask(self, test: Ask) -> str:
        if test.quantifier == "value":
            return self._of_word(test.fact, lambda word: self._fits(test.matches, word))
        fits = self._fits(test.matches, "m.word")
        if test.quantifier == "any":
            return self._exists(test.fact, fits)
        return f"({self._exists(test.fact)} AND NOT {self._exists(test.fact, f'NOT {fits}')})"

    def _of_word(self, fact: str, asked: Any) -> str:  # noqa: ANN401 -- a text from a text
        """A question about a word; of words that stand as numbers, the numbers that fit."""
        numbered = self._facts["numbered"].get(fact)
        if numbered is None:
            return self._sure(asked(self._word(fact)))
        fits = self._shape("numbers", **numbered, fit=asked("w.word"))
        if "else" not in numbered:
            return f"({fits})"
        other = self._sure(asked(numbered["else"]))
        return f"(CASE WHEN {numbered['number']} >= 0 THEN {fits} ELSE {other} END)"

    def _reckon(self, test: Reckon) -> str:
        if test.measure == "kinds":
            each = [
                f"{self._exists(test.fact, self._fits(test.matches, 'm.word', (item,)))}::INTEGER"
                for item in test.matches.items
            ]
            number = f"({' + '.join(each)})"
        else:
            fits = self._fits(test.matches, "m.word")
            number = self._shape("count", members=self._members(test.fact), where=fits)
        return f"({PARTS} * {number} {test.op} {self.bound(int(test.value * PARTS))})"

    def _members(self, fact: str) -> str:
        return str(self._facts["lists"][fact]["members"])

    def _exists(self, fact: str, where: str = "true") -> str:
        return self._shape("exists", members=self._members(fact), where=where)

    def _shape(self, name: str, **parts: str) -> str:
        return str(self._facts["shapes"][name].format(**parts))

    def _fits(self, matches: Matches, word: str, items: Sequence[str] | None = None) -> str:
        found = [self._fits_one(matches, word, item) for item in items or matches.items]
        return f"({' OR '.join(found)})"

    def _fits_one(self, matches: Matches, word: str, item: str) -> str:
        if matches.coded:
            first, dash, last = item.partition("-")
            if dash:
                return (
                    f"({self.bound(first)} <= left({word}, {len(first)})"
                    f" AND left({word}, {len(last)}) <= {self.bound(last)})"
                )
            return f"starts_with({word}, {self.bound(item)})"
        wanted = self.bound(item)
        if matches.how == "in":
            return f"{word} = {wanted}"
        return f"{'contains' if matches.how == 'has' else 'starts_with'}({word}, {wanted})"

    @staticmethod
    def _sure(text: str) -> str:
        """A comparison with what is missing is false."""
        return f"coalesce({text}, false)"
