"""How a single cell of an assessment is written: items, values and kinds, in any width and case."""

from __future__ import annotations

import unicodedata
from enum import IntEnum
from functools import lru_cache

from grouper.schemes.pdpm.reading import HIGHEST

_NOT_ASSESSED = frozenset({"", "-", "^"})


class Written(IntEnum):
    """A value that is no number."""

    VOID = -1
    BAD = -2


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """A name without regard to case, width and blanks around it."""
    return unicodedata.normalize("NFKC", text).strip().upper()


@lru_cache(maxsize=65536)
def number_of(text: str | None) -> int:
    """The whole number that a value says.

    Returns:
        The number (one beyond all limits where it is greater), ``Written.VOID`` for a value that
        says "not assessed" (nothing, ``-``, ``^``), ``Written.BAD`` for anything else.
    """
    folded = fold(text or "")
    if folded in _NOT_ASSESSED:
        return Written.VOID
    if not (folded.isascii() and folded.isdigit()):
        return Written.BAD
    digits = folded.lstrip("0") or "0"
    return int(digits) if len(digits) <= len(str(HIGHEST)) else HIGHEST + 1
