"""A condition cut into tokens: words, texts in quotation marks, operators, brackets and commas."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

MOST_CHARACTERS = 4000
NUMBER = re.compile(r"-?\d{1,14}(\.\d{1,4})?", re.ASCII)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
HOW = ("in", "has", "starts")
RESERVED = frozenset(
    {"and", "or", "not", "missing", "present", "any", "all", "count", "kinds", "quantity", *HOW}
)
ORDER = ("<", "<=", ">", ">=")
_TOKENS = re.compile(
    r"\s*(?:(?P<text>\"[^\"]*\")|(?P<op><=|>=|!=|=|<|>)|(?P<mark>[()\[\],])"
    r"|(?P<word>[A-Za-z0-9_.*+\-]+))"
)


class Token(NamedTuple):
    """A token: its kind (``word``, ``text``, ``op``, ``mark``, ``end``), text and place from 1."""

    kind: str
    text: str
    at: int


def cut(text: str, refuse: Callable[[str, int, str], NoReturn]) -> list[Token]:
    """The tokens of a text, with one of the kind ``end`` behind them.

    Args:
        text: the condition.
        refuse: raises the error of a code, at a place, for what was found there; called with
            ``AUDIT_CONDITION`` for a text that is too long and for what is no token.
    """
    if len(text) > MOST_CHARACTERS:
        refuse("AUDIT_CONDITION", MOST_CHARACTERS, text[:20])
    found: list[Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKENS.match(text, at)
        if match is None:
            refuse("AUDIT_CONDITION", at + 1, text[at : at + 10].strip())
        kind = str(match.lastgroup)
        found.append(Token(kind, match.group(kind), match.start(kind) + 1))
        at = match.end()
    found.append(Token("end", "", end + 1))
    return found
