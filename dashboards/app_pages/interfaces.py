"""How the interfaces stand: processes, ways in with their messages by hour, ways back, alerts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import streamlit as st

from codebooks.messages import catalogue
from dashboards.app_pages import interface_reading as reading
from dashboards.app_pages.auditing.acting import said
from dashboards.app_pages.interface_sizes import sizes
from dashboards.app_pages.interface_words import channel, lasting, moment, reason
from dashboards.app_pages.undelivered import results
from dashboards.charts.hours import hours
from dashboards.frame.figures import count
from dashboards.frame.language import say
from dashboards.frame.picture import Picture, show
from dashboards.frame.rows import Column, link, plain, table
from grouper.case.dates import LOCAL
from grouper.service import interface_view
from grouper.service.access.principal import Right
from grouper.service.interface_sizes import interface_sizes
from grouper.service.interface_view import Running, first_hour
from grouper.service.showing import alert_words
from grouper.store.schema import now
from grouper.store.states import UNSETTLED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dashboards.frame.view import View
    from grouper.service.interface_view import Channel, Destination, Process, Standing

_HOUR = "%m-%d %H"


def page(view: View) -> None:
    """Show the page."""
    _live(view)


@st.fragment(run_every=sizes().refresh_seconds)
def _live(view: View) -> None:
    """What is looked at anew while the page is open."""
    said()
    at = now()
    running = interface_view.processes(view.parts.settings, view.principal, at)
    standing = reading.standing(view)
    seconds = sizes().refresh_seconds
    st.caption(say("interfaces_page.as_of", at=moment(at), seconds=seconds))
    _headline(running, standing)
    _alerts(view)
    _processes(running)
    _ways_in(view, reading.channels(view), at)
    _waiting(view, standing)
    _ways_back(standing.destinations)
    if view.principal.may(Right.QUARANTINE) and any(one.failed for one in standing.destinations):
        results(view)


def _headline(running: Sequence[Process], standing: Standing) -> None:
    wanted = [one for one in running if one.state is not Running.OFF]
    up = sum(one.state is Running.UP for one in wanted)
    queue = standing.queue
    oldest = lasting(queue.oldest_seconds) if queue.length else None
    told = (
        ("processes", say("interfaces_page.of", part=count(up), whole=count(len(wanted)))),
        ("queue", count(queue.length)),
        ("oldest", oldest or say("interfaces_page.none_waits")),
        ("quarantine", count(sum(queue.outcomes.get(one, 0) for one in UNSETTLED))),
        ("failed", count(sum(one.failed for one in standing.destinations))),
    )
    for column, (name, value) in zip(st.columns(len(told)), told, strict=True):
        column.metric(
            say(f"interfaces_page.headline.{name}"),
            value,
            help=say(f"interfaces_page.headline_help.{name}"),
        )


def _alerts(view: View) -> None:
    found = interface_view.alerts(view.parts.database, view.principal, sizes().alerts)
    words = catalogue(view.lang)
    for one in found:
        kind = one.kind.partition(":")[0]
        advice = words.get(f"interfaces_page.alert_advice.{kind}")
        told = say(
            "interfaces_page.alert",
            what=plain(alert_words(one.kind, view.lang)),
            since=moment(one.started),
            advice=advice or words["interfaces_page.alert_advice.other"],
        )
        st.warning(told, icon=":material/warning:")
    if not found:
        st.caption(say("interfaces_page.no_alert"))


def _processes(running: Sequence[Process]) -> None:
    st.subheader(say("interfaces_page.processes"), anchor=False)
    names = ("process", "state", "since", "what_to_do")
    table(
        [Column(say(f"interfaces_column.{name}"), short=name == "state") for name in names],
        [
            (
                say(f"interface_process.{one.name}"),
                say(f"interface_running.{one.state}"),
                moment(one.since),
                say(f"interface_running_advice.{one.state}") or None,
            )
            for one in running
        ],
    )


def _ways_in(view: View, found: Sequence[Channel], at: datetime) -> None:
    st.subheader(say("interfaces_page.ways_in"), anchor=False)
    if not found:
        st.info(say("interfaces_page.no_channel"), icon=":material/info:")
        return
    names = ("channel", "messages", "unusable", "refused", "last")
    figures = {"messages", "unusable", "refused"}
    table(
        [Column(say(f"interfaces_column.{name}"), right=name in figures) for name in names],
        [
            (
                link(view, channel(one.name, view.lang), "messages", channel=one.name, state="all"),
                count(one.count),
                count(one.unusable),
                count(one.refused),
                moment(one.last),
            )
            for one in found
        ],
    )
    st.caption(say("interfaces_page.ways_in_about", hours=interface_sizes().hours))
    if any(one.count for one in found):
        _chart(view, found, at)
    else:
        st.info(
            say("interfaces_page.nothing_came", hours=interface_sizes().hours),
            icon=":material/info:",
        )


def _chart(view: View, found: Sequence[Channel], at: datetime) -> None:
    first = first_hour(at)
    steps = [first + timedelta(hours=step) for step in range(interface_sizes().hours)]
    used = [one for one in found if one.count]
    drawn = [
        {
            "hour": step.astimezone(LOCAL).strftime(_HOUR),
            "name": channel(one.name, view.lang),
            "messages": one.hours.get(step, 0),
        }
        for one in used
        for step in steps
    ]
    shown = pa.Table.from_pylist(drawn)
    titles = [say(f"chart_axis.{name}") for name in ("hour", "channel", "messages")]
    show(
        Picture(
            key="messages_hours",
            chart=hours(shown, view.lang),
            table=shown.rename_columns(titles),
            unit=say("interfaces_page.unit"),
            period=say("interfaces_page.period", since=moment(first), until=moment(at)),
            population=say(
                "interfaces_page.population", number=count(sum(one.count for one in used))
            ),
            source=say("interfaces_page.source"),
        ),
        view.lang,
    )


def _waiting(view: View, standing: Standing) -> None:
    st.subheader(say("interfaces_page.quarantine"), anchor=False)
    if not standing.reasons:
        st.caption(say("interfaces_page.no_quarantine"))
        return
    table(
        [
            Column(say("interfaces_column.reason")),
            Column(say("interfaces_column.messages_waiting"), right=True),
        ],
        [
            (link(view, reason(code, view.lang), "messages", reason=code), count(number))
            for code, number in standing.reasons.items()
        ],
    )


def _ways_back(found: Sequence[Destination]) -> None:
    st.subheader(say("interfaces_page.ways_back"), anchor=False)
    if not found:
        st.caption(say("interfaces_page.no_destination"))
        return
    names = ("destination", "waiting", "oldest", "failed", "sent")
    figures = {"waiting", "failed", "sent"}
    table(
        [Column(say(f"interfaces_column.{name}"), right=name in figures) for name in names],
        [
            (
                one.name,
                count(one.waiting),
                moment(one.oldest),
                count(one.failed),
                count(one.sent),
            )
            for one in found
        ],
    )
