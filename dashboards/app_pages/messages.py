"""Messages: those that wait for a person or all, why each waits, and one of them whole."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages import interface_reading as reading
from dashboards.app_pages.auditing.acting import act, said
from dashboards.app_pages.auditing.asking import number_of
from dashboards.app_pages.interface_sizes import sizes
from dashboards.app_pages.interface_words import advice, channel, form, moment, reason
from dashboards.app_pages.message import one
from dashboards.frame.figures import count
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, first, link, table, turned, turner
from grouper.case.dates import LOCAL
from grouper.service import message_view
from grouper.service.access.principal import Right
from grouper.store.quarantine import Wanted
from grouper.store.states import UNSETTLED, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.service.message_view import Page
    from grouper.store.outcomes import Outcome

_LIST = "messages"
_WAITING, _ALL = "waiting", "all"
_STATES = (_WAITING, _ALL, *(state.value for state in State))
_NAMES = ("state", "reason", "channel", "kind", "since", "last")
_ENTERED = "messages.entered"
_KIND = re.compile(r"[A-Z][A-Z0-9]{2}(\^[A-Z][A-Z0-9]{2})?|[0-9]{4}")
"""What may stand in an address: a type of messages of HL7, or the number of a transaction."""


def page(view: View) -> None:
    """Show the page."""
    said()
    written = st.query_params.get("message")
    if written is not None:
        one(view, number_of(written) or 0)
        return
    standing = reading.standing(view)
    chosen = _filter(view, standing.reasons)
    _share(chosen)
    since, last = chosen["since"], chosen["last"]
    if isinstance(since, date) and isinstance(last, date) and since > last:
        st.error(say("messages_page.backwards", since=since, last=last), icon=":material/error:")
        return
    waiting = sum(standing.queue.outcomes.get(state, 0) for state in UNSETTLED)
    st.caption(
        say("messages_page.counts", waiting=count(waiting), queue=count(standing.queue.length))
    )
    _replay_all(view, chosen, standing.reasons)
    _rows(view, chosen)


def _filter(view: View, reasons: Mapping[str, int]) -> dict[str, object]:
    """Show the filter and read it; of a page just entered its values are those of the address."""
    ways = [found.name for found in reading.channels(view)]
    _begin(reasons, ways)
    columns = [*st.columns((2, 3, 2)), *st.columns((2, 2, 2))]
    with columns[0]:
        _select("state", _STATES, _state_words)
    with columns[1]:
        _select(
            "reason", list(reasons), lambda found: _counted(found, reasons, view.lang), every=True
        )
    with columns[2]:
        _select("channel", ways, lambda found: channel(found, view.lang), every=True)
    with columns[3]:
        st.text_input(
            say("messages_filter.kind"),
            key="messages.kind",
            placeholder="ADT^A01",
            on_change=first,
            args=(_LIST,),
        )
    for column, name in zip(columns[4:], ("since", "last"), strict=True):
        column.date_input(
            say(f"messages_filter.{name}"),
            key=f"messages.{name}",
            format="YYYY-MM-DD",
            on_change=first,
            args=(_LIST,),
        )
    chosen = {name: st.session_state.get(f"messages.{name}") for name in _NAMES}
    st.session_state[_ENTERED] = chosen
    return chosen


def _begin(reasons: Mapping[str, int], ways: Sequence[str]) -> None:
    if "messages.state" in st.session_state:
        return
    asked = {name: st.query_params[name] for name in _NAMES if name in st.query_params}
    kept = asked or st.session_state.get(_ENTERED, {})
    fits = {"state": _STATES, "reason": list(reasons), "channel": list(ways)}
    for name, known in fits.items():
        value = kept.get(name)
        st.session_state[f"messages.{name}"] = value if value in known else None
    if st.session_state["messages.state"] is None:
        st.session_state["messages.state"] = _WAITING
    st.session_state["messages.kind"] = str(kept.get("kind") or "")
    for name in ("since", "last"):
        st.session_state[f"messages.{name}"] = _day(kept.get(name))


def _day(value: object) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def _select(
    name: str, options: Sequence[str], words: Callable[[str], str], *, every: bool = False
) -> None:
    st.selectbox(
        say(f"messages_filter.{name}"),
        options,
        index=None if every else 0,
        key=f"messages.{name}",
        format_func=words,
        placeholder=say("messages_filter.every"),
        on_change=first,
        args=(_LIST,),
    )


def _state_words(state: str) -> str:
    own = state in {_WAITING, _ALL}
    return say(f"messages_filter.{state}") if own else say(f"inbox.is.{state}")


def _counted(code: str, reasons: Mapping[str, int], lang: str) -> str:
    return say(
        "messages_filter.counted", reason=reason(code, lang), number=count(reasons.get(code))
    )


def _share(chosen: Mapping[str, object]) -> None:
    """Put what is chosen into the address, and nothing else of it away."""
    told = {name: str(value) for name, value in chosen.items() if value}
    if not _KIND.fullmatch(told.get("kind", "")):
        # Whatever else is typed may be a name or a number of a patient.
        told.pop("kind", None)
    if told.get("state") == _WAITING:
        del told["state"]
    for name in _NAMES:
        if name in told:
            if st.query_params.get(name) != told[name]:
                st.query_params[name] = told[name]
        elif name in st.query_params:
            del st.query_params[name]


def _wanted(chosen: Mapping[str, object]) -> Wanted:
    state, since, last = chosen["state"], chosen["since"], chosen["last"]
    states = {_WAITING: UNSETTLED, _ALL: ()}
    return Wanted(
        states=states[str(state)] if state in states else (State(str(state)),),
        reason=_text(chosen["reason"]),
        kind=_text(chosen["kind"]),
        since=_midnight(since) if isinstance(since, date) else None,
        until=_midnight(last + timedelta(days=1)) if isinstance(last, date) else None,
    )


def _text(value: object) -> str | None:
    return str(value).strip() or None if value else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LOCAL)


def _rows(view: View, chosen: Mapping[str, object]) -> None:
    found = message_view.page(
        view.parts.database,
        view.principal,
        _wanted(chosen),
        channel=_text(chosen["channel"]),
        after=int(turned(_LIST) or 0),
        limit=sizes().rows,
    )
    if found.rows:
        looked(view, "messages_searched", "messages", {"count": len(found.rows)})
        _table(view, found)
    elif not found.cut:
        narrowed = any(chosen[name] for name in _NAMES if name != "state")
        key = "no_result" if narrowed or chosen["state"] != _WAITING else "none"
        st.info(say(f"messages_page.{key}"), icon=":material/check:")
    if found.cut:
        st.caption(say("messages_page.cut"))
    turner(_LIST, None if found.following is None else str(found.following))


def _table(view: View, found: Page) -> None:
    names = ("message", "state", "advice", "form", "received", "channel")
    table(
        [Column(say(f"messages_column.{name}"), short=name == "message") for name in names],
        [
            (
                link(view, str(row.message_id), "messages", message=str(row.message_id)),
                _why(row, view.lang),
                advice(row.reason, view.lang) if row.state in UNSETTLED else None,
                f"{form(row.form, view.lang)} {row.kind}".strip(),
                moment(row.received),
                channel(found.channels.get(row.message_id, ""), view.lang),
            )
            for row in found.rows
        ],
    )


def _why(row: Outcome, lang: str) -> str:
    state = say(f"inbox.is.{row.state}")
    if not row.reason:
        return state
    return say("messages_page.because", state=state, reason=reason(row.reason, lang))


def _replay_all(view: View, chosen: Mapping[str, object], reasons: Mapping[str, int]) -> None:
    """Replaying all that wait for the reason chosen; asked for twice, for it is much at once."""
    code = _text(chosen["reason"])
    if code is None or chosen["state"] != _WAITING:
        return
    words = reason(code, view.lang)
    label = say("messages_page.replay_all", number=count(reasons.get(code)))
    with st.popover(label, icon=":material/replay:"):
        st.markdown(say("messages_page.replay_all_about", reason=words))
        st.button(
            say("messages_page.replay_all_sure"),
            type="primary",
            key="messages.replay_all",
            on_click=_replayed,
            args=(view, code),
        )


def _replayed(view: View, code: str) -> None:
    act(view, Right.QUARANTINE, partial(_replaying, view, code))


def _replaying(view: View, code: str, principal: Principal) -> str:
    done, rest = message_view.replay_reason(view.parts.database, principal, code)
    key = "replayed_all" if rest <= 0 else "replayed_some"
    return say(f"messages_page.{key}", done=count(done), rest=count(rest))
