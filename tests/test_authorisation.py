"""Who may ask for what: every route, hook, page and errand against a table of every role."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from authorisation_support import (
    HEART,
    HOOKS,
    NOBODY,
    ROLES,
    Row,
    Seeded,
    hook,
    sample,
    seeded,
    table,
)
from pages_frame_support import Script
from service_support import PEOPLE
from sqlalchemy import select

from dashboards.frame.navigation import pages
from grouper.service.access.principal import AccessError, Principal, rights
from grouper.service.errand_kinds import kinds
from grouper.service.errands import ErrandError, Errands
from grouper.service.openapi import OPEN
from grouper.service.settings import Settings
from grouper.store import schema
from grouper.store.database import Database, connect
from grouper.store.migrate import upgrade
from grouper.store.states import Role

WORDS = {"no", "yes", "own", "all", "self"}
REFUSALS = {"SIGN_IN_NEEDED": 401, "NOT_ALLOWED": 403}
REST = table("rest")
LAST = ("DELETE", "POST /api/v1/messages/{message_id}/dismiss")
"""What takes something away from those who come after."""
_NO_LIST = {"NO_LIST_SENT"}
ANSWERS: dict[str, set[str]] = {
    # Signing in with what nobody has, and a password that is not the account's.
    "POST /api/v1/session": {"SIGN_IN_FAILED"},
    "POST /api/v1/password": {"SIGN_IN_FAILED"},
    "GET /api/v1/sign-in/oidc": {"OIDC_UNREACHABLE"},
    "GET /api/v1/sign-in/oidc/back": {"OIDC_STATE"},
    # No model of forecasts, no list that was sent, no worker beside the app.
    "POST /api/v1/forecast": {"FORECAST_NO_MODEL"},
    "GET /api/v1/cases/{case_id}/forecast": {"STORED_FORECAST_ABSENT"},
    "GET /api/v1/cases/{case_id}/differences": _NO_LIST,
    "GET /api/v1/cases/{case_id}/checks": _NO_LIST,
    "GET /health/ready": {"", "503"},
    # What the role before has done already.
    "POST /api/v1/findings/{finding_id}/steps": {"", "FINDING_MOVED"},
    "POST /api/v1/messages/{message_id}/replay": {"", "MESSAGE_SETTLED"},
    "POST /api/v1/messages/{message_id}/dismiss": {"", "MESSAGE_SETTLED"},
    # A job that did not end, and a file of no known kind.
    "GET /api/v1/jobs/{job_id}/{part}": {"JOB_NOT_DONE"},
    "POST /api/v1/jobs": {"JOB_FORMAT"},
    "POST /api/v1/inbox/{form}": {"VISIT_MISSING"},
}
"""Requests that are allowed and yet cannot be done with the samples: the codes that say so."""


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    with pytest.MonkeyPatch.context() as patched:
        folder = tmp_path_factory.mktemp("authorisation")
        patched.setenv("GROUPER_DATA", str(folder / "data"))
        with seeded(folder) as found:
            yield found


def everything(database: Database) -> dict[str, list[Any]]:
    """All rows of inbox and store."""
    found: dict[str, list[Any]] = {}
    for opened, tables in (
        (database.reading_inbox, schema.INBOX),
        (database.reading, schema.STORE),
    ):
        with opened() as connection:
            for one in tables.sorted_tables:
                found[one.name] = [tuple(row) for row in connection.execute(select(one))]
    return found


def ask(seed: Seeded, who: str, row: Row) -> Any:
    more = sample(row.method, row.what, seed.heart)
    return seed.ask(who, row.method, row.what.format(**seed.heart), **more)


# --- the table


def test_every_route_page_errand_and_hook_has_a_row_and_every_row_is_of_one(seed: Seeded) -> None:
    assert {(row.method, row.what) for row in REST} == set(seed.routes())
    assert {row.what for row in table("cds")} == {
        one["id"] for one in seed.ask(NOBODY, "GET", "/cds-services").json()["services"]
    }
    assert {row.what for row in table("page")} == {one.page for one in pages()}
    assert {row.what for row in table("errand")} == set(kinds())
    for kind in ("rest", "cds", "page", "errand"):
        ids = [row.id for row in table(kind)]
        assert len(ids) == len(set(ids))
        assert {word for row in table(kind) for word in row.cells.values()} <= WORDS


def test_what_needs_no_sign_in_is_what_the_document_says() -> None:
    named = {(row.method.lower(), row.what) for row in REST if row.cells[NOBODY] != "no"}
    assert named == OPEN
    others = (row for kind in ("cds", "page", "errand") for row in table(kind))
    assert {row.cells[NOBODY] for row in others} == {"no"}


def test_the_words_fit_the_reach_of_the_roles() -> None:
    """A physician is never told ``all``; who is bound to no department is never told ``own``."""
    for kind in ("rest", "cds", "page", "errand"):
        for row in table(kind):
            assert row.cells["physician"] != "all", row
            assert "own" not in {row.cells[who] for who in ROLES if who != "physician"}, row
    bound = [role for role in Role if "all_departments" not in rights()[role]]
    assert Role.PHYSICIAN in bound
    assert all(Role.PHYSICIAN is one or "cases" not in rights()[one] for one in bound)


# --- REST and CDS Hooks


def test_who_may_not_is_refused_and_nothing_is_done(seed: Seeded) -> None:
    before, refused = everything(seed.on.database), 0
    for row in REST:
        for who in (who for who, word in row.cells.items() if word == "no"):
            answer = ask(seed, who, row)
            code = "SIGN_IN_NEEDED" if who == NOBODY else "NOT_ALLOWED"
            told = answer.json()
            assert (answer.status_code, told["code"]) == (REFUSALS[code], code), (who, row.id)
            # Nothing but the refusal itself: no place, no errors, no id of what was asked for.
            assert set(told) == {"type", "title", "status", "code", "detail", "advice"}, row.id
            assert not [one for one in seed.heart.values() if len(one) > 8 and one in answer.text]
            refused += 1
    assert refused == sum(word == "no" for row in REST for word in row.cells.values()) > 250
    assert everything(seed.on.database) == before


def test_a_hook_is_refused_to_who_may_not_call_it(seed: Seeded) -> None:
    for row in table("cds"):
        for who, word in row.cells.items():
            body = hook(row.what, seed.heart)
            if row.what == "grouper-order-audit":
                body["context"]["draftOrders"] = {"resourceType": "Bundle", "type": "collection"}
            answer = seed.ask(who, "POST", f"/cds-services/{row.what}", json=body)
            if word == "no":
                assert answer.status_code in (401, 403), (who, row.what)
                assert "cards" not in answer.json()
            else:
                assert answer.status_code == 200, (who, row.what, answer.text)
    assert {row.what for row in table("cds")} == set(HOOKS)


@pytest.mark.slow
@pytest.mark.parametrize("who", [*ROLES, NOBODY])
def test_who_may_is_answered(seed: Seeded, who: str) -> None:
    asked = [row for row in REST if row.cells[who] != "no"]
    for row in sorted(asked, key=lambda one: one.id.startswith(LAST)):
        answer = ask(seed, who, row)
        problem = answer.headers.get("content-type", "").startswith("application/problem")
        code = answer.json()["code"] if problem else ""
        if not problem and answer.status_code >= 300:
            code = str(answer.status_code)
        assert code in ANSWERS.get(row.id, {""}), (row.id, answer.status_code, answer.text[:200])


# --- pages


def test_a_page_is_for_those_who_hold_its_rights() -> None:
    rows = {row.page: row for row in pages()}
    for told in table("page"):
        row = rows[told.what]
        for role in Role:
            may = set(row.rights) <= rights()[role]
            assert may == (told.cells[role.value] != "no"), (told.what, role)
        # Nobody has a page in the menu that may not be seen.
        assert all(told.cells[role.value] != "no" for role in row.homes), told.what


@pytest.mark.slow
@pytest.mark.parametrize("who", ROLES)
def test_every_page_is_shown_or_refused_as_the_table_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, who: str
) -> None:
    """The script itself, each page replaced by one that only says its name."""
    import streamlit as st  # noqa: PLC0415 -- slow to read, and only here

    database = connect(f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    upgrade(database)
    rows = {row.page: row for row in pages()}

    def only(page: str) -> Any:
        return lambda _view: st.markdown(f"shown-{page}")

    own = {name: (Role.OFFICE, row.rights[0], only(name)) for name, row in rows.items()}
    script = Script(monkeypatch, Settings(), database, own)
    from dashboards.frame import navigation  # noqa: PLC0415 -- as it is replaced here

    made = tuple(
        navigation.PageRow(name, row.homes, row.rights, f"own_page_{name}", row.icon)
        for name, row in rows.items()
    )
    monkeypatch.setattr(navigation, "pages", lambda: made)
    script.asker = PEOPLE[who]
    try:
        for told in table("page"):
            page = script.at(told.what)
            shown = [one.value for one in page.markdown]
            if told.cells[who] == "no":
                assert f"shown-{told.what}" not in shown
                assert page.error, told.what
            else:
                assert f"shown-{told.what}" in shown, (told.what, page.error, page.exception)
    finally:
        database.close()


# --- errands


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_an_errand_is_begun_and_seen_by_those_who_may(tmp_path: Path, kind: str) -> None:
    (row,) = [one for one in table("errand") if one.what == kind]
    errands = Errands(tmp_path)
    colleague = Principal(account_id=20, name="doctor9", role=Role.PHYSICIAN, departments=("骨科",))
    for who in ROLES:
        by = PEOPLE[who]
        if row.cells[who] == "no":
            with pytest.raises(AccessError, match="NOT_ALLOWED"):
                errands.ask(kind, {}, by=by, language="zh")
            assert errands.all() == []
            continue
        made = errands.ask(kind, {}, by=by, language="zh")
        assert made.reach == ((HEART,) if row.cells[who] == "own" else by.reach)
        for other in [*(PEOPLE[one] for one in ROLES if row.cells[one] == "no"), colleague]:
            for number in (made.id, "0" * 32, "../x"):
                with pytest.raises(ErrandError, match="ERRAND_UNKNOWN"):
                    errands.one(number, other)
                with pytest.raises(ErrandError, match="ERRAND_UNKNOWN"):
                    errands.cancel(number, other)
            assert made.id not in [one.id for one in errands.of(other, kind, shared=True)]
        assert errands.one(made.id, by).id == made.id
        errands.cancel(made.id, by)
