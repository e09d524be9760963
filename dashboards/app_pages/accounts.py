"""Accounts: who may sign in, with which role; new ones, locks, new passwords and keys of systems."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.account_keys import keys_of
from dashboards.app_pages.auditing.acting import act, hint, said, typed
from dashboards.app_pages.interface_words import moment
from dashboards.frame.figures import count
from dashboards.frame.labels import department
from dashboards.frame.language import say
from dashboards.frame.rows import Column, plain, table
from grouper.service.access import keeping
from grouper.service.access.account_rules import is_name
from grouper.service.access.principal import Right
from grouper.store.schema import now
from grouper.store.states import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dashboards.frame.view import View
    from grouper.service.access.keeping import Made
    from grouper.service.access.principal import Principal
    from grouper.store.accounts import Account

_PASSWORD = "accounts.password"  # noqa: S105 -- where one just made is kept until it was read
_PICKED = "accounts.picked"


def page(view: View) -> None:
    """Show the page."""
    said()
    found = keeping.listed(view.parts.database, view.principal)
    _headline(found)
    _password()
    _list(found)
    _create(view, found)
    _one(view, found)


def _headline(found: Sequence[Account]) -> None:
    figures = {
        "active": sum(one.active for one in found),
        "off": sum(not one.active for one in found),
        "locked": sum(_locked(one) for one in found),
        "must_change": sum(one.must_change and one.active for one in found),
    }
    for column, (name, number) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(say(f"accounts_headline.{name}"), count(number))


def _locked(one: Account) -> bool:
    return one.locked_until is not None and one.locked_until > now()


def _password() -> None:
    """A password or key just made, until it was read: it is kept nowhere else."""
    told = st.session_state.get(_PASSWORD)
    if told is None:
        return
    with st.container(border=True):
        st.markdown(say(f"accounts_page.{told[0]}", name=plain(told[1])))
        st.code(told[2], language=None)
        st.button(say("accounts_page.read"), type="primary", key="accounts.read", on_click=_forget)


def _forget() -> None:
    st.session_state.pop(_PASSWORD, None)


def _list(found: Sequence[Account]) -> None:
    names = ("name", "role", "departments", "state", "ways")
    table(
        [Column(say(f"accounts_column.{name}"), short=name != "departments") for name in names],
        [
            (
                one.name,
                say(f"role.{one.role}"),
                _departments(one),
                _state(one),
                _ways(one),
            )
            for one in found
        ],
    )


def _departments(one: Account) -> str:
    if one.role is not Role.PHYSICIAN:
        return say("accounts_page.every_department")
    told = [department(code) for code in one.departments]
    return say("accounts_page.comma").join(told) or say("accounts_page.no_department")


def _state(one: Account) -> str:
    if not one.active:
        return say("accounts_page.state.off")
    if _locked(one):
        return say("accounts_page.state.locked", until=moment(one.locked_until))
    return say(
        "accounts_page.state.must_change" if one.must_change else "accounts_page.state.active"
    )


def _ways(one: Account) -> str:
    ways = [
        say(f"accounts_page.way.{name}")
        for name, there in (("password", one.password), ("provider", one.subject))
        if there
    ]
    return say("accounts_page.comma").join(ways) or say("accounts_page.way.keys")


def _create(view: View, found: Sequence[Account]) -> None:
    with st.expander(say("accounts_page.create"), icon=":material/person_add:"):
        st.caption(say("accounts_page.create_about"))
        with st.form("accounts.create.form", border=False):
            st.text_input(say("accounts_column.name"), key="accounts.create.name", max_chars=64)
            _role("accounts.create.role", Role.PHYSICIAN)
            _places("accounts.create.departments", found, ())
            st.form_submit_button(
                say("accounts_page.create_sure"), type="primary", on_click=_make, args=(view,)
            )


def _role(key: str, role: Role) -> None:
    st.selectbox(
        say("accounts_column.role"),
        list(Role),
        index=list(Role).index(role),
        format_func=lambda one: say(f"role.{one}"),
        key=key,
    )


def _places(key: str, found: Sequence[Account], held: Sequence[str]) -> None:
    known = sorted({place for one in found for place in one.departments} | set(held))
    st.multiselect(
        say("accounts_page.departments"),
        known,
        default=list(held),
        key=key,
        accept_new_options=True,
        format_func=department,
        placeholder=say("accounts_page.departments_example"),
        help=say("accounts_page.departments_help"),
    )


def _make(view: View) -> None:
    name = typed("accounts.create.name")
    role = st.session_state.get("accounts.create.role")
    if not is_name(name) or not isinstance(role, Role):
        hint(say("accounts_page.name_wrong"))
        return
    places = tuple(st.session_state.get("accounts.create.departments") or ())

    def doing(principal: Principal) -> str:
        access = view.parts.settings.access
        made = keeping.make(view.parts.database, principal, name, role, places, access)
        st.session_state["accounts.create.name"] = ""
        return _made(made, "made")

    act(view, Right.ACCOUNTS, doing)


def _made(made: Made, what: str) -> str:
    st.session_state[_PASSWORD] = ("password_made", made.account.name, made.password)
    return say(f"accounts_page.{what}", name=plain(made.account.name))


def _one(view: View, found: Sequence[Account]) -> None:
    """What can be done with one account."""
    st.subheader(say("accounts_page.one"), anchor=False)
    by_name = {one.name: one for one in found}
    picked = st.selectbox(
        say("accounts_page.which"),
        list(by_name),
        index=None,
        key=_PICKED,
        placeholder=say("accounts_page.which_example"),
    )
    if picked is None:
        st.caption(say("accounts_page.choose"))
        return
    one = by_name[picked]
    st.caption(say("accounts_page.ends_sessions"))
    switching, unlocking, renewing, _ = st.columns((2, 2, 2, 2), vertical_alignment="bottom")
    own = one.name == view.principal.name
    switching.button(
        say("accounts_page.switch_off" if one.active else "accounts_page.switch_on"),
        icon=":material/block:" if one.active else ":material/check_circle:",
        disabled=own,
        help=say("accounts_page.own") if own else None,
        key="accounts.switch",
        on_click=_do,
        args=(view, partial(_switched, view, one)),
        width="stretch",
    )
    unlocking.button(
        say("accounts_page.unlock"),
        icon=":material/lock_open:",
        disabled=not (_locked(one) or one.failures),
        key="accounts.unlock",
        on_click=_do,
        args=(view, partial(_unlocked, view, one.name)),
        width="stretch",
    )
    renewing.button(
        say("accounts_page.renew"),
        icon=":material/password:",
        disabled=own,
        help=say("accounts_page.own") if own else None,
        key="accounts.renew",
        on_click=_do,
        args=(view, partial(_renewed, view, one.name)),
        width="stretch",
    )
    if not own:
        _change(view, one, found)
    keys_of(view, one, _PASSWORD)


def _do(view: View, doing: Callable[[Principal], str]) -> None:
    act(view, Right.ACCOUNTS, doing)


def _switched(view: View, one: Account, principal: Principal) -> str:
    access = view.parts.settings.access
    keeping.change(view.parts.database, principal, one.name, active=not one.active, access=access)
    key = "switched_off" if one.active else "switched_on"
    return say(f"accounts_page.{key}", name=plain(one.name))


def _unlocked(view: View, name: str, principal: Principal) -> str:
    keeping.unlock(view.parts.database, principal, name)
    return say("accounts_page.unlocked", name=plain(name))


def _renewed(view: View, name: str, principal: Principal) -> str:
    made = keeping.renew(view.parts.database, principal, name, view.parts.settings.access)
    return _made(made, "renewed")


def _change(view: View, one: Account, found: Sequence[Account]) -> None:
    with st.form(f"accounts.change.{one.name}", border=True):
        _role(f"accounts.role.{one.name}", one.role)
        _places(f"accounts.departments.{one.name}", found, one.departments)
        st.form_submit_button(
            say("accounts_page.change"),
            on_click=_do,
            args=(view, partial(_changed, view, one.name)),
        )


def _changed(view: View, name: str, principal: Principal) -> str:
    role: Any = st.session_state.get(f"accounts.role.{name}")
    places = tuple(st.session_state.get(f"accounts.departments.{name}") or ())
    access = view.parts.settings.access
    keeping.change(
        view.parts.database, principal, name, role=role, departments=places, access=access
    )
    return say("accounts_page.changed", name=plain(name))
