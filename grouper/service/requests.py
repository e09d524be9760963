"""Requests as our routes read them: JSON with exact numbers, and bodies of a bounded size."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from anyio import fail_after
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers

from codebooks.plain import json_of
from grouper.service.language import accepted
from grouper.service.problems import BodyError, problem
from grouper.service.web_limits import web_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


def _no_number(word: str) -> None:
    raise ValueError(word)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "a name stands twice"
        raise ValueError(msg)
    return found


def read_json(body: bytes) -> Any:  # noqa: ANN401 -- whatever JSON holds
    """A JSON document; numbers with a point are ``Decimal``, exactly as written.

    Raises:
        BodyError: ``BODY_UNREADABLE``: no JSON, a name twice in one object, half a character, or
            a number that is none (NaN) or is too long.
    """
    try:
        found = json_of(
            body, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_pairs
        )
        if b"\\u" in body:
            # An escape may stand for half a character, which no text can hold.
            json.dumps(found, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError):
        raise BodyError("BODY_UNREADABLE") from None
    return found


class ExactRequest(Request):
    """A request whose JSON keeps its numbers."""

    async def json(self) -> Any:  # noqa: ANN401 -- as the class above
        """The body, see :func:`read_json`."""
        return read_json(await self.body())


class ExactRoute(APIRoute):
    """A route that reads its body by :class:`ExactRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the class above, given the other kind of request."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(ExactRequest(request.scope, request.receive))

        return handle


class BodyLimit:
    """ASGI middleware: a body larger than the limit is answered with 413, however it is sent.

    One that takes too long is answered with 408.

    Args:
        app: the app inside.
        limit: bytes.
        language: of the answer when the client asks for none.
    """

    def __init__(self, app: ASGIApp, limit: int, language: str) -> None:
        self._app, self._limit, self._language = app, limit, language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        stated = headers.get("content-length", "")
        if stated.isascii() and stated.isdigit() and int(stated[:20]) > self._limit:
            lang = accepted(headers.get("accept-language", "")) or self._language
            await problem("BODY_TOO_LARGE", lang, {})(scope, receive, send)
            return
        read, whole = 0, False
        until = time.monotonic() + web_limits().body_seconds

        async def counted() -> Message:
            nonlocal read, whole
            if whole:
                # Only the end of the connection is waited for.
                return await receive()
            try:
                with fail_after(until - time.monotonic()):
                    message = await receive()
            except TimeoutError:
                raise BodyError("BODY_TOO_SLOW") from None
            read += len(message.get("body", b""))
            if read > self._limit:
                raise BodyError("BODY_TOO_LARGE")
            whole = not message.get("more_body", False)
            return message

        await self._app(scope, counted, send)
