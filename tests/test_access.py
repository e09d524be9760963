"""Who may: sessions, keys, passwords, limits; and nothing of it can be had from the database."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from access_support import GOOD, application, client, database, settings, sign_in
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from grouper.service.access import passwords, tokens
from grouper.service.access.principal import AccessError, Right, rights
from grouper.service.access.rates import Rates
from grouper.service.settings import Access, Settings, Web
from grouper.store import accounts, audit, keys, schema, sessions
from grouper.store.database import Database
from grouper.store.states import Role

__all__ = ["client", "database", "settings"]
ME, LOOK, SENT = "/api/v1/session", "/api/v1/looked", "/api/v1/sent"


def code(answer: object) -> str:
    return str(answer.json()["code"])  # type: ignore[attr-defined]


def test_nobody_is_let_in_without_signing_in(client: TestClient) -> None:
    for answer in (client.get(LOOK), client.post(SENT), client.get(ME), client.delete(ME)):
        assert (answer.status_code, code(answer)) == (401, "SIGN_IN_NEEDED")


def test_a_session_lets_in_and_out_again(client: TestClient) -> None:
    guard = sign_in(client)
    assert client.get(LOOK).json() == {"name": "office1", "via": "session"}
    me = client.get(ME).json()
    assert me["role"] == "office"
    assert me["csrf"] == guard
    assert Right.CASES in me["rights"]
    assert client.delete(ME, headers={tokens.CSRF_HEADER: guard}).status_code == 204
    assert client.get(LOOK).status_code == 401


def test_a_changing_request_needs_what_only_the_page_knows(client: TestClient) -> None:
    guard = sign_in(client)
    for wrong in ({}, {tokens.CSRF_HEADER: ""}, {tokens.CSRF_HEADER: guard[:-1] + "g"}):
        answer = client.post(SENT, headers=wrong)
        assert (answer.status_code, code(answer)) == (403, "CSRF_MISSING")
    assert client.post(SENT, headers={tokens.CSRF_HEADER: guard}).status_code == 200


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(
    client: TestClient, database: Database
) -> None:
    answer = client.post(ME, json={"name": "office1", "password": GOOD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    safe = Settings(web=Web(tls_certificate=Path("c.pem"), tls_key=Path("k.pem")))
    with TestClient(application(database, safe)) as behind_tls:
        answer = behind_tls.post(ME, json={"name": "office1", "password": GOOD})
    assert "secure" in answer.headers["set-cookie"].lower()


def test_wrong_passwords_say_nothing_and_lock_the_account(
    client: TestClient, database: Database
) -> None:
    unknown = client.post(ME, json={"name": "nobody", "password": GOOD})
    wrong = client.post(ME, json={"name": "office1", "password": "wrong"})
    assert unknown.status_code == wrong.status_code == 401
    assert unknown.json() == wrong.json()
    for _ in range(2):
        client.post(ME, json={"name": "office1", "password": "wrong"})
    locked = client.post(ME, json={"name": "office1", "password": GOOD})
    assert (locked.status_code, code(locked)) == (401, "SIGN_IN_FAILED")
    with database.writing_store() as connection:
        found = accounts.by_name(connection, "office1")
        assert found is not None
        assert found.locked_until is not None
        accounts.change(connection, found.id, locked_until=schema.now() - timedelta(seconds=1))
    sign_in(client)
    with database.reading() as connection:
        found = accounts.by_name(connection, "office1")
        assert found is not None
        assert (found.failures, found.locked_until) == (0, None)


@pytest.mark.usefixtures("client")
def test_wrong_passwords_that_are_tried_at_once_all_count(database: Database) -> None:
    lock = timedelta(minutes=15)
    with database.reading() as connection:
        read = accounts.by_name(connection, "office1")
    assert read is not None
    # Each try read the account before any of the others was counted.
    for _ in range(3):
        with database.writing_store() as connection:
            accounts.failed(connection, read, 3, lock)
    with database.reading() as connection:
        found = accounts.by_id(connection, read.id)
    assert found is not None
    assert found.failures == 3
    assert found.locked_until is not None
    # One that is not enough for a lock leaves the lock that another set.
    with database.writing_store() as connection:
        accounts.failed(connection, read, 9, lock)
        later = accounts.by_id(connection, read.id)
    assert later is not None
    assert (later.failures, later.locked_until) == (4, found.locked_until)


def test_a_right_password_is_refused_when_others_locked_the_account_meanwhile(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = passwords.right

    def slow(kept: str | None, given: str) -> bool:
        with database.writing_store() as connection:
            found = accounts.by_name(connection, "office1")
            assert found is not None
            accounts.failed(connection, found, 1, timedelta(minutes=15))
        return right(kept, given)

    monkeypatch.setattr(passwords, "right", slow)
    answer = client.post("/api/v1/session", json={"name": "office1", "password": GOOD})
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_IN_FAILED")
    assert tokens.COOKIE not in client.cookies


def test_sessions_end_by_idleness_by_age_and_by_number(
    client: TestClient, database: Database, settings: Settings
) -> None:
    sign_in(client)
    token = client.cookies[tokens.COOKIE]
    idle = timedelta(seconds=settings.access.idle)

    def turn_back(**values: object) -> None:
        with database.writing_store() as connection:
            connection.execute(schema.session.update().values(**values))

    turn_back(used=schema.now() - idle + timedelta(seconds=5))
    assert client.get(LOOK).status_code == 200
    # The use just made is noted: the session holds for another while.
    with database.reading() as connection:
        used = connection.scalar(schema.session.select().with_only_columns(schema.session.c.used))
        assert used is not None
        assert schema.now() - used < timedelta(seconds=30)
    turn_back(used=schema.now() - idle)
    answer = client.get(LOOK)
    assert (answer.status_code, code(answer)) == (401, "SESSION_OVER")
    assert client.get(ME).status_code == 401
    sign_in(client)
    turn_back(expires=schema.now())
    assert code(client.get(LOOK)) == "SESSION_OVER"
    with database.writing_store() as connection:
        # The one before it had ended with the sign-in that came after.
        assert sessions.sweep(connection, idle) == 1
    # More sessions than allowed: the oldest ends.
    held = []
    for _ in range(settings.access.sessions + 1):
        client.cookies.clear()
        sign_in(client)
        held.append(client.cookies[tokens.COOKIE])
    found = [sessions.account_of(database, tokens.kept(t), idle) for t in [token, *held]]
    assert [one is not None for one in found] == [False, False, True, True]


def test_a_role_without_the_right_is_told_so(client: TestClient) -> None:
    guard = sign_in(client, "admin1")
    answer = client.get(LOOK)
    assert (answer.status_code, code(answer)) == (403, "NOT_ALLOWED")
    assert client.post(SENT, headers={tokens.CSRF_HEADER: guard}).status_code == 403


def test_every_role_has_rights_and_no_role_but_admin_makes_accounts() -> None:
    assert all(rights()[role] for role in Role)
    assert [role for role in Role if Right.ACCOUNTS in rights()[role]] == [Role.ADMIN]
    assert Right.CASES not in rights()[Role.ADMIN]
    assert Right.ALL_DEPARTMENTS not in rights()[Role.PHYSICIAN]


def test_administrators_make_change_and_close_accounts(client: TestClient) -> None:
    guard = {tokens.CSRF_HEADER: sign_in(client, "admin1")}
    base = "/api/v1/accounts"
    new = {"name": "zhang", "role": "physician", "departments": ["01"], "password": GOOD}
    made = client.post(base, json=new, headers=guard)
    assert made.status_code == 201
    assert (made.json()["departments"], made.json()["has_password"]) == (["01"], True)
    again = client.post(base, json=new, headers=guard)
    assert (again.status_code, code(again)) == (409, "ACCOUNT_EXISTS")
    weak = client.post(base, json={**new, "name": "li", "password": "short"}, headers=guard)
    assert (weak.status_code, code(weak)) == (422, "PASSWORD_WEAK")
    assert {one["name"] for one in client.get(base).json()} == {"admin1", "office1", "zhang"}
    changed = client.patch(f"{base}/zhang", json={"departments": ["02"]}, headers=guard)
    assert changed.json()["departments"] == ["02"]
    unknown = client.patch(f"{base}/nobody", json={"active": False}, headers=guard)
    assert (unknown.status_code, code(unknown)) == (404, "ACCOUNT_UNKNOWN")
    # A password that somebody else set opens nothing but its own change.
    client.cookies.clear()
    own = {tokens.CSRF_HEADER: sign_in(client, "zhang")}
    assert code(client.get(LOOK)) == "PASSWORD_MUST_CHANGE"
    body = {"old": GOOD, "new": "another-Long-pass-9"}
    assert (
        client.post("/api/v1/password", json={**body, "old": "x"}, headers=own).status_code == 401
    )
    assert client.post("/api/v1/password", json=body, headers=own).status_code == 204
    assert code(client.get(LOOK)) == "SESSION_OVER"
    client.cookies.clear()
    sign_in(client, "zhang", "another-Long-pass-9")
    assert client.get(LOOK).status_code == 200
    # Switched off: the session ends at once.
    token = client.cookies[tokens.COOKIE]
    client.cookies.clear()
    guard = {tokens.CSRF_HEADER: sign_in(client, "admin1")}
    client.patch(f"{base}/zhang", json={"active": False, "role": "office"}, headers=guard)
    client.patch(f"{base}/zhang", json={"password": GOOD + "2"}, headers=guard)
    client.cookies.clear()
    client.cookies.set(tokens.COOKIE, token)
    assert client.get(LOOK).status_code == 401


def test_keys_of_systems(client: TestClient, database: Database) -> None:
    guard = {tokens.CSRF_HEADER: sign_in(client, "admin1")}
    base = "/api/v1/accounts"
    client.post(base, json={"name": "his", "role": "interface"}, headers=guard)
    keys_of = f"{base}/his/keys"
    key = client.post(keys_of, json={"label": "HIS"}, headers=guard).json()["key"]
    over = client.post(
        keys_of, json={"label": "old", "expires": "2020-01-01T00:00:00"}, headers=guard
    ).json()["key"]
    shown = client.get(keys_of).json()
    assert [one["label"] for one in shown] == ["HIS", "old"]
    assert key not in str(shown)
    client.cookies.clear()
    bearer = {"Authorization": f"Bearer {key}"}
    assert client.post(SENT, headers=bearer).json() == {"name": "his"}
    assert client.get(ME, headers=bearer).json()["csrf"] is None
    for wrong in (over, key[:-1], "gk_x", "Bearer", f"gk_{'0' * 12}_secret", ""):
        answer = client.post(SENT, headers={"Authorization": f"Bearer {wrong}"})
        assert (answer.status_code, code(answer)) == (401, "KEY_INVALID")
    guard = {tokens.CSRF_HEADER: sign_in(client, "admin1")}
    prefix = shown[0]["prefix"]
    assert client.delete(f"{keys_of}/{prefix}", headers=guard).status_code == 204
    answer = client.delete(f"{keys_of}/{prefix}", headers=guard)
    assert (answer.status_code, code(answer)) == (404, "KEY_UNKNOWN")
    client.cookies.clear()
    assert client.post(SENT, headers=bearer).status_code == 401
    with database.reading() as connection:
        his = accounts.by_name(connection, "his")
        assert his is not None
        assert keys.keys_of(connection, his.id)[0].revoked is not None


def test_what_was_done_is_in_the_audit_log_and_the_chain_holds(
    client: TestClient, database: Database
) -> None:
    client.post(ME, json={"name": "a password by mistake", "password": "x"})
    sign_in(client, "admin1")
    with database.reading() as connection:
        rows = connection.execute(schema.audit.select().order_by(schema.audit.c.id)).all()
        assert audit.verify(connection).faults == ()
    actions = [row.action for row in rows]
    assert actions == ["account_made", "account_made", "sign_in_failed", "sign_in"]
    assert "mistake" not in str(rows)


def test_nothing_in_the_database_opens_a_session(client: TestClient, tmp_path: Path) -> None:
    sign_in(client)
    token = client.cookies[tokens.COOKIE]
    held = b""
    for path in tmp_path.glob("grouper.sqlite*"):
        held += path.read_bytes()
    assert token.encode() not in held
    assert GOOD.encode() not in held
    with sqlite3.connect(tmp_path / "grouper.sqlite") as connection:
        hashes = connection.execute("SELECT password FROM account").fetchall()
    connection.close()
    assert all(one.startswith("$argon2id$") for (one,) in hashes)


def test_too_many_requests_are_told_when_to_come_again(database: Database) -> None:
    few = Settings(access=Access(rate=3, sign_in_rate=2))
    with TestClient(application(database, few)) as client:
        for _ in range(2):
            client.post(ME, json={"name": "nobody", "password": "x"})
        third = client.post(ME, json={"name": "nobody", "password": "x"})
        assert (third.status_code, code(third)) == (429, "TOO_MANY_REQUESTS")
        fourth = client.get(LOOK)
        assert (fourth.status_code, code(fourth)) == (429, "TOO_MANY_REQUESTS")
        assert int(fourth.headers["retry-after"]) > 0


@given(st.lists(st.floats(0, 30), max_size=60))
def test_a_bucket_never_gives_more_than_its_rate(gaps: list[float]) -> None:
    at = 0.0
    rates = Rates(6, lambda: at)
    given_at = []
    for gap in gaps:
        at += gap
        wait = rates.wait("a")
        if wait == 0:
            given_at.append(at)
        else:
            # After the seconds told, the client is let in again.
            assert wait <= 11
    for i, start in enumerate(given_at):
        within = sum(1 for other in given_at[i:] if other - start < 60)
        assert within <= 12


def test_forgotten_clients_are_those_seen_longest_ago() -> None:
    rates = Rates(1, lambda: 0.0)
    for number in range(10_001):
        assert rates.wait(str(number)) == 0
    assert rates.wait("10000") > 0
    assert rates.wait("0") == 0


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("short", "length"),
        ("x" * 2000, "length"),
        ("ababababababab", "repeats"),
        ("my-office1-pass-9", "name"),
        ("Administrator!", "common"),
        ("Woaini1314pw", "common"),
    ],
)
def test_weak_passwords_are_refused_with_the_rule(password: str, rule: str) -> None:
    with pytest.raises(AccessError) as caught:
        passwords.check_new(password, "office1", 12)
    assert caught.value.params["rule"] == rule
    passwords.check_new(GOOD, "office1", 12)


def test_hashes_of_other_makes_and_endless_passwords_are_never_right() -> None:
    assert not passwords.right("no hash", "x")
    assert not passwords.right(passwords.hashed("x"), "x" * 5000)
    assert not passwords.right(None, "nobody has this password")
    old = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$bXjxMfE6tQ8hGLgTYNqYUg"
    assert passwords.outdated(old)
    assert not passwords.outdated(passwords.hashed(GOOD))
