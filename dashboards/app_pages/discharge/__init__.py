"""One stay before discharge, to be read in ten seconds: group and why, what is missing, cost, warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.app_pages.discharge import compliance, cost, group, head, trial
from dashboards.frame.errors import show_error
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.navigation import address
from grouper.service.discharge import at_discharge
from grouper.service.problems import ServiceError
from grouper.service.stored import merged_into, stay_of_case
from grouper.store.schema import now
from grouper.store.states import StayState

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.stored import Stay


def page(view: View) -> None:
    """Show the page."""
    case_id = st.query_params.get("case_id", "")
    try:
        if case_id:
            _show(view, case_id)
        else:
            st.info(say("discharge.choose"), icon=":material/list:")
    except ServiceError as error:
        if error.code != "STORED_CASE_UNKNOWN":
            raise
        st.warning(say("discharge.unknown"), icon=":material/search_off:")
    except GrouperError as error:
        show_error(error)
    st.markdown(f"[{say('discharge.back')}]({address('my_cases')})")


def _show(view: View, case_id: str) -> None:
    at = now()
    stay = stay_of_case(view.parts.database, case_id, view.principal.reach)
    looked(view, "case_shown", f"case:{stay.case_id}", {"version": stay.version})
    head.show(view, stay, at)
    if stay.head.state == StayState.MERGED:
        _merged(view, stay)
        return
    if stay.head.state == StayState.CANCELLED:
        st.warning(say("discharge.cancelled"), icon=":material/event_busy:")
        return
    told = at_discharge(view.parts.database, stay, view.parts.settings.region, view.lang, at)
    findings, more = compliance.standing(view, stay)
    why, missing = st.columns([3, 2])
    with why:
        group.show(told)
    with missing:
        group.show_remarks(view, stay, told)
        compliance.summary(findings)
    cost.show(view, stay, told, at)
    compliance.show(view, findings, more=more)
    if told.document is not None:
        group.show_codings(told.document)
        trial.show(view, stay, told.scheme)


def _merged(view: View, stay: Stay) -> None:
    st.warning(say("discharge.merged"), icon=":material/merge:")
    into = merged_into(view.parts.database, stay.head)
    if into is not None:
        st.markdown(f"[{say('discharge.merged_link')}]({address('discharge', case_id=into)})")
