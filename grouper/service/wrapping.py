"""The outermost layer of the app: request ids, logs, request metrics, headers, internal errors."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders

from grouper.service.language import accepted
from grouper.service.logs import fault_of
from grouper.service.problems import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from grouper.service.metrics import Metrics

UNMATCHED = "unmatched"
"""The route of a request that meets none."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Set on every answer that does not set them itself. A trace's page has its style inline and asks
for nothing else."""
_HSTS = "max-age=31536000"
_log = structlog.get_logger("grouper.web")


class Outermost:
    """ASGI middleware around everything else.

    Args:
        app: the app inside.
        metrics: counts the requests.
        language: of an internal error, when the client asks for none.
        encrypted: whether browsers reach the service by TLS.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, language: str, *, encrypted: bool) -> None:
        self._app, self._metrics, self._language = app, metrics, language
        self._encrypted = encrypted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0
        identity = uuid4().hex

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = identity
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if self._encrypted or scope.get("scheme") == "https":
                    headers.setdefault("Strict-Transport-Security", _HSTS)
            await send(message)

        fault: Exception | None = None
        try:
            await self._app(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 -- the last one who can answer
            fault = error
            if not status:
                asked = accepted(Headers(scope=scope).get("accept-language", ""))
                internal = problem("INTERNAL", asked or self._language, {})
                await internal(scope, receive, answer)
        finally:
            self._told(scope, status, time.perf_counter() - started, identity, fault)

    def _told(
        self, scope: Scope, status: int, seconds: float, identity: str, fault: Exception | None
    ) -> None:
        route = route_of(scope)
        self._metrics.request(scope["method"], route, status, seconds)
        told = {
            "method": self._metrics.method(scope["method"]),
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "request": identity,
        }
        if fault is None:
            _log.info("request", **told)
        else:
            _log.error("internal", fault=fault_of(fault), **told)


def route_of(scope: Scope) -> str:
    """The template of the route that answers, such as ``/api/v1/cases/{case_id}``."""
    route = scope.get("route")
    return getattr(route, "path", None) or UNMATCHED
