"""What a person is known by, looked for in bytes: whatever the character set, and never inside of another number."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CHARSETS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")
_LETTER = rb"[0-9A-Za-z]"
_AROUND = {
    # At the ends of what is looked into, bytes of the other order look like these.
    "utf-16-le": (rb"(?<!" + _LETTER + rb"\x00)", rb"(?!" + _LETTER + rb"(?:\x00|\Z))"),
    "utf-16-be": (
        rb"(?<!\x00" + _LETTER + rb")(?<!\A" + _LETTER + rb")",
        rb"(?!\x00" + _LETTER + rb")",
    ),
}
_ESCAPE = re.compile(rb"\\u([0-9a-f]{4})")
_PLAIN = (rb"(?<!" + _LETTER + rb")", rb"(?!" + _LETTER + rb")")


@dataclass(frozen=True)
class Needles:
    """What a person is known by.

    Attributes:
        certificates: numbers that are of one person alone, such as that of the identity card.
        numbers: the hospital's numbers of the patient and the visits.
        words: names and what else names a person; others may have the same.
        own: Grouper's own names of the person and the stays.
        least: a number of fewer characters tells nothing by itself.
        alone: whether the database is of one hospital: a number of another one may be the same.
    """

    certificates: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    least: int = field(default=6)
    alone: bool = field(default=True)

    def sure(self, data: bytes) -> bool:
        """Whether something stands in it that tells the person by itself."""
        return self._sure.in_(data)

    def named(self, data: bytes) -> bool:
        """Whether it is beyond doubt of the person: a certificate, or a name and a number."""
        if self._certain.in_(data):
            return True
        return self._numbers.in_(data) and self._words.in_(data)

    def replaced(self, text: str, fresh: Callable[[str], str]) -> str:
        """A text with something else in the place of what tells the person by itself."""
        return self._texts.sub(lambda found: fresh(found.group()), text)

    def renamed(self, value: str, fresh: Callable[[str], str]) -> str:
        """A value of a table or a document with something else in the place of what tells the person.

        Figures alone may be a part of an amount or a moment: such a number has to be the whole value.
        """
        if value in self.long:
            return fresh(value)
        return self._values.sub(lambda found: fresh(found.group()), value)

    @property
    def reach(self) -> int:
        """The most bytes that one of them takes."""
        every = (*self.certificates, *self.numbers, *self.words, *self.own, "")
        return 6 * max(map(len, every))

    @cached_property
    def long(self) -> tuple[str, ...]:
        """Numbers that tell the person by themselves."""
        return tuple(one for one in self.numbers if self.alone and len(one) >= self.least)

    @cached_property
    def _sure(self) -> _Sought:
        return _Sought.of((*self.certificates, *self.long, *self.own))

    @cached_property
    def _certain(self) -> _Sought:
        return _Sought.of((*self.certificates, *self.own))

    @cached_property
    def _numbers(self) -> _Sought:
        return _Sought.of(self.numbers)

    @cached_property
    def _words(self) -> _Sought:
        return _Sought.of(self.words)

    @cached_property
    def _texts(self) -> re.Pattern[str]:
        return _any_of((*self.certificates, *self.long, *self.own))

    @cached_property
    def _values(self) -> re.Pattern[str]:
        spelt = [one for one in self.long if any(map(str.isalpha, one))]
        return _any_of((*self.certificates, *spelt, *self.own))


def _any_of(values: Iterable[str]) -> re.Pattern[str]:
    every = sorted(set(values) - {""}, key=len, reverse=True)
    if not every:
        return re.compile(r"(?!)")
    return re.compile(rf"(?<![0-9A-Za-z])(?:{'|'.join(map(re.escape, every))})(?![0-9A-Za-z])")


@dataclass(frozen=True)
class _Sought:
    """Some texts in any character set, and as JSON may escape them.

    Plain pieces of bytes are found a hundred times faster than a pattern with its surroundings is, so
    that they are looked for first.
    """

    pieces: tuple[bytes, ...]
    pattern: re.Pattern[bytes]

    @classmethod
    def of(cls, values: Iterable[str]) -> _Sought:
        """Any of some texts."""
        pieces: dict[bytes, bytes] = {}
        for value in sorted({one for one in values if one}):
            for charset in CHARSETS:
                piece = value.encode(charset, "replace")
                before, after = _AROUND.get(charset, _PLAIN)
                pieces.setdefault(piece, before + re.escape(piece) + after)
            escaped = value.encode("ascii", "backslashreplace")
            for piece in (escaped, _ESCAPE.sub(lambda one: b"\\u" + one[1].upper(), escaped)):
                pieces.setdefault(piece, _PLAIN[0] + re.escape(piece) + _PLAIN[1])
        every = b"|".join(pieces.values()) if pieces else rb"(?!)"
        return cls(tuple(pieces), re.compile(every))

    def in_(self, data: bytes) -> bool:
        """Whether one of them stands in some bytes."""
        return any(one in data for one in self.pieces) and bool(self.pattern.search(data))
