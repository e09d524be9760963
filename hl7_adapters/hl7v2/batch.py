"""Batches: FHS, BHS, BTS, FTS around messages, or several messages in one piece.

The pieces are cut at lines, without decoding: CR and LF are no part of a longer character in any
set that is served, except UTF-16, which is decoded first and written back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from grouper.intake.forms import IntakeError
from hl7_adapters.hl7v2.charsets import BLANKS, Charset, wide_text

_HEADERS = ("FHS", "BHS")
_START = re.compile(
    rb"(?:\A|(?<=[\r\n]))[ \t\v\f\x1c\0]*(?:\xef\xbb\xbf)?(MSH|FHS|BHS|BTS|FTS)(?![A-Za-z0-9])"
)
_END = re.compile(rb"[\r\n]")
_BLANKS = BLANKS.encode("ascii")
_NAME_LENGTH = 3
_DIGITS = 9
"""A count of more digits is no count."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages of a batch.

    Attributes:
        messages: each message's bytes; a piece that is no message stands here too, so that it is
            refused by itself and nothing is dropped.
        wrappers: the lines FHS, BHS, BTS and FTS as they came.
        missing: where a trailer states more than there is (``BTS-1``, ``FTS-1``); else empty.
        closed: every FHS and BHS has its trailer.
    """

    messages: tuple[bytes, ...]
    wrappers: tuple[bytes, ...] = ()
    missing: str = ""
    closed: bool = True


def read_batch(raw: bytes) -> Batch:
    """Cut a batch into its messages.

    Bytes without any header or trailer are one message. Trailers and their counts may be absent.

    Raises:
        IntakeError: ``CHARSET_BROKEN``, ``MESSAGE_TRUNCATED``: it is UTF-16 and broken.
    """
    if (wide := wide_text(raw)) is not None:
        text, codec = wide
        narrow = _cut(text.encode("utf-8"))
        if len(narrow.messages) == 1 and not narrow.wrappers:
            return Batch((raw,))
        back = Charset("", codec)
        return Batch(
            tuple(back.encode(m.decode("utf-8")) for m in narrow.messages),
            tuple(back.encode(w.decode("utf-8")) for w in narrow.wrappers),
            narrow.missing,
            narrow.closed,
        )
    return _cut(raw)


def split_batch(raw: bytes) -> list[bytes]:
    """The messages of a batch, or the one message.

    Raises:
        IntakeError: ``MESSAGE_TRUNCATED`` with ``BTS-1`` or ``FTS-1``: a trailer states more than
            there is, so the batch is not whole; also what :func:`read_batch` raises.
    """
    batch = read_batch(raw)
    if batch.missing:
        raise IntakeError("MESSAGE_TRUNCATED", place=batch.missing)
    return list(batch.messages)


def _cut(raw: bytes) -> Batch:
    starts = list(_START.finditer(raw))
    if not starts:
        return Batch((raw,))
    edges = [0, *(s.start() for s in starts[1:]), len(raw)]
    counts = _Counts()
    messages: list[bytes] = []
    wrappers: list[bytes] = []
    if raw[: starts[0].start()].strip(_BLANKS):
        edges[0] = starts[0].start()
        messages.append(raw[: edges[0]])
    for number, start in enumerate(starts):
        piece = raw[edges[number] : edges[number + 1]]
        name = start[1].decode("ascii")
        if name == "MSH":
            messages.append(piece)
            counts.messages += 1
            continue
        line, rest = _line(piece)
        wrappers.append(line)
        more = bool(rest.strip(_BLANKS))
        if more and counts.messages and name in _HEADERS:
            messages[-1] += rest  # a stray header inside a message
            continue
        counts.wrapper(name, line)
        if more:
            messages.append(rest)
    return Batch(tuple(messages), tuple(wrappers), counts.missing, not counts.open)


class _Counts:
    """What the trailers state against what came; a trailer without its header states nothing."""

    def __init__(self) -> None:
        self.messages = 0
        self.open: list[str] = []
        self.missing = ""
        self._all = 0
        self._batches = 0

    def wrapper(self, name: str, line: bytes) -> None:
        """Count a header or trailer, and compare what it states."""
        if name in _HEADERS:
            self.open.append(name)
        elif name == "BTS":
            self._batches += 1
            if self._ends("BHS") and _stated(line) > self.messages:
                self.missing = self.missing or "BTS-1"
        # FTS-1 counts batches; some senders write the messages.
        elif self._ends("FHS") and _stated(line) > max(self._all + self.messages, self._batches, 1):
            self.missing = self.missing or "FTS-1"
        self._all += self.messages
        self.messages = 0

    def _ends(self, header: str) -> bool:
        if header not in self.open:
            return False
        self.open.remove(header)
        return True


def _line(piece: bytes) -> tuple[bytes, bytes]:
    """The first line of a piece, blanks around it taken off, and the rest."""
    piece = piece.lstrip(_BLANKS)
    end = _END.search(piece)
    return (piece, b"") if end is None else (piece[: end.start()], piece[end.end() :])


def _stated(line: bytes) -> int:
    """The count that a trailer states; 0 when it states none."""
    parts = line[_NAME_LENGTH + 1 :].split(line[_NAME_LENGTH : _NAME_LENGTH + 1] or b"|", 1)
    count = parts[0].strip()
    return int(count) if count.isdigit() and len(count) <= _DIGITS else 0
