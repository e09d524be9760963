"""Which stay it is; its number stands on the page alone, never in the address or a title."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.frame.figures import NONE
from dashboards.frame.labels import department
from dashboards.frame.language import say
from dashboards.frame.navigation import address
from grouper.case.dates import LOCAL
from grouper.service.cds.markdown import escaped
from grouper.store.states import StayState

if TYPE_CHECKING:
    from datetime import datetime

    from dashboards.frame.view import View
    from grouper.service.stored import Stay
    from grouper.store.reading import StayHead

_MINUTE = "%Y-%m-%d %H:%M"


def show(view: View, stay: Stay, at: datetime) -> None:
    """Show the line."""
    head = stay.head
    running = head.state == StayState.RUNNING
    words = {
        "department": escaped(department(head.department)),
        "visit": escaped(head.visit),
        "admitted": minute(head.admitted),
        "discharged": minute(head.discharged),
        "day": day_of(head, at),
        "days": NONE if (passed := days_of(head, at)) is None else passed,
    }
    st.markdown(say("discharge.head_running" if running else "discharge.head_ended", **words))
    changed = minute(head.changed)
    told = say("discharge.as_if_today" if running else "discharge.as_of", changed=changed)
    link = f"[{say('discharge.open_case')}]({address('case', case_id=stay.case_id)})"
    st.caption(f"{told}{' ' if view.lang == 'en' else ''}{link}")


def minute(time: datetime | None) -> str:
    """A local time to the minute."""
    return NONE if time is None else time.astimezone(LOCAL).strftime(_MINUTE)


def day_of(head: StayHead, at: datetime) -> str:
    """The day of stay it is; the day of admission is the first."""
    passed = _passed(head, at)
    return NONE if passed is None else str(passed + 1)


def days_of(head: StayHead, at: datetime) -> int | None:
    """Days of stay; the days of admission and discharge count as one."""
    passed = _passed(head, at)
    return None if passed is None else max(passed, 1)


def _passed(head: StayHead, at: datetime) -> int | None:
    """Midnights since the admission; None: it is not known, or lies behind the end."""
    end = at if head.state == StayState.RUNNING else head.discharged
    if head.admitted is None or end is None:
        return None
    passed = (end.astimezone(LOCAL).date() - head.admitted.astimezone(LOCAL).date()).days
    return passed if passed >= 0 else None
