"""Cookies: that of a session, and that of a sign-in which is under way at the identity provider."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from grouper.service.access import tokens
from grouper.service.access.principal import AccessError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from grouper.service.settings import Settings


BEGUN = "grouper_sign_in"
"""The cookie of a browser that was sent to the identity provider."""
_LASTING = 300
"""Seconds that a sign-in there may take."""


def keep(response: Response, settings: Settings, token: str, *, strict: bool) -> None:
    """Give the browser a token; out of reach for scripts, and over TLS alone where there is TLS.

    Args:
        response: the answer that sets it.
        settings: of the service.
        token: of the session.
        strict: not sent along from other sites' pages at all; a sign-in that comes back from the
            identity provider is followed from that provider's page, and needs it to be looser.
    """
    response.set_cookie(
        tokens.COOKIE,
        token,
        max_age=settings.access.session,
        httponly=True,
        secure=settings.encrypted,
        samesite="strict" if strict else "lax",
        path="/",
    )


def bind(response: Response, settings: Settings) -> None:
    """Let a browser that is sent to the identity provider be known when it comes back.

    Without it a stranger could begin a sign-in and have somebody else's browser end it, who would
    then work under the stranger's account.

    Args:
        response: sends the browser there; its address holds the state.
        settings: of the service.
    """
    response.set_cookie(
        BEGUN,
        _mark(parse_qs(urlsplit(response.headers["location"]).query)["state"][0]),
        max_age=_LASTING,
        httponly=True,
        secure=settings.encrypted,
        samesite="lax",
        path="/",
    )


def check_bound(request: Request, state: str) -> None:
    """See that the browser that comes back is the one that was sent.

    Raises:
        AccessError: ``OIDC_STATE``.
    """
    if not hmac.compare_digest(request.cookies.get(BEGUN, "").encode(), _mark(state).encode()):
        raise AccessError("OIDC_STATE")


def _mark(state: str) -> str:
    return tokens.kept(state).hex()
