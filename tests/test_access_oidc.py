"""Sign-in by an identity provider: a small provider of our own stands in for the hospital's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlparse

import httpx
import pytest
from access_support import application, database
from fastapi import FastAPI
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import ECKey

from grouper.service.access import oidc, tokens
from grouper.service.access.installing import install
from grouper.service.access.oidc_routes import oidc_routes
from grouper.service.access.principal import AccessError
from grouper.service.settings import Oidc, Settings
from grouper.store import accounts
from grouper.store.database import Database
from grouper.store.states import Role

__all__ = ["database"]
ISSUER = "https://id.hospital.example"
SETTINGS = Oidc(
    issuer=ISSUER,
    client_id="grouper",
    client_secret="s3cret",  # type: ignore[arg-type]  # noqa: S106 -- an invented one
    redirect="https://grouper.hospital.example/api/v1/sign-in/oidc/back",
    roles={"doctors": "physician", "office": "office"},
)


class StandIn:
    """The provider: answers discovery, keys and tokens; each can be spoilt."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "1", "use": "sig", "alg": "ES256"})
        self.claims: dict[str, Any] = {}
        self.signed_by = self.key
        self.algorithm = "ES256"
        self.discovery: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/auth",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
        }
        self.token_status = 200
        self.unreachable = False
        self.asked: dict[str, list[str]] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.unreachable:
            raise httpx.ConnectError("no route", request=request)
        path = request.url.path
        if path.endswith("openid-configuration"):
            return httpx.Response(200, json=self.discovery)
        if path == "/keys":
            return httpx.Response(200, json={"keys": [self.key.as_dict(private=False)]})
        self.asked = parse_qs(request.content.decode())
        token = jwt.encode(
            {"alg": self.algorithm, "kid": "1"}, self.claims, self.signed_by, [self.algorithm]
        )
        return httpx.Response(self.token_status, json={"id_token": token})

    def says(self, expected: str, **claims: Any) -> None:
        self.claims = {
            "iss": ISSUER,
            "aud": "grouper",
            "sub": "u-17",
            "exp": int(time.time()) + 60,
            "nonce": expected,
            "preferred_username": "wang",
            "groups": ["office", "doctors"],
            "department": "01",
            **claims,
        }


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
def provider(stand_in: StandIn) -> Iterator[oidc.Provider]:
    found = oidc.Provider(SETTINGS, httpx.Client(transport=httpx.MockTransport(stand_in)))
    yield found
    found.close()


def begin(provider: oidc.Provider) -> dict[str, str]:
    asked = parse_qs(urlparse(provider.begin()).query)
    return {name: values[0] for name, values in asked.items()}


def test_the_first_role_of_the_settings_that_the_provider_names_counts(
    provider: oidc.Provider, stand_in: StandIn
) -> None:
    asked = begin(provider)
    assert asked["code_challenge_method"] == "S256"
    stand_in.says(asked["nonce"])
    found = provider.finish(asked["state"], "code")
    assert found == oidc.Identity("u-17", "wang", Role.PHYSICIAN, ("01",))
    assert stand_in.asked["code_verifier"]
    assert stand_in.asked["client_secret"] == ["s3cret"]
    # A state serves once.
    with pytest.raises(AccessError, match="OIDC_STATE"):
        provider.finish(asked["state"], "code")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"iss": "https://other.example"},
        {"aud": "another"},
        {"exp": int(time.time()) - 3600},
        {"nonce": "replayed"},
        {"sub": None},
    ],
)
def test_a_token_that_does_not_hold_is_refused(
    provider: oidc.Provider, stand_in: StandIn, spoilt: dict[str, Any]
) -> None:
    asked = begin(provider)
    stand_in.says(asked["nonce"], **spoilt)
    with pytest.raises(AccessError, match="OIDC_ANSWER"):
        provider.finish(asked["state"], "code")


def test_a_token_signed_by_another_key_or_by_none_is_refused(
    provider: oidc.Provider, stand_in: StandIn
) -> None:
    stand_in.signed_by = ECKey.generate_key("P-256")
    asked = begin(provider)
    stand_in.says(asked["nonce"])
    with pytest.raises(AccessError, match="OIDC_ANSWER"):
        provider.finish(asked["state"], "code")


def test_a_provider_that_is_away_or_answers_nonsense(
    provider: oidc.Provider, stand_in: StandIn
) -> None:
    stand_in.unreachable = True
    with pytest.raises(AccessError, match="OIDC_UNREACHABLE"):
        provider.begin()
    stand_in.unreachable = False
    stand_in.discovery["issuer"] = "https://other.example"
    with pytest.raises(AccessError, match="OIDC_ANSWER"):
        provider.begin()
    stand_in.discovery = {"issuer": ISSUER, "authorization_endpoint": "x"}
    with pytest.raises(AccessError, match="OIDC_ANSWER"):
        provider.begin()
    text = oidc.Provider(
        SETTINGS,
        httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, text="<html>"))),
    )
    with pytest.raises(AccessError, match="OIDC_ANSWER"):
        text.begin()
    text.close()


def test_a_person_without_a_role_here_and_one_who_took_too_long(stand_in: StandIn) -> None:
    at = time.time()
    client = httpx.Client(transport=httpx.MockTransport(stand_in))
    provider = oidc.Provider(SETTINGS, client, lambda: at)
    asked = begin(provider)
    stand_in.says(asked["nonce"], groups="visitors")
    with pytest.raises(AccessError, match="OIDC_ROLE"):
        provider.finish(asked["state"], "code")
    asked = begin(provider)
    at += 301
    with pytest.raises(AccessError, match="OIDC_STATE"):
        provider.finish(asked["state"], "code")
    stand_in.token_status = 400
    asked = begin(provider)
    stand_in.says(asked["nonce"], groups=7)
    with pytest.raises(AccessError, match="OIDC_ANSWER"):
        provider.finish(asked["state"], "code")
    for _ in range(1001):
        last = begin(provider)
    with pytest.raises(AccessError, match="OIDC_STATE"):
        provider.finish(asked["state"], "code")
    stand_in.token_status = 200
    stand_in.says(last["nonce"], department=None, groups=["office"], exp=int(at) + 60)
    assert provider.finish(last["state"], "code").departments == ()
    provider.close()


def test_accounts_follow_the_provider(database: Database) -> None:
    first = oidc.account_of(database, oidc.Identity("u-1", "wang", Role.PHYSICIAN, ("01",)))
    assert (first.role, first.password) == (Role.PHYSICIAN, None)
    moved = oidc.account_of(database, oidc.Identity("u-1", "wang", Role.OFFICE, ("02", "03")))
    assert (moved.id, moved.role, moved.departments) == (first.id, Role.OFFICE, ("02", "03"))
    with database.writing_store() as connection:
        accounts.change(connection, first.id, active=False)
    with pytest.raises(AccessError, match="SIGN_IN_FAILED"):
        oidc.account_of(database, oidc.Identity("u-1", "wang", Role.OFFICE, ("02", "03")))


def test_a_browser_signs_in_by_the_provider(database: Database, stand_in: StandIn) -> None:
    app = application(database, Settings())
    provider = oidc.Provider(SETTINGS, httpx.Client(transport=httpx.MockTransport(stand_in)))
    app.include_router(oidc_routes(Settings(), database, provider))
    with TestClient(app, follow_redirects=False) as client:
        sent = client.get("/api/v1/sign-in/oidc")
        assert sent.status_code == 303
        asked = parse_qs(urlparse(sent.headers["location"]).query)
        stand_in.says(asked["nonce"][0])
        back = client.get(f"/api/v1/sign-in/oidc/back?state={asked['state'][0]}&code=c")
        assert (back.status_code, back.headers["location"]) == (303, "/")
        assert tokens.COOKIE in client.cookies
        looked = client.get("/api/v1/looked")
        assert looked.json() == {"name": "wang", "via": "oidc"}
        lost = client.get("/api/v1/sign-in/oidc/back")
        assert (lost.status_code, lost.json()["code"]) == (400, "OIDC_STATE")
    provider.close()


def test_without_an_issuer_there_is_no_such_route(database: Database) -> None:
    def paths(settings: Settings) -> str:
        app = FastAPI()
        install(app, settings, database)
        return json.dumps(list(app.openapi()["paths"]))

    assert "oidc" not in paths(Settings())
    assert "oidc" in paths(Settings(oidc=SETTINGS))
