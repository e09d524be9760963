"""Middleware: no page, file or socket of the application without a session, but the sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse

from codebooks.errors import GrouperError
from dashboards.frame.signed import of_token
from grouper.service.access import tokens

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from grouper.service.settings import Settings
    from grouper.store.database import Database

SIGN_IN = "/sign-in"
_OPEN = (SIGN_IN, "/_stcore/health")
_FILES = "/static/"
"""Streamlit's own scripts and styles; a page that says that the session is over still needs them."""
_REFUSED = 4401
"""The code that closes a socket without a session."""
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class Guard:
    """Lets requests of a session through; sends others to the sign-in, and closes their sockets."""

    def __init__(self, app: ASGIApp, settings: Settings, database: Database) -> None:
        self._app, self._settings, self._database = app, settings, database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        socket = scope["type"] == "websocket"
        if (not socket and _is_open(scope["path"])) or await self._signed(scope):
            await self._app(scope, receive, send if socket else sent)
        elif socket:
            await send({"type": "websocket.close", "code": _REFUSED})
        elif _wants_page(scope):
            await RedirectResponse(SIGN_IN, 303)(scope, receive, sent)
        else:
            await PlainTextResponse("SIGN_IN_NEEDED", 401)(scope, receive, sent)

    async def _signed(self, scope: Scope) -> bool:
        token = HTTPConnection(scope).cookies.get(tokens.COOKIE)
        try:
            found = await run_sync(of_token, self._settings, self._database, token)
        except GrouperError:
            # The page itself says that the store is away; without a session nothing is shown.
            return False
        return found is not None


def _is_open(path: str) -> bool:
    return path in _OPEN or (path.startswith(_FILES) and ".." not in path)


def _wants_page(scope: Scope) -> bool:
    """Whether a browser asks for a page, and not for a file of one."""
    accepted = HTTPConnection(scope).headers.get("accept", "")
    return scope["method"] == "GET" and "text/html" in accepted
