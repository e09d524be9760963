"""Parser of the rule language: text of a cell in, tree out, errors with their position."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeVar

from codebooks.errors import GrouperError, Where
from codebooks.folding import fold_rule
from grouper.rules.ast import And, Cmp, Compare, Count, Expr, Field, Member, Not, Number, Or, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
_TOKEN = re.compile(
    r"(?P<blank>\s+)|(?P<number>\d+(?![\w.]))|(?P<word>[^\W\d]\w*)|(?P<text>'[^']*')"
    r"|(?P<cmp>>=|<=|>|<|=)|(?P<mark>[(){},∩])",
)
# Official rules nest three deep; a limit keeps hostile input from exhausting the stack.
_MAX_DEPTH = 50
# Official rules compare with days, grams and years; Python refuses to read thousands of digits.
_MAX_DIGITS = 9


class RuleSyntaxError(GrouperError):
    """A rule's text is not in the language; ``where.position`` is the 1-based character."""


def parse(text: str, where: Where | None = None) -> Expr | None:
    """Parse the text of one rule.

    Args:
        text: the cell as written; empty or blank means "always true".
        where: the cell's place, completed with the position in an error.

    Returns:
        The tree, or None for the empty rule.

    Raises:
        RuleSyntaxError: the text is not in the language.
    """
    folded = fold_rule(text)
    if not folded:
        return None
    return _Parser(folded, where or Where()).parse()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int

    @property
    def keyword(self) -> str:
        return self.text.lower() if self.kind == "word" else self.text


class _Parser:
    def __init__(self, text: str, where: Where) -> None:
        self.where = where
        self.tokens = self._scan(text)
        self.index = 0
        self.depth = 0

    def _fail(self, code: str, position: int, **params: object) -> NoReturn:
        place = Where(
            self.where.file, self.where.sheet, self.where.row, self.where.column, position
        )
        raise RuleSyntaxError(code, place, **params)

    def _scan(self, text: str) -> list[_Token]:
        tokens: list[_Token] = []
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                self._fail("RULE_CHARACTER", at + 1, found=text[at])
            if match.lastgroup != "blank":
                tokens.append(_Token(str(match.lastgroup), match.group(), at + 1))
            at = match.end()
        tokens.append(_Token("end", "", len(text) + 1))
        return tokens

    def _peek(self) -> _Token:
        return self.tokens[self.index]

    def _next(self) -> _Token:
        token = self.tokens[self.index]
        if token.kind != "end":
            self.index += 1
        return token

    def _accept(self, keyword: str) -> bool:
        if self._peek().keyword == keyword:
            self._next()
            return True
        return False

    def _expect(self, keyword: str) -> None:
        token = self._peek()
        if not self._accept(keyword):
            self._unexpected(token, keyword)

    def _unexpected(self, token: _Token, expected: str) -> NoReturn:
        if token.kind == "end":
            self._fail("RULE_INCOMPLETE", token.position, expected=expected)
        self._fail("RULE_TOKEN", token.position, found=token.text, expected=expected)

    def parse(self) -> Expr:
        tree = self._expr()
        if self._peek().kind != "end":
            self._unexpected(self._peek(), "and / or")
        return tree

    def _expr(self) -> Expr:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self._fail("RULE_DEPTH", self._peek().position, limit=_MAX_DEPTH)
        items = [self._term()]
        while self._accept("or"):
            items.append(self._term())
        self.depth -= 1
        return items[0] if len(items) == 1 else Or(tuple(items))

    def _term(self) -> Expr:
        items = [self._factor()]
        while self._accept("and"):
            items.append(self._factor())
        return items[0] if len(items) == 1 else And(tuple(items))

    def _factor(self) -> Expr:
        token = self._peek()
        if self._accept("("):
            tree = self._expr()
            self._expect(")")
            return tree
        if self._accept("not"):
            self.depth += 1
            if self.depth > _MAX_DEPTH:
                self._fail("RULE_DEPTH", token.position, limit=_MAX_DEPTH)
            negated = Not(self._factor())
            self.depth -= 1
            return negated
        if token.kind == "number":
            return Number(self._number())
        if token.keyword == "length":
            return self._count()
        if token.kind == "word" and token.text.upper() in Scalar.__members__:
            return self._compare()
        return self._member()

    def _count(self) -> Count:
        self._expect("length")
        self._expect("(")
        set_id = self._set()
        self._expect("∩")
        fields = self._fields()
        self._expect(")")
        return Count(set_id, fields, self._cmp(), self._number())

    def _compare(self) -> Compare:
        scalar = Scalar(self._next().text.upper())
        cmp = self._cmp()
        token = self._peek()
        if token.kind == "text":
            if cmp is not Cmp.EQ:
                self._fail("RULE_TEXT_ORDER", token.position, found=cmp.value)
            return Compare(scalar, cmp, self._next().text[1:-1])
        return Compare(scalar, cmp, self._number())

    def _member(self) -> Member:
        fields = self._fields()
        negated = self._accept("not")
        self._expect("in")
        sets = self._list(self._set)
        return Member(fields, sets, negated)

    def _fields(self) -> tuple[Field, ...]:
        return self._list(self._field)

    def _list(self, item: Callable[[], _T]) -> tuple[_T, ...]:
        if not self._accept("{"):
            return (item(),)
        items = [item()]
        while self._accept(","):
            items.append(item())
        self._expect("}")
        return tuple(items)

    def _cmp(self) -> Cmp:
        token = self._peek()
        if token.kind != "cmp":
            self._unexpected(token, ">= <= > < =")
        return Cmp(self._next().text)

    def _number(self) -> int:
        token = self._peek()
        if token.kind != "number":
            self._unexpected(token, "0-9")
        if len(token.text) > _MAX_DIGITS:
            found, expected = token.text[:_MAX_DIGITS], f"0-{'9' * _MAX_DIGITS}"
            self._fail("RULE_TOKEN", token.position, found=f"{found}…", expected=expected)
        return int(self._next().text)

    def _field(self) -> Field:
        token = self._peek()
        if token.kind != "word" or token.text.upper() not in Field.__members__:
            self._unexpected(token, "ZYZD QTZD ZYSS QTSS")
        return Field(self._next().text.upper())

    def _set(self) -> str:
        token = self._peek()
        if token.kind != "word" or token.keyword in {"and", "or", "not", "in", "length"}:
            self._unexpected(token, "DI_… OP_… MCC CC")
        return self._next().text.upper()
