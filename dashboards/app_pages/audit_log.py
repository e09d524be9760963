"""The audit log: who did or saw what and when, narrowed by person, act, object and day."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

import orjson
import streamlit as st

from codebooks.messages import catalogue
from dashboards.app_pages.auditing.asking import number_of
from dashboards.app_pages.interface_sizes import sizes
from dashboards.app_pages.interface_words import moment
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, first, link, table, turned, turner
from grouper.case.dates import LOCAL
from grouper.service import audit_view
from grouper.service.audit_view import Asked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.frame.rows import Cell
    from dashboards.frame.view import View
    from grouper.store.audit import Entry

_LIST = "audit_log"
_WORDS = "audit_action."
_PAGES = {
    "case": ("case", "case_id"),
    "message": ("messages", "message"),
    "finding": ("finding", "id"),
}
"""Objects that have a page: its id, and the parameter that names one."""
_SHARED = ("action", "since", "last")
"""What stands in the address; whom and what somebody looks for stays in the session."""


def page(view: View) -> None:
    """Show the page."""
    asked = _asked(view.lang)
    if asked is None:
        return
    start = turned(_LIST)
    found = audit_view.page(
        view.parts.database,
        view.principal,
        asked,
        before=None if start is None else int(start),
        limit=sizes().rows,
    )
    if found.rows:
        about = {"actor": asked.actor, "action": asked.action, "object": asked.object}
        looked(view, "audit_listed", "audit", {k: v for k, v in about.items() if v})
        _table(view, found.rows)
        _whole(found.rows)
    elif not found.cut:
        st.info(say("audit_log_page.none"), icon=":material/search_off:")
    if found.cut:
        st.caption(say("audit_log_page.cut"))
    turner(_LIST, None if found.following is None else str(found.following))


def _asked(lang: str) -> Asked | None:
    """Show the filter and read it; None: the days run backwards, and the page says so."""
    known = sorted(
        (key.removeprefix(_WORDS) for key in catalogue(lang) if key.startswith(_WORDS)),
        key=lambda action: catalogue(lang)[f"{_WORDS}{action}"],
    )
    _begin(known)
    columns = [*st.columns((2, 3, 3)), *st.columns((2, 2, 4))]
    _field(columns[0], "actor")
    columns[1].selectbox(
        say("audit_log_page.action"),
        known,
        index=None,
        key=f"{_LIST}.action",
        format_func=lambda one: action_words(one, lang),
        placeholder=say("audit_log_page.every"),
        on_change=first,
        args=(_LIST,),
    )
    _field(columns[2], "object")
    for column, name in zip(columns[3:5], ("since", "last"), strict=True):
        column.date_input(
            say(f"audit_log_page.{name}"),
            key=f"{_LIST}.{name}",
            format="YYYY-MM-DD",
            on_change=first,
            args=(_LIST,),
        )
    held = {name: st.session_state.get(f"{_LIST}.{name}") for name in (*_SHARED, "actor", "object")}
    _share(held)
    since, last = held["since"], held["last"]
    if isinstance(since, date) and isinstance(last, date) and since > last:
        st.error(say("messages_page.backwards", since=since, last=last), icon=":material/error:")
        return None
    return Asked(
        actor=_text(held["actor"]),
        action=_text(held["action"]),
        object=_text(held["object"]),
        since=_midnight(since) if isinstance(since, date) else None,
        until=_midnight(last + timedelta(days=1)) if isinstance(last, date) else None,
    )


def _field(column: object, name: str) -> None:
    with column:  # type: ignore[attr-defined]
        st.text_input(
            say(f"audit_log_page.{name}"),
            key=f"{_LIST}.{name}",
            placeholder=say(f"audit_log_page.{name}_example"),
            on_change=first,
            args=(_LIST,),
        )


def _begin(known: Sequence[str]) -> None:
    """The values of a page just entered: of its address."""
    if f"{_LIST}.action" in st.session_state:
        return
    action = st.query_params.get("action")
    st.session_state[f"{_LIST}.action"] = action if action in known else None
    for name in ("since", "last"):
        st.session_state[f"{_LIST}.{name}"] = _day(st.query_params.get(name, ""))


def _share(held: Mapping[str, object]) -> None:
    for name in _SHARED:
        value = held[name]
        if value:
            if st.query_params.get(name) != str(value):
                st.query_params[name] = str(value)
        elif name in st.query_params:
            del st.query_params[name]


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def _text(value: object) -> str | None:
    return str(value).strip() or None if value else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LOCAL)


def action_words(action: str, lang: str) -> str:
    """An act in words; its own name where it has none."""
    return catalogue(lang).get(f"{_WORDS}{action}", action)


def _table(view: View, rows: Sequence[Entry]) -> None:
    names = ("number", "at", "who", "what", "about")
    table(
        [
            Column(say(f"audit_log_column.{name}"), right=name == "number", short=name == "who")
            for name in names
        ],
        [
            (
                str(one.id),
                moment(one.at),
                one.actor,
                action_words(one.action, view.lang),
                _object(view, one.object),
            )
            for one in rows
        ],
    )


def _object(view: View, written: str) -> Cell:
    """What it was done to, with its page where it has one."""
    kind, _, number = written.partition(":")
    name = catalogue(view.lang).get(f"audit_object.{kind}")
    label = written if name is None else f"{name} {number}".strip()
    if kind in _PAGES and number:
        page_id, param = _PAGES[kind]
        return link(view, label, page_id, **{param: number})
    return label


def _whole(rows: Sequence[Entry]) -> None:
    """One entry as it is stored."""
    with st.expander(say("audit_log_page.whole"), icon=":material/data_object:"):
        picked = st.selectbox(
            say("audit_log_page.which"),
            [str(one.id) for one in rows],
            index=None,
            key=f"{_LIST}.picked",
            placeholder=say("audit_log_page.which_example"),
        )
        one = next((row for row in rows if row.id == number_of(picked)), None)
        if one is None:
            st.caption(say("audit_log_page.whole_about"))
            return
        told = {"action": one.action, "object": one.object, "about": one.about}
        st.code(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode(), language=None)
