"""Results that their destination did not want: which, why, and sending one again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from codebooks.messages import catalogue
from dashboards.app_pages.auditing.acting import act
from dashboards.app_pages.interface_sizes import sizes
from dashboards.app_pages.interface_words import moment
from dashboards.frame.figures import count
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, link, table, turned, turner
from grouper.service import interface_view
from grouper.service.access.principal import Right
from grouper.store.schema import now

if TYPE_CHECKING:
    from dashboards.frame.rows import Cell
    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.service.interface_view import Undelivered

_LIST, _PICKED = "undelivered", "undelivered.picked"


def results(view: View) -> None:
    """Show them, and a way to send one again."""
    st.subheader(say("undelivered.title"), anchor=False)
    rows(view)


def rows(view: View) -> None:
    """The rows alone; the look is logged first."""
    start = turned(_LIST)
    found, following = interface_view.undelivered(
        view.parts.database, view.principal, None if start is None else int(start), sizes().results
    )
    if not found:
        st.info(say("undelivered.none"), icon=":material/check:")
        return
    told = [one.case_id for one in found if one.case_id]
    looked(view, "deliveries_listed", "deliveries", {"cases": told})
    names = ("result", "destination", "created", "case", "tries", "answer", "advice")
    table(
        [
            Column(say(f"undelivered.{name}"), right=name == "tries", short=name == "result")
            for name in names
        ],
        [
            (
                str(one.id),
                one.destination,
                moment(one.created),
                _case(view, one),
                count(one.attempts),
                catalogue(view.lang).get(f"undelivered.code.{one.answer}", one.answer),
                say("undelivered.send_again" if one.again else "undelivered.not_written"),
            )
            for one in found
        ],
    )
    turner(_LIST, None if following is None else str(following))
    _again(view, [one.id for one in found if one.again])


def _case(view: View, one: Undelivered) -> Cell:
    if one.case_id is None:
        return None
    return link(view, say("undelivered.to_case"), "case", case_id=one.case_id)


def _again(view: View, numbers: list[int]) -> None:
    if not numbers:
        return
    picked, button, _ = st.columns((2, 2, 4), vertical_alignment="bottom")
    picked.selectbox(say("undelivered.which"), numbers, key=_PICKED)
    button.button(
        say("undelivered.again"),
        icon=":material/send:",
        key="undelivered.again",
        on_click=_send,
        args=(view,),
    )


def _send(view: View) -> None:
    number = st.session_state.get(_PICKED)
    if isinstance(number, int):
        act(view, Right.QUARANTINE, partial(_sent, view, number))


def _sent(view: View, number: int, principal: Principal) -> str:
    interface_view.send_again(view.parts.database, principal, number, now())
    return say("undelivered.sent", number=number)
