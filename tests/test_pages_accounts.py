"""The administrator's pages: accounts with their locks, passwords and keys; the audit log."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from access_support import GOOD
from argon2 import PasswordHasher
from pages_office_support import Office, office, words
from service_support import PEOPLE
from streamlit.testing.v1 import AppTest

import dashboards
from codebooks.messages import catalogue
from dashboards.app_pages.audit_log import action_words
from dashboards.frame.navigation import pages
from grouper.case.dates import LOCAL
from grouper.service import audit_view, interface_sizes
from grouper.service.access import keeping, managing, passwords, signing_in
from grouper.service.access.account_rules import is_name
from grouper.service.access.principal import AccessError, Right
from grouper.service.audit_view import Asked
from grouper.service.errand_kinds import kinds
from grouper.store import accounts, audit
from grouper.store.database import StoreError
from grouper.store.schema import now
from grouper.store.states import Role

ROOT = Path(dashboards.__file__).resolve().parents[1]
_PLACES = {"audit.append": 2, "Entry": 1, "looked": 1}
"""What writes to the log, and where the act stands among its arguments."""
ADMIN, OFFICE = PEOPLE["admin"], PEOPLE["office"]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An administrator who looks, and an office; each test has a physician of its own."""
    with (
        pytest.MonkeyPatch.context() as patch,
        office(tmp_path_factory.mktemp("accounts")) as found,
    ):
        # How dear a hash is is no matter here.
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(passwords, "_hasher", cheap)
        found.who = "admin"
        for name, role in (("admin1", Role.ADMIN), ("office1", Role.OFFICE)):
            managing.make(found.running.database, name, name, role, (), GOOD, 12)
        yield found


@pytest.fixture
def doctor(held: Office) -> str:
    """A physician's account."""
    with held.running.database.reading() as connection:
        name = f"doctor{len(accounts.all_accounts(connection))}"
    managing.make(held.running.database, name, name, Role.PHYSICIAN, ("心内科",), GOOD, 12)
    return name


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A log of three accounts made and forty looks; who looks is the administrator."""
    with office(tmp_path_factory.mktemp("log")) as found:
        found.who = "admin"
        with found.running.database.writing_store() as connection:
            for name in ("admin1", "office1", "doctor1"):
                audit.append(connection, "admin1", "account_made", name, {})
            for number in range(40):
                audit.append(connection, "office1", "case_shown", f"case:{number}", {"version": 1})
            audit.append(connection, "office1", "odd_act", "message:7", {})
        yield found


def opened(found: Office, name: str) -> AppTest:
    """The page with an account chosen."""
    page = found.page("accounts")
    page.selectbox(key="accounts.picked").set_value(name).run()
    assert not page.exception
    return page


def press(page: AppTest, label: str) -> AppTest:
    next(one for one in page.button if one.label == label).click().run()
    assert not page.exception
    return page


def one(found: Office, name: str) -> accounts.Account:
    with found.running.database.reading() as connection:
        read = accounts.by_name(connection, name)
    assert read is not None
    return read


# Accounts


def test_accounts_are_listed_with_what_they_may(held: Office, doctor: str) -> None:
    said = words(held.page("accounts"))
    assert "| admin1 | 管理员 | 全部 | 启用 | 密码 |" in said
    assert f"| {doctor} | 医生 | 心内科 |" in said
    assert "请选择账号" in said
    assert GOOD not in said
    assert "Signs in by" in words(held.page("accounts", lang="en"))


def test_an_account_is_made_with_a_password_that_is_shown_once(held: Office) -> None:
    page = held.page("accounts")
    press(page, "建立账号")
    assert "账号名只能用" in words(page)
    page.text_input(key="accounts.create.name").set_value("new2")
    page.multiselect(key="accounts.create.departments").set_value(["心内科"])
    press(page, "建立账号")
    assert "已建立账号 new2" in words(page)
    password = page.code[0].value
    signed = signing_in.by_password(
        held.running.database, held.running.settings.access, "new2", password
    )
    assert signed.account.must_change
    assert signed.account.departments == ("心内科",)
    press(page, "已记下，收起")
    assert not page.code
    page.text_input(key="accounts.create.name").set_value("new2")
    press(page, "建立账号")
    assert "ACCOUNT_EXISTS" in words(page)
    assert ("admin1", "account_made", "new2") in held.running.looks()
    assert password not in str(held.running.looks())


def test_an_account_is_switched_off_and_on(held: Office, doctor: str) -> None:
    page = opened(held, doctor)
    press(page, "停用")
    assert not one(held, doctor).active
    assert f"| {doctor} | 医生 | 心内科 | 停用 |" in words(page)
    press(page, "启用")
    assert one(held, doctor).active


def test_a_locked_account_is_unlocked(held: Office, doctor: str) -> None:
    database, access = held.running.database, held.running.settings.access
    for _ in range(access.attempts):
        with pytest.raises(AccessError):
            signing_in.by_password(database, access, doctor, "wrong")
    page = opened(held, doctor)
    assert "锁定至" in words(page)
    press(page, "解锁")
    assert one(held, doctor).locked_until is None
    assert page.button(key="accounts.unlock").disabled
    assert ("admin1", "account_unlocked", doctor) in held.running.looks()


def test_a_new_password_is_made_by_the_administrator_and_logged_so(
    held: Office, doctor: str
) -> None:
    page = press(opened(held, doctor), "重设密码")
    assert one(held, doctor).must_change
    assert passwords.right(one(held, doctor).password, page.code[0].value)
    assert ("admin1", "password_changed", doctor) in held.running.looks()
    assert "待改初始密码" in words(page)


def test_role_and_departments_are_changed(held: Office, doctor: str) -> None:
    page = opened(held, doctor)
    page.multiselect(key=f"accounts.departments.{doctor}").set_value([])
    press(page, "保存角色与科室")
    assert "未设科室" in words(page)
    page.selectbox(key=f"accounts.role.{doctor}").set_value(Role.MANAGER)
    press(page, "保存角色与科室")
    assert one(held, doctor).role is Role.MANAGER


def test_nobody_changes_the_own_account_here(held: Office) -> None:
    page = opened(held, "admin1")
    assert page.button(key="accounts.switch").disabled
    assert page.button(key="accounts.renew").disabled
    assert not [one for one in page.button if one.label == "保存角色与科室"]


def test_keys_are_made_shown_once_and_revoked(held: Office) -> None:
    page = opened(held, "office1")
    assert "没有密钥" in words(page)
    press(page, "发放密钥")
    assert "请写明密钥的用途" in words(page)
    page.text_input(key="accounts.key.label.office1").set_value("HIS")
    page.date_input(key="accounts.key.day.office1").set_value((now() - timedelta(days=3)).date())
    press(page, "发放密钥")
    assert "有效期须晚于今天" in words(page)
    page.date_input(key="accounts.key.day.office1").set_value((now() + timedelta(days=3)).date())
    press(page, "发放密钥")
    assert page.code[0].value.startswith("gk_")
    assert "| HIS |" in words(page)
    press(page, "吊销")
    assert "已吊销" in words(page)
    assert not [one for one in page.button if one.label == "吊销"]


def test_rights_are_checked_by_the_service(held: Office) -> None:
    database, access = held.running.database, held.running.settings.access
    for ask in (
        lambda: keeping.listed(database, OFFICE),
        lambda: keeping.make(database, OFFICE, "x", Role.OFFICE, (), access),
        lambda: keeping.change(database, OFFICE, "doctor1", access=access),
        lambda: keeping.renew(database, OFFICE, "doctor1", access),
        lambda: keeping.unlock(database, OFFICE, "doctor1"),
        lambda: keeping.keys_of(database, OFFICE, "doctor1"),
        lambda: keeping.make_key(database, OFFICE, "doctor1", "x", None),
        lambda: keeping.revoke_key(database, OFFICE, "doctor1", "x"),
        lambda: audit_view.page(database, OFFICE, Asked(), before=None, limit=1),
    ):
        with pytest.raises(AccessError, match="NOT_ALLOWED"):
            ask()


def test_names_and_passwords() -> None:
    assert [is_name(one) for one in ("张三", "a.b@c-d", "a b", "", "x" * 65)] == [
        *(True, True, False, False, False)
    ]
    made = {passwords.fresh("office1", 30) for _ in range(3)}
    assert len(made) == 3
    for one in made:
        passwords.check_new(one, "office1", 30)


def test_a_store_that_is_away_is_told(held: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr(keeping, "listed", away)
    monkeypatch.setattr(audit_view, "page", away)
    for page in ("accounts", "audit_log"):
        assert "STORE_UNAVAILABLE" in held.page(page).exception[0].message


def test_the_last_administrator_stays(held: Office) -> None:
    database, access = held.running.database, held.running.settings.access
    for change in ({"active": False}, {"role": Role.OFFICE}):
        with pytest.raises(AccessError, match="ACCOUNT_LAST_ADMIN"):
            managing.change(database, "admin1", "admin1", access=access, **change)  # type: ignore[arg-type]
    answer = held.running.ask("admin", "PATCH", "/api/v1/accounts/admin1", json={"active": False})
    assert answer.json()["code"] == "ACCOUNT_LAST_ADMIN"
    keeping.make(database, ADMIN, "admin2", Role.ADMIN, (), access)
    managing.change(database, "admin2", "admin1", active=False, access=access)
    assert not one(held, "admin1").active


# The audit log


def test_the_log_is_read_from_its_end_in_pages(log: Office) -> None:
    page = log.page("audit_log")
    said = words(page)
    assert said.index("odd_act") < said.index("查看病例")
    assert "[报文 7](/messages?message=7)" in said
    assert "| office1 | 查看病例 | 病例 39 |" in said
    page.button(key="audit_log.behind").click().run()
    assert "病例 39" not in words(page)
    picked = page.selectbox(key="audit_log.picked")
    picked.set_value(picked.options[0])
    assert '"version": 1' in page.run().code[0].value


def test_the_log_is_narrowed(log: Office) -> None:
    page = log.page("audit_log", action="account_made", since=now().date().isoformat())
    assert words(page).count("建立账号") == 3
    page.text_input(key="audit_log.object").set_value("doctor1").run()
    assert words(page).count("建立账号") == 1
    page.text_input(key="audit_log.actor").set_value("nobody").run()
    assert "没有符合条件的记录" in words(page)
    assert "nobody" not in str(page.query_params)
    page.selectbox(key="audit_log.action").set_value(None).run()
    assert "action" not in page.query_params
    assert ("admin1", "audit_listed", "audit") in log.running.looks()


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"since": "2026-03-02", "last": "2026-03-01"}, "晚于结束日期"),
        ({"since": "2020-01-01", "last": "2020-02-01"}, "没有符合条件"),
        ({"since": "soon", "action": "odd"}, "查看病例"),
    ],
    ids=["backwards", "long-ago", "nonsense"],
)
def test_what_the_address_asks_of_the_log(log: Office, params: dict[str, str], told: str) -> None:
    assert told in words(log.page("audit_log", **params))


def test_a_rare_act_is_looked_for_stretch_by_stretch(
    log: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = interface_sizes.Sizes(24, 50, 20, 1, 6, 7)
    monkeypatch.setattr(audit_view, "interface_sizes", lambda: few)
    asked = Asked(action="account_made", object="admin1")
    found = audit_view.page(log.running.database, ADMIN, asked, before=None, limit=5)
    assert (len(found.rows), found.cut) == (0, True)
    turns = 0
    while found.following is not None:
        turns += 1
        before = found.following
        found = audit_view.page(log.running.database, ADMIN, asked, before=before, limit=5)
    assert turns in (2, 3)
    assert [row.id for row in found.rows] == [1]
    assert "此页只查到这里" in words(log.page("audit_log", action="account_made"))


def test_entries_dated_before_those_around_them_are_found(tmp_path: Path) -> None:
    early = datetime(2026, 3, 10, 2, tzinfo=LOCAL)
    with office(tmp_path) as found:
        with found.running.database.writing_store() as connection:
            for at in (early + timedelta(days=9), early, early + timedelta(days=10)):
                audit.append(connection, "auditor", "findings_kept", "findings", {}, at=at)
        asked = Asked(since=early, until=early + timedelta(days=1))
        rows = audit_view.page(found.running.database, ADMIN, asked, before=None, limit=5).rows
    assert [one.id for one in rows] == [2]


# Words


@cache
def actions() -> frozenset[str]:
    """All acts that the code writes to the log by name."""
    found = set()
    for package in ("grouper", "dashboards"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text("utf-8")
            if any(f"{one}(" in text for one in _PLACES):
                calls = (one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Call))
                found |= {name for one in calls for name in _named(one)}
    return frozenset(found)


def _named(call: ast.Call) -> set[str]:
    written = ast.unparse(call.func)
    place = _PLACES.get(written)
    if place is None or len(call.args) <= place:
        return set()
    argument = call.args[place]
    return {str(argument.value)} if isinstance(argument, ast.Constant) else set()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_act_has_words(lang: str) -> None:
    found = actions()
    assert len(found) > 50
    assert {one for one in found if action_words(one, lang) == one} == set()


def test_every_errand_has_words() -> None:
    assert {kind for kind in kinds() if f"errand_kind.{kind}" not in catalogue("zh")} == set()


def test_an_administrator_has_a_home() -> None:
    home = [row.page for row in pages() if Role.ADMIN in row.homes]
    assert home == ["interfaces", "messages", "accounts", "audit_log"]
    assert Right.METRICS in next(row for row in pages() if row.page == "interfaces").rights
