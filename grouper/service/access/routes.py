"""Routes of signing in: sessions, passwords, the identity provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from grouper.service.access import cookies, signing_in, tokens
from grouper.service.access.principal import AccessError, Principal, principal_of, rights
from grouper.service.access.rates import Rates, address_of, slow
from grouper.service.context import NO_NUL
from grouper.service.requests import ExactRoute
from grouper.store import accounts, audit, sessions

if TYPE_CHECKING:
    from grouper.service.settings import Settings
    from grouper.store.accounts import Account
    from grouper.store.database import Database


class SignIn(BaseModel):
    """Name and password."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=64, pattern=NO_NUL)
    password: SecretStr = Field(min_length=1, max_length=1024)


class Me(BaseModel):
    """Who is signed in. ``csrf`` goes into the header ``X-CSRF-Token`` of changing requests."""

    name: str
    role: str
    departments: list[str]
    rights: list[str]
    must_change_password: bool = False
    csrf: str | None = None


class NewPassword(BaseModel):
    """The old password and the new one."""

    model_config = ConfigDict(extra="forbid")

    old: SecretStr = Field(min_length=1, max_length=1024)
    new: SecretStr = Field(min_length=1, max_length=1024)


def _me(account: Account, csrf: str | None) -> Me:
    return Me(
        name=account.name,
        role=account.role.value,
        departments=list(account.departments),
        rights=sorted(rights()[account.role]),
        must_change_password=account.must_change,
        csrf=csrf,
    )


def session_routes(settings: Settings, database: Database) -> APIRouter:
    """The routes ``/api/v1/session`` and ``/api/v1/password``."""
    router = APIRouter(prefix="/api/v1", tags=["session"], route_class=ExactRoute)
    rates = Rates(settings.access.sign_in_rate)
    access = settings.access

    def slow_down(request: Request) -> None:
        slow(rates, request)

    @router.post("/session", dependencies=[Depends(slow_down)])
    def sign_in(asked: SignIn, request: Request, response: Response) -> Me:
        """Sign in by name and password; the session that the browser had until now ends."""
        password, address = asked.password.get_secret_value(), address_of(request)
        before = request.cookies.get(tokens.COOKIE, "")
        signed = signing_in.by_password(database, access, asked.name, password, address, before)
        cookies.keep(response, settings, signed.token, strict=True)
        return _me(signed.account, tokens.csrf(signed.token))

    @router.get("/session")
    def who(request: Request, principal: Annotated[Principal, Depends(principal_of)]) -> Me:
        """Who is signed in."""
        with database.reading() as connection:
            found = accounts.by_id(connection, principal.account_id)
        if found is None:
            raise AccessError("SIGN_IN_NEEDED")
        token = request.cookies.get(tokens.COOKIE) if principal.via != "key" else None
        return _me(found, tokens.csrf(token) if token else None)

    @router.delete("/session", status_code=204)
    def sign_out(
        request: Request, principal: Annotated[Principal, Depends(principal_of)]
    ) -> Response:
        """End this session."""
        token = request.cookies.get(tokens.COOKIE, "")
        with database.writing_store() as connection:
            sessions.end(connection, tokens.kept(token))
            audit.append(connection, principal.name, "sign_out", principal.name, {})
        gone = Response(status_code=204)
        gone.delete_cookie(tokens.COOKIE, path="/")
        return gone

    @router.post("/password", status_code=204, dependencies=[Depends(slow_down)])
    def change_password(
        request: Request,
        asked: NewPassword,
        principal: Annotated[Principal, Depends(principal_of)],
    ) -> None:
        """Change one's own password; all sessions of the account end."""
        old, new = asked.old.get_secret_value(), asked.new.get_secret_value()
        where = address_of(request)
        signing_in.change_password(database, access, principal.name, old, new, address=where)

    return router
