"""The cells of a rule book: what may stand in a column, and the Arrow type it becomes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

import pyarrow as pa

from codebooks.errors import CodebookError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codebooks.errors import Where

Value = str | int | Decimal | date | tuple[str, ...] | None

MOST_DIGITS = 9
DIGITS_AFTER = 4


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    ID = "id"
    ITEM = "item"
    CODE = "code"
    PREFIXES = "prefixes"
    WORD = "word"
    WORDS = "words"
    COUNT = "count"
    NUMBER = "number"
    DATE = "date"


_LIST = pa.list_(pa.string())
ARROW = {
    Kind.TEXT: pa.string(),
    Kind.ID: pa.string(),
    Kind.ITEM: pa.string(),
    Kind.CODE: pa.string(),
    Kind.PREFIXES: _LIST,
    Kind.WORD: pa.string(),
    Kind.WORDS: _LIST,
    Kind.COUNT: pa.int32(),
    Kind.NUMBER: pa.decimal128(MOST_DIGITS + DIGITS_AFTER, DIGITS_AFTER),
    Kind.DATE: pa.date32(),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table of the book.

    Attributes:
        name: its header.
        kind: what it holds.
        required: whether a cell must not be empty.
        words: the words of a ``WORD`` or ``WORDS`` column; empty: any word of the pattern of ids.
    """

    name: str
    kind: Kind
    required: bool = True
    words: tuple[str, ...] = ()


_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z/._-]{0,99}", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_CODE = re.compile(r"[0-9A-Z][0-9A-Z]{1,3}(\.[0-9A-Za-z+*/]{1,10})?|[A-Z]", re.ASCII)


def read_cell(column: Column, cell: str, items: Sequence[re.Pattern[str]], at: Where) -> Value:
    """The value of a cell; None (an empty list in a column of lists) when it is empty.

    Args:
        column: of the cell.
        cell: without blanks around.
        items: the forms of item codes, each to match whole.
        at: the place for errors.

    Raises:
        CodebookError: ``AUDIT_EMPTY``, ``AUDIT_ID``, ``AUDIT_ITEM``, ``AUDIT_CODE``,
            ``AUDIT_WORD``, ``AUDIT_NUMBER``, ``AUDIT_DATE``.
    """
    kind = column.kind
    if not cell:
        if column.required:
            raise CodebookError("AUDIT_EMPTY", at)
        return () if kind in {Kind.PREFIXES, Kind.WORDS} else None
    if kind is Kind.TEXT:
        return cell
    if kind is Kind.ITEM:
        if not any(one.fullmatch(cell) for one in items):
            raise CodebookError("AUDIT_ITEM", at, found=cell)
        return cell
    if kind in {Kind.WORD, Kind.WORDS, Kind.ID}:
        return _words(column, cell, at)
    if kind in {Kind.CODE, Kind.PREFIXES}:
        return _codes(kind, cell, at)
    return _DATE_OR_NUMBER[kind](cell, at)


def _words(column: Column, cell: str, at: Where) -> str | tuple[str, ...]:
    words = cell.split() if column.kind is Kind.WORDS else [cell]
    for word in words:
        if column.words and word not in column.words:
            known = ", ".join(column.words)
            raise CodebookError("AUDIT_WORD", at, found=word, known=known)
        if not _ID.fullmatch(word):
            raise CodebookError("AUDIT_ID", at, found=word)
    return tuple(words) if column.kind is Kind.WORDS else words[0]


def _codes(kind: Kind, cell: str, at: Where) -> str | tuple[str, ...]:
    codes = cell.split() if kind is Kind.PREFIXES else [cell]
    for code in codes:
        if not _CODE.fullmatch(code):
            raise CodebookError("AUDIT_CODE", at, found=code)
    return tuple(codes) if kind is Kind.PREFIXES else codes[0]


def _count(cell: str, at: Where) -> int:
    if not _COUNT.fullmatch(cell):
        raise CodebookError("AUDIT_NUMBER", at, found=cell)
    return int(cell)


def _number(cell: str, at: Where) -> Decimal:
    if not _NUMBER.fullmatch(cell):
        raise CodebookError("AUDIT_NUMBER", at, found=cell)
    return Decimal(cell)


def _date(cell: str, at: Where) -> date:
    try:
        if _DATE.fullmatch(cell):
            return date.fromisoformat(cell)
    except ValueError as cause:
        raise CodebookError("AUDIT_DATE", at, found=cell) from cause
    raise CodebookError("AUDIT_DATE", at, found=cell)


_DATE_OR_NUMBER: dict[Kind, Callable[[str, Where], Value]] = {
    Kind.COUNT: _count,
    Kind.NUMBER: _number,
    Kind.DATE: _date,
}
