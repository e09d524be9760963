"""Which findings the board shows: chosen on the page, and shared by its address.

An address names states, levels, a rule, a department, a source, a month and a list; never a person.
What is searched for, and the account that is to act, stay in the session alone.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.app_pages.auditing.sizes import sizes
from dashboards.frame.errors import show_error
from dashboards.frame.labels import department
from dashboards.frame.language import say
from grouper.audit.review.tables import SOURCES, states
from grouper.audit.words import LEVELS, level_words
from grouper.service.access.principal import Right
from grouper.service.finding_answers import rule_name, word
from grouper.service.finding_statistics import month_of
from grouper.service.findings import Choices, asker_of, choices, open_states
from grouper.store.findings import Wanted
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.frame.view import View
    from grouper.store.database import Database

_KEY = "findings"
_LISTS = ("state", "level")
_ONES = ("department", "rule", "source", "month", "batch")
_FLAGS = ("overdue", "mine", "every")
_ENTERED = f"{_KEY}.entered"
_MOST_LIST = 2**62


def asked(view: View) -> Wanted | None:
    """Show the filter and read it; None: a value is none, and the page says so."""
    known = _choices(view.parts.database, view.principal.name, view.principal.reach, _view=view)
    shown = [
        name
        for name, state in states().items()
        if view.principal.may(Right.REVIEW) or not state.hidden
    ]
    _begin(known, shown)
    _draw(view, known, shown)
    _share()
    try:
        return _wanted(view)
    except GrouperError as error:
        show_error(error)
        return None


@st.cache_data(ttl=sizes()["choices"], max_entries=100, show_spinner=False)
def _choices(
    _database: Database, name: str, reach: tuple[str, ...] | None, *, _view: View
) -> Choices:
    # Account and reach are what is kept apart by.
    del name, reach
    return choices(_database, asker_of(_view.principal))


def _begin(known: Choices, shown: Sequence[str]) -> None:
    """The values of a page just entered: of its address; else nothing is chosen."""
    if st.session_state.get(_ENTERED):
        # Streamlit forgets the widgets of a page that is left; what was chosen is taken up again.
        kept = st.session_state[_ENTERED]
        for name, value in kept.items():
            st.session_state.setdefault(f"{_KEY}.{name}", value)
        if not _address():
            return
    said = _address()
    if said is None:
        return
    fit: dict[str, Sequence[str]] = {
        "state": shown,
        "level": LEVELS,
        "department": known.departments,
        "rule": [rule for rule, _ in known.rules],
        "source": SOURCES,
    }
    for name in _LISTS:
        given = said.get(name, "").split(",")
        st.session_state[f"{_KEY}.{name}"] = [one for one in given if one in fit[name]]
    for name in _ONES:
        value = said.get(name)
        fits = value is not None and (name not in fit or value in fit[name])
        empty = "" if name in ("month", "batch") else None
        st.session_state[f"{_KEY}.{name}"] = value if fits else empty
    for name in _FLAGS:
        st.session_state[f"{_KEY}.{name}"] = said.get(name) == "1"


def _address() -> dict[str, str] | None:
    """What the address asks for, where it is another than the page itself wrote; None: it is not."""
    names = (*_LISTS, *_ONES, *_FLAGS)
    said = {name: st.query_params[name] for name in names if name in st.query_params}
    if said == st.session_state.get(f"{_KEY}.shared"):
        return None
    return said or None


def _draw(view: View, known: Choices, shown: Sequence[str]) -> None:
    lang = view.lang
    named = dict(known.rules)
    first, second, third, fourth = st.columns((3, 3, 3, 2), vertical_alignment="bottom")
    with first:
        st.multiselect(
            say("findings_filter.state"),
            shown,
            key=f"{_KEY}.state",
            format_func=lambda one: word("state", one, lang),
            placeholder=say("findings_filter.open"),
        )
    with second:
        st.multiselect(
            say("findings_filter.level"),
            LEVELS,
            key=f"{_KEY}.level",
            format_func=lambda one: level_words(one, lang),
            placeholder=say("findings_filter.all"),
        )
    with third:
        _one("department", known.departments, department)
    with fourth, st.popover(say("findings_filter.more"), icon=":material/filter_list:"):
        _one("rule", list(named), lambda one: f"{rule_name(named[one], one, lang)}（{one}）")
        _one("source", SOURCES, lambda one: word("source", one, lang))
        st.text_input(say("findings_filter.month"), key=f"{_KEY}.month", placeholder="2026-11")
        st.text_input(say("findings_filter.batch"), key=f"{_KEY}.batch")
        st.text_input(say("findings_filter.text"), key=f"{_KEY}.text")
        st.text_input(say("findings_filter.assignee"), key=f"{_KEY}.assignee")
        for name in _FLAGS:
            st.checkbox(say(f"findings_filter.{name}"), key=f"{_KEY}.{name}")
        st.button(say("findings_filter.clear"), on_click=_clear)
    st.session_state[_ENTERED] = _said() | {
        name: st.session_state.get(f"{_KEY}.{name}") for name in ("text", "assignee")
    }


def _one(name: str, options: Sequence[str], words: Any = str) -> None:  # noqa: ANN401 -- a function
    st.selectbox(
        say(f"findings_filter.{name}"),
        options,
        index=None,
        key=f"{_KEY}.{name}",
        format_func=words,
        placeholder=say("findings_filter.all"),
    )


def _clear() -> None:
    for name in (*_LISTS, *_ONES, *_FLAGS, "text", "assignee"):
        empty: Any = [] if name in _LISTS else False if name in _FLAGS else None
        st.session_state[f"{_KEY}.{name}"] = (
            "" if name in ("month", "batch", "text", "assignee") else empty
        )


def _said() -> dict[str, Any]:
    return {name: st.session_state.get(f"{_KEY}.{name}") for name in (*_LISTS, *_ONES, *_FLAGS)}


def _share() -> None:
    """Put what is chosen into the address, and nothing else of it away."""
    told: dict[str, str] = {}
    for name, value in _said().items():
        if value:
            told[name] = ",".join(value) if name in _LISTS else "1" if value is True else str(value)
    for name in (*_LISTS, *_ONES, *_FLAGS):
        if name in told:
            if st.query_params.get(name) != told[name]:
                st.query_params[name] = told[name]
        elif name in st.query_params:
            del st.query_params[name]
    st.session_state[f"{_KEY}.shared"] = told


def _wanted(view: View) -> Wanted:
    said = _said()
    text = (st.session_state.get(f"{_KEY}.text") or "").strip()
    assignee = (st.session_state.get(f"{_KEY}.assignee") or "").strip()
    since, until = _month(said["month"])
    return Wanted(
        states=said["state"] or (None if said["every"] else open_states()),
        levels=said["level"] or None,
        rules=[said["rule"]] if said["rule"] else None,
        department=said["department"],
        source=said["source"],
        assignee=view.principal.name if said["mine"] else assignee or None,
        due_before=now() if said["overdue"] else None,
        batch_id=number_of(said["batch"]),
        day_from=since,
        day_until=until,
        text=text or None,
    )


def _month(written: str | None) -> tuple[date | None, date | None]:
    """The days of a month, half-open.

    Raises:
        ReviewError: ``REVIEW_MONTH``.
    """
    if not (written or "").strip():
        return None, None
    month_of(str(written).strip())
    first = date.fromisoformat(f"{str(written).strip()}-01")
    return first, (first + timedelta(days=31)).replace(day=1)


def number_of(written: str | None) -> int | None:
    """The number that is written; None: nothing is; 0: it is none, and finds nothing."""
    told = (written or "").strip()
    if not told:
        return None
    plain = told.isascii() and told.isdigit() and len(told) <= len(str(_MOST_LIST))
    return int(told) if plain and int(told) < _MOST_LIST else 0
