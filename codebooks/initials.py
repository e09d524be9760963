"""Pinyin initials of names, so that ``jxlwy`` finds 急性阑尾炎."""

from __future__ import annotations

import unicodedata

from pypinyin import Style, lazy_pinyin


def initials(name: str) -> str:
    """The first letters of a name's syllables, lower case; Latin letters and digits stay.

    Everything else (brackets, Greek letters, blanks) is left out: ``'2型糖尿病[HIV]'`` becomes
    ``'2xtnbhiv'``. A character of several readings is read by the word it stands in.
    """
    parts = lazy_pinyin(unicodedata.normalize("NFKC", name), style=Style.FIRST_LETTER)
    return "".join(c for c in "".join(parts).lower() if c.isascii() and c.isalnum())
