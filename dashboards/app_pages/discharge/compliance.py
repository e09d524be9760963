"""What the audit found of a stay, what to do about it, and the form of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.app_pages.discharge.head import minute
from dashboards.frame.errors import show_error
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.navigation import address
from grouper.audit.review.steps import Said
from grouper.service import findings
from grouper.service.access.principal import Right
from grouper.service.cds.markdown import escaped
from grouper.service.discharge import standing_findings
from grouper.service.finding_answers import finding_out, word
from grouper.service.findings import asker_of
from grouper.service.screening_answers import case_out
from grouper.store.schema import now

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.stored import Stay

_ANSWER = "answer"
_SENT = "discharge_sent"


def standing(view: View, stay: Stay) -> tuple[list[dict[str, Any]], bool]:
    """The findings as they are told, what is still to be done first, and whether there are more.

    Within both they stand as they came, never by amount. Who may see none gets none.
    """
    if not view.principal.may(Right.FINDINGS):
        return [], False
    found, more = standing_findings(view.parts.database, view.principal, stay.case_id)
    about = {"findings": [one.finding.id for one in found]}
    looked(view, "case_findings_shown", f"case:{stay.case_id}", about)
    told = case_out(stay.case_id, stay.head.state, found, view.lang)["findings"]
    return sorted(told, key=lambda one: not one["open"]), more


def summary(told: list[dict[str, Any]]) -> None:
    """One line: how many findings are open."""
    waiting = sum(one["open"] for one in told)
    if waiting:
        st.markdown(f":material/gavel: {say('discharge.open_findings', count=waiting)}")


def show(view: View, told: list[dict[str, Any]], *, more: bool) -> None:
    """Show the section, to who may see findings."""
    if not view.principal.may(Right.FINDINGS):
        return
    st.subheader(say("discharge.audit"), anchor=False)
    sent = st.session_state.pop(_SENT, None)
    if sent is not None:
        st.success(say("discharge.sent", state=word("state", sent, view.lang)))
    for one in told:
        _one(view, one)
    if more:
        st.caption(say("discharge.more_findings", count=len(told)))
    if not told:
        st.markdown(f":material/check: {say('discharge.no_findings')}")


def _one(view: View, one: dict[str, Any]) -> None:
    with st.container(border=True):
        named = {name: escaped(one[f"{name}_name"]) for name in ("level", "rule", "state")}
        icon = ":material/gavel:" if one["open"] else ":material/task_alt:"
        st.markdown(f"{icon} **{say('discharge.finding', **named)}**")
        # Where, why and what to do, in the words of the audit; what it is stands above already.
        told = one["document"]["words"]
        st.markdown("  \n".join(escaped(words) for words in told[1:] or told))
        st.markdown(f"[{say('discharge.detail')}]({address('finding', id=str(one['id']))})")
        if one["asked_until"] is not None and one["open"]:
            late = one["asked_until"] <= now()
            key = "overdue" if late else "due"
            st.markdown(say(f"discharge.{key}", due=minute(one["asked_until"])))
        _form(view, one)


def _form(view: View, one: dict[str, Any]) -> None:
    """The form, where the asker may answer now."""
    if not view.principal.may(Right.ANSWER):
        return
    number = one["id"]
    shown = findings.show(view.parts.database, asker_of(view.principal), number)
    if all(step.action != _ANSWER for step in shown.steps):
        return
    with st.form(f"answer:{number}", clear_on_submit=False):
        note = st.text_area(say("discharge.note"), key=f"note:{number}")
        if not st.form_submit_button(say("discharge.send"), icon=":material/send:"):
            return
    try:
        done = findings.step(
            view.parts.database,
            asker_of(view.principal),
            number,
            _ANSWER,
            one["state"],
            Said(note=note),
            now(),
        )
    except GrouperError as error:
        show_error(error)
        return
    st.session_state[_SENT] = finding_out(done.listed, view.lang)["state"]
    st.rerun()
