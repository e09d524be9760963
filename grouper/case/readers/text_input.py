"""Text files: which encoding, and lines of bounded length without a byte lost."""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING

from codebooks.errors import GrouperError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

LONGEST_LINE = 1 << 22
"""A line of more characters is no text table."""

UTF_8, GB18030, UTF_16 = "utf-8", "gb18030", "utf-16"
_NAMES = {
    "utf-8": UTF_8,
    "utf8": UTF_8,
    "utf-8-sig": UTF_8,
    "gb18030": GB18030,
    "gbk": GB18030,
    "gb2312": GB18030,
    "cp936": GB18030,
    "utf-16": UTF_16,
    "utf16": UTF_16,
}
_BLOCK = 1 << 20
_BOM_GB18030 = "\ufeff".encode(GB18030)
_MARKS = {
    codecs.BOM_UTF8: UTF_8,
    codecs.BOM_UTF16_LE: UTF_16,
    codecs.BOM_UTF16_BE: UTF_16,
    _BOM_GB18030: GB18030,
}
"""What a byte order mark says; the first bytes of a file."""
_ESCAPED = re.compile("[\ud800-\udfff]")
_REPLACED = re.compile("[\ud800-\udfff\ufffd]")


def encoding_of(path: Path, wanted: str | None) -> str:
    """The encoding of a text file.

    A byte order mark decides; else the lines of the first block that is not plain ASCII vote for
    UTF-8 or GB18030, of which GBK and GB2312 are parts.

    Args:
        path: the file.
        wanted: the encoding that the user names, or None.

    Raises:
        GrouperError: ``FILE_ENCODING`` for an encoding that we do not read, or for NUL bytes in
            the first line; ``FILE_ENCODING_CONFLICT`` when the mark says another than ``wanted``.
    """
    known = ", ".join(dict.fromkeys(_NAMES.values()))
    named = None if wanted is None else _NAMES.get(wanted.lower().replace("_", "-"))
    if wanted is not None and named is None:
        raise GrouperError("FILE_ENCODING", Where(file=str(path)), found=wanted, known=known)
    with path.open("rb") as file:
        block = file.read(_BLOCK)
        marked = next((name for mark, name in _MARKS.items() if block.startswith(mark)), None)
        if marked and named and marked != named:
            raise GrouperError(
                "FILE_ENCODING_CONFLICT", Where(file=str(path)), found=marked, wanted=named
            )
        if marked or named:
            return str(marked or named)
        if b"\0" in block.partition(b"\n")[0]:
            raise GrouperError("FILE_ENCODING", Where(file=str(path)), found="NUL", known=known)
        while block.isascii():
            block = file.read(_BLOCK)
            if not block:
                return UTF_8
        block += file.readline(_BLOCK)
    return _voted(block)


def _voted(block: bytes) -> str:
    lines = [line for line in re.split(rb"[\r\n]", block) if not line.isascii()]
    votes = Counter(_vote(line) for line in lines)
    if votes[_Vote.UTF_8] or votes[_Vote.GB18030]:
        return UTF_8 if votes[_Vote.UTF_8] >= votes[_Vote.GB18030] else GB18030
    return GB18030 if votes[_Vote.DOUBTFUL] else UTF_8


class _Vote(Enum):
    UTF_8 = "utf-8"
    GB18030 = "gb18030"
    DOUBTFUL = "either"
    LATIN = "signs"


def _vote(line: bytes) -> _Vote:
    """What a line speaks for.

    Chinese in UTF-8 has three bytes a character. Some Chinese pairs of GB18030 are valid UTF-8 too
    (女 reads as Ů); that such letters are meant is less likely, except for signs as ° and ±.
    """
    try:
        highest = max(line.decode())
    except UnicodeDecodeError:
        return _Vote.GB18030
    if highest >= "\u0800":
        return _Vote.UTF_8
    return _Vote.DOUBTFUL if highest > "\u00ff" else _Vote.LATIN


def undecodable(text: str, encoding: str) -> bool:
    """Whether a decoded text holds marks of bytes that could not be decoded."""
    if text.isascii():
        return False
    return bool((_REPLACED if encoding == UTF_16 else _ESCAPED).search(text))


def readable(text: str) -> str:
    """The text with a replacement character for each byte that could not be decoded."""
    return text if text.isascii() else _ESCAPED.sub("\ufffd", text)


class TextInput:
    """A text file as blocks of whole lines.

    Attributes:
        encoding: of the file.
    """

    def __init__(self, raw: BinaryIO, path: Path, encoding: str) -> None:
        self.encoding = encoding
        self._raw = raw
        self._path = path
        # UTF-16 has no place for escaped bytes; its broken units become replacement characters.
        errors = "replace" if encoding == UTF_16 else "surrogateescape"
        codec = "utf-8-sig" if encoding == UTF_8 else encoding
        if encoding == GB18030 and raw.read(len(_BOM_GB18030)) != _BOM_GB18030:
            raw.seek(0)
        self._text = io.TextIOWrapper(raw, codec, errors, newline="")

    @property
    def bytes_read(self) -> int:
        """Bytes taken from the file so far."""
        return self._raw.tell()

    def line(self) -> str:
        """The next line with its end, or an empty text at the end of the file.

        Raises:
            GrouperError: ``FILE_LINE`` when the line is longer than :data:`LONGEST_LINE`.
        """
        line = self._text.readline(LONGEST_LINE)
        if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
            raise GrouperError("FILE_LINE", Where(file=str(self._path)), limit=LONGEST_LINE)
        return line

    def lines(self, size: int) -> str:
        """About ``size`` characters, up to the end of a line; empty at the end of the file."""
        block = self._text.read(size)
        return block + self.line() if block else block


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextInput]:
    """Open a text file for reading.

    Raises:
        GrouperError: ``FILE_BROKEN`` when it cannot be read on.
    """
    try:
        with path.open("rb") as raw:
            yield TextInput(raw, path, encoding)
    except (OSError, UnicodeError) as cause:
        raise GrouperError("FILE_BROKEN", Where(file=str(path)), cause=str(cause)) from cause
