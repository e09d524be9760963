"""UBJSON read strictly: what is cut off, too long or unknown is an error, never a guess.

The reader of the library that knows the models trusts the lengths that a file states; this one does
not, so a file passes here before it goes there (https://ubjson.org/, draft 12, as xgboost writes it).
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

_DEEPEST = 64


class UbjsonError(ValueError):
    """No well-formed document."""


_NUMBERS = {
    b"i": ">i1",
    b"U": ">u1",
    b"I": ">i2",
    b"l": ">i4",
    b"L": ">i8",
    b"d": ">f4",
    b"D": ">f8",
}
_WORDS = {b"T": True, b"F": False, b"Z": None}
_LENGTHS = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q"}


def loads(raw: bytes) -> Any:  # noqa: ANN401 -- whatever the document holds
    """The value of a document: dicts, lists, texts, numbers, and arrays of numpy for typed lists.

    Raises:
        UbjsonError: it is no well-formed document, or something stands after it.
    """
    reader = _Reader(raw)
    found = reader.value(reader.mark(), 0)
    if reader.at != len(raw):
        msg = f"{len(raw) - reader.at} bytes after the end"
        raise UbjsonError(msg)
    return found


class _Reader:
    """A place in a document."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def take(self, size: int) -> bytes:
        """The next bytes, as many as asked for."""
        if size < 0 or size > len(self.raw) - self.at:
            msg = f"{size} bytes wanted at {self.at} of {len(self.raw)}"
            raise UbjsonError(msg)
        self.at += size
        return self.raw[self.at - size : self.at]

    def mark(self) -> bytes:
        """The next type mark."""
        return self.take(1)

    def peek(self) -> bytes:
        """The next type mark, which stays."""
        return self.raw[self.at : self.at + 1]

    def length(self) -> int:
        """A length: a whole number of any width."""
        mark = self.mark()
        form = _LENGTHS.get(mark)
        if form is None:
            msg = f"no length at {self.at}"
            raise UbjsonError(msg)
        found: int = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return found

    def text(self) -> str:
        """A text without its mark."""
        try:
            return self.take(self.length()).decode("utf-8")
        except UnicodeDecodeError as error:
            msg = f"no text at {self.at}"
            raise UbjsonError(msg) from error

    def value(self, mark: bytes, depth: int) -> Any:  # noqa: ANN401 -- whatever stands there
        """The value whose mark has been read."""
        if depth > _DEEPEST:
            msg = f"nested deeper than {_DEEPEST} at {self.at}"
            raise UbjsonError(msg)
        if mark == b"{":
            return self._members(depth)
        if mark == b"[":
            return self._typed() if self.peek() == b"$" else self._elements(depth)
        if mark == b"S":
            return self.text()
        if mark in _NUMBERS:
            kind = np.dtype(_NUMBERS[mark])
            return np.frombuffer(self.take(kind.itemsize), kind)[0].item()
        if mark in _WORDS:
            return _WORDS[mark]
        msg = f"unknown mark at {self.at}"
        raise UbjsonError(msg)

    def _members(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self.peek() != b"}":
            name = self.text()
            if name in found:
                msg = f"a member twice at {self.at}"
                raise UbjsonError(msg)
            found[name] = self.value(self.mark(), depth + 1)
        self.take(1)
        return found

    def _elements(self, depth: int) -> list[Any]:
        counted = self.peek() == b"#"
        if counted:
            self.take(1)
            count = self.length()
            if not 0 <= count <= len(self.raw) - self.at:
                msg = f"{count} elements at {self.at} of {len(self.raw)}"
                raise UbjsonError(msg)
            return [self.value(self.mark(), depth + 1) for _ in range(count)]
        found = []
        while self.peek() != b"]":
            found.append(self.value(self.mark(), depth + 1))
        self.take(1)
        return found

    def _typed(self) -> Any:  # noqa: ANN401 -- an array of numpy
        self.take(1)
        mark = self.mark()
        form = _NUMBERS.get(mark)
        if form is None or self.mark() != b"#":
            msg = f"no typed list at {self.at}"
            raise UbjsonError(msg)
        kind = np.dtype(form)
        count = self.length()
        if count < 0:
            msg = f"{count} numbers at {self.at}"
            raise UbjsonError(msg)
        return np.frombuffer(self.take(count * kind.itemsize), kind)
