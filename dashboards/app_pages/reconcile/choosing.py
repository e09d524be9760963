"""Which cases are held against which statement: month, kind of cases, insurance; which reading of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from codebooks.messages import text
from dashboards.app_pages.auditing.months import month_picked
from dashboards.app_pages.auditing.tables import moment
from dashboards.frame.labels import worded
from dashboards.frame.language import say
from grouper.mart.hospital import KINDS
from grouper.payment.settlement.deductions import INSURANCES
from grouper.service.reconciling import scope_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.frame.view import View
    from grouper.service.adjustment_book import Scope
    from grouper.service.errands import Errand

_KEY = "reconcile"
_ALL = "all"
_WIDE = 200
"""Pixels of a choice."""
_OPTIONS = {
    "kind": (*KINDS, _ALL),
    "insurance": (_ALL, *INSURANCES),
}


def scope_picked(view: View) -> Scope:
    """Show the choice and read it; it stands in the address."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        month = month_picked(f"{_KEY}.month", over=True)
        chosen = {name: _picked(name, options, view.lang) for name, options in _OPTIONS.items()}
    told = {name: None if value == _ALL else value for name, value in chosen.items()}
    return scope_of(view.parts.settings, {"month": month, **told})


def _picked(name: str, options: Sequence[str], lang: str) -> str:
    key = f"{_KEY}.{name}"
    if st.session_state.get(key) not in options:
        asked = st.query_params.get(name)
        st.session_state[key] = asked if asked in options else options[0]
    value = str(
        st.selectbox(
            say(f"filter.{name}"),
            options,
            key=key,
            format_func=lambda one: choice(name, one, lang),
            width=_WIDE,
        )
    )
    if value != options[0] and st.query_params.get(name) != value:
        st.query_params[name] = value
    elif value == options[0] and name in st.query_params:
        del st.query_params[name]
    return value


def choice(name: str, value: str | None, lang: str) -> str:
    """A kind of cases or an insurance in words; None: all of them.

    Args:
        name: ``kind`` or ``insurance``.
        value: as in a :class:`~grouper.service.adjustment_book.Scope`.
        lang: ``zh`` or ``en``.
    """
    return text("filter.all", lang) if value in (None, _ALL) else worded(name, str(value), lang)


def earlier(done: Sequence[Errand]) -> Errand:
    """The reconciliation that is shown: the newest one, or an earlier one that is chosen.

    Args:
        done: newest first, at least one.
    """
    if len(done) == 1:
        return done[0]
    by = {one.id: one for one in done}
    key = f"{_KEY}.errand"
    if st.session_state.get(key) not in by:
        st.session_state[key] = done[0].id
    number = st.selectbox(
        say("reconcile_page.which"),
        list(by),
        key=key,
        format_func=lambda one: f"{moment(by[one].ended)} · {by[one].params['file']}",
        width=520,
    )
    return by[str(number)]
