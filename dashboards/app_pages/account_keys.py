"""Keys by which systems sign in: listed without their secret, made and shown once, revoked."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.auditing.acting import act, hint, typed
from dashboards.app_pages.interface_words import moment
from dashboards.frame.language import say
from dashboards.frame.rows import Column, plain, table
from grouper.case.dates import LOCAL
from grouper.service.access import keeping
from grouper.service.access.principal import Right
from grouper.store.schema import now

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.store.accounts import Account
    from grouper.store.keys import Key


def keys_of(view: View, one: Account, shown: str) -> None:
    """Show the keys of an account and what can be done with them.

    Args:
        view: who looks.
        one: the account.
        shown: where in the session the text of a new key is kept until it was read.
    """
    with st.expander(say("account_keys.title"), icon=":material/key:"):
        found = keeping.keys_of(view.parts.database, view.principal, one.name)
        if found:
            names = ("prefix", "label", "created", "expires", "state")
            table(
                [Column(say(f"account_keys.{name}"), short=name != "label") for name in names],
                [
                    (
                        each.prefix,
                        each.label,
                        moment(each.created),
                        moment(each.expires) if each.expires else say("account_keys.never"),
                        say(f"account_keys.is.{_state(each)}"),
                    )
                    for each in found
                ],
            )
        else:
            st.caption(say("account_keys.none"))
        _make(view, one.name, shown)
        _revoke(view, one.name, [each.prefix for each in found if _state(each) == "valid"])


def _state(key: Key) -> str:
    if key.revoked is not None:
        return "revoked"
    return "over" if key.expires is not None and key.expires <= now() else "valid"


def _make(view: View, name: str, shown: str) -> None:
    with st.form(f"accounts.key.{name}", border=True):
        st.text_input(say("account_keys.label"), key=f"accounts.key.label.{name}", max_chars=64)
        st.date_input(
            say("account_keys.expires_after"),
            value=None,
            key=f"accounts.key.day.{name}",
            format="YYYY-MM-DD",
            help=say("account_keys.expires_help"),
        )
        st.form_submit_button(say("account_keys.make"), on_click=_made, args=(view, name, shown))


def _made(view: View, name: str, shown: str) -> None:
    label = typed(f"accounts.key.label.{name}")
    day = st.session_state.get(f"accounts.key.day.{name}")
    expires = _midnight(day) if isinstance(day, date) else None
    if not label:
        hint(say("account_keys.label_missing"))
        return
    if expires is not None and expires <= now():
        hint(say("account_keys.day_over"))
        return

    def doing(principal: Principal) -> str:
        made = keeping.make_key(view.parts.database, principal, name, label, expires)
        st.session_state[shown] = ("key_made", name, made)
        return say("account_keys.made", name=plain(name))

    act(view, Right.ACCOUNTS, doing)


def _midnight(day: date) -> datetime:
    """The end of a day."""
    return datetime.combine(day + timedelta(days=1), time(), LOCAL)


def _revoke(view: View, name: str, prefixes: list[str]) -> None:
    if not prefixes:
        return
    picked, button, _ = st.columns((2, 2, 4), vertical_alignment="bottom")
    key = f"accounts.key.picked.{name}"
    picked.selectbox(say("account_keys.which"), prefixes, key=key)
    button.button(
        say("account_keys.revoke"),
        icon=":material/key_off:",
        key=f"accounts.key.revoke.{name}",
        on_click=_revoked,
        args=(view, name, key),
    )


def _revoked(view: View, name: str, key: str) -> None:
    prefix = st.session_state.get(key)
    if isinstance(prefix, str):
        act(view, Right.ACCOUNTS, partial(_revoking, view, name, prefix))


def _revoking(view: View, name: str, prefix: str, principal: Principal) -> str:
    keeping.revoke_key(view.parts.database, principal, name, prefix)
    return say("account_keys.revoked", prefix=plain(prefix))
