"""Earlier statements of a month: which were held against it, and which adjustments were taken in."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.app_pages.auditing.tables import moment
from dashboards.app_pages.reconcile.choosing import choice
from dashboards.app_pages.reconcile.wording import typed
from dashboards.frame.errands import errands
from dashboards.frame.errors import show_error
from dashboards.frame.language import say
from dashboards.frame.tables import table
from grouper.service.adjustment_book import AdjustmentBook
from grouper.service.errand_files import ErrandState
from grouper.service.reconciling import KIND, scope_of

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.adjustment_book import Scope

_READ = (
    *("rec_made", "rec_actor", "rec_file", "rec_scope", "rec_ours", "rec_theirs"),
    *("rec_difference", "rec_deduction", "rec_booked"),
)
_TAKEN = ("rec_made", "rec_actor", "rec_file", "rec_scope", "rec_entries", "rec_change")


def history(view: View, scope: Scope) -> None:
    """Show the statements of a month, of whichever cases, the newest first.

    Args:
        view: who looks.
        scope: whose month.
    """
    try:
        book = AdjustmentBook.read_by(view.parts.settings, view.principal)
        taken = book.readings(scope.region, scope.month)
    except GrouperError as error:
        show_error(error)
        return
    booked = {one.errand for one in taken}
    read = [
        one
        for one in errands(view).of(view.principal, KIND, shared=True)
        if one.state is ErrandState.DONE and one.params.get("month") == scope.month
    ]
    rows = []
    for one in read:
        told = one.answer or {}
        amounts = {name: Decimal(told[name]) for name in ("ours", "theirs", "deduction")}
        rows.append(
            {f"rec_{name}": value for name, value in amounts.items()}
            | {
                "rec_difference": amounts["theirs"] - amounts["ours"],
                "rec_made": moment(one.ended),
                "rec_actor": one.actor,
                "rec_file": told["file"],
                "rec_scope": _scope(scope_of(view.parts.settings, one.params), view.lang),
                "rec_booked": say(f"reconcile_page.booked_{'yes' if one.id in booked else 'no'}"),
            }
        )
    if rows:
        st.subheader(say("reconcile_page.read"), anchor=False)
        table(typed(rows, _READ), view.lang, columns=_READ)
    if taken:
        st.subheader(say("reconcile_page.readings"), anchor=False)
        entered = [
            {
                "rec_made": moment(one.at),
                "rec_actor": one.actor,
                "rec_file": one.file,
                "rec_scope": _scope(one.scope, view.lang),
                "rec_entries": one.entries,
                "rec_change": one.amount,
            }
            for one in taken
        ]
        table(typed(entered, _TAKEN), view.lang, columns=_TAKEN)


def _scope(scope: Scope, lang: str) -> str:
    return f"{choice('kind', scope.kind, lang)} · {choice('insurance', scope.insurance, lang)}"
