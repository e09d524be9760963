"""Nothing of a request is read before it is known who sends it, where somebody must be known.

FastAPI reads a body before it asks what a route needs; a stranger could send files that are kept
until the answer. Routes still say which right they need; the gate only wants somebody to be there,
so that a route that forgot to ask is not open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request

from grouper.service.access.principal import AccessError, principal_of
from grouper.service.openapi import OPEN
from grouper.service.problems import problem_response
from grouper.service.requests import BodyLimit
from grouper.service.web_limits import web_limits

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_GUARDED = ("/api/", "/cds-services/")


class Gate:
    """ASGI middleware around the routes, within :class:`grouper.service.access.middleware.Access`.

    Args:
        app: the app inside.
        language: of an answer when the client asks for none.
    """

    def __init__(self, app: ASGIApp, language: str) -> None:
        self._app = app
        self._small = BodyLimit(app, web_limits().open_body, language)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            principal_of(request)
        except AccessError as error:
            path = scope["path"]
            if (scope["method"].lower(), path) not in OPEN and path.startswith(_GUARDED):
                await problem_response(request, error)(scope, receive, send)
            else:
                await self._small(scope, receive, send)
            return
        await self._app(scope, receive, send)
