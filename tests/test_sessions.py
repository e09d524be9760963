"""Sessions: begun anew, guarded against other sites' pages, and over wherever they were in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from access_support import GOOD, application, database, settings
from argon2 import PasswordHasher
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from pages_frame_support import behind_guard
from service_support import Service, service
from sqlalchemy import select
from starlette.datastructures import Headers
from starlette.websockets import WebSocketDisconnect
from streamlit.proto.BackMsg_pb2 import BackMsg

from dashboards.frame import socket
from grouper.service.access import managing, passwords, signing_in, tokens
from grouper.service.access.origins import foreign
from grouper.service.access.principal import AccessError
from grouper.service.settings import Access, Settings
from grouper.store import accounts, audit, schema, sessions
from grouper.store.database import Database
from grouper.store.states import Role

__all__ = ["database", "settings"]
NAME, OTHER = "office1", "https://other.example"
LOOK, ME = "/api/v1/looked", "/api/v1/session"
STREAM = "/_stcore/stream"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost little; that they cost the same for everybody has a test of its own."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", quick)
    passwords._nobody.cache_clear()


def account(database: Database, name: str = NAME, password: str | None = None) -> int:
    """An account of the office; returns its number."""
    return managing.make(database, name, name, Role.OFFICE, (), password, 12).id


def begun(database: Database, name: str = NAME, access: Access | None = None) -> str:
    """A session of an account; returns its token."""
    with database.writing_store() as connection:
        found = accounts.by_name(connection, name)
        assert found is not None
        return signing_in.begin(connection, access or Access(), found, "test").token


def held(database: Database) -> list[bytes]:
    with database.reading() as connection:
        return list(connection.scalars(select(schema.session.c.token)))


def cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"{tokens.COOKIE}={token}"}


# --- other sites' pages


@pytest.mark.parametrize(
    ("said", "is_foreign"),
    [
        ({}, False),
        ({"origin": "https://here.example"}, False),
        ({"origin": "https://HERE.example", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "https://here.example:8443"}, True),
        ({"origin": OTHER}, True),
        ({"origin": "https://here.example.evil.example"}, True),
        ({"origin": "http://[broken"}, True),
        ({"origin": "null"}, True),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, False),
        ({"origin": "null", "sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"origin": "https://listed.example"}, False),
    ],
)
def test_where_a_request_comes_from(said: dict[str, str], is_foreign: bool) -> None:
    headers = Headers({"host": "here.example", **said})
    assert foreign(headers, ("https://listed.example",)) is is_foreign


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("sessions")) as found:
        account(found.database)
        yield found


def changing(running: Service) -> list[tuple[str, str]]:
    """Every route that is not only a look."""
    return [
        (method, (one.path or "").format_map(_Numbers()))
        for one in iter_route_contexts(running.app.routes)
        for method in sorted(one.methods or ())
        if method not in tokens.SAFE
    ]


class _Numbers(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "1"


def test_every_changing_route_wants_the_guard_and_our_own_origin(running: Service) -> None:
    token = begun(running.database)
    routes = changing(running)
    assert len(routes) > 30
    guard = {tokens.CSRF_HEADER: tokens.csrf(token)}
    for method, path in routes:
        for headers, code in (
            ({}, "CSRF_MISSING"),
            (guard | {"Origin": OTHER}, "ORIGIN_FOREIGN"),
        ):
            answer = running.client.request(method, path, headers=cookie(token) | headers)
            assert (answer.status_code, answer.json()["code"]) == (403, code), (method, path)
    # With both it is answered by the route itself.
    own = guard | {"Origin": str(running.client.base_url)}
    answer = running.client.delete("/api/v1/jobs/1", headers=cookie(token) | own)
    assert answer.json()["code"] == "JOB_UNKNOWN"


def test_a_key_is_sent_by_no_browser_of_itself_and_needs_no_guard(running: Service) -> None:
    key = managing.make_key(running.database, "test", NAME, "test")
    headers = {"Authorization": f"Bearer {key}", "Origin": OTHER}
    answer = running.client.delete("/api/v1/jobs/1", headers=headers)
    assert answer.json()["code"] == "JOB_UNKNOWN"


def test_nobody_is_signed_in_by_a_page_of_another_site(database: Database) -> None:
    told = {"name": NAME, "password": GOOD}
    with TestClient(application(database, Settings())) as rest:
        answer = rest.post(ME, json=told, headers={"Origin": OTHER})
    assert (answer.status_code, answer.json()["code"]) == (403, "ORIGIN_FOREIGN")
    account(database)
    token = begun(database)
    with TestClient(behind_guard(Settings(), database)) as pages:
        for method, path in (("POST", "/sign-in"), ("PUT", "/_stcore/upload_file/a/b")):
            for said in ({"Origin": OTHER}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
                answer = pages.request(method, path, data=told, headers=said | cookie(token))
                assert (answer.status_code, answer.text) == (403, "ORIGIN_FOREIGN")
                assert "set-cookie" not in answer.headers
        own = {"Origin": "http://testserver"} | cookie(token)
        assert pages.put("/_stcore/upload_file/a/b", headers=own).status_code == 200
    with database.reading() as connection:
        assert "sign_in_failed" not in [one.action for one in audit.entries(connection)]


def test_a_socket_is_opened_by_our_own_pages_alone(database: Database) -> None:
    account(database)
    token = begun(database)
    with TestClient(behind_guard(Settings(), database)) as pages:
        for origin in (OTHER, "null", "http://localhost", "http://testserver:8791"):
            with (
                pytest.raises(WebSocketDisconnect) as caught,
                pages.websocket_connect(STREAM, headers=cookie(token) | {"Origin": origin}),
            ):
                pass
            assert caught.value.code == 4401
        own = cookie(token) | {"Origin": "http://testserver"}
        with pages.websocket_connect(STREAM, headers=own) as line:
            line.send_bytes(_wish())
            assert line.receive_bytes() == _wish()


def _wish() -> bytes:
    wish = BackMsg()
    wish.rerun_script.fragment_id = "f1"
    return bytes(wish.SerializeToString())


# --- the end of a session


def _sign_out(database: Database, token: str) -> None:
    with database.writing_store() as connection:
        sessions.end(connection, tokens.kept(token))


def _expired(database: Database, _token: str) -> None:
    with database.writing_store() as connection:
        connection.execute(schema.session.update().values(expires=schema.now()))


def _idle(database: Database, _token: str) -> None:
    with database.writing_store() as connection:
        connection.execute(
            schema.session.update().values(used=schema.now() - timedelta(seconds=Access().idle))
        )


def _changed(**values: Any) -> Callable[[Database, str], None]:
    def change(database: Database, _token: str) -> None:
        managing.change(database, "admin1", NAME, access=Access(), **values)

    return change


def _too_many(database: Database, _token: str) -> None:
    for _ in range(Access().sessions):
        begun(database)


ENDS: dict[str, Callable[[Database, str], None]] = {
    "signed_out": _sign_out,
    "expired": _expired,
    "idle": _idle,
    "role_changed": _changed(role=Role.MANAGER),
    "departments_changed": _changed(departments=["01"]),
    "switched_off": _changed(active=False),
    "password_set": _changed(password="given-Horse-of-others-3"),  # noqa: S106 -- an invented one
    "too_many": _too_many,
}


def test_a_session_that_ended_is_over_everywhere(database: Database) -> None:
    account(database)
    with (
        TestClient(application(database, Settings())) as rest,
        TestClient(behind_guard(Settings(), database), follow_redirects=False) as pages,
    ):
        for how, end in ENDS.items():
            managing.change(
                database, "admin1", NAME, role=Role.OFFICE, active=True, access=Access()
            )
            with database.writing_store() as connection:
                accounts.change(connection, 1, must_change=False)
            token = begun(database)
            page = {"accept": "text/html"} | cookie(token)
            assert rest.get(LOOK, headers=cookie(token)).status_code == 200, how
            assert pages.get("/queue", headers=page).status_code == 200, how
            with pages.websocket_connect(STREAM, headers=cookie(token)) as line:
                line.send_bytes(_wish())
                assert line.receive_bytes() == _wish()
                end(database, token)
                answer = rest.get(LOOK, headers=cookie(token))
                assert (answer.status_code, answer.json()["code"]) == (401, "SESSION_OVER"), how
                assert pages.get("/queue", headers=page).headers["location"] == "/sign-in", how
                assert pages.get("/media/a.csv", headers=cookie(token)).status_code == 401, how
                # The socket that was open before hears nothing but that the session is over.
                line.send_bytes(_wish())
                assert line.receive_bytes() == socket._OVER, how
            with (
                pytest.raises(WebSocketDisconnect),
                pages.websocket_connect(STREAM, headers=cookie(token)),
            ):
                pass


def test_a_key_ends_with_its_account_and_follows_its_role(database: Database) -> None:
    account(database)
    key = managing.make_key(database, "test", NAME, "test")
    bearer = {"Authorization": f"Bearer {key}"}
    with TestClient(application(database, Settings())) as rest:
        assert rest.get(LOOK, headers=bearer).status_code == 200
        managing.change(database, "admin1", NAME, role=Role.INTERFACE, access=Access())
        assert rest.get(LOOK, headers=bearer).json()["code"] == "NOT_ALLOWED"
        managing.change(database, "admin1", NAME, active=False, access=Access())
        assert rest.get(LOOK, headers=bearer).json()["code"] == "KEY_INVALID"


# --- the beginning of a session


def test_a_planted_cookie_is_not_taken_and_the_session_before_ends(database: Database) -> None:
    account(database, password=GOOD)
    with TestClient(application(database, Settings())) as rest:
        told = {"name": NAME, "password": GOOD}
        planted = tokens.new()
        first = rest.post(ME, json=told, headers=cookie(planted))
        assert first.status_code == 200
        one = first.cookies[tokens.COOKIE]
        assert one != planted
        assert held(database) == [tokens.kept(one)]
        rest.cookies.clear()
        guard = {tokens.CSRF_HEADER: tokens.csrf(one)}
        again = rest.post(ME, json=told, headers=cookie(one) | guard)
        other = again.cookies[tokens.COOKIE]
        assert other != one
        assert held(database) == [tokens.kept(other)]
    with TestClient(behind_guard(Settings(), database), follow_redirects=False) as pages:
        shown = pages.post("/sign-in", data=told, headers=cookie(other))
        # No token in any address: the cookie alone carries it.
        assert shown.headers["location"] == "/"
        assert held(database) == [tokens.kept(shown.cookies[tokens.COOKIE])]


def test_nothing_but_header_and_cookie_lets_in(database: Database) -> None:
    account(database)
    key, token = managing.make_key(database, "test", NAME, "test"), begun(database)
    with TestClient(application(database, Settings())) as rest:
        for name in ("key", "access_token", "token", tokens.COOKIE, "authorization"):
            for value in (key, token, f"Bearer {key}"):
                assert rest.get(LOOK, params={name: value}).status_code == 401
        assert rest.get(LOOK, headers={"Authorization": f"Basic {key}"}).status_code == 401


def test_the_old_password_is_guessed_no_oftener_by_way_of_a_new_one(
    database: Database, settings: Settings
) -> None:
    """The form of the pages takes old and new together, from somebody who is not signed in."""
    account(database, password=GOOD)
    with TestClient(behind_guard(settings, database)) as pages:

        def attempt(name: str, password: str) -> str:
            told = {"name": name, "password": password, "new": "own-Horse-of-mine-9"}
            return pages.post("/sign-in", data=told, follow_redirects=False).text

        unknown, wrong = attempt("nobody", GOOD), attempt(NAME, "wrong")
        assert "SIGN_IN_FAILED" in wrong
        assert unknown == wrong
        for _ in range(settings.access.attempts - 1):
            attempt(NAME, "wrong")
        # Locked by now: the right one says the same.
        assert attempt(NAME, GOOD) == wrong
    with database.reading() as connection:
        actions = [one.action for one in audit.entries(connection)]
        found = accounts.by_name(connection, NAME)
    assert actions.count("sign_in_failed") == settings.access.attempts + 2
    assert "password_changed" not in actions
    assert found is not None
    assert found.locked_until is not None
    assert held(database) == []


def test_an_account_that_is_switched_off_changes_no_password(database: Database) -> None:
    account(database, password=GOOD)
    managing.change(database, "admin1", NAME, active=False, access=Access())
    with pytest.raises(AccessError, match="SIGN_IN_FAILED"):
        signing_in.change_password(database, Access(), NAME, GOOD, "own-Horse-of-mine-9")


def test_a_name_that_is_none_costs_as_much_as_one_that_is(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(database, password=GOOD)
    account(database, "keys1")
    account(database, "off1", GOOD)
    managing.change(database, "admin1", "off1", active=False, access=Access())
    passwords._nobody()
    hashes: list[str] = []

    class Counting:
        def verify(self, kept: str, password: str) -> None:
            del password
            hashes.append(kept)
            raise passwords.VerificationError

    monkeypatch.setattr(passwords, "_hasher", Counting())
    for name in (NAME, "nobody", "keys1", "off1"):
        with pytest.raises(AccessError, match="SIGN_IN_FAILED"):
            signing_in.by_password(database, Access(), name, "wrong")
    # Each time one hash of the same cost.
    assert len(hashes) == 4
    assert len({kept.rsplit("$", 2)[0] for kept in hashes}) == 1


def test_who_tries_many_keys_or_tokens_has_to_wait(database: Database) -> None:
    with TestClient(application(database, Settings(access=Access(rate=3)))) as rest:
        for headers in ({"Authorization": "Bearer gk_x_y"}, cookie("x"), cookie("y")):
            assert rest.get(LOOK, headers=headers).status_code == 401
        answer = rest.get(LOOK, headers={"Authorization": "Bearer gk_x_y"})
        assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_REQUESTS")


def test_the_folder_of_the_service_holds_no_token(running: Service, tmp_path: Path) -> None:
    del tmp_path
    token = begun(running.database)
    folder = running.settings.folder.parent
    data = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert token.encode() not in data
    assert tokens.kept(token) in data
