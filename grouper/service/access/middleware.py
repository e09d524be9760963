"""Who sends a request: session cookie or key, and how often; before any route is reached."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from starlette.requests import Request

from grouper.service.access import tokens
from grouper.service.access.origins import foreign
from grouper.service.access.principal import AccessError, Principal
from grouper.service.access.rates import Rates, slow
from grouper.service.openapi import OPEN
from grouper.service.problems import problem_response
from grouper.store import keys, sessions

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from grouper.service.settings import Settings
    from grouper.store.accounts import Account
    from grouper.store.database import Database

_BEARER = "bearer "
_CHANGE_FIRST = ("/api/v1/session", "/api/v1/password")
"""What an account may do before it has changed the password that somebody gave it."""


def principal(found: Account, via: str) -> Principal:
    """The principal of an account."""
    return Principal(
        account_id=found.id,
        name=found.name,
        role=found.role,
        departments=found.departments,
        via=via,
    )


class Access:
    """Sets ``request.state.principal``; refuses broken credentials and too many requests.

    A request without credentials passes: the routes say what needs a principal. One with wrong
    credentials is refused at once, whatever it asks for.
    """

    def __init__(self, app: ASGIApp, settings: Settings, database: Database) -> None:
        self._app = app
        self._database = database
        self._idle = timedelta(seconds=settings.access.idle)
        self._rates = Rates(settings.access.rate)
        self._origins = settings.web.origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            found = await self._principal(request)
            slow(self._rates, request, f"account {found.account_id}" if found else None)
        except AccessError as error:
            await problem_response(request, self._slowed(request, error))(scope, receive, send)
            return
        if found is not None:
            request.state.principal = found
        await self._app(scope, receive, send)

    def _slowed(self, request: Request, error: AccessError) -> AccessError:
        """The error of credentials that are none; who tries many is told to wait instead."""
        try:
            slow(self._rates, request)
        except AccessError as waiting:
            return waiting
        return error

    async def _principal(self, request: Request) -> Principal | None:
        written = request.headers.get("authorization", "")
        if written.lower().startswith(_BEARER):
            key = written[len(_BEARER) :].strip()
            found = await run_sync(keys.account_of, self._database, key)
            if found is None:
                raise AccessError("KEY_INVALID")
            return principal(found, "key")
        if request.method not in tokens.SAFE and foreign(request.headers, self._origins):
            raise AccessError("ORIGIN_FOREIGN")
        token = request.cookies.get(tokens.COOKIE)
        if not token:
            return None
        found = await run_sync(sessions.account_of, self._database, tokens.kept(token), self._idle)
        if found is None:
            # One may sign in anew; nothing else works with a session that is over.
            path = request.url.path
            if path == _CHANGE_FIRST[0] or (request.method.lower(), path) in OPEN:
                return None
            raise AccessError("SESSION_OVER")
        if request.method not in tokens.SAFE and not tokens.same(
            request.headers.get(tokens.CSRF_HEADER, ""), token
        ):
            raise AccessError("CSRF_MISSING")
        if found.must_change and request.url.path not in _CHANGE_FIRST:
            raise AccessError("PASSWORD_MUST_CHANGE")
        return replace(principal(found, "session"), via="oidc" if found.subject else "session")
