"""Routes of signing in by the identity provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse

from grouper.service.access import cookies, oidc, signing_in, tokens
from grouper.service.access.rates import Rates, address_of, slow

if TYPE_CHECKING:
    from grouper.service.settings import Settings
    from grouper.store.database import Database


def oidc_routes(settings: Settings, database: Database, provider: oidc.Provider) -> APIRouter:
    """The routes below ``/api/v1/sign-in/oidc``."""
    rates = Rates(settings.access.sign_in_rate)

    def slow_down(request: Request) -> None:
        slow(rates, request)

    router = APIRouter(
        prefix="/api/v1/sign-in/oidc", tags=["session"], dependencies=[Depends(slow_down)]
    )

    @router.get("", status_code=303, response_class=RedirectResponse)
    def go() -> RedirectResponse:
        """Send the browser to the identity provider."""
        away = RedirectResponse(provider.begin(), status_code=303)
        cookies.bind(away, settings)
        return away

    @router.get("/back", status_code=303, response_class=RedirectResponse)
    def back(
        request: Request,
        state: Annotated[str, Query(max_length=256)] = "",
        code: Annotated[str, Query(max_length=4096)] = "",
    ) -> RedirectResponse:
        """Where the provider sends the browser back to."""
        cookies.check_bound(request, state)
        before = request.cookies.get(tokens.COOKIE, "")
        found = oidc.account_of(database, provider.finish(state, code))
        with database.writing_store() as connection:
            signed = signing_in.begin(
                connection, settings.access, found, "oidc", address_of(request), before
            )
        home = RedirectResponse("/", status_code=303)
        cookies.keep(home, settings, signed.token, strict=False)
        home.delete_cookie(cookies.BEGUN, path="/")
        return home

    return router
