"""Middleware: no page, file or socket of the application without a session, but the sign-in.

Nor for a page of somebody else, nor for what Streamlit offers beside the pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse

from codebooks.errors import GrouperError
from dashboards.frame.headers import FILES, with_ours
from dashboards.frame.navigation import pages
from dashboards.frame.signed import of_token
from dashboards.frame.socket import heard
from grouper.service.access import tokens
from grouper.service.access.origins import foreign

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from grouper.service.settings import Settings
    from grouper.store.database import Database

SIGN_IN = "/sign-in"
OIDC, OIDC_BACK = f"{SIGN_IN}/oidc", f"{SIGN_IN}/oidc/back"
_OPEN = (SIGN_IN, OIDC, OIDC_BACK, "/_stcore/health")
_UPLOADS = "/_stcore/upload_file/"
_SERVED = (FILES, "/media/", _UPLOADS)
"""Folders of files behind the pages."""
_BESIDE = frozenset({"/", "/favicon.png", "/_stcore/stream", "/_stcore/host-config"})
"""What a page asks for beside them; Streamlit's metrics, its interface for agents and its own sign-in
are served to nobody."""
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
                    scope["path"],
                    encrypted=self._settings.encrypted,
                )
            await send(message)

        refusal = await self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal is not None:
                await send({"type": "websocket.close", "code": _REFUSED})
                return
            hearing = heard(receive, self._settings, self._database, _token(scope))
            await self._app(scope, hearing, send)
        else:
            await (refusal or self._app)(scope, receive, sent)

    async def _refusal(self, scope: Scope) -> Response | None:
        """What is answered in place of what was asked for; None: it is let through."""
        socket = scope["type"] == "websocket"
        changing = socket or scope["method"] not in tokens.SAFE
        if changing and foreign(HTTPConnection(scope).headers):
            # Streamlit lets this machine's own names in, too, and asks the internet which they are.
            return PlainTextResponse("ORIGIN_FOREIGN", 403)
        if not socket and _is_open(scope["path"]):
            return None
        if not await self._signed(_token(scope)):
            if not socket and _wants_page(scope):
                return RedirectResponse(SIGN_IN, 303)
            return PlainTextResponse("SIGN_IN_NEEDED", 401)
        if _nowhere(scope):
            # Streamlit would say in its own words that there is no such page.
            return RedirectResponse("/", 303)
        return None if _is_served(scope["path"]) else PlainTextResponse("NOT_FOUND", 404)

    async def _signed(self, token: str) -> bool:
        try:
            found = await run_sync(of_token, self._settings, self._database, token)
        except GrouperError:
            # The page itself says that the store is away; without a session nothing is shown.
            return False
        return found is not None


def _token(scope: Scope) -> str:
    """The token that a browser sends; empty: none."""
    return HTTPConnection(scope).cookies.get(tokens.COOKIE, "")


def _nowhere(scope: Scope) -> bool:
    """Whether a browser asks for a page that there is not; files lie deeper."""
    if scope["type"] != "http" or not _wants_page(scope):
        return False
    name = scope["path"].removeprefix("/")
    return bool(name) and "/" not in name and name not in {one.page for one in pages()}


def _is_open(path: str) -> bool:
    return path in _OPEN or (path.startswith(FILES) and ".." not in path)


def _is_served(path: str) -> bool:
    return (
        path in _BESIDE
        or path.startswith(_SERVED)
        or path.removeprefix("/") in {one.page for one in pages()}
    )


def _wants_page(scope: Scope) -> bool:
    """Whether a browser asks for a page, and not for a file of one."""
    accepted = HTTPConnection(scope).headers.get("accept", "")
    return scope["method"] == "GET" and "text/html" in accepted
