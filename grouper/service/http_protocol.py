"""HTTP as the servers speak it: the head of a request is bounded in size and time.

Uvicorn's own protocol waits for the end of a head for ever, and keeps all of it: whoever reaches the
port could hold connections open, or fill the memory, before anybody is asked to sign in.
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
    """Uvicorn's protocol with limits for address and headers.

    A head that is too large is answered with 400, one that is too slow with nothing; both connections
    are closed.
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
        self._coming = True
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
        """Read what came; while it is still a head, only so much of it."""
        super().data_received(data)
        if not self._coming or self.transport.is_closing():
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

    def on_headers_complete(self) -> None:
        """A head is whole.

        Raises:
            ValueError: it is too large; Uvicorn answers as to one that it cannot read.
        """
        self._came()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self._limits.head_bytes:
            raise ValueError(_REFUSED)
        super().on_headers_complete()

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self._limits.head_seconds, self.transport.close)

    def _came(self) -> None:
        self._coming = False
        if self._late is not None:
            self._late.cancel()
            self._late = None
