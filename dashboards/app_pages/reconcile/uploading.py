"""A statement handed in: read at once for faults, then held against the month by an errand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.auditing.acting import act, hint
from dashboards.frame.language import say
from grouper.service.access.principal import Right
from grouper.service.reconciling import ENDINGS, start

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.service.adjustment_book import Scope

_FILE = "reconcile.file"


def upload(view: View, scope: Scope, *, first: bool) -> None:
    """Show the form.

    Args:
        view: who looks.
        scope: of which cases the statement is.
        first: whether nothing was handed in yet; then the form is open.
    """
    with st.expander(say("reconcile_page.upload"), icon=":material/upload_file:", expanded=first):
        st.caption(say("reconcile_page.upload_about"))
        with st.form("reconcile.form", border=False):
            endings = [one.removeprefix(".") for one in ENDINGS]
            st.file_uploader(say("reconcile_page.file"), type=endings, key=_FILE)
            st.form_submit_button(
                say("reconcile_page.compare"), type="primary", on_click=_start, args=(view, scope)
            )


def _start(view: View, scope: Scope) -> None:
    given = st.session_state.get(_FILE)
    if given is None:
        hint(say("reconcile_page.no_file"))
        return

    def doing(principal: Principal) -> str:
        start(
            view.parts.settings,
            view.parts.database,
            scope,
            name=given.name,
            held=given.getvalue(),
            by=principal,
            language=view.lang,
        )
        return say("reconcile_page.started")

    act(view, Right.REVIEW, doing)
