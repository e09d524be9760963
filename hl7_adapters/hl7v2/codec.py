"""HL7 v2 messages: bytes to segments and back; tolerant in form, strict in what it states.

Bytes are decoded by MSH-18 before anything is split (:mod:`hl7_adapters.hl7v2.charsets`). Segments
may end with CR, LF, CRLF or a mixture; blanks and leftovers of the MLLP frame around the message
do not matter. A line that begins with no segment name goes on with the last field before it, for
some senders break lines inside a text. Fields are split when they are first read.

Field numbers are those of the standard: MSH-1 is the separator itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.intake.forms import IntakeError
from hl7_adapters.hl7v2 import escapes
from hl7_adapters.hl7v2.batch import split_batch
from hl7_adapters.hl7v2.charsets import BLANKS, Charsets, charsets, decode
from hl7_adapters.hl7v2.escapes import Syntax, syntax_of

if TYPE_CHECKING:
    from collections.abc import Sequence

NULL = '""'
"""The HL7 null: the sender says that there is no value (an absent value says nothing)."""

__all__ = [
    "NULL",
    "Component",
    "Field",
    "Message",
    "Repetition",
    "Segment",
    "build",
    "parse",
    "split_batch",
]

Component = str | tuple[str, ...]
"""A component to write: its text, or the texts of its sub-components."""
Repetition = str | tuple[Component, ...]
"""A repetition to write: its text, or its components."""
Field = Repetition | list[str] | list[tuple[Component, ...]] | list[Repetition]
"""A field to write: one repetition, or a list of them."""

_HEADERS = ("MSH", "FHS", "BHS")
_LINE_ENDS = re.compile(r"[\r\n]+")
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_NAME_LENGTH = 3
_CUT_NAME = re.compile(r"[A-Z][A-Z0-9]?")
_CHARSET = 18
_REQUIRED = 9
"""A header that ends the message before MSH-9, its type, was cut."""
_AROUND_LINE = BLANKS.replace(" ", "").replace("\t", "")
"""Taken off around lines; blanks may belong to a last field."""


class Segment:
    """One segment.

    Attributes:
        name: its name, three characters.
        text: the whole segment as it came, decoded.
    """

    __slots__ = ("_fields", "_syntax", "name", "text")

    def __init__(self, text: str, syntax: Syntax) -> None:
        self.name = text[:_NAME_LENGTH]
        self.text = text
        self._syntax = syntax
        self._fields: list[str] | None = None

    def __repr__(self) -> str:
        return f"Segment({self.name!r}, {self.size} fields)"

    @property
    def fields(self) -> list[str]:
        """Raw texts by field number; at 0 stands the name."""
        if self._fields is None:
            fields = self.text.split(self._syntax.field)
            if self.name in _HEADERS:
                fields.insert(1, self._syntax.field)
            self._fields = fields
        return self._fields

    @property
    def size(self) -> int:
        """The number of the last field that is there, even if empty."""
        return len(self.fields) - 1

    def raw(self, field: int) -> str:
        """A field as it came, with its separators and escape sequences; "" when absent."""
        fields = self.fields
        return fields[field] if 0 < field < len(fields) else ""

    def repetitions(self, field: int) -> int:
        """How often a field comes; 0 when it is absent or empty."""
        raw = self.raw(field)
        if not raw:
            return 0
        mark = self._syntax.repetition
        return raw.count(mark) + 1 if mark and not self._whole(field) else 1

    def components(self, field: int, repetition: int = 1) -> int:
        """How many components a repetition has; 0 when it is absent or empty."""
        raw = self._repetition(field, repetition)
        if not raw:
            return 0
        mark = self._syntax.component
        return raw.count(mark) + 1 if mark and not self._whole(field) else 1

    def value(self, field: int, component: int = 1, sub: int = 1, repetition: int = 1) -> str:
        """One value, its escape sequences read.

        All numbers count from 1. The only part of an undivided value is the value itself.

        Returns:
            The text; "" when it is absent; :data:`NULL` when the sender says that there is none.
            A field or component that is null is so in each of its parts.
        """
        raw = self._repetition(field, repetition)
        if not raw or raw == NULL:
            return raw
        syntax = self._syntax
        if self._whole(field):
            return raw if component == sub == 1 else ""
        raw = _part(raw, syntax.component, component)
        if not raw or raw == NULL:
            return raw
        return escapes.unescape(_part(raw, syntax.subcomponent, sub), syntax)

    def _repetition(self, field: int, repetition: int) -> str:
        raw = self.raw(field)
        if not raw or self._whole(field):
            return raw if repetition == 1 else ""
        return _part(raw, self._syntax.repetition, repetition)

    def _whole(self, field: int) -> bool:
        """Whether a field holds the separators themselves."""
        return field <= 2 and self.name in _HEADERS  # noqa: PLR2004 - MSH-1 and MSH-2


@dataclass(frozen=True, slots=True)
class Message:
    """A message.

    Attributes:
        charset: name of its character set, as MSH-18 writes it; of the set that was found when
            MSH-18 is empty.
        syntax: its separators.
        segments: all segments in their order, the header first.
    """

    charset: str
    syntax: Syntax
    segments: tuple[Segment, ...]

    def first(self, name: str) -> Segment | None:
        """The first segment of a name."""
        for segment in self.segments:
            if segment.name == name:
                return segment
        return None

    def all(self, name: str) -> list[Segment]:
        """All segments of a name in their order."""
        return [segment for segment in self.segments if segment.name == name]


def parse(raw: bytes, sets: Charsets | None = None) -> Message:
    """Read one message.

    Args:
        raw: the message without its frame; any bytes at all.
        sets: the character sets that are served; the shipped ones by default.

    Raises:
        IntakeError: ``MESSAGE_UNREADABLE`` (no header first, a second header, no usable
            separators, NULs inside), ``MESSAGE_TRUNCATED`` (a cut character, a cut segment name,
            nothing but a header that ends before MSH-9), ``CHARSET_UNKNOWN``, ``CHARSET_BROKEN``.
    """
    text, charset = decode(raw, sets)
    if not text.startswith("MSH"):
        raise IntakeError("MESSAGE_UNREADABLE", place="MSH")
    body = text.rstrip(_AROUND_LINE)
    if "\0" in body:
        raise IntakeError("MESSAGE_UNREADABLE", place="NUL")
    lines = _LINE_ENDS.split(body) if "\n" in body else body.split("\r")
    field = body[_NAME_LENGTH : _NAME_LENGTH + 1].strip()
    if not field:
        raise IntakeError("MESSAGE_TRUNCATED", place="MSH-1")
    syntax = syntax_of(field, lines[0].split(field, 2)[1], charset.codec)
    if len(lines) > 1 and _CUT_NAME.fullmatch(lines[-1]) and not _LINE_ENDS.search(text, len(body)):
        raise IntakeError("MESSAGE_TRUNCATED", place=lines[-1])
    segments = _segments(lines, syntax)
    if len(segments) == 1 and segments[0].size < _REQUIRED:
        raise IntakeError("MESSAGE_TRUNCATED", place="MSH-9")
    return Message(charset.name, syntax, segments)


def build(
    segments: Sequence[tuple[str, Sequence[Field]]], charset: str, sets: Charsets | None = None
) -> bytes:
    r"""Write a message, each segment ended by CR.

    A field is a text, a tuple of components (each a text or a tuple of sub-components), or a list
    of repetitions (each a text or a tuple of components). Texts are escaped. The fields of MSH
    begin with MSH-1, the separator, and MSH-2; MSH-18 is filled in when it is empty or absent.

    Args:
        segments: name and fields of each segment, the header first.
        charset: name of the character set, as in MSH-18.
        sets: the character sets that are served; the shipped ones by default.

    Raises:
        IntakeError: ``CHARSET_UNKNOWN``; ``CHARSET_BROKEN`` (the set lacks a character, or MSH-18
            states another one); ``MESSAGE_UNREADABLE`` (no header first, no usable separators, a
            NUL, or something to escape and no escape character).
    """
    chosen = (sets or charsets()).get(charset)
    if chosen is None:
        raise IntakeError("CHARSET_UNKNOWN", place="MSH-18")
    if not segments or segments[0][0] != "MSH":
        raise IntakeError("MESSAGE_UNREADABLE", place="MSH")
    header = [*segments[0][1]]
    header += [""] * (_CHARSET - len(header))
    header[_CHARSET - 1] = header[_CHARSET - 1] or charset
    field, encoding = header[0], header[1]
    if not isinstance(field, str) or not isinstance(encoding, str):
        raise IntakeError("MESSAGE_UNREADABLE", place="MSH-1")
    syntax = syntax_of(field, encoding, chosen.codec)
    lines = [field.join(["MSH", encoding, *(_field(f, syntax) for f in header[2:])])]
    for name, fields in segments[1:]:
        lines.append(field.join([name, *(_field(f, syntax) for f in fields)]))
    raw = chosen.encode("\r".join(lines) + "\r")
    if decode(raw, sets)[1].codec != chosen.codec:
        raise IntakeError("CHARSET_BROKEN", place="MSH-18")
    return raw


def _segments(lines: list[str], syntax: Syntax) -> tuple[Segment, ...]:
    """The segments of the lines; lines that begin with no name belong to the one before."""
    runs: list[list[str]] = []
    field = syntax.field
    for line in lines:
        text = line.strip(_AROUND_LINE)
        start = text.lstrip()
        if _NAME.match(start) and start[_NAME_LENGTH : _NAME_LENGTH + 1] in ("", field):
            if runs and start.startswith("MSH"):
                raise IntakeError("MESSAGE_UNREADABLE", place="MSH")
            runs.append([start])
        elif start:
            runs[-1].append(text)
    return tuple(Segment("\n".join(run), syntax) for run in runs)


def _part(raw: str, mark: str, number: int) -> str:
    """One part of a text divided by a separator; "" when there are fewer."""
    if not mark or mark not in raw:
        return raw if number == 1 else ""
    parts = raw.split(mark)
    return parts[number - 1] if 0 < number <= len(parts) else ""


def _field(field: Field, syntax: Syntax) -> str:
    if isinstance(field, list):
        return _join(syntax.repetition, [_repetition(r, syntax) for r in field])
    return _repetition(field, syntax)


def _repetition(repetition: Repetition, syntax: Syntax) -> str:
    if isinstance(repetition, str):
        return escapes.escape(repetition, syntax)
    return _join(syntax.component, [_component(c, syntax) for c in repetition])


def _component(component: Component, syntax: Syntax) -> str:
    if isinstance(component, str):
        return escapes.escape(component, syntax)
    return _join(syntax.subcomponent, [escapes.escape(s, syntax) for s in component])


def _join(mark: str, parts: list[str]) -> str:
    if len(parts) > 1 and not mark:
        raise IntakeError("MESSAGE_UNREADABLE", place="MSH-2")
    return mark.join(parts)
