"""Signing in to the pages, and that nothing of them is reached without it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlparse

import httpx
import pytest
from access_support import GOOD
from anyio import fail_after, run, sleep
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pages_frame_support import behind_guard, browser, database, settings, sign_in
from sqlalchemy import select, update
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit.proto.BackMsg_pb2 import BackMsg
from test_access_oidc import ISSUER, SETTINGS, StandIn

from dashboards.frame import headers, socket
from dashboards.frame import sign_in as sign_in_page
from dashboards.frame.sign_in import provider_of
from grouper.service.access import oidc, signing_in, tokens
from grouper.service.access.managing import make
from grouper.service.settings import Access, Oidc, Pages, Settings
from grouper.service.web_limits import web_limits
from grouper.store import accounts, audit
from grouper.store.database import Database, StoreError
from grouper.store.schema import now, session
from grouper.store.states import Role

__all__ = ["browser", "database", "settings"]
BACK = "https://pages.hospital.example/sign-in/oidc/back"


def actions(database: Database) -> list[str]:
    with database.reading() as connection:
        return [entry.action for entry in audit.entries(connection)]


def test_a_page_without_a_session_leads_to_the_form(browser: TestClient) -> None:
    for path in ("/", "/case?case_id=1", "/%2e%2e/static/../x"):
        answer = browser.get(path)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/sign-in"), path
    assert browser.get("/_stcore/health").status_code == 200
    assert browser.get("/static/js/index.js").status_code == 200
    form = browser.get("/sign-in")
    assert form.status_code == 200
    assert '<html lang="zh-CN">' in form.text
    assert "医保" in form.text
    assert "统一身份认证" not in form.text


@pytest.mark.parametrize(
    ("path", "answered", "as_file"),
    [
        ("/queue", 200, 200),
        ("/home", 303, 404),
        ("/nonsense?a=1", 303, 404),
        ("/a/b", 404, 404),
        ("/_stcore/metrics", 404, 404),
        ("/_stcore/agent/interact", 404, 404),
        ("/auth/login", 404, 404),
        ("/media/a.csv", 200, 200),
    ],
)
def test_an_address_of_no_page_leads_to_the_first_one(
    browser: TestClient, path: str, answered: int, as_file: int
) -> None:
    browser.post("/sign-in", data={"name": "office1", "password": GOOD})
    asked = {"headers": {"accept": "text/html"}, "follow_redirects": False}
    answer = browser.get(path, **asked)  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers.get("location")) == (
        answered,
        "/" if answered == 303 else None,
    )
    # A file of that name is asked for otherwise.
    assert browser.get(path, headers={"accept": "*/*"}).status_code == as_file


def test_what_is_no_page_is_refused_and_not_led(browser: TestClient) -> None:
    for method, path in (
        ("GET", "/media/a.csv"),
        ("PUT", "/_stcore/upload_file/a/b"),
        ("POST", "/x"),
    ):
        answer = browser.request(method, path, headers={"accept": "*/*"})
        assert (answer.status_code, answer.text) == (401, "SIGN_IN_NEEDED"), path
    assert browser.request("POST", "/x").status_code == 401


def test_signing_in_gives_a_cookie_that_scripts_and_other_sites_do_not_reach(
    browser: TestClient, database: Database
) -> None:
    answer = browser.post("/sign-in", data={"name": "office1", "password": GOOD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    said = answer.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    assert browser.get("/queue").text == "behind /queue"
    assert actions(database)[0] == "sign_in"
    with database.writing_store() as connection:
        accounts.change(connection, 1, active=False)
    assert browser.get("/queue").status_code == 303


@pytest.mark.parametrize(("name", "password"), [("office1", "wrong-Horse-7"), ("nobody", GOOD)])
def test_a_wrong_name_or_password_say_the_same(
    browser: TestClient, name: str, password: str
) -> None:
    answer = browser.post("/sign-in", data={"name": name, "password": password})
    assert answer.status_code == 403
    assert "SIGN_IN_FAILED" in answer.text
    assert 'role="alert"' in answer.text
    assert name not in answer.text
    assert password not in answer.text
    assert "set-cookie" not in answer.headers


def test_an_account_is_locked_after_so_many_wrong_passwords(browser: TestClient) -> None:
    for _ in range(3):
        browser.post("/sign-in", data={"name": "office1", "password": "wrong"})
    answer = browser.post("/sign-in", data={"name": "office1", "password": GOOD})
    assert answer.status_code == 403
    assert browser.get("/").status_code == 303


def test_a_password_that_somebody_gave_must_be_changed_first(
    browser: TestClient, database: Database, settings: Settings
) -> None:
    make(database, "admin", "new1", Role.OFFICE, (), GOOD, 12)
    signing_in.change_password(database, settings.access, "new1", None, "given-Horse-of-others-3")
    first = browser.post("/sign-in", data={"name": "new1", "password": "given-Horse-of-others-3"})
    assert first.status_code == 403
    assert "PASSWORD_MUST_CHANGE" in first.text
    assert 'name="new"' in first.text
    assert "set-cookie" not in first.headers
    told = {"name": "new1", "password": "given-Horse-of-others-3"}
    weak = browser.post("/sign-in", data={**told, "new": "short"})
    assert "PASSWORD_WEAK" in weak.text
    assert 'name="new"' in weak.text
    changed = browser.post("/sign-in", data={**told, "new": "own-Horse-of-mine-9"})
    assert changed.status_code == 303
    assert browser.get("/queue").status_code == 200


def test_a_session_whose_password_must_be_changed_opens_nothing(
    browser: TestClient, database: Database
) -> None:
    sign_in(browser)
    with database.writing_store() as connection:
        accounts.change(connection, 1, must_change=True)
    assert browser.get("/queue").status_code == 303


def test_too_many_tries_are_slowed_down(database: Database) -> None:
    slow = Settings(access=Access(sign_in_rate=2))
    with TestClient(behind_guard(slow, database)) as client:
        codes = [client.post("/sign-in", data={"name": "a", "password": "b"}) for _ in range(3)]
    assert "TOO_MANY_REQUESTS" in codes[-1].text
    assert "TOO_MANY_REQUESTS" not in codes[0].text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"name=office1",
        b"name=&password=x",
        b"name=" + b"a" * 5000 + b"&password=x",
        b"\xff\xfe",
        b"name=a%00b&password=x",
        b"&".join(b"x%d=1" % n for n in range(20)),
    ],
)
def test_forms_that_are_none(browser: TestClient, body: bytes) -> None:
    answer = browser.post("/sign-in", content=body)
    assert answer.status_code == 403
    assert "SIGN_IN_FAILED" in answer.text


def test_a_form_that_comes_too_slowly_is_given_up(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    tight = replace(web_limits(), body_seconds=0.2)
    monkeypatch.setattr(sign_in_page, "web_limits", lambda: tight)
    parts = iter([{"type": "http.request", "body": b"name=a", "more_body": True}])
    sent: list[dict[str, Any]] = []

    async def trickling() -> Any:
        if (part := next(parts, None)) is None:
            await sleep(30)
        return part

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask() -> None:
        scope = {"type": "http", "method": "POST", "path": "/sign-in", "raw_path": b"/sign-in"}
        about = {"query_string": b"lang=en", "root_path": "", "scheme": "http"}
        ends = {"client": ("10.0.0.1", 1), "server": ("testserver", 80), "http_version": "1.1"}
        with fail_after(10):
            headers = {"headers": [(b"host", b"testserver")], "asgi": {"version": "3.0"}}
            await browser.app(scope | about | ends | headers, trickling, send)

    run(ask)
    assert sent[0]["status"] == 408
    assert b"BODY_TOO_SLOW" in sent[1]["body"]


@given(
    name=st.text(max_size=80),
    password=st.text(max_size=80),
    new=st.text(max_size=40),
    more=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
)
@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_hostile_fields_open_nothing_and_break_nothing(
    database: Database, name: str, password: str, new: str, more: dict[str, str]
) -> None:
    quick = Settings(access=Access(sign_in_rate=100_000))
    with TestClient(behind_guard(quick, database)) as client:
        told = {**more, "name": name, "password": password, "new": new}
        body = httpx.QueryParams(
            {key: value.encode("utf-8", "replace").decode() for key, value in told.items()}
        )
        answer = client.post("/sign-in", content=str(body).encode())
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert client.get("/x", headers={"accept": "text/html"}, follow_redirects=False).is_redirect


def test_what_was_typed_never_becomes_part_of_the_page(browser: TestClient) -> None:
    answer = browser.post(
        "/sign-in?lang=<script>", data={"name": "<script>alert(1)</script>", "password": "x"}
    )
    assert "<script" not in answer.text


def test_the_form_in_english(browser: TestClient) -> None:
    answer = browser.get("/sign-in?lang=en")
    assert '<html lang="en">' in answer.text
    assert "Password" in answer.text
    assert "密码" not in answer.text
    wrong = browser.post("/sign-in?lang=en", data={"name": "a", "password": "b"})
    assert not {"密码", "账号"} & set(wrong.text)


def test_headers_of_every_answer(browser: TestClient) -> None:
    form, led, file = (browser.get(path) for path in ("/sign-in", "/", "/static/x.js"))
    for answer in (form, led, file):
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == (
            "same-origin" if answer is form else "no-referrer"
        )
        assert len(answer.headers.get_list("content-security-policy")) == 1
        assert "strict-transport-security" not in answer.headers
    assert form.headers["content-security-policy"].startswith("default-src 'none'")
    assert file.headers["content-security-policy"].startswith("default-src 'self'")
    assert form.headers["cache-control"] == "no-store"


def test_the_policy_names_the_inline_scripts_of_streamlit_by_their_hashes() -> None:
    policy = headers.policy().decode()
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "sha256-" in scripts
    assert "unsafe-inline" not in scripts
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert dict(headers.with_ours([], encrypted=True))[b"strict-transport-security"]


def test_the_store_is_away(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(browser)

    def away(*_: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr("dashboards.frame.signed.sessions.account_of", away)
    assert browser.get("/queue").status_code == 303
    monkeypatch.setattr("grouper.service.access.signing_in.accounts.by_name", away)
    said = browser.post("/sign-in", data={"name": "office1", "password": GOOD})
    assert "STORE_UNAVAILABLE" in said.text


# --- sockets


def rerun(*, auto: bool = False, fragment: str = "") -> bytes:
    message = BackMsg()
    message.rerun_script.is_auto_rerun = auto
    message.rerun_script.fragment_id = fragment
    return bytes(message.SerializeToString())


def used(database: Database, *, ago: timedelta | None = None) -> object:
    """When the session was last used; first said to be so long ago."""
    if ago is not None:
        with database.writing_store() as connection:
            connection.execute(update(session).values(used=now() - ago))
    with database.reading() as connection:
        return connection.scalar(select(session.c.used))


def test_a_socket_without_a_session_is_closed(browser: TestClient) -> None:
    for cookie in (None, "x", "%00"):
        sent = {} if cookie is None else {"cookie": f"{tokens.COOKIE}={cookie}"}
        with (
            pytest.raises(WebSocketDisconnect) as caught,
            browser.websocket_connect("/_stcore/stream", headers=sent),
        ):
            pass
        assert caught.value.code == 4401


def test_a_socket_is_heard_only_while_the_session_holds(
    browser: TestClient, database: Database
) -> None:
    sign_in(browser)
    with browser.websocket_connect("/_stcore/stream") as line:
        asked = rerun(fragment="f1")
        line.send_bytes(asked)
        assert line.receive_bytes() == asked
        used(database, ago=timedelta(hours=2))
        line.send_bytes(asked)
        whole = BackMsg.FromString(line.receive_bytes())
        assert whole.WhichOneof("type") == "rerun_script"
        assert not whole.rerun_script.fragment_id
        # Whatever is sent then, the script runs from the start, and says that the session is over.
        line.send_bytes(b"\xff\xff\xff")
        assert line.receive_bytes() == whole.SerializeToString()


def test_the_clock_of_a_page_is_no_use_of_the_session(
    browser: TestClient, database: Database
) -> None:
    sign_in(browser)
    before = used(database, ago=timedelta(minutes=20))
    with browser.websocket_connect("/_stcore/stream") as line:
        # Opening the socket is a use; from here on it is only the clock.
        before = used(database, ago=timedelta(minutes=20))
        for quiet in (rerun(auto=True, fragment="f1"), BackMsg(app_heartbeat=True), b"\xff\xff"):
            line.send_bytes(quiet if isinstance(quiet, bytes) else quiet.SerializeToString())
            line.receive_bytes()
        assert used(database) == before
        line.send_bytes(rerun(fragment="f1"))
        line.receive_bytes()
        assert used(database) > before  # type: ignore[operator]


def test_a_store_that_is_away_ends_what_the_socket_says(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(browser)
    with browser.websocket_connect("/_stcore/stream") as line:

        def away(*_: object) -> None:
            raise StoreError("STORE_UNAVAILABLE")

        monkeypatch.setattr(socket, "holds", away)
        line.send_bytes(rerun(auto=True, fragment="f1"))
        assert line.receive_bytes() == socket._OVER


# --- the identity provider


def test_sign_in_by_the_identity_provider(database: Database) -> None:
    stand_in = StandIn()
    asked = SETTINGS.model_copy(update={"redirect": BACK})
    provider = oidc.Provider(asked, httpx.Client(transport=httpx.MockTransport(stand_in)))
    with TestClient(
        behind_guard(Settings(oidc=SETTINGS), database, provider),
        headers={"accept": "text/html"},
        follow_redirects=False,
    ) as client:
        assert "/sign-in/oidc" in client.get("/sign-in").text
        away = client.get("/sign-in/oidc")
        assert away.headers["location"].startswith(f"{ISSUER}/auth?")
        sent = parse_qs(urlparse(away.headers["location"]).query)
        assert sent["redirect_uri"] == [BACK]
        stand_in.says(sent["nonce"][0])
        told = {"state": sent["state"][0], "code": "c"}
        home = client.get("/sign-in/oidc/back", params=told)
        assert (home.status_code, home.headers["location"]) == (303, "/")
        assert "samesite=lax" in home.headers["set-cookie"].lower()
        assert client.get("/queue").status_code == 200
        # A state serves once, and the form says so.
        again = client.get("/sign-in/oidc/back", params=told)
        assert again.status_code == 403
        assert "OIDC_STATE" in again.text
        stand_in.unreachable = True
        fresh = oidc.Provider(asked, httpx.Client(transport=httpx.MockTransport(stand_in)))
        with TestClient(behind_guard(Settings(oidc=SETTINGS), database, fresh)) as lost:
            assert "OIDC_UNREACHABLE" in lost.get("/sign-in/oidc").text
        fresh.close()
    provider.close()


def test_without_a_provider_its_way_is_closed(browser: TestClient) -> None:
    for path in ("/sign-in/oidc", "/sign-in/oidc/back?state=a&code=b"):
        answer = browser.get(path)
        assert answer.status_code == 403
        assert "SIGN_IN_FAILED" in answer.text
    assert provider_of(Settings()) is None
    assert provider_of(Settings(oidc=Oidc(issuer=ISSUER))) is None
    made = provider_of(Settings(oidc=Oidc(issuer=ISSUER), pages=Pages(oidc_redirect=BACK)))
    assert made is not None
    assert made._settings.redirect == BACK
    made.close()


def test_a_session_that_is_over_by_its_age_is_over(browser: TestClient, database: Database) -> None:
    sign_in(browser)
    with database.writing_store() as connection:
        connection.execute(update(session).values(expires=now() - timedelta(seconds=1)))
    assert browser.get("/queue").status_code == 303
