"""One connection of the listener: frames in, messages put, answers out in the order they came."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, cast

from hl7_adapters.mllp.frames import Found, Frame, Frames, framed

if TYPE_CHECKING:
    from hl7_adapters.mllp.counts import Counts
    from hl7_adapters.mllp.desk import Desk
    from hl7_adapters.mllp.options import ListenerOptions

LOG = logging.getLogger("hl7_adapters.mllp")
END_GRACE = 0.05
"""Seconds that FS at the end of what came waits for its CR before it ends the frame alone."""


@dataclass(slots=True, kw_only=True)
class Hub:
    """What the connections of a listener share."""

    options: ListenerOptions
    counts: Counts
    desk: Desk
    loop: asyncio.AbstractEventLoop
    connections: set[Connection] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class _Slot:
    """A place in the row of answers; ``answer`` is None until it may be written."""

    __slots__ = ("answer", "began", "size")

    def __init__(self, began: float, size: int) -> None:
        self.answer: bytes | None = None
        self.began = began
        self.size = size


class Connection(asyncio.Protocol):
    """Takes messages from one sender as fast as their answers are read, and no faster."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._options = hub.options
        self._counts = hub.counts
        self._transport: asyncio.Transport | None = None
        self._frames = Frames(hub.options.frame_limit, hub.options.drop_limit)
        self._batch: deque[bytes] = deque()  # its messages that wait for their turn
        self._slots: deque[_Slot] = deque()
        self._held = 0  # bytes of the messages in the slots
        self._reading = True
        self._flushing = False  # a flush is on its way
        self._ended = False  # the sender writes no more
        self._stopping = False  # nothing more is taken
        self._graced: asyncio.TimerHandle | None = None
        self._active = monotonic()  # of the last frame or answer
        self._begun: float | None = None  # since when a frame has begun
        self._unread: float | None = None  # since when the sender reads no answers
        self._closed: float | None = None  # since when the last answers are being sent
        self.lost: asyncio.Future[None] = hub.loop.create_future()
        """Done when the connection is gone."""

    # What the transport says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the sender in or, over the limit of connections, not."""
        self._transport = cast("asyncio.Transport", transport)
        if len(self._hub.connections) >= self._options.connections:
            self._counts.connections_refused += 1
            LOG.warning("MLLP: a connection over the limit of %d", self._options.connections)
            self._transport.abort()
            return
        self._hub.connections.add(self)
        self._counts.connections += 1
        self._counts.connections_open += 1
        self._transport.set_write_buffer_limits(high=self._options.ack_buffer)
        LOG.info("MLLP: connection from %s", transport.get_extra_info("peername"))

    def connection_lost(self, exc: Exception | None) -> None:
        """What is in flight is stored all the same; its answers have nowhere to go."""
        self._transport = None
        self._stopping = True
        if self in self._hub.connections:
            self._hub.connections.remove(self)
            self._counts.connections_open -= 1
            if self._frames.begun:
                self._counts.frames_truncated += 1
                LOG.warning("MLLP: a connection ended inside a frame")
            LOG.info("MLLP: connection closed %s", type(exc).__name__ if exc else "")
        self._counts.in_flight -= len(self._slots)
        self._slots.clear()
        self._batch.clear()
        self.lost.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._counts.received_bytes += len(data)
        if self._stopping:
            return
        self._frames.feed(data)
        self._pump()

    def eof_received(self) -> bool:
        """The sender writes no more; it may still read answers, but not over TLS."""
        self._ended = True
        self._pump()
        transport = self._transport
        return transport is not None and transport.get_extra_info("sslcontext") is None

    def pause_writing(self) -> None:
        """The sender reads no answers: take nothing more from it."""
        self._unread = monotonic()
        self._settle()

    def resume_writing(self) -> None:
        """It reads again."""
        self._unread = None
        self._pump()

    # Frames in.

    def _end_grace(self) -> None:
        self._graced = None
        if self._frames.may_have_ended and not self._stopping:
            self._frames.feed(b"\r")
            self._pump()

    def _room(self) -> bool:
        return (
            self._unread is None
            and len(self._slots) < self._options.in_flight
            and self._held < self._options.frame_limit
        )

    def _pump(self) -> None:
        """Take messages as long as there are any and there is room for them."""
        garbage, found = self._frames.garbage, False
        while not self._stopping and self._room():
            if self._batch:
                self._take(self._batch.popleft())
                continue
            frame = self._frames.next()
            if frame is None:
                break
            found = True
            self._frame(frame)
        self._counts.garbage_bytes += self._frames.garbage - garbage
        if not self._frames.begun:
            self._begun = None
        elif found or self._begun is None:
            self._begun = monotonic()
        if self._frames.may_have_ended and self._graced is None:
            wait = 0 if self._ended else END_GRACE
            self._graced = self._hub.loop.call_later(wait, self._end_grace)
        self._settle()

    def _frame(self, frame: Frame) -> None:
        self._active = monotonic()
        if frame.found is Found.WHOLE:
            if not frame.content.strip():
                self._counts.frames_empty += 1
                return
            self._counts.frames += 1
            self._batch.extend(self._hub.desk.messages(frame.content))
        elif frame.found is Found.TOO_LARGE:
            self._counts.frames_too_large += 1
            LOG.warning("MLLP: a frame over %d bytes is refused", self._options.frame_limit)
            answer = self._hub.desk.refusal(frame.content, "MESSAGE_TOO_LARGE")
            if answer is not None:
                self._answered(self._slot(0), answer)
        elif frame.found is Found.TRUNCATED:
            self._counts.frames_truncated += 1
            LOG.warning("MLLP: a frame was broken off by another one")
        else:
            self._end_by("a frame has no end", "closed_frame")

    def _slot(self, size: int) -> _Slot:
        slot = _Slot(monotonic(), size)
        self._slots.append(slot)
        self._held += size
        self._counts.in_flight += 1
        return slot

    def _take(self, raw: bytes) -> None:
        self._counts.messages += 1
        task = self._hub.loop.create_task(self._store(self._slot(len(raw)), raw))
        self._hub.tasks.add(task)
        task.add_done_callback(self._hub.tasks.discard)

    async def _store(self, slot: _Slot, raw: bytes) -> None:
        answer = await self._hub.desk.answer(raw)
        if answer is not None:
            self._answered(slot, answer)
        elif self._transport is not None:
            self._counts.closed_fault += 1
            self._transport.abort()

    # Answers out.

    def _answered(self, slot: _Slot, answer: bytes) -> None:
        slot.answer = answer
        if not self._flushing and self._slots and self._slots[0].answer is not None:
            # Answers that become ready together leave in one write.
            self._flushing = True
            self._hub.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._transport is None:
            return
        now, ready = monotonic(), []
        while self._slots and (answer := self._slots[0].answer) is not None:
            slot = self._slots.popleft()
            self._held -= slot.size
            self._counts.in_flight -= 1
            self._counts.answered(now - slot.began)
            ready.append(framed(answer))
        data = b"".join(ready)
        self._counts.sent_bytes += len(data)
        self._active = now
        self._transport.write(data)
        self._pump()

    # Limits and the end.

    def _settle(self) -> None:
        """Read on or hold; close once all that was taken is answered and no more will come."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        room = self._room() and not self._stopping
        over = self._ended and room and self._graced is None
        if not self._slots and (self._stopping or over):
            self._closed = monotonic()
            transport.close()
        elif room != self._reading:
            self._reading = room
            if room:
                # The time that we held the sender back is not its own.
                self._begun = None if self._begun is None else monotonic()
                transport.resume_reading()
            else:
                transport.pause_reading()

    def finish(self) -> None:
        """Take nothing more; close after the answers to what was taken."""
        self._stopping = True
        self._settle()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _end_by(self, why: str, count: str) -> None:
        LOG.warning("MLLP: closing a connection: %s", why)
        setattr(self._counts, count, getattr(self._counts, count) + 1)
        self.finish()

    def sweep(self, now: float) -> None:
        """Close what is over a limit of time; called now and then by the listener."""
        options = self._options
        silent = self._unread if self._closed is None else self._closed
        if silent is not None:
            if now - silent > options.ack_seconds:
                self._end_by("answers are not read", "closed_ack")
                self.abort()
        elif self._stopping or not self._reading:
            return
        elif self._begun is not None:
            if now - self._begun > options.frame_seconds:
                self._end_by("a frame does not end", "closed_frame")
        elif not self._slots and now - self._active > options.idle_seconds:
            self._end_by("idle", "closed_idle")
