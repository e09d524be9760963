"""The stored cases within reach: filters that can be shared, and a search by number that cannot."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.messages import catalogue, text
from dashboards.app_pages.case_rows import stays
from dashboards.app_pages.office_sizes import sizes
from dashboards.frame.labels import department, departments
from dashboards.frame.language import say
from dashboards.frame.rows import first, turned, turner
from grouper.case.dates import LOCAL
from grouper.schemes.reasons import Reason, Status
from grouper.service.stored import find_stays
from grouper.store.reading import Wanted
from grouper.store.states import StayState

if TYPE_CHECKING:
    from dashboards.frame.view import View

_LIST = "cases"
_LONGEST = 128
_STATE, _STATUS, _DEPARTMENT, _GROUP, _REASON = "state", "status", "department", "group", "reason"
_SINCE, _LAST = "since", "last"
_WORDS = (_DEPARTMENT, _GROUP, _REASON)
_NAMES = (_STATE, _STATUS, *_WORDS, _SINCE, _LAST)


def page(view: View) -> None:
    """Show the page."""
    _begin()
    _draw(view)
    chosen: dict[str, Any] = {name: st.session_state.get(f"{_LIST}.{name}") for name in _NAMES}
    _share(chosen)
    since, last = chosen[_SINCE], chosen[_LAST]
    if isinstance(since, date) and isinstance(last, date) and last < since:
        st.warning(
            say("cases_page.backwards", since=since, last=last), icon=":material/date_range:"
        )
        return
    wanted = Wanted(
        states=[chosen[_STATE]] if chosen[_STATE] else None,
        departments=[chosen[_DEPARTMENT]] if chosen[_DEPARTMENT] else None,
        status=chosen[_STATUS] or None,
        group=chosen[_GROUP] or None,
        reason=chosen[_REASON] or None,
        text=(st.session_state.get(f"{_LIST}.text") or "").strip() or None,
        discharged_from=_midnight(since) if isinstance(since, date) else None,
        discharged_until=_midnight(last + timedelta(days=1)) if isinstance(last, date) else None,
    )
    heads, following = find_stays(
        view.parts.database, view.principal.reach, wanted, turned(_LIST), sizes().rows
    )
    if not heads:
        asked = wanted != Wanted()
        st.info(
            say("cases_page.none" if asked else "cases_page.no_data"), icon=":material/search_off:"
        )
        return
    stays(view, heads)
    turner(_LIST, following)


def _begin() -> None:
    """Give the widgets their values from the address, once; what it names wrongly is passed over."""
    if f"{_LIST}.{_STATE}" in st.session_state:
        return
    known: dict[str, set[str]] = {_STATE: set(StayState), _STATUS: set(Status)}
    for name in _NAMES:
        asked = st.query_params.get(name, "")[:_LONGEST]
        found: object = asked
        if name in known:
            found = asked if asked in known[name] else None
        elif name in (_SINCE, _LAST):
            found = _day(asked)
        elif name == _DEPARTMENT:
            found = asked or None
        st.session_state[f"{_LIST}.{name}"] = found


def _day(asked: str) -> date | None:
    try:
        return date.fromisoformat(asked)
    except ValueError:
        return None


def _draw(view: View) -> None:
    anew: dict[str, Any] = {"on_change": first, "args": (_LIST,)}
    top, bottom = st.columns((3, 1, 1)), st.columns((1, 1, 1, 1, 1))
    top[0].text_input(
        say("cases_page.text"),
        key=f"{_LIST}.text",
        max_chars=_LONGEST,
        placeholder=say("cases_page.text_example"),
        help=say("cases_page.text_help"),
        **anew,
    )
    top[1].selectbox(
        say("cases_page.state"),
        [one.value for one in StayState],
        index=None,
        format_func=lambda one: text(f"stay_state.{one}", view.lang),
        key=f"{_LIST}.{_STATE}",
        placeholder=say("cases_page.all"),
        **anew,
    )
    top[2].selectbox(
        say("cases_page.status"),
        [one.value for one in Status],
        index=None,
        format_func=lambda one: text(f"status.{one}", view.lang),
        key=f"{_LIST}.{_STATUS}",
        placeholder=say("cases_page.all"),
        **anew,
    )
    known, chosen = (
        departments(view.principal.reach),
        st.session_state.get(f"{_LIST}.{_DEPARTMENT}"),
    )
    bottom[0].selectbox(
        say(f"cases_page.{_DEPARTMENT}"),
        # A code that the hospital's table does not name can be typed, and may stand in an address.
        known if not chosen or chosen in known else [*known, chosen],
        index=None,
        format_func=department,
        key=f"{_LIST}.{_DEPARTMENT}",
        placeholder=say("cases_page.all"),
        accept_new_options=True,
        **anew,
    )
    bottom[1].text_input(
        say(f"cases_page.{_GROUP}"), key=f"{_LIST}.{_GROUP}", max_chars=_LONGEST, **anew
    )
    bottom[2].selectbox(
        say("cases_page.reason"),
        _reasons(view.lang),
        index=None,
        format_func=lambda one: catalogue(view.lang).get(f"reason.{one}", str(one)),
        key=f"{_LIST}.{_REASON}",
        placeholder=say("cases_page.all"),
        **anew,
    )
    for column, name in zip(bottom[3:], (_SINCE, _LAST), strict=True):
        column.date_input(
            say(f"cases_page.{name}"),
            value=None,
            key=f"{_LIST}.{name}",
            format="YYYY-MM-DD",
            **anew,
        )


def _reasons(lang: str) -> list[str]:
    return [one.value for one in Reason if f"reason.{one.value}" in catalogue(lang)]


def _share(chosen: dict[str, object]) -> None:
    """Put what is chosen into the address; never what was typed into the search."""
    for name, value in chosen.items():
        told = value.isoformat() if isinstance(value, date) else str(value or "")
        if told and st.query_params.get(name) != told:
            st.query_params[name] = told
        elif not told and name in st.query_params:
            del st.query_params[name]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LOCAL)
