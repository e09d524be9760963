"""HTTP as the servers speak it: what frames a request is bounded in size, all of it in time.

Uvicorn's own protocol waits for the end of a head for ever, and keeps all of it: whoever reaches the
port could hold connections open, or fill the memory, before anybody is asked to sign in. The same holds
of the fields that may follow a body sent in chunks (trailers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from grouper.service.web_limits import web_limits

if TYPE_CHECKING:
    import asyncio

    from uvicorn.config import Config
    from uvicorn.server import ServerState

_REFUSED = "Invalid HTTP request received."
"""What Uvicorn says of every other request that it cannot read."""


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol with limits for address, headers and trailers.

    A head or trailers that are too large are answered with 400, a head that is too slow with nothing;
    the connections are closed. So is one whose request is not whole in the time of a body; the time of
    a head is added to it, for the application answers a slow body with words first. Nobody reads
    trailers: they never become headers of the request.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = web_limits()
        self._head = 0
        self._trailers = 0
        self._coming = True
        self._reading = False
        self._went_on = False
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there; its first head has to come."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came; of what is no body, only so much."""
        self._went_on = False
        super().data_received(data)
        within = self._coming or self._reading
        if self._went_on or not within or self.transport.is_closing():
            return
        self._head += len(data)
        if self._head > self._limits.head_bytes:
            self._came()
            self.send_400_response(_REFUSED)

    def on_message_begin(self) -> None:
        """A head begins: the first one of a connection, or another after an answer."""
        super().on_message_begin()
        self._coming, self._head = True, 0
        self._wait()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of a head, or a trailer after a body.

        Raises:
            ValueError: the trailers are too large; Uvicorn answers as to a head that is.
        """
        if self._coming:
            super().on_header(name, value)
            return
        self._trailers += len(name) + len(value)
        if self._trailers > self._limits.head_bytes:
            raise ValueError(_REFUSED)

    def on_headers_complete(self) -> None:
        """A head is whole.

        Raises:
            ValueError: it is too large; Uvicorn answers as to one that it cannot read.
        """
        self._came()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self._limits.head_bytes:
            raise ValueError(_REFUSED)
        self._reading, self._head, self._trailers = True, 0, 0
        self._wait_for_all()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body: no trailer was before it."""
        self._went_on, self._head = True, 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._went_on = True
        self._came()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Another protocol goes on with the connection; it has times of its own."""
        self._came()
        super().handle_websocket_upgrade()

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self._limits.head_seconds, self.transport.close)

    def _wait_for_all(self) -> None:
        seconds = self._limits.body_seconds + self._limits.head_seconds
        self._late = self.loop.call_later(seconds, self._not_whole)

    def _not_whole(self) -> None:
        if self.flow.read_paused:
            # It is we who do not read: an application is at work, or a request before this one.
            self._wait_for_all()
        else:
            self.transport.close()

    def _came(self) -> None:
        self._coming = self._reading = False
        if self._late is not None:
            self._late.cancel()
            self._late = None
