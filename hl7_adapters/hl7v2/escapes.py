"""Separators of a message, and the escape sequences that stand for them and for other bytes.

Source: HL7 v2.5.1 and v2.8.2, chapter 2, sections 2.5.4 (delimiters) and 2.7 (escape sequences).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from grouper.intake.forms import IntakeError

if TYPE_CHECKING:
    from collections.abc import Callable

STANDARD = "^~\\&"
"""MSH-2 as the standard recommends it."""
_ROLES = 5
_ESCAPE = b"\x1b"
_SWITCHING = "iso2022_jp_2"
"""Codec of ISO 2022 that knows ASCII, GB 2312, JIS X 0208, JIS X 0212 and KS X 1001."""


@dataclass(frozen=True)
class Syntax:
    r"""The separators of one message and the codec of its bytes; empty where it has none.

    Attributes:
        field: MSH-1.
        component, repetition, escape, subcomponent: MSH-2 in its order.
        truncation: the fifth character of MSH-2 since version 2.7.
        codec: codec of Python that bytes in ``\X…\`` are read with.
    """

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""
    codec: str = "utf-8"

    @cached_property
    def plain(self) -> dict[str, str]:
        """What the sequences of one letter and ``.br`` stand for."""
        roles = {
            "F": self.field,
            "S": self.component,
            "T": self.subcomponent,
            "R": self.repetition,
            "E": self.escape,
            "P": self.truncation,
        }
        # Highlighting begins and ends; it is no part of the text.
        return {name: mark for name, mark in roles.items() if mark} | {
            ".br": "\n",
            "H": "",
            "N": "",
        }

    @cached_property
    def sequence(self) -> re.Pattern[str]:
        """What is read as one, from the left, so that no sequence begins inside another.

        A run of hex sequences (one character may be spread over them); a switch to another
        character set and the text up to the next sequence; or any other sequence.
        """
        e = re.escape(self.escape)
        hexed = f"((?:{e}X[0-9A-Fa-f]+{e})+)"
        switch = f"{e}[CM]([0-9A-Fa-f]{{4,8}}){e}([^{e}]*)"
        return re.compile(f"{hexed}|{switch}|{e}[^{e}]*{e}")

    @cached_property
    def writing(self) -> dict[int, str]:
        """For :meth:`str.translate`: what is written for separators and control characters."""
        e = self.escape
        marks = {mark: f"{e}{name}{e}" for name, mark in self.plain.items() if mark}
        marks |= {chr(code): f"{e}X{code:02X}{e}" for code in (*range(1, 32), 127)}
        del marks["\t"]
        if "." not in self.plain.values():  # a point that separates would cut the sequence
            marks["\n"] = f"{e}.br{e}"
        return {ord(mark): written for mark, written in marks.items()}


@lru_cache(maxsize=256)
def syntax_of(field: str, encoding: str, codec: str) -> Syntax:
    """The separators that MSH-1 and MSH-2 name.

    Fewer than four: those that are missing do not exist in the message. None at all: the standard
    ones. A character that comes again is taken once, for there are senders whose own escaping
    doubles the backslash.

    Args:
        field: MSH-1.
        encoding: MSH-2.
        codec: codec of Python of the message.

    Raises:
        IntakeError: ``MESSAGE_UNREADABLE`` with ``MSH-1`` or ``MSH-2``: a letter, a digit, a blank
            or a control character cannot separate, nor can one character have two meanings.
    """
    if not _separates(field):
        raise IntakeError("MESSAGE_UNREADABLE", place="MSH-1")
    marks = list(dict.fromkeys(encoding or STANDARD))
    if len(marks) > _ROLES or field in marks or not all(map(_separates, marks)):
        raise IntakeError("MESSAGE_UNREADABLE", place="MSH-2")
    component, repetition, escape, subcomponent, truncation = [*marks, *[""] * _ROLES][:_ROLES]
    # HL7 does not say how bytes in \X…\ stand for characters of two bytes; UTF-8 is unambiguous.
    codec = "utf-8" if codec.startswith("utf-16") else codec
    return Syntax(field, component, repetition, escape, subcomponent, truncation, codec)


def _separates(mark: str) -> bool:
    return (
        len(mark) == 1
        and mark.isascii()
        and mark.isprintable()
        and not (mark.isalnum() or mark.isspace() or mark == '"')
    )


def unescape(text: str, syntax: Syntax) -> str:
    r"""The text that escape sequences stand for.

    ``\F\``, ``\S\``, ``\T\``, ``\R\``, ``\E\`` and ``\P\`` are the separators, ``\.br\`` is a line
    feed, ``\X…\`` bytes in the message's character set, ``\H\`` and ``\N\`` nothing. ``\C…\`` and
    ``\M…\`` switch to a set of ISO 2022 for the text behind them. Every other sequence, and one
    whose bytes are no text or hold a NUL, is kept as it is.
    """
    escape = syntax.escape
    if not escape or escape not in text:
        return text
    return syntax.sequence.sub(_reader(syntax), text)


def escape(text: str, syntax: Syntax) -> str:
    """The text with separators and control characters written as escape sequences.

    Raises:
        IntakeError: ``MESSAGE_UNREADABLE``: the text holds a NUL, or it must be escaped and the
            message has no escape character.
    """
    if "\0" in text:
        raise IntakeError("MESSAGE_UNREADABLE", place="NUL")
    written = text.translate(syntax.writing)
    if written != text and not syntax.escape:
        raise IntakeError("MESSAGE_UNREADABLE", place="MSH-2")
    return written


def _reader(syntax: Syntax) -> Callable[[re.Match[str]], str]:
    plain, escape, codec = syntax.plain, syntax.escape, syntax.codec

    def read(found: re.Match[str]) -> str:
        whole = found[0]
        if found[2] is not None:
            return _switched(found)
        if found[1] is None:
            return plain.get(whole[1:-1], whole)
        try:
            text = bytes.fromhex(whole.replace(escape, "").replace("X", " ")).decode(codec)
        except ValueError:
            return whole
        return whole if "\0" in text else text

    return read


def _switched(found: re.Match[str]) -> str:
    """The text behind a switch, read by ISO 2022; as it is when that has no such set."""
    text = found[3]
    if not text.isascii():
        return found[0]
    try:
        read = (_ESCAPE + bytes.fromhex(found[2]) + text.encode("ascii")).decode(_SWITCHING)
    except ValueError:
        return found[0]
    return found[0] if _ESCAPE.decode() in read else read
