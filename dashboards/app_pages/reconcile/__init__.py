"""The bureau's statement of a month beside our cases: upload, differences, adjustments, history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.auditing.acting import nothing, said
from dashboards.app_pages.reconcile.booking import booking
from dashboards.app_pages.reconcile.choosing import earlier, scope_picked
from dashboards.app_pages.reconcile.history import history
from dashboards.app_pages.reconcile.results import results
from dashboards.app_pages.reconcile.uploading import upload
from dashboards.frame.errands import errand_box, errands
from dashboards.frame.errors import show_error
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from grouper.payment.settlement.errors import SettlementError
from grouper.service.errand_files import ErrandState
from grouper.service.reconciling import KIND, Outcome, outcome, scope_of

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.errands import Errand

_PARTS = {"results": results, "booking": booking, "history": history}


def page(view: View) -> None:
    """Show the page."""
    said()
    scope = scope_picked(view)

    def matches(errand: Errand) -> bool:
        return scope_of(view.parts.settings, errand.params) == scope

    done = [
        one
        for one in errands(view).of(view.principal, KIND, shared=True)
        if one.state is ErrandState.DONE and matches(one)
    ]
    upload(view, scope, first=not done)
    errand_box(view, KIND, key="reconcile", matches=matches)
    if not done:
        nothing("reconcile_page.nothing")
        history(view, scope)
        return
    chosen = earlier(done)
    try:
        found = _outcome(str(view.parts.settings.folder), chosen.id, _view=view, _errand=chosen)
    except SettlementError as error:
        show_error(error)
        return
    looked(view, "reconciliation_shown", f"reconciliation:{chosen.id}", {"month": scope.month})
    part = st.segmented_control(
        say("reconcile_page.part"),
        list(_PARTS),
        default="results",
        required=True,
        format_func=lambda one: say(f"reconcile_part.{one}"),
        key="reconcile.part",
    )
    if part == "history":
        history(view, scope)
    else:
        {"results": results, "booking": booking}[str(part)](view, found)


@st.cache_resource(max_entries=4, show_spinner=False)
def _outcome(folder: str, number: str, *, _view: View, _errand: Errand) -> Outcome:
    """What an errand found, which never changes; it is read once for the process."""
    del folder, number
    return outcome(_view.parts.settings, _errand)
