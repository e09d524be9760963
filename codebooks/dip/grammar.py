"""The expressions in the cells of DIP catalogues, read into keys and codes.

Source: the DIP 3.0 grouping scheme (医保发〔2026〕22号), where ``|`` is *any of* and ``+`` is *all
of*, and city catalogues of DIP 2.0, where ``/`` is *any of*. What is read is folded as codes are
(:func:`codebooks.folding.fold_code`), so ``x`` and ``X`` are one. Repeats inside a part fold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, NoReturn, TypeVar

from codebooks.dip.keys import ANY, Key
from codebooks.errors import CodebookError, Where
from codebooks.folding import fold_code

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

FIRST_AND_ANY = "first_and_any"
"""A ``+`` joins groups of alternatives: ``a+b|c`` is a, and b or c."""

NEIGHBOURS = "neighbours"
"""A ``+`` joins its two neighbours alone: ``a+b|c`` is both a and b, or c."""

EVERYTHING = "所有诊断"
"""The keyword for every diagnosis."""

WHOLE_PROCEDURE = 7
"""A procedure code of fewer characters is no whole one, as ``45.4307`` is: a city may mean a prefix."""

_DASHES = str.maketrans("~–—－", "----")
_DIAGNOSIS = r"[A-Z][0-9]{2}(?:\.[0-9X]+)?"
# A plus belongs to the key when nothing or an asterisk code follows it; else it joins keys.
_KEY = re.compile(
    rf"(?P<first>{_DIAGNOSIS})(?:-(?P<last>{_DIAGNOSIS}))?"
    rf"(?:\+(?:(?P<asterisk>{_DIAGNOSIS})\*|(?P<end>(?=[|/,、;]|$))))?"
)
_PROCEDURE = re.compile(r"[0-9]{2}(?:\.[0-9][0-9X]*)?")
_EITHER_KEY = re.compile(r"[|/,、;]")
_EITHER = re.compile(r"[|/]")
_COMMA = re.compile(r"[,、;]")


@dataclass(frozen=True, slots=True)
class Expression:
    """Procedures that are asked for, as alternatives of parts of codes.

    One alternative must be met; it is met when each of its parts is, a part when one of its codes
    is among the case's. Without alternatives nothing is asked and the expression is false
    (``bool(expression)``). Read as :data:`FIRST_AND_ANY` there is at most one alternative.
    """

    alternatives: tuple[tuple[tuple[str, ...], ...], ...]

    def __bool__(self) -> bool:
        """Whether it asks for something."""
        return bool(self.alternatives)

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """The same as one list of parts, all of which must be met (conjunctive form)."""
        if len(self.alternatives) == 1:
            return self.alternatives[0]
        clauses = (sum(choice, ()) for choice in product(*self.alternatives))
        return _distinct(_distinct(clause) for clause in clauses) if self else ()

    @property
    def codes(self) -> frozenset[str]:
        """Every code that stands in it."""
        return frozenset(c for parts in self.alternatives for part in parts for c in part)

    def meets(self, codes: frozenset[str] | set[str]) -> bool:
        """Whether folded codes meet it; nothing asked is met."""
        if not self.alternatives:
            return True
        return any(all(not codes.isdisjoint(part) for part in parts) for parts in self.alternatives)


def parse_diagnoses(text: str, where: Where | None = None) -> tuple[tuple[Key, ...], ...]:
    """Read a diagnosis expression: parts that must all be met, each of alternative keys.

    A national cell has one part. A city's ``+`` between diagnoses asks for all of them: the first
    part is the principal diagnosis, the others are other diagnoses. A blank cell gives no parts.

    Args:
        text: the cell.
        where: its place, for errors.

    Raises:
        CodebookError: ``DIP_EXPRESSION_GAP`` (nothing between two signs), ``DIP_DIAGNOSIS_KEY``,
            ``DIP_RANGE`` (bounds in the wrong order or of different kinds).
    """
    folded = _fold(text)
    if not folded:
        return ()
    if folded == EVERYTHING:
        return ((ANY,),)
    parts: list[tuple[Key, ...]] = []
    keys: list[Key] = []
    at = 0
    while True:
        found = _KEY.match(folded, at)
        if found is None:
            _refuse(folded, at, "DIP_DIAGNOSIS_KEY", where)
        keys.append(_key(found, where))
        at = found.end()
        if at == len(folded):
            return (*parts, _distinct(keys))
        if folded[at] == "+":
            parts.append(_distinct(keys))
            keys = []
        elif not _EITHER_KEY.match(folded, at):
            _refuse(folded, found.start(), "DIP_DIAGNOSIS_KEY", where)
        at += 1


def parse_keys(text: str, where: Where | None = None) -> tuple[Key, ...]:
    """Read a diagnosis expression that asks for one diagnosis: its alternative keys.

    Raises:
        CodebookError: as :func:`parse_diagnoses`, or ``DIP_KEYS_JOINED`` when a plus asks for
            several diagnoses.
    """
    parts = parse_diagnoses(text, where)
    if len(parts) > 1:
        raise CodebookError("DIP_KEYS_JOINED", where or Where(), found=_short(text))
    return parts[0] if parts else ()


def parse_procedures(
    text: str, where: Where | None = None, mixed: str = FIRST_AND_ANY
) -> Expression:
    """Read a procedure expression; a blank cell asks for nothing.

    Args:
        text: the cell.
        where: its place, for errors.
        mixed: how a cell with both signs is read, :data:`FIRST_AND_ANY` or :data:`NEIGHBOURS`.

    Raises:
        CodebookError: ``DIP_EXPRESSION_GAP``, ``DIP_PROCEDURE_CODE``, ``DIP_COMMA`` (a comma may
            mean any of or all of, so it is never read).
    """
    folded = _fold(text)
    if not folded:
        return Expression(())
    if found := _COMMA.search(folded):
        place = _at(where, found.start())
        raise CodebookError("DIP_COMMA", place, found=_short(folded), sign=found.group())
    groups = [
        [(token, at) for token, at in _split(_EITHER, group, start)]
        for group, start in _split(re.compile(r"\+"), folded, 0)
    ]
    for group in groups:
        for token, at in group:
            if not _PROCEDURE.fullmatch(token):
                _refuse(folded, at, "DIP_PROCEDURE_CODE", where, token)
    codes = [[token for token, _ in group] for group in groups]
    if mixed == NEIGHBOURS and len(codes) > 1 and any(len(group) > 1 for group in codes):
        return Expression(_neighbours(codes))
    return Expression((_distinct(_distinct(group) for group in codes),))


def is_mixed(text: str) -> bool:
    """Whether a procedure cell has both signs, so that its two readings differ."""
    folded = _fold(text)
    return "+" in folded and _EITHER.search(folded) is not None


def _neighbours(groups: list[list[str]]) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """Chains of codes joined by a plus, and the single codes together as one alternative."""
    chains: list[list[str]] = [[]]
    for group in groups:
        # The first of a group belongs to the chain before it, the last opens the next one.
        chains[-1].append(group[0])
        chains += [[code] for code in group[1:]]
    single = _distinct(chain[0] for chain in chains if len(chain) == 1)
    joined = [_distinct((code,) for code in chain) for chain in chains if len(chain) > 1]
    return _distinct([*joined, (single,)] if single else joined)


def _key(found: re.Match[str], where: Where | None) -> Key:
    first = found["first"]
    last = found["last"] or first
    plus = found["end"] is not None or found["asterisk"] is not None
    if len(first) != len(last) or first > last or (plus and first != last):
        place = _at(where, found.start())
        raise CodebookError("DIP_RANGE", place, found=found.group(), first=first, last=last)
    return Key(first, last, (found["asterisk"] or "") if plus else None)


def _fold(text: str) -> str:
    return fold_code(text).translate(_DASHES)


def _split(sign: re.Pattern[str], text: str, start: int) -> Iterable[tuple[str, int]]:
    at = 0
    for found in sign.finditer(text):
        yield text[at : found.start()], start + at
        at = found.end()
    yield text[at:], start + at


def _refuse(
    folded: str, at: int, code: str, where: Where | None, token: str | None = None
) -> NoReturn:
    if token is None:
        token = re.split(r"[|/,、;+]", folded[at:], maxsplit=1)[0]
    if not token:
        raise CodebookError("DIP_EXPRESSION_GAP", _at(where, at), found=_short(folded))
    raise CodebookError(code, _at(where, at), found=_short(token), text=_short(folded))


def _at(where: Where | None, position: int) -> Where:
    where = where or Where()
    return Where(where.file, where.sheet, where.row, where.column, position + 1)


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[:limit] + "…"


def _distinct(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
