"""The cookie that carries a session's token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.service.access.tokens import COOKIE

if TYPE_CHECKING:
    from fastapi import Response

    from grouper.service.settings import Settings


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
        COOKIE,
        token,
        max_age=settings.access.session,
        httponly=True,
        secure=settings.web.tls_certificate is not None,
        samesite="strict" if strict else "lax",
        path="/",
    )
