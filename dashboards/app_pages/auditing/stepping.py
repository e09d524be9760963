"""What may be done with a finding now, and what may not and why; what changed meanwhile."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.auditing.acting import act, typed
from dashboards.app_pages.auditing.tables import moment
from dashboards.frame.labels import department, departments
from dashboards.frame.language import say
from dashboards.frame.rows import plain
from grouper.audit.review.deadlines import end_of
from grouper.audit.review.errors import ReviewError
from grouper.audit.review.steps import Said
from grouper.audit.review.tables import limits
from grouper.service import findings
from grouper.service.access.principal import Right
from grouper.service.finding_answers import word
from grouper.service.findings import asker_of
from grouper.store.schema import now

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.audit.review.tables import Step
    from grouper.service.access.principal import Principal
    from grouper.service.findings import Shown

_MOVED = "finding.moved"
_COMMENT = "comment"


def stepping(view: View, shown: Shown) -> None:
    """The steps that the asker may take now, as forms; and those that another has to take."""
    st.subheader(say("finding_step.title"), anchor=False)
    row = shown.listed.finding
    number = row.id or 0
    can_comment = view.principal.may(Right.ANSWER)
    options = [one.action for one in shown.steps] + ([_COMMENT] if can_comment else [])
    _barred(view, shown)
    if not options:
        st.caption(say("finding_step.nothing"))
        return
    chosen = st.pills(
        say("finding_step.choose"),
        options,
        format_func=lambda one: word("action", one, view.lang),
        # Another state has other steps.
        key=f"finding.step.{number}.{row.state}",
        label_visibility="collapsed",
        wrap=True,
    )
    if chosen is None:
        st.caption(say("finding_step.choose"))
    elif chosen == _COMMENT:
        _comment(view, number)
    else:
        step = next(one for one in shown.steps if one.action == chosen)
        _form(view, shown, step)


def _barred(view: View, shown: Shown) -> None:
    refused = findings.barred(asker_of(view.principal), shown)
    if not refused:
        return
    with st.expander(say("finding_step.barred", count=len(refused)), icon=":material/group:"):
        for step, error in refused:
            what = word("action", step.action, view.lang)
            st.markdown(say("finding_step.because", action=what, why=say(f"error.{error.code}")))
        if any(error.code == "SECOND_PERSON" for _, error in refused):
            st.caption(say("finding_step.second", who=plain(shown.listed.finding.opinion_by or "")))


def _form(view: View, shown: Shown, step: Step) -> None:
    row = shown.listed.finding
    asked = {*step.needs, *step.takes, *step.unless_gone}
    key = f"finding.{row.id}.{step.action}"
    # What falls away where a screening no longer finds it need not be said.
    needed = set(step.needs) - (set(step.unless_gone) if row.gone is not None else set())
    if "evidence" in needed and not shown.files:
        st.info(say("finding_step.evidence"), icon=":material/attach_file:")
        return
    with st.form(f"{key}.form", border=True):
        if "note" in asked:
            mark = "needed" if "note" in needed else "free"
            st.text_area(
                say(f"finding_step.note_{mark}"), key=f"{key}.note", max_chars=limits().most_note
            )
        if "verdict" in asked:
            st.radio(
                say("finding_step.verdict"),
                ("right", "wrong"),
                index=None,
                format_func=lambda one: say(f"finding_step.verdict_{one}"),
                key=f"{key}.verdict",
            )
        if "amount" in asked:
            most = format(row.amount, "f")
            st.text_input(say("finding_step.amount", most=most), key=f"{key}.amount")
        if "department" in asked:
            _department(view, shown, f"{key}.department")
        if "assignee" in asked:
            st.text_input(say("finding_step.assignee"), key=f"{key}.assignee")
        if "due" in asked:
            st.date_input(say("finding_step.due"), value=None, key=f"{key}.due")
        st.form_submit_button(
            say("finding_step.button", action=word("action", step.action, view.lang)),
            type="primary",
            on_click=_take,
            args=(view, row.id or 0, step.action, row.state, _last(shown)),
        )


def _department(view: View, shown: Shown, key: str) -> None:
    """Which department is asked: that of the charges or of the stay first, any other by name or code."""
    near = (shown.listed.finding.department, shown.listed.stay_department)
    st.selectbox(
        say("finding_step.department"),
        list(dict.fromkeys([*filter(None, near), *departments(view.principal.reach)])),
        index=None,
        format_func=department,
        key=key,
        placeholder=say("finding_step.department_choose"),
        accept_new_options=True,
    )


def _last(shown: Shown) -> int:
    """The last event that the page shows."""
    return max((one.id or 0 for one in shown.events), default=0)


def _take(view: View, number: int, action: str, was: str, last: int) -> None:
    """Take a step with the finding as it was read, so that one taken meanwhile is noticed."""

    def doing(principal: Principal) -> str:
        asker, told = asker_of(principal), said_with(f"finding.{number}.{action}")
        found = findings.step(view.parts.database, asker, number, action, was, told, now())
        state = word("state", found.listed.finding.state, view.lang)
        return say("finding_step.done", action=word("action", action, view.lang), state=state)

    error = act(view, Right.ANSWER, doing)
    st.session_state[_MOVED] = last if error is not None and error.code == "FINDING_MOVED" else None


def said_with(key: str) -> Said:
    """What was written into the form of a step.

    Raises:
        ReviewError: ``AMOUNT_INVALID``.
    """
    verdict = st.session_state.get(f"{key}.verdict")
    due = st.session_state.get(f"{key}.due")
    return Said(
        note=typed(f"{key}.note"),
        amount=amount_written(typed(f"{key}.amount")),
        verdict=None if verdict is None else verdict == "wrong",
        due=end_of(due) if isinstance(due, date) else None,
        assignee=typed(f"{key}.assignee") or None,
        department=typed(f"{key}.department") or None,
    )


def amount_written(written: str) -> Decimal | None:
    """An amount as somebody wrote it; None: nothing is written.

    Raises:
        ReviewError: ``AMOUNT_INVALID``.
    """
    if not written:
        return None
    try:
        return Decimal(written.replace(",", ""))
    except InvalidOperation:
        raise ReviewError("AMOUNT_INVALID") from None


def moved(view: View, shown: Shown) -> None:
    """Where another was first: what changed since the finding was read."""
    last = st.session_state.pop(_MOVED, None)
    if last is None:
        return
    st.markdown(say("finding_step.moved"))
    for one in shown.events:
        if (one.id or 0) > last:
            told = say(
                "finding_step.moved_by",
                at=moment(one.at),
                actor=plain(one.actor),
                action=word("action", one.action, view.lang),
                state=word("state", one.after, view.lang),
            )
            st.markdown(f"- {told}")


def _comment(view: View, number: int) -> None:
    with st.form("finding.comment.form", border=True):
        st.text_area(
            say("finding_step.comment"), key="finding.comment.note", max_chars=limits().most_note
        )
        st.form_submit_button(say("finding_step.comment_add"), on_click=_say, args=(view, number))


def _say(view: View, number: int) -> None:
    def doing(principal: Principal) -> str:
        note = typed("finding.comment.note")
        findings.comment(view.parts.database, asker_of(principal), number, note, now())
        st.session_state["finding.comment.note"] = ""
        return say("finding_step.commented")

    act(view, Right.ANSWER, doing)
