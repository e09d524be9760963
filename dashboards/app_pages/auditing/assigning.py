"""Giving several findings an account or a deadline at once; each is a step of its own."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.app_pages.auditing.acting import act, typed
from dashboards.app_pages.auditing.sizes import sizes
from dashboards.frame.errors import shown
from dashboards.frame.language import say
from grouper.audit.review.deadlines import end_of
from grouper.audit.review.steps import Said
from grouper.service import findings
from grouper.service.access.principal import Right
from grouper.service.findings import asker_of
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.store.findings import Listed

_KEY = "findings.assign"
ASSIGN = "assign"


def assigning(view: View, picked: Sequence[Listed]) -> None:
    """The form for the findings that were chosen."""
    most = sizes()["assigned"]
    meant = [(one.finding.id or 0, one.finding.state) for one in picked[:most]]
    with st.form(_KEY, border=True):
        st.markdown(f"**{say('findings_assign.title', count=len(meant))}**")
        first, second, third = st.columns(3)
        first.text_input(say("findings_assign.account"), key=f"{_KEY}.account")
        second.date_input(say("findings_assign.due"), value=None, key=f"{_KEY}.due")
        third.text_input(say("findings_assign.note"), key=f"{_KEY}.note")
        st.form_submit_button(
            say("findings_assign.button"),
            icon=":material/assignment_ind:",
            on_click=_assign,
            args=(view, meant),
        )


def _assign(view: View, meant: Sequence[tuple[int, str]]) -> None:
    due = st.session_state.get(f"{_KEY}.due")
    told = Said(
        note=typed(f"{_KEY}.note"),
        assignee=typed(f"{_KEY}.account") or None,
        due=end_of(due) if isinstance(due, date) else None,
    )
    act(view, Right.REVIEW, lambda principal: assign(view, principal, meant, told))


def assign(view: View, principal: Principal, meant: Sequence[tuple[int, str]], told: Said) -> str:
    """Assign findings, one by one; where one is refused the others go on.

    Args:
        view: of the page.
        principal: who assigns.
        meant: number and state of each finding, as they were read.
        told: account, deadline, note.

    Returns:
        What is to be said of it.

    Raises:
        GrouperError: all were refused; the error of the first.
    """
    refused: list[tuple[int, GrouperError]] = []
    for number, state in meant:
        try:
            findings.step(
                view.parts.database, asker_of(principal), number, ASSIGN, state, told, now()
            )
        except GrouperError as error:
            refused.append((number, error))
    if refused and len(refused) == len(meant):
        raise refused[0][1]
    done = say("findings_assign.done", count=len(meant) - len(refused))
    lines = [f"#{number}: {shown(error, view.lang)}" for number, error in refused]
    return "  \n".join([done, *lines])
