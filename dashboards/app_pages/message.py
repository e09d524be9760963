"""One message: what became of it, its fields without who the patient is, and settling it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.auditing.acting import act, typed
from dashboards.app_pages.interface_sizes import sizes
from dashboards.app_pages.interface_words import advice, channel, form, moment, reason
from dashboards.frame.figures import count
from dashboards.frame.going import go
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, link, plain, table, turned, turner
from grouper.service import message_view
from grouper.service.access.principal import Right
from grouper.store.database import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.frame.rows import Cell
    from dashboards.frame.view import View
    from grouper.intake.outline import Part
    from grouper.service.access.principal import Principal
    from grouper.service.message_view import Detail

_RAW = "message.raw"


def one(view: View, number: int) -> None:
    """Show a message by its number; one that is not there is told."""
    if st.button(say("message_page.back"), icon=":material/arrow_back:", type="tertiary"):
        go("messages")
    try:
        found = message_view.detail(view.parts.database, view.principal, number)
    except StoreError as error:
        if error.code != "MESSAGE_UNKNOWN":
            raise
        st.warning(say("message_page.unknown", number=number), icon=":material/search_off:")
        return
    looked(view, "message_shown", f"message:{number}")
    stored = found.shown.stored
    kind = f"{form(stored.form, view.lang)} {stored.kind}".strip()
    st.subheader(say("message_page.title", number=number, kind=plain(kind)), anchor=False)
    _state(view, found)
    _settle(view, number, found)
    _facts(view, found)
    _outline(view, number, found)
    _raw(view, number, found)


def _state(view: View, found: Detail) -> None:
    """What became of it, why, and what to do."""
    outcome = found.shown.outcome
    if outcome is None:
        st.info(say("message_page.unprocessed"), icon=":material/hourglass_empty:")
        return
    state = say(f"inbox.is.{outcome.state}")
    if not outcome.reason:
        st.success(say("message_page.state", state=state), icon=":material/check:")
        return
    told = [say("message_page.because", state=state, reason=reason(outcome.reason, view.lang))]
    if outcome.place:
        told.append(say("message_page.at", place=plain(_place(view, found))))
    if found.unsettled:
        told.append(advice(outcome.reason, view.lang))
        st.warning("  \n".join(told), icon=":material/warning:")
    else:
        st.info("  \n".join(told), icon=":material/info:")
    if found.pending:
        st.info(say("message_page.pending"), icon=":material/hourglass_empty:")


def _place(view: View, found: Detail) -> str:
    """Where in the message the reason lies, by name, and whether anything stands there."""
    outcome = found.shown.outcome
    place = "" if outcome is None else outcome.place
    name = found.names.get(view.lang, "")
    told = say("message_page.named", place=place, name=name) if name else place
    if found.outline is None or found.present:
        return told
    return say("message_page.missing", place=told)


def _settle(view: View, number: int, found: Detail) -> None:
    if not found.unsettled:
        return
    replaying, dismissing, _ = st.columns((3, 3, 2), vertical_alignment="bottom")
    replaying.button(
        say("message_page.replay"),
        icon=":material/replay:",
        type="primary",
        disabled=found.pending,
        help=say("message_page.replay_help"),
        key="message.replay",
        on_click=_replay,
        args=(view, number),
        width="stretch",
    )
    with dismissing.popover(
        say("message_page.dismiss"), icon=":material/archive:", width="stretch"
    ):
        st.caption(say("message_page.dismiss_about"))
        with st.form("message.dismiss.form", border=False):
            st.text_area(
                say("message_page.note"), key="message.dismiss.note", max_chars=sizes().note
            )
            st.form_submit_button(
                say("message_page.dismiss_sure"), on_click=_dismiss, args=(view, number)
            )


def _replay(view: View, number: int) -> None:
    act(view, Right.QUARANTINE, partial(_replaying, view, number))


def _replaying(view: View, number: int, principal: Principal) -> str:
    done = message_view.replay(view.parts.database, principal, number)
    return say("message_page.replayed" if done else "message_page.pending")


def _dismiss(view: View, number: int) -> None:
    act(view, Right.QUARANTINE, partial(_dismissing, view, number))


def _dismissing(view: View, number: int, principal: Principal) -> str:
    message_view.dismiss(view.parts.database, principal, number, typed("message.dismiss.note"))
    return say("message_page.dismissed")


def _facts(view: View, found: Detail) -> None:
    """What is known of it, a line each; what is not known has none."""
    stored, outcome = found.shown.stored, found.shown.outcome
    told: list[tuple[str, Cell]] = [
        ("received", moment(stored.received)),
        ("channel", channel(stored.channel, view.lang)),
        ("sender", " / ".join(filter(None, (stored.sender, stored.facility)))),
        ("control_id", stored.control_id),
        ("size", say("message_page.bytes", number=count(stored.size))),
        ("verdict", say(f"message_page.verdict.{stored.verdict}")),
    ]
    if stored.replay_of is not None:
        told.append(("replay_of", _number(view, stored.replay_of)))
    if outcome is not None:
        told += [("settled", moment(outcome.at)), ("attempts", count(outcome.attempts))]
        if outcome.settled_by:
            told += [("settled_by", outcome.settled_by), ("note", outcome.settled_note)]
    told += [("replays", _number(view, number)) for number in found.shown.replays]
    told += [
        ("repeat", f"{moment(at)} {channel(way, view.lang)}") for at, way in found.shown.repeats
    ]
    told += [
        ("case", link(view, say("message_page.to_case"), "case", case_id=case))
        for case in found.cases
    ]
    table(
        [Column(say("message_page.fact"), short=True), Column(say("message_page.value"))],
        [(say(f"message_fact.{name}"), value) for name, value in told if value],
    )


def _number(view: View, number: int) -> Cell:
    return link(view, str(number), "messages", message=str(number))


def _outline(view: View, number: int, found: Detail) -> None:
    st.subheader(say("message_page.outline"), anchor=False)
    parts = found.outline
    if parts is None:
        gone = found.shown.stored.raw is None
        st.caption(say("message_page.gone" if gone else "message_page.no_outline"))
        return
    st.caption(say("message_page.outline_about"))
    key = f"message.{number}"
    start = int(turned(key) or 0)
    _parts(view, found, parts[start : start + sizes().parts])
    behind = start + sizes().parts
    turner(key, str(behind) if behind < len(parts) else None)


def _parts(view: View, found: Detail, parts: Sequence[Part]) -> None:
    names = ("group", "place", "name", "held")
    rows = []
    for part in parts:
        held = say("message_page.masked") if part.value is None else part.value
        place = say("message_page.here", place=part.place) if found.here(part) else part.place
        rows.append((part.group, place, part.names.get(view.lang), held))
    table(
        [Column(say(f"message_column.{name}"), short=name in {"group", "place"}) for name in names],
        rows,
    )


def _raw(view: View, number: int, found: Detail) -> None:
    """The bytes as they came, for who may see who the patient is, and only when asked for."""
    st.subheader(say("message_page.raw"), anchor=False)
    if found.shown.stored.raw is None:
        st.caption(say("message_page.gone"))
        return
    if not view.principal.may(Right.PERSONS):
        st.caption(say("message_page.raw_right"))
        return
    if st.session_state.get(_RAW) != number:
        st.button(
            say("message_page.raw_show"),
            icon=":material/visibility:",
            help=say("message_page.raw_help"),
            key="message.raw.show",
            on_click=_show,
            args=(number,),
        )
        return
    looked(view, "message_raw", f"message:{number}")
    told = message_view.raw_text(view.parts.database, view.principal, number)
    st.code(told or "", language=None)
    st.button(say("message_page.raw_hide"), key="message.raw.hide", on_click=_show, args=(None,))


def _show(number: int | None) -> None:
    st.session_state[_RAW] = number
