"""How a statement is made: asked for, watched, told when and from what, and when it is old."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.app_pages.settled_tables import sizes
from dashboards.frame.errands import ask_errand, errand_box, errands
from dashboards.frame.errors import show_error
from dashboards.frame.figures import count
from dashboards.frame.language import say
from dashboards.frame.rows import plain
from grouper.case.dates import LOCAL
from grouper.service.settling import DEDUCTIONS, KIND, checked_deductions, since

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.frame.view import View
    from grouper.service.kept_results import Kept
    from grouper.service.settling import Since

_FILE, _AGAIN, _FINDINGS = "month.file", "month.again", "month.findings"
_BROKEN = "month.broken"


def show(view: View, month: str, kept: Kept | None) -> None:
    """Show how the statement of a month stands, and the form that makes one.

    Args:
        view: who looks.
        month: such as ``2026-11``.
        kept: the newest statement; None: there is none.
    """
    if kept is not None:
        told = document_of(kept, view.lang)
        st.caption(
            say(
                "month_page.about",
                region=plain(told["region"]),
                hospital=plain(told["hospital"] or "—"),
                policy=plain(told["policy"]),
                made=kept.made.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M"),
                actor=plain(str(kept.about["actor"])),
            )
        )
        _old(view, kept)
    errand_box(view, KIND, key="month.errand", matches=lambda one: one.params["month"] == month)
    if kept is not None or not under_way(view, month):
        _form(view, month, kept)


def under_way(view: View, month: str) -> bool:
    """Whether a statement of the month is being made, by whomever."""
    found = errands(view).of(view.principal, KIND, shared=True)
    return any(one.params["month"] == month and not one.state.ended for one in found)


def document_of(kept: Kept, lang: str) -> dict[str, Any]:
    """The document of a statement, read once for the process."""
    return _document(str(kept.folder), kept, lang)


@st.cache_data(max_entries=16, show_spinner=False)
def _document(folder: str, _kept: Kept, lang: str) -> dict[str, Any]:  # noqa: ARG001 -- tells statements apart
    return _kept.document(lang)


@st.cache_data(ttl=sizes()["since_seconds"], max_entries=16, show_spinner=False)
def _since(folder: str, _view: View, _kept: Kept) -> Since:  # noqa: ARG001 -- as above
    return since(_view.parts.settings, _view.parts.database, _view.principal, _kept)


def _old(view: View, kept: Kept) -> None:
    """Say what has changed since the statement was made."""
    found = _since(str(kept.folder), view, kept)
    if not found.any:
        return
    told = [say("month_page.stays_changed", count=count(found.changed))] if found.changed else []
    told += [say("month_page.stays_fewer", count=count(found.fewer))] if found.fewer else []
    told += [say("month_page.policy_changed")] if found.policy else []
    told += [say("month_page.findings_changed")] if found.findings else []
    what = say("month_page.joint").join(told)
    st.warning(say("month_page.old", what=what), icon=":material/update:")


def _form(view: View, month: str, kept: Kept | None) -> None:
    title = say("month_page.make" if kept is None else "month_page.anew")
    error = st.session_state.pop(_BROKEN, None)
    with st.expander(
        title, icon=":material/calculate:", expanded=kept is None or error is not None
    ):
        if isinstance(error, GrouperError):
            show_error(error)
        st.caption(say("month_page.how"))
        with st.form("month.form", border=False):
            st.file_uploader(say("month_page.file"), type=["csv"], key=_FILE)
            if kept is not None and kept.about["deductions"]:
                st.checkbox(say("month_page.again"), value=True, key=_AGAIN)
            st.checkbox(say("month_page.findings"), value=True, key=_FINDINGS)
            st.form_submit_button(
                title,
                type="primary" if kept is None else "secondary",
                on_click=_make,
                args=(view, month, kept),
            )


def _make(view: View, month: str, kept: Kept | None) -> None:
    """Ask for the errand; a file of deductions is read first, so that a broken one is told at once."""
    given = st.session_state.get(_FILE)
    held: Mapping[str, bytes] = {}
    if given is not None:
        held = {DEDUCTIONS: given.getvalue()}
        try:
            checked_deductions(held[DEDUCTIONS])
        except GrouperError as error:
            st.session_state[_BROKEN] = error
            return
    again = kept is not None and st.session_state.get(_AGAIN, False)
    ask_errand(
        view,
        KIND,
        {
            "month": month,
            "findings": bool(st.session_state.get(_FINDINGS, True)),
            "before": kept.name if kept is not None and again else "",
        },
        files=held,
    )
