"""The stays of the physician's own departments, running ones first asked for."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import streamlit as st

from codebooks.errors import GrouperError
from codebooks.messages import text
from dashboards.app_pages.discharge.head import day_of, minute
from dashboards.frame.errors import show_error
from dashboards.frame.figures import NONE
from dashboards.frame.labels import department, departments
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.navigation import address, pages
from grouper.service import findings
from grouper.service.access.principal import Right
from grouper.service.cds.markdown import escaped
from grouper.service.discharge_limits import discharge_limits
from grouper.service.findings import asker_of
from grouper.service.stored import find_stays
from grouper.store.findings import Wanted as WantedFindings
from grouper.store.reading import Wanted
from grouper.store.schema import now
from grouper.store.states import StayState

if TYPE_CHECKING:
    from datetime import datetime

    from dashboards.frame.view import View
    from grouper.store.reading import StayHead

_STATES = {"running": StayState.RUNNING, "discharged": StayState.DISCHARGED}
_COLUMNS = {
    "department": pa.string(),
    "visit": pa.string(),
    "admitted": pa.string(),
    "left": pa.string(),
    "day": pa.string(),
    "group": pa.string(),
    "status": pa.string(),
    "cost": pa.int64(),
}
"""The columns and of what they are; numbers stand on the right."""
_PLACE = "my_cases_place"
_ASKED = "asked"


def page(view: View) -> None:
    """Show the page."""
    st.caption(say("my_cases.lead"))
    if view.principal.reach == ():
        st.warning(say("my_cases.bound_to_none"), icon=":material/group_off:")
        return
    try:
        _show(view)
    except GrouperError as error:
        show_error(error)


def _show(view: View) -> None:
    _asked(view)
    state, chosen, visit = _filter(view)
    wanted = Wanted(
        states=[_STATES[state]],
        departments=[chosen] if chosen else None,
        text=visit or None,
    )
    _page_of(view, wanted, state, filtered=bool(chosen or visit))


def _asked(view: View) -> None:
    """How many findings wait for the department."""
    if not view.principal.may(Right.ANSWER):
        return
    wanted = WantedFindings(states=[_ASKED])
    _, _, counts = findings.page(view.parts.database, asker_of(view.principal), wanted, None, 1)
    waiting = sum(one.count for one in counts)
    if not waiting:
        return
    told = say("my_cases.asked", count=waiting)
    known = any(one.page == "findings" for one in pages())
    link = f" [{say('my_cases.asked_link')}]({address('findings')})" if known else ""
    st.info(f"{told}{link}", icon=":material/mark_chat_unread:")


def _filter(view: View) -> tuple[str, str | None, str]:
    """State, department (None: all) and beginning of the visit number; a change begins anew."""
    which, where, who = st.columns(3)
    with which:
        state = st.segmented_control(
            say("my_cases.state"),
            list(_STATES),
            default="running",
            format_func=lambda one: say(f"my_cases.{one}"),
            key="my_cases_state",
            on_change=_anew,
        )
    with where:
        chosen = st.selectbox(
            say("my_cases.department"),
            departments(view.principal.reach),
            index=None,
            format_func=department,
            placeholder=say("my_cases.every"),
            key="my_cases_department",
            on_change=_anew,
        )
    with who:
        visit = st.text_input(
            say("my_cases.find"),
            help=say("my_cases.find_help"),
            key="my_cases_visit",
            on_change=_anew,
        )
    return state or "running", chosen, visit.strip()


def _anew() -> None:
    st.session_state.pop(_PLACE, None)


def _page_of(view: View, wanted: Wanted, state: str, *, filtered: bool) -> None:
    after = st.session_state.get(_PLACE)
    most = discharge_limits().page
    found, following = find_stays(view.parts.database, view.principal.reach, wanted, after, most)
    if not found:
        st.info(say("my_cases.none" if filtered or state != "running" else "my_cases.empty"))
    else:
        looked(view, "cases_listed", "cases", {"cases": [one.case_id for one in found]})
        st.table(_table(view, found, state))
        st.caption(say("my_cases.order", most=most))
    one, other, _ = st.columns([1, 1, 4])
    if after is not None:
        one.button(say("my_cases.first"), icon=":material/first_page:", on_click=_anew)
    if following is not None:
        (one if after is None else other).button(
            say("my_cases.next"),
            icon=":material/chevron_right:",
            on_click=st.session_state.__setitem__,
            args=(_PLACE, following),
        )


def _table(view: View, found: list[StayHead], state: str) -> pa.Table:
    """The rows in the order of department and visit number: never in that of money."""
    at, lang = now(), view.lang
    rows = [
        _row(head, at, lang)
        for head in sorted(found, key=lambda one: (one.department or "", one.visit))
    ]
    shown = [name for name in _COLUMNS if name != ("left" if state == "running" else "day")]
    return pa.table(
        {
            say(f"my_cases.{name}"): pa.array([row[name] for row in rows], _COLUMNS[name])
            for name in shown
        }
    )


def _row(head: StayHead, at: datetime, lang: str) -> dict[str, Any]:
    grouping = head.grouping
    named = f"{grouping.group} {grouping.group_name or ''}" if grouping and grouping.group else ""
    status = text(f"status.{grouping.status}", lang) if grouping else say("my_cases.not_grouped")
    return {
        "department": escaped(department(head.department)),
        "visit": f"[{escaped(head.visit)}]({address('discharge', case_id=head.case_id)})",
        "admitted": minute(head.admitted),
        "left": minute(head.discharged),
        "day": day_of(head, at),
        "group": escaped(named.strip()) or NONE,
        "status": escaped(status),
        "cost": None if head.total_cost is None else _whole(head.total_cost),
    }


def _whole(amount: Decimal) -> int:
    """An amount in whole yuan, half up: in a list cents only make it harder to read."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
