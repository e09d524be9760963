"""An MLLP client: sends messages, matches each with its answer, connects again when it must."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, cast

from codebooks.errors import GrouperError
from codebooks.messages import text
from hl7_adapters.mllp.answers import Answer, control_id, read_answer
from hl7_adapters.mllp.frames import Found, Frames, framed

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable
    from types import TracebackType

_MIB = 1024 * 1024


def undelivered(why: str, **params: object) -> GrouperError:
    """``DELIVERY_FAILED`` with a reason of the catalogue ``mllp.why``."""
    return GrouperError("DELIVERY_FAILED", why=text(f"mllp.why.{why}", **params))


class _Line(asyncio.Protocol):
    """One connection of the client."""

    def __init__(self, frame_limit: int) -> None:
        self._frames = Frames(frame_limit, 0)
        self._asked: dict[str, deque[asyncio.Future[Answer]]] = {}
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self.unmatched = 0
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self._writable.set()
        for waiting in self._asked.values():
            for future in waiting:
                if not future.done():
                    future.set_exception(undelivered("closed"))
                    future.exception()  # seen: nobody may be waiting for it any more
        self._asked.clear()
        self.lost.set_result(None)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._frames.feed(data)
        self._match()
        if self._frames.may_have_ended:
            # Answers hold no free text: FS alone ends them.
            self._frames.feed(b"\r")
            self._match()

    def _match(self) -> None:
        while (frame := self._frames.next()) is not None:
            answer = read_answer(frame.content) if frame.found is Found.WHOLE else None
            waiting = self._asked.get(answer.control_id) if answer else None
            if not waiting or answer is None:
                self.unmatched += 1
                continue
            future = waiting.popleft()
            if not waiting:
                del self._asked[answer.control_id]
            if not future.done():
                future.set_result(answer)

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, identity: str, message: bytes) -> asyncio.Future[Answer]:
        """Write a message; its answer is the future's."""
        await self._writable.wait()
        if self._transport is None or self._transport.is_closing():
            raise undelivered("closed")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked.setdefault(identity, deque()).append(future)
        self._transport.write(framed(message))
        return future

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            await self.lost


@dataclass(slots=True)
class _Todo:
    place: int
    identity: str
    message: bytes


class MllpClient:
    """Sends to one receiver over one connection, which is opened when it is needed.

    Attributes:
        unmatched: answers that matched no message that was asked about.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
        connect_seconds: float = 10.0,
        answer_seconds: float = 30.0,
        frame_limit: int = 4 * _MIB,
        attempts: int = 1,
        backoff: tuple[float, float] = (0.2, 10.0),
    ) -> None:
        """Nothing is opened yet.

        Args:
            host: of the receiver.
            port: of the receiver.
            tls: context to speak TLS with.
            server_name: name in the receiver's certificate, if not ``host``.
            connect_seconds: longest time to connect.
            answer_seconds: longest time without the next answer while one is waited for.
            frame_limit: bytes of the longest answer.
            attempts: how many times in a row it may fail without any answer before it is given up.
            backoff: seconds to wait after the first failure, doubled up to the second figure.
        """
        self._where = (host, port)
        self._tls = tls
        self._server_name = server_name or host
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._frame_limit = frame_limit
        self._attempts = attempts
        self._backoff = backoff
        self._line: _Line | None = None
        self._connecting = asyncio.Lock()
        self.unmatched = 0

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def connect(self) -> None:
        """Open the connection, if it is not open.

        Raises:
            GrouperError: ``DELIVERY_FAILED``.
        """
        await self._connected()

    async def close(self) -> None:
        """Close the connection; what waits for an answer fails."""
        line, self._line = self._line, None
        if line is not None:
            self.unmatched += line.unmatched
            await line.close()

    async def _connected(self) -> _Line:
        async with self._connecting:
            if self._line is not None and self._line.open:
                return self._line
            await self.close()
            host, port = self._where
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(self._connect_seconds):
                    _, self._line = await loop.create_connection(
                        lambda: _Line(self._frame_limit),
                        host,
                        port,
                        ssl=self._tls,
                        server_hostname=self._server_name if self._tls else None,
                    )
            except (OSError, UnicodeError):  # TimeoutError and ssl.SSLError are kinds of OSError
                raise undelivered("unreachable", host=host, port=port) from None
            return self._line

    async def send(self, message: bytes) -> Answer:
        """Send one message and wait for its answer.

        Raises:
            GrouperError: ``DELIVERY_FAILED``; whether it arrived is not known.
        """
        return (await self.send_many((message,), window=1))[0]

    async def send_many(self, messages: Iterable[bytes], *, window: int = 64) -> list[Answer]:
        """Send messages in their order without waiting for each answer.

        After a lost connection those without an answer are sent again, in their order: the
        receiver must know repeats by their control id. Answers may come in any order.

        Args:
            messages: each with its own MSH-10.
            window: most messages that wait for their answer at once.

        Returns:
            The answers, in the order of the messages.

        Raises:
            GrouperError: ``DELIVERY_FAILED``, ``DELIVERY_REFUSED`` for a message without MSH-10.
        """
        source = enumerate(messages)
        again: deque[_Todo] = deque()
        answers: dict[int, Answer] = {}
        failures = 0
        while True:
            before = len(answers)
            try:
                await self._stream(source, again, answers, window)
            except GrouperError as error:
                failures = 1 if len(answers) > before else failures + 1
                if error.code != "DELIVERY_FAILED" or failures >= self._attempts:
                    raise
                await self._rest(failures)
            else:
                return [answers[place] for place in sorted(answers)]

    async def _rest(self, failures: int) -> None:
        first, most = self._backoff
        longest: float = min(most, first * 2 ** (failures - 1))
        await asyncio.sleep(longest * random.uniform(0.5, 1.0))  # noqa: S311 -- no secret

    async def _stream(
        self,
        source: enumerate[bytes],
        again: deque[_Todo],
        answers: dict[int, Answer],
        window: int,
    ) -> None:
        """Send ``again``, then ``source``; on an error ``again`` holds what has no answer."""
        asked: deque[tuple[_Todo, asyncio.Future[Answer]]] = deque()
        try:
            line = await self._connected()
            while True:
                while len(asked) < window and (todo := _following(source, again)) is not None:
                    asked.append((todo, await self._ask(line, todo, again)))
                if not asked:
                    return
                todo, future = asked[0]
                answers[todo.place] = await self._answer(future)
                asked.popleft()
        finally:
            left = []
            for todo, future in asked:
                if future.done() and not future.cancelled() and future.exception() is None:
                    answers[todo.place] = future.result()
                else:
                    left.append(todo)
            again.extendleft(reversed(left))

    async def _ask(self, line: _Line, todo: _Todo, again: deque[_Todo]) -> asyncio.Future[Answer]:
        try:
            async with asyncio.timeout(self._answer_seconds):
                return await line.ask(todo.identity, todo.message)
        except GrouperError:
            again.appendleft(todo)
            raise
        except TimeoutError:
            again.appendleft(todo)
            await self.close()
            raise undelivered("silent", seconds=self._answer_seconds) from None

    async def _answer(self, future: asyncio.Future[Answer]) -> Answer:
        try:
            async with asyncio.timeout(self._answer_seconds):
                return await future
        except TimeoutError:
            # A late answer must not be taken for that of a repeat.
            await self.close()
            raise undelivered("silent", seconds=self._answer_seconds) from None


def _following(source: enumerate[bytes], again: deque[_Todo]) -> _Todo | None:
    if again:
        return again.popleft()
    for place, message in source:
        identity = control_id(message)
        if not identity:
            raise GrouperError("DELIVERY_REFUSED", answer=text("mllp.why.no_control_id"))
        return _Todo(place, identity, message)
    return None
