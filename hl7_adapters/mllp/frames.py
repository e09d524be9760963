"""Cutting a stream of bytes into MLLP frames, whatever the pieces it comes in.

A frame is ``VT message FS CR`` (HL7 v2 Transport Specification: MLLP, release 1). Read tolerantly:
between frames blanks are skipped and other bytes counted as garbage; a missing CR after FS, or LF
in its place, is no harm. Inside a frame FS ends it only before CR, LF, VT or another FS, and VT
begins a new one only before ``MSH``, ``FHS`` or ``BHS`` (the frame before it was broken off):
elsewhere they are stray characters of some free text and stay in the message.

The buffer is bounded by the limit of a frame and by one piece; a longer frame is told of once and
its rest dropped as it comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

VT, FS, CR = b"\x0b", b"\x1c", b"\x0d"
HEAD = 4096
"""Bytes of a frame that is too long, enough to read its MSH by."""
_AFTER_END = b"\r\n\x0b\x1c"
_HEADS = (b"MSH", b"FHS", b"BHS")
_BLANKS = b" \t\r\n\x00\x1c"


class Found(StrEnum):
    """What was cut from the stream.

    ``WHOLE``: a frame; ``TOO_LARGE``: one over the limit; ``TRUNCATED``: one that another began in;
    ``ENDLESS``: a frame over the limit whose end did not come within the bound, nothing follows.
    """

    WHOLE = "whole"
    TOO_LARGE = "too_large"
    TRUNCATED = "truncated"
    ENDLESS = "endless"


@dataclass(frozen=True, slots=True)
class Frame:
    """One find: its content without the frame; of a frame too large its first :data:`HEAD` bytes."""

    found: Found
    content: bytes = b""


class _State(StrEnum):
    OUTSIDE = "outside"
    INSIDE = "inside"
    DROPPING = "dropping"
    ENDED = "ended"


def framed(message: bytes) -> bytes:
    """A message in its frame."""
    return b"%b%b%b%b" % (VT, message, FS, CR)


class Frames:
    """The frames of one connection: :meth:`feed` what came, then :meth:`next` until it is None.

    Attributes:
        garbage: bytes between frames that were no blanks, since the start.
    """

    def __init__(self, limit: int, drop_limit: int) -> None:
        """Bytes of the longest frame, and of the longest one that is dropped up to its end."""
        self._limit = limit
        self._drop_limit = drop_limit
        self._buffer = bytearray()
        self._at = 0  # the first byte not yet consumed
        self._seen = 0  # no mark stands before here
        self._dropped = 0
        self._state = _State.OUTSIDE
        self.garbage = 0

    def feed(self, data: bytes) -> None:
        """Take the next piece of the stream."""
        if self._state is _State.ENDED:
            return
        if self._at:
            del self._buffer[: self._at]
            self._seen -= self._at
            self._at = 0
        self._buffer += data

    @property
    def begun(self) -> bool:
        """Whether a frame has begun and not ended in what :meth:`next` has looked at."""
        return self._state in {_State.INSIDE, _State.DROPPING}

    @property
    def may_have_ended(self) -> bool:
        """Whether the last byte is FS: a frame whose CR is on its way or was never written."""
        return self.begun and self._buffer.endswith(FS)

    def next(self) -> Frame | None:
        """The next find; None when more bytes are needed."""
        while True:
            if self._state is _State.ENDED or (
                self._state is _State.OUTSIDE and not self._skip_to_frame()
            ):
                return None
            mark = self._mark()
            until = self._seen if mark < 0 else mark
            if self._state is _State.DROPPING:
                found = self._drop(until, whole=mark >= 0)
                if found is None and mark >= 0:
                    continue
                return found
            if until - self._at > self._limit:
                head = self._buffer[self._at : self._at + min(HEAD, self._limit)]
                self._state, self._dropped = _State.DROPPING, 0
                return Frame(Found.TOO_LARGE, bytes(head))
            if mark < 0:
                return None
            content = bytes(self._buffer[self._at : mark])
            return Frame(Found.WHOLE if self._pass(mark) else Found.TRUNCATED, content)

    def _skip_to_frame(self) -> bool:
        start = self._buffer.find(VT, self._at)
        end = len(self._buffer) if start < 0 else start
        if end > self._at:
            self.garbage += len(self._buffer[self._at : end].translate(None, _BLANKS))
        self._at = self._seen = end if start < 0 else end + 1
        if start >= 0:
            self._state = _State.INSIDE
        return start >= 0

    def _pass(self, mark: int) -> bool:
        """Step over a mark; whether it ended the frame (else it began another one)."""
        ended = self._buffer[mark] == FS[0]
        self._state = _State.OUTSIDE if ended else _State.INSIDE
        self._at = self._seen = mark + 1
        return ended

    def _drop(self, until: int, *, whole: bool) -> Frame | None:
        self._dropped += until - self._at
        self._at = until
        if self._dropped > self._drop_limit:
            self._state = _State.ENDED
            self._buffer.clear()
            self._at = self._seen = 0
            return Frame(Found.ENDLESS)
        if whole:
            self._pass(until)
        return None

    def _mark(self) -> int:
        """Place of the first end, or begin, of a frame from where it was looked last; -1: none.

        Decided only once the bytes after it are there, so that the pieces make no difference.
        """
        buffer = self._buffer
        while True:
            end = buffer.find(FS, self._seen)
            start = buffer.find(VT, self._seen, len(buffer) if end < 0 else end)
            if start >= 0:
                ahead = bytes(buffer[start + 1 : start + 4])
                if ahead in _HEADS:
                    return start
                if any(head.startswith(ahead) for head in _HEADS):
                    self._seen = start
                    return -1
                self._seen = start + 1
            elif end < 0:
                self._seen = len(buffer)
                return -1
            else:
                self._seen = end
                if end + 1 == len(buffer):
                    return -1
                if buffer[end + 1] in _AFTER_END:
                    return end
                self._seen = end + 1
