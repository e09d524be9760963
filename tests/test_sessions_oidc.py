"""A sign-in at the identity provider ends in the browser that began it, and in no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlparse

import httpx
import pytest
from access_support import application, database
from fastapi.testclient import TestClient
from pages_frame_support import behind_guard
from test_access_oidc import SETTINGS, StandIn

from grouper.service.access import oidc, tokens
from grouper.service.access.cookies import BEGUN
from grouper.service.access.oidc_routes import oidc_routes
from grouper.service.settings import Proxy, Settings
from grouper.store import schema
from grouper.store.database import Database

__all__ = ["database"]
REST, PAGES = "/api/v1/sign-in/oidc", "/sign-in/oidc"


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture(params=[REST, PAGES], ids=["rest", "pages"])
def browsers(
    request: pytest.FixtureRequest, database: Database, stand_in: StandIn
) -> Iterator[tuple[str, Callable[[], TestClient]]]:
    """The way by REST or by the pages, and a browser of its own each time."""
    transport = httpx.Client(transport=httpx.MockTransport(stand_in))
    provider = oidc.Provider(SETTINGS, transport)
    made = Settings(proxy=Proxy(trusted=("10.1.2.3",)))
    app: Any
    if request.param == REST:
        app = application(database, made)
        app.include_router(oidc_routes(made, database, provider))
    else:
        app = behind_guard(made, database, provider)
    yield (
        request.param,
        lambda: TestClient(app, base_url="https://testserver", follow_redirects=False),
    )
    provider.close()


def test_it_ends_where_it_began(
    browsers: tuple[str, Callable[[], TestClient]], stand_in: StandIn, database: Database
) -> None:
    way, browser = browsers
    own, other = browser(), browser()
    sent = own.get(way)
    assert sent.status_code == 303
    said = sent.headers["set-cookie"].lower()
    assert said.startswith(BEGUN)
    assert all(word in said for word in ("httponly", "samesite=lax", "secure", "max-age=300"))
    asked = {
        name: found[0] for name, found in parse_qs(urlparse(sent.headers["location"]).query).items()
    }
    # Neither the state itself nor a token of ours is in the cookie.
    assert asked["state"] not in said
    stand_in.says(asked["nonce"])
    back = {"state": asked["state"], "code": "c"}
    # In a browser that began nothing, or another sign-in, it is refused, and not used up.
    assert "OIDC_STATE" in other.get(f"{way}/back", params=back).text
    other.get(way)
    refused = other.get(f"{way}/back", params=back)
    assert "OIDC_STATE" in refused.text
    assert tokens.COOKIE not in refused.cookies
    planted = tokens.new()
    own.cookies.set(tokens.COOKIE, planted)
    home = own.get(f"{way}/back", params=back)
    assert (home.status_code, home.headers["location"]) == (303, "/")
    assert home.cookies[tokens.COOKIE] != planted
    ended = [one for one in home.headers.get_list("set-cookie") if one.startswith(BEGUN)]
    assert len(ended) == 1
    assert "max-age=0" in ended[0].lower()
    with database.reading() as connection:
        held = list(
            connection.scalars(schema.session.select().with_only_columns(schema.session.c.token))
        )
    assert held == [tokens.kept(home.cookies[tokens.COOKIE])]
