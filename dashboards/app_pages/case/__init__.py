"""A case: how it stands, its group and why, its payment, forecast, findings, lists, charges, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.app_pages.case import (
    charges,
    findings,
    forecast,
    group,
    head,
    lists,
    payment,
    trial,
    versions,
)
from dashboards.frame.errors import show_error
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from grouper.service.access.principal import Right
from grouper.service.stored import merged_into, stay_of_case

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dashboards.frame.view import View
    from grouper.service.stored import Stay

_CASE, _VERSION, _TAB = "case_id", "version", "tab"
_LONGEST = 36
_DIGITS = 9
_TABS: Mapping[str, Callable[[View, Stay], None]] = {
    "group": group.show,
    "payment": payment.show,
    "forecast": forecast.show,
    "findings": findings.show,
    "lists": lists.show,
    "charges": charges.show,
    "versions": versions.show,
    "trial": trial.show,
}
_RIGHTS: Mapping[str, Right] = {"findings": Right.FINDINGS, "trial": Right.REVIEW}
"""What a tab needs beside the right to see cases."""


def page(view: View) -> None:
    """Show the case that the address names."""
    asked = st.query_params.get(_CASE, "")
    if not 0 < len(asked) <= _LONGEST:
        st.info(say("case_page.no_case"), icon=":material/search:")
        return
    stay = _stay(view, asked)
    if stay is None:
        return
    looked(view, "case_shown", f"case:{stay.case_id}", {"version": stay.version})
    head.show(view, stay, merged_into(view.parts.database, stay.head))
    chosen = _tab(view, stay)
    try:
        _TABS[chosen](view, stay)
    except GrouperError as error:
        show_error(error)


def _stay(view: View, asked: str) -> Stay | None:
    """The case in the version of the address; None: why not is said."""
    written = st.query_params.get(_VERSION, "")
    number = (
        int(written) if written.isascii() and written.isdigit() and len(written) <= _DIGITS else 0
    )
    try:
        return stay_of_case(
            view.parts.database, asked, view.principal.reach, number if written else None
        )
    except GrouperError as error:
        show_error(error)
        return None


def _tab(view: View, stay: Stay) -> str:
    known = [one for one in _TABS if one not in _RIGHTS or view.principal.may(_RIGHTS[one])]
    asked = st.query_params.get(_TAB)
    chosen = st.segmented_control(
        say("case_page.tabs"),
        known,
        default=asked if asked in known else known[0],
        required=True,
        format_func=lambda one: say(f"case_page.tab.{one}"),
        key=f"case.tab.{stay.case_id}",
        label_visibility="collapsed",
    )
    if chosen != asked:
        st.query_params[_TAB] = str(chosen)
    return str(chosen)
