"""The header of a message that cannot be read: enough to say who sent it and to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.intake.forms import IntakeError
from hl7_adapters.hl7v2.charsets import charsets, stated
from hl7_adapters.hl7v2.codec import Message, Segment
from hl7_adapters.hl7v2.escapes import Syntax, syntax_of

if TYPE_CHECKING:
    from hl7_adapters.hl7v2.charsets import Charset

_LONGEST = 4096
"""Bytes of a header that are looked at."""
_NAME = b"MSH"
_AT_SEPARATOR = 3
_FALLBACK = "UNICODE UTF-8"
_WIDE = "utf-16"


def read_head(raw: bytes) -> Message | None:
    """The header alone, as a message; what its character set does not know is ``U+FFFD``.

    Returns:
        None when there is no header among the first bytes.
    """
    start = raw[:_LONGEST].replace(b"\0", b"") if _NAME not in raw[:_LONGEST] else raw[:_LONGEST]
    at = start.find(_NAME)
    if at < 0:
        return None
    line = start[at:].replace(b"\n", b"\r").split(b"\r", 1)[0].replace(b"\0", b"")
    charset = _charset(line)
    text = line.decode(charset.codec, "replace")
    mark = text[_AT_SEPARATOR : _AT_SEPARATOR + 1]
    try:
        syntax = syntax_of(mark, text.split(mark, 2)[1] if mark else "", charset.codec)
    except (IntakeError, IndexError):
        syntax = Syntax()
    return Message(charset.name, syntax, (Segment(text, syntax),))


def _charset(line: bytes) -> Charset:
    known = charsets()
    named = known.get(stated(line.decode("latin-1")))
    if named is None or named.codec == _WIDE:
        named = known.get(_FALLBACK) or known.order[0]
    return named
