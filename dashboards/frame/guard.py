"""Middleware: no page, file or socket of the application without a session, but the sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse

from codebooks.errors import GrouperError
from dashboards.frame.headers import with_ours
from dashboards.frame.navigation import pages
from dashboards.frame.signed import of_token
from dashboards.frame.socket import heard
from grouper.service.access import tokens

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from grouper.service.settings import Settings
    from grouper.store.database import Database

SIGN_IN = "/sign-in"
OIDC, OIDC_BACK = f"{SIGN_IN}/oidc", f"{SIGN_IN}/oidc/back"
_OPEN = (SIGN_IN, OIDC, OIDC_BACK, "/_stcore/health")
_FILES = "/static/"
"""Streamlit's own scripts and styles; a page that says that the session is over still needs them."""
_REFUSED = 4401
"""The code that closes a socket without a session."""


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
                message["headers"] = with_ours(
                    list(message.get("headers", ())),
                    encrypted=self._settings.web.tls_certificate is not None,
                )
            await send(message)

        socket = scope["type"] == "websocket"
        token = HTTPConnection(scope).cookies.get(tokens.COOKIE, "")
        if not socket and _is_open(scope["path"]):
            await self._app(scope, receive, sent)
        elif await self._signed(token):
            if _nowhere(scope):
                # Streamlit would say in its own words that there is no such page.
                await RedirectResponse("/", 303)(scope, receive, sent)
            elif socket:
                hearing = heard(receive, self._settings, self._database, token)
                await self._app(scope, hearing, send)
            else:
                await self._app(scope, receive, sent)
        elif socket:
            await send({"type": "websocket.close", "code": _REFUSED})
        elif _wants_page(scope):
            await RedirectResponse(SIGN_IN, 303)(scope, receive, sent)
        else:
            await PlainTextResponse("SIGN_IN_NEEDED", 401)(scope, receive, sent)

    async def _signed(self, token: str) -> bool:
        try:
            found = await run_sync(of_token, self._settings, self._database, token)
        except GrouperError:
            # The page itself says that the store is away; without a session nothing is shown.
            return False
        return found is not None


def _nowhere(scope: Scope) -> bool:
    """Whether a browser asks for a page that there is not; files lie deeper."""
    if scope["type"] != "http" or not _wants_page(scope):
        return False
    name = scope["path"].removeprefix("/")
    return bool(name) and "/" not in name and name not in {one.page for one in pages()}


def _is_open(path: str) -> bool:
    return path in _OPEN or (path.startswith(_FILES) and ".." not in path)


def _wants_page(scope: Scope) -> bool:
    """Whether a browser asks for a page, and not for a file of one."""
    accepted = HTTPConnection(scope).headers.get("accept", "")
    return scope["method"] == "GET" and "text/html" in accepted
