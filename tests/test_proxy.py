"""Behind a reverse proxy: what a trusted one says is believed, what anybody else says is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from access_support import GOOD, application
from fastapi.testclient import TestClient
from pages_frame_support import behind_guard
from pydantic import ValidationError
from uvicorn import Config

from grouper.service.access.managing import make
from grouper.service.access.rates import address_of
from grouper.service.front import options
from grouper.service.settings import Access, Proxy, Settings
from grouper.store import audit
from grouper.store.database import Database, connect
from grouper.store.migrate import upgrade
from grouper.store.states import Role

PROXY, CLIENT, OTHER = "10.1.2.3", "192.168.7.7", "192.168.7.8"
SIGN_IN = {"name": "office1", "password": GOOD}


def behind(settings: Settings, application: Any, peer: str) -> TestClient:
    """An application as uvicorn serves it; requests come from ``peer``."""
    config = Config(application, **options(settings, settings.web))
    config.load()
    return TestClient(config.loaded_app, client=(peer, 4711), follow_redirects=False)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for all: each test looks at its own newest entries."""
    found = connect(f"sqlite:///{tmp_path_factory.mktemp('proxy') / 'grouper.sqlite'}")
    upgrade(found)
    make(found, "office1", "office1", Role.OFFICE, (), GOOD, 12)
    yield found
    found.close()


def addresses(database: Database) -> list[str]:
    """The addresses of sign-ins in the audit log, the newest first."""
    with database.reading() as connection:
        found = audit.entries(connection, limit=100)
    return [one.about["address"] for one in found if one.action.startswith("sign_in")]


def trusting(*proxies: str, **more: Any) -> Settings:
    return Settings(proxy=Proxy(trusted=proxies), **more)


def test_the_address_of_the_client_is_in_the_audit_log(account: Database) -> None:
    settings = trusting("10.1.0.0/16")
    said = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "https"}
    with behind(settings, application(account, settings), PROXY) as client:
        signed = client.post("/api/v1/session", json=SIGN_IN, headers=said)
        wrong = {**SIGN_IN, "password": "wrong"}
        assert client.post("/api/v1/session", json=wrong, headers=said).status_code == 401
    assert "secure" in signed.headers["set-cookie"].lower()
    assert addresses(account)[:2] == [CLIENT, CLIENT]
    with behind(settings, behind_guard(settings, account), PROXY) as client:
        shown = client.post("/sign-in", data=SIGN_IN, headers=said)
    assert shown.status_code == 303
    assert "secure" in shown.headers["set-cookie"].lower()
    assert "strict-transport-security" in shown.headers
    assert addresses(account)[0] == CLIENT


@pytest.mark.parametrize(
    ("trusted", "peer"),
    [((), PROXY), (("10.1.0.0/16",), OTHER), (("10.1.2.4",), PROXY)],
    ids=["no_proxy", "another_peer", "another_proxy"],
)
def test_what_others_say_of_their_address_is_not_believed(
    trusted: tuple[str, ...], peer: str, account: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = trusting(*trusted)
    # Uvicorn would take its own variable for ours.
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    with behind(settings, application(account, settings), peer) as client:
        said = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "https"}
        assert client.post("/api/v1/session", json=SIGN_IN, headers=said).status_code == 200
    assert addresses(account)[0] == peer


def test_a_client_cannot_hide_behind_a_proxy_that_adds_to_what_it_was_told(
    account: Database,
) -> None:
    settings = trusting(PROXY, "10.9.9.9")
    with behind(settings, application(account, settings), PROXY) as client:
        # Said by the client itself, then by the outer proxy, then by the inner one.
        said = {"X-Forwarded-For": f"127.0.0.1, {CLIENT}, 10.9.9.9"}
        assert client.post("/api/v1/session", json=SIGN_IN, headers=said).is_success
    assert addresses(account)[0] == CLIENT


def test_tries_to_sign_in_are_counted_by_the_address_of_the_client(account: Database) -> None:
    settings = trusting(PROXY, access=Access(sign_in_rate=2, attempts=100))
    wrong = {**SIGN_IN, "password": "wrong"}
    with behind(settings, application(account, settings), PROXY) as client:

        def attempt(address: str) -> int:
            said = {"X-Forwarded-For": address}
            return client.post("/api/v1/session", json=wrong, headers=said).status_code

        assert [attempt(CLIENT) for _ in range(3)] == [401, 401, 429]
        assert attempt(OTHER) == 401


def test_the_cookie_stays_open_where_there_is_no_tls(account: Database) -> None:
    for settings in (Settings(), Settings(proxy=Proxy(trusted=(PROXY,), tls=False))):
        assert not settings.encrypted
        with behind(settings, application(account, settings), PROXY) as client:
            # An untrue word of the client makes no cookie that it would then not send.
            said = {"X-Forwarded-Proto": "https"}
            signed = client.post("/api/v1/session", json=SIGN_IN, headers=said)
        assert "secure" not in signed.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "wrong", ["0.0.0.0/0", "::/0", "proxy.hospital.example", "10.1.2.3/16", "*"]
)
def test_who_is_trusted_is_named_by_address(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Proxy(trusted=(wrong,))


def test_a_request_from_nowhere_has_no_address() -> None:
    from starlette.requests import Request  # noqa: PLC0415 -- only here

    assert address_of(Request({"type": "http", "client": None})) == ""
