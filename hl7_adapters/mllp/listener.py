"""The MLLP listener: a port, its connections, their limits of time."""

from __future__ import annotations

import asyncio
import socket
from time import monotonic
from typing import TYPE_CHECKING

from codebooks.errors import GrouperError
from hl7_adapters.mllp.connection import LOG, Connection, Hub
from hl7_adapters.mllp.counts import Counts
from hl7_adapters.mllp.desk import Desk
from hl7_adapters.mllp.tls import server_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from grouper.intake.forms import Form
    from grouper.intake.porches import Put
    from hl7_adapters.mllp.options import ListenerOptions

_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 20, "TCP_KEEPCNT": 4}
"""Seconds and probes after which the system finds a dead peer (names of :mod:`socket`)."""


class MllpListener:
    """Receives HL7 v2 messages and answers each once it is stored.

    Answers keep the order of the messages of their connection. A sender that writes faster than
    messages are stored, or that does not read its answers, is not read from until it may go on.
    """

    def __init__(
        self,
        options: ListenerOptions,
        put: Put,
        form: Form,
        split: Callable[[bytes], Sequence[bytes]],
    ) -> None:
        """Nothing is opened yet.

        Args:
            options: limits and files.
            put: stores a message; its receipt comes after the commit.
            form: reads the envelope and writes the answer.
            split: takes a batch (FHS, BHS) apart into its messages.
        """
        self._options = options
        self._counts = Counts()
        self._desk = Desk(form, put, split, self._counts, options.channel)
        self._hub: Hub | None = None
        self._servers: list[asyncio.Server] = []
        self._sweeping: asyncio.TimerHandle | None = None
        self.port = options.port
        """The port; after :meth:`start` the real one, if 0 was asked for."""

    async def start(self) -> None:
        """Open the port.

        Raises:
            GrouperError: ``PORT_TAKEN`` or ``TLS_FILES``.
        """
        options = self._options
        tls = server_context(options)
        loop = asyncio.get_running_loop()
        hub = Hub(options=options, counts=self._counts, desk=self._desk, loop=loop)
        try:
            for sock in await self._bound(loop):
                server = await loop.create_server(
                    lambda: Connection(hub),
                    sock=sock,
                    ssl=tls,
                    ssl_handshake_timeout=options.handshake_seconds if tls else None,
                )
                self._servers.append(server)
        except (OSError, UnicodeError):  # the latter for what can be no host name
            await self.stop()
            raise GrouperError("PORT_TAKEN", host=options.host, port=options.port) from None
        self._hub = hub
        self._sweep(hub)
        LOG.info("MLLP: listening on %s:%d", options.host, self.port)

    async def _bound(self, loop: asyncio.AbstractEventLoop) -> list[socket.socket]:
        """A socket for each address of the host, all on one port."""
        found = await loop.getaddrinfo(
            self._options.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        sockets: list[socket.socket] = []
        try:
            for family, kind, protocol, _, address in dict.fromkeys(found):
                sock = socket.socket(family, kind, protocol)
                sockets.append(sock)
                self._prepare(sock)
                sock.bind((address[0], self.port, *address[2:]))
                self.port = sock.getsockname()[1]
                sock.listen(max(128, self._options.connections))
        except OSError:
            for sock in sockets:
                sock.close()
            raise
        return sockets

    def _prepare(self, sock: socket.socket) -> None:
        """Options that each accepted connection takes over from the listening socket."""
        sock.setblocking(False)  # noqa: FBT003 -- the library's own
        if hasattr(socket, "SO_REUSEPORT"):
            # Where there is SO_REUSEPORT, SO_REUSEADDR lets a restart bind at once and no more.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Answers that nobody reads fill memory of the system too.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._options.ack_buffer)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def _sweep(self, hub: Hub) -> None:
        now, options = monotonic(), self._options
        for connection in tuple(hub.connections):
            connection.sweep(now)
        shortest = min(options.idle_seconds, options.frame_seconds, options.ack_seconds)
        self._sweeping = hub.loop.call_later(min(1.0, shortest / 4), self._sweep, hub)

    async def stop(self) -> None:
        """Take no more messages, answer those that are stored, and close.

        Frames that came and were not yet put are left without an answer: the sender repeats them.
        """
        if self._sweeping is not None:
            self._sweeping.cancel()
        for server in self._servers:
            server.close()
        hub, self._hub = self._hub, None
        if hub is not None:
            for connection in tuple(hub.connections):
                connection.finish()
            gone: list[asyncio.Future[None]] = [c.lost for c in hub.connections]
            await self._ended([*gone, *hub.tasks])
            for connection in tuple(hub.connections):
                connection.abort()
            for task in hub.tasks:
                task.cancel()
            await self._ended([*gone, *hub.tasks])
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    async def _ended(self, work: Sequence[asyncio.Future[None]]) -> None:
        if work:
            await asyncio.wait(work, timeout=self._options.stop_seconds)

    def metrics(self) -> Mapping[str, float]:
        """Counts since the start (:class:`~hl7_adapters.mllp.counts.Counts`)."""
        return self._counts.metrics()
