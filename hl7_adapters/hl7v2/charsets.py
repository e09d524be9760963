"""The character set of a message, found before anything is split.

In GB18030 the second byte of a character may equal a separator, so bytes must be decoded first;
but the name of the set stands in MSH-18, inside what is to be decoded. The header is therefore
read in two ways (every byte for itself; pairs and fours of bytes as GB18030 and Big5 have them),
and a reading counts only if the decoded header states the very set that it was decoded by.

Names and their codecs are data (``data/charsets.csv``). A row without a name is one of the sets
that are tried, in the order of the rows, when MSH-18 is empty.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError, Where
from codebooks.strict_csv import read_rows
from grouper.intake.forms import IntakeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.strict_csv import Row

BLANKS = " \t\r\n\v\f\x1c\0"
"""What may stand around a message: blanks, segment ends, leftovers of the MLLP frame, padding."""
_BLANK_BYTES = BLANKS.encode("ascii")
_LEADING = _BLANK_BYTES.rstrip(b"\0")

FILE = Path(__file__).parent / "data" / "charsets.csv"
_NAME = b"MSH"
_PLACE = "MSH-18"
_AT = 17
"""Place of MSH-18 among the parts of the header: MSH-1 is the separator itself."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_WIDE = "utf-16"
_WIDE_LE = re.compile(rb"(?:[ \t\r\n\v\f\x1c]\0)*[MFB]\0[SHT]\0[HS]\0")
_WIDE_BE = re.compile(rb"(?:\0[ \t\r\n\v\f\x1c])*\0[MFB]\0[SHT]\0[HS]")
_CHARACTER = re.compile(
    rb"[\x81-\xfe](?:[\x40-\x7e\x80-\xfe]|[\x30-\x39][\x81-\xfe][\x30-\x39])",
)
"""One character of GB18030 or Big5 that takes two or four bytes."""
_END, _END_BYTES = re.compile(r"[\r\n]"), re.compile(rb"[\r\n]")
_SINGLE = (b"\v", b"\x1c", b"\r", b"\n")
_SEVERITY = ("CHARSET_BROKEN", "MESSAGE_TRUNCATED", "CHARSET_UNKNOWN")
_RANGE = re.compile(r"([0-9A-Fa-f]{2})-([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Charset:
    """One set: its name as MSH-18 writes it, the codec, and bytes that it leaves undefined."""

    name: str
    codec: str
    undefined: bytes = b""

    def decode(self, raw: bytes) -> str:
        """The text of the bytes.

        Raises:
            IntakeError: ``MESSAGE_TRUNCATED`` (a last character is cut), ``CHARSET_BROKEN``.
        """
        try:
            text = raw.decode(self.codec)
        except UnicodeDecodeError:
            code = "MESSAGE_TRUNCATED" if self.cut_at_end(raw) else "CHARSET_BROKEN"
            raise IntakeError(code, place=_PLACE) from None
        if self.undefined and len(raw.translate(None, self.undefined)) != len(raw):
            raise IntakeError("CHARSET_BROKEN", place=_PLACE)
        return text

    def encode(self, text: str) -> bytes:
        """The bytes of a text; UTF-16 with a mark, low byte first.

        Raises:
            IntakeError: ``CHARSET_BROKEN``: the set has no such character.
        """
        try:
            if self.codec == _WIDE:
                return codecs.BOM_UTF16_LE + text.encode("utf-16-le")
            raw = text.encode(self.codec)
        except UnicodeEncodeError:
            raise IntakeError("CHARSET_BROKEN", place=_PLACE) from None
        if self.undefined and len(raw.translate(None, self.undefined)) != len(raw):
            raise IntakeError("CHARSET_BROKEN", place=_PLACE)
        return raw

    def cut_at_end(self, raw: bytes) -> bool:
        """Whether bytes that cannot be decoded are right up to their last character."""
        try:
            codecs.getincrementaldecoder(self.codec)().decode(raw)
        except UnicodeDecodeError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Charsets:
    """The sets by their folded names, and those tried in turn when a message states none."""

    by_name: Mapping[str, Charset]
    order: tuple[Charset, ...]

    def get(self, name: str) -> Charset | None:
        """The set of a name as senders write it; case, blanks and punctuation do not matter."""
        return self.by_name.get(_fold(name))

    def of_codec(self, codec: str) -> Charset | None:
        """The first set that a codec serves."""
        return next((s for s in self.by_name.values() if s.codec == codec), None)


def load_charsets(path: Path) -> Charsets:
    """Read a table of character sets: ``name``, ``codec`` (of Python), ``undefined``, ``note``.

    ``undefined`` is a range of bytes in hex (``80-9F``) that a set of single bytes does not use.

    Raises:
        CodebookError: ``TABLE_…`` of :func:`codebooks.strict_csv.read_rows`;
            ``HL7_CHARSET_CODEC``, ``HL7_CHARSET_TWICE``, ``HL7_CHARSET_UNDEFINED`` with the row
            and column; ``HL7_CHARSET_ORDER``: no row without a name, or one whose codec no named
            row has.
    """
    by_name: dict[str, Charset] = {}
    orders: list[Row] = []
    for row in read_rows(path, ("name", "codec"), ("undefined", "note")):
        name, codec = row.cells["name"], _codec(row)
        if not name:
            orders.append(row)
        elif _fold(name) in by_name:
            raise CodebookError("HL7_CHARSET_TWICE", row.at("name"), found=name)
        else:
            by_name[_fold(name)] = Charset(name, codec, _undefined(row))
    by_codec = {s.codec: s for s in reversed(by_name.values())}
    for row in orders:
        if _codec(row) not in by_codec:
            raise CodebookError("HL7_CHARSET_ORDER", row.at("codec"))
    if not orders:
        raise CodebookError("HL7_CHARSET_ORDER", Where(file=path.name))
    return Charsets(by_name, tuple(by_codec[_codec(row)] for row in orders))


@cache
def charsets() -> Charsets:
    """The sets that are shipped."""
    return load_charsets(FILE)


def decode(raw: bytes, sets: Charsets | None = None) -> tuple[str, Charset]:
    """The text of one message, without marks of byte order and blanks before it, and its set.

    Args:
        raw: one message, its header ``MSH`` first.
        sets: the sets that are served; the shipped ones by default.

    Raises:
        IntakeError: ``CHARSET_UNKNOWN``, ``CHARSET_BROKEN`` (also when a mark of byte order or the
            width of the characters contradicts MSH-18), ``MESSAGE_TRUNCATED``;
            ``MESSAGE_UNREADABLE``: no ``MSH`` first.
    """
    sets = sets or charsets()
    narrow = raw.lstrip(_LEADING)
    header = _line(narrow)
    if header.isascii() and header.startswith(_NAME):
        return _by_name(narrow, stated(header.decode("ascii")), sets)
    for mark, codec in _MARKS:
        if narrow.startswith(mark):
            return _marked(narrow[len(mark) :], codec, sets)
    if (wide := _wide(raw)) is not None:
        return _marked(*wide, sets)
    narrow = raw.lstrip(_BLANK_BYTES)
    if not narrow.startswith(_NAME):
        raise IntakeError("MESSAGE_UNREADABLE", place="MSH")
    return _either_reading(narrow, _line(narrow), sets)


def stated(text: str) -> str:
    """What MSH-18 in the first line names: its first repetition, empty for the HL7 null."""
    end = _END.search(text)
    header = text if end is None else text[: end.start()]
    parts = header.split(header[3:4] or "|", _AT + 1)
    if len(parts) <= _AT:
        return ""
    name = parts[_AT]
    for separator in parts[1][:5]:
        name = name.partition(separator)[0]
    return name.strip(' "')


def wide_text(raw: bytes) -> tuple[str, str] | None:
    """The text of UTF-16 and its codec, by a mark of byte order or the width; else None.

    Raises:
        IntakeError: ``CHARSET_BROKEN``, ``MESSAGE_TRUNCATED``.
    """
    narrow = raw.lstrip(_LEADING)
    for mark, codec in _MARKS:
        if codec.startswith(_WIDE) and narrow.startswith(mark):
            return Charset("", codec).decode(narrow[len(mark) :]), codec
    found = _wide(raw)
    return None if found is None else (Charset("", found[1]).decode(found[0]), found[1])


def _by_name(raw: bytes, name: str, sets: Charsets) -> tuple[str, Charset]:
    if not name:
        return _default(raw, sets)
    charset = sets.get(name)
    if charset is None:
        raise IntakeError("CHARSET_UNKNOWN", place=_PLACE)
    if charset.codec == _WIDE:  # but the header is in single bytes
        raise IntakeError("CHARSET_BROKEN", place=_PLACE)
    return charset.decode(raw), charset


def _default(raw: bytes, sets: Charsets) -> tuple[str, Charset]:
    for charset in sets.order:
        try:
            return charset.decode(raw), charset
        except IntakeError:
            # UTF-8 proves itself: what is UTF-8 up to its last character is cut UTF-8, though
            # another set might make some text of it.
            if charset.codec == "utf-8" and charset.cut_at_end(raw):
                raise
    raise IntakeError("CHARSET_BROKEN", place=_PLACE)


def _marked(raw: bytes, codec: str, sets: Charsets) -> tuple[str, Charset]:
    """By a mark of byte order, or by the width of the characters; MSH-18 must not contradict."""
    family = _WIDE if codec.startswith(_WIDE) else codec
    charset = sets.of_codec(family)
    if charset is None:
        raise IntakeError("CHARSET_UNKNOWN", place=_PLACE)
    text = Charset(charset.name, codec).decode(raw).lstrip(BLANKS)
    name = stated(text)
    found = sets.get(name) if name else charset
    if found is None:
        raise IntakeError("CHARSET_UNKNOWN", place=_PLACE)
    if found.codec != family:
        raise IntakeError("CHARSET_BROKEN", place=_PLACE)
    return text, found


def _wide(raw: bytes) -> tuple[bytes, str] | None:
    """Bytes in UTF-16 without a mark, and their order; single bytes of a frame are taken off."""
    if len(raw) % 2 and raw[:1] in _SINGLE:
        raw = raw[1:]
    elif len(raw) % 2 and raw[-1:] in _SINGLE:
        raw = raw[:-1]
    if _WIDE_LE.match(raw):
        return raw, "utf-16-le"
    if _WIDE_BE.match(raw):
        return raw, "utf-16-be"
    return None


def _either_reading(raw: bytes, header: bytes, sets: Charsets) -> tuple[str, Charset]:
    """A header that is not ASCII: the reading that finds its own set in MSH-18."""
    readings = (header, _CHARACTER.sub(b"?", header))
    names = dict.fromkeys(stated(reading.decode("latin-1")) for reading in readings)
    errors: list[IntakeError] = []
    for name in names:
        try:
            text, charset = _by_name(raw, name, sets)
        except IntakeError as error:
            errors.append(error)
            continue
        if stated(text) == name:
            return text, charset
        errors.append(IntakeError("CHARSET_BROKEN", place=_PLACE))
    if _unknown(raw, sets):
        raise IntakeError("CHARSET_UNKNOWN", place=_PLACE)
    # A set that is served but does not fit says more than a name that a wrong reading made up.
    raise min(errors, key=lambda error: _SEVERITY.index(error.code))


def _unknown(raw: bytes, sets: Charsets) -> bool:
    """Whether a header, read by the first set that fits it, states one that is not served."""
    try:
        text, _ = _default(raw, sets)
    except IntakeError:
        return False
    name = stated(text)
    return bool(name) and sets.get(name) is None


def _codec(row: Row) -> str:
    """Python's own name of a codec; one of texts whose header reads as ASCII, or UTF-16."""
    try:
        codec = codecs.lookup(row.cells["codec"]).name
        if codec == _WIDE or "MSH|".encode(codec) == b"MSH|":
            return codec
    except (LookupError, ValueError):  # a null character in a name is a ValueError
        pass
    raise CodebookError("HL7_CHARSET_CODEC", row.at("codec"), found=row.cells["codec"])


def _line(raw: bytes) -> bytes:
    """The first line: up to the first CR or LF, which are never part of a character here."""
    found = _END_BYTES.search(raw)
    return raw if found is None else raw[: found.start()]


def _undefined(row: Row) -> bytes:
    cell = row.cells["undefined"]
    if not cell:
        return b""
    found = _RANGE.fullmatch(cell)
    bounds = (0, 0) if found is None else (int(found[1], 16), int(found[2], 16) + 1)
    if bounds[0] >= bounds[1]:
        raise CodebookError("HL7_CHARSET_UNDEFINED", row.at("undefined"), found=cell)
    return bytes(range(*bounds))


@lru_cache(maxsize=1024)
def _fold(name: str) -> str:
    return "".join(c for c in name.upper() if c.isalnum())
