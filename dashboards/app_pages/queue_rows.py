"""The rows behind a count of the work queue, page by page; each look is logged first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from codebooks.messages import catalogue
from dashboards.app_pages.case_rows import local_time, stays
from dashboards.app_pages.finding_rows import found
from dashboards.app_pages.office_sizes import sizes
from dashboards.app_pages.queue_failed import failed
from dashboards.app_pages.queue_outliers import BANDS, outliers
from dashboards.app_pages.undelivered import rows as undelivered
from dashboards.frame.figures import span, yuan
from dashboards.frame.labels import department
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, link, table, turned, turner
from grouper.forecast.result import ForecastStatus
from grouper.service import findings, queue
from grouper.service.findings import asker_of
from grouper.service.forecast_answers import page_of
from grouper.service.showing import alert_words
from grouper.service.stored import alerts_of, find_stays
from grouper.store.quarantine import Quarantine, Wanted
from grouper.store.schema import now

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.queue import Outlook
    from grouper.service.stored import Queue

LOSSES, REFUSED = "losses", "refused"
QUARANTINE, DELIVERIES, ALERTS = "quarantine", "deliveries", "alerts"
FAILED = "failed_work"
_LIST = "queue"


def rows_of(
    view: View, kind: str, mine: str | None, outlook: Outlook, standing: Queue | None
) -> None:
    """Show the rows of a kind.

    Args:
        view: who looks.
        kind: of :data:`dashboards.app_pages.queue.KINDS`.
        mine: only the findings that this account is to act on; None: all.
        outlook: of the running stays.
        standing: of inbox and deliveries; None: not to be seen.
    """
    if kind in set(queue.Stays):
        _stays(view, queue.Stays(kind))
    elif kind in set(queue.Findings):
        _findings(view, queue.Findings(kind), mine)
    elif kind in BANDS:
        outliers(view, kind)
    elif kind == LOSSES:
        _losses(view, outlook)
    elif kind == REFUSED:
        _refused(view)
    elif kind == QUARANTINE:
        _messages(view)
    elif kind == ALERTS:
        _alerts(view)
    elif kind == FAILED:
        failed(view)
    elif standing is not None:
        undelivered(view)


def _none() -> None:
    st.info(say("queue_page.none"), icon=":material/check:")


def _stays(view: View, kind: queue.Stays) -> None:
    wanted = queue.stays_wanted(kind, now())
    heads, following = find_stays(
        view.parts.database, view.principal.reach, wanted, turned(_LIST), sizes().rows
    )
    if not heads:
        _none()
        return
    stays(view, heads)
    turner(_LIST, following)


def _findings(view: View, kind: queue.Findings, mine: str | None) -> None:
    after = turned(_LIST)
    rows, following, _ = findings.page(
        view.parts.database,
        asker_of(view.principal),
        queue.findings_wanted(kind, now(), mine),
        None if after is None else int(after),
        sizes().rows,
    )
    if not rows:
        _none()
        return
    found(view, rows)
    turner(_LIST, None if following is None else str(following))


def _losses(view: View, outlook: Outlook) -> None:
    if not outlook.worst:
        _none()
        return
    start = int(turned(_LIST) or 0)
    shown = outlook.worst[start : start + sizes().rows]
    looked(view, "forecasts_listed", "forecasts", {"cases": [one.case_id for one in shown]})
    lang = view.lang
    columns = [
        *(Column(say(f"case_rows.{name}"), short=True) for name in ("visit", "department")),
        Column(say("queue_page.likely")),
        *(Column(say(f"queue_page.{name}"), right=True) for name in ("loss", "between")),
    ]
    table(
        columns,
        [
            (
                link(view, one.visit, "case", case_id=one.case_id, tab="forecast"),
                department(one.department),
                one.group,
                yuan(one.middle, lang, sign=True),
                span(yuan(one.low, lang, sign=True), yuan(one.high, lang, sign=True), lang),
            )
            for one in shown
        ],
    )
    behind = start + sizes().rows
    turner(_LIST, str(behind) if behind < len(outlook.worst) else None)


def _refused(view: View) -> None:
    _, rows, following = page_of(
        view.parts.database,
        view.principal.reach,
        None,
        department=None,
        status=ForecastStatus.REFUSED.value,
        after=int(turned(_LIST) or 0),
        limit=sizes().rows,
    )
    if not rows:
        _none()
        return
    looked(view, "forecasts_listed", "forecasts", {"cases": [one.case_id for one in rows]})
    words = catalogue(view.lang)
    columns = [
        Column(say(f"case_rows.{name}"), short=True) for name in ("visit", "department", "state")
    ]
    columns.append(Column(say("queue_page.why")))
    table(
        columns,
        [
            (
                link(view, one.visit, "case", case_id=one.case_id),
                department(one.department),
                say(f"stay_state.{one.state}"),
                words.get(f"reason.{one.forecast.reason}", one.forecast.reason or ""),
            )
            for one in rows
        ],
    )
    turner(_LIST, None if following is None else str(following))


def _messages(view: View) -> None:
    rows = Quarantine(view.parts.database).search(
        Wanted(), limit=sizes().rows, after=int(turned(_LIST) or 0)
    )
    if not rows:
        _none()
        return
    looked(view, "messages_searched", "messages", {"count": len(rows)})
    words = catalogue(view.lang)
    names = ("message", "received", "form", "sender", "why", "advice")
    table(
        [Column(say(f"queue_page.{name}"), short=name not in {"why", "advice"}) for name in names],
        [
            (
                link(view, str(one.message_id), "messages", message=str(one.message_id)),
                local_time(one.received),
                f"{one.form} {one.kind}",
                one.sender,
                words.get(f"reason.{one.reason}", one.reason),
                words.get(f"advice.{one.reason}", ""),
            )
            for one in rows
        ],
    )
    full = len(rows) == sizes().rows
    turner(_LIST, str(rows[-1].message_id) if full else None)


def _alerts(view: View) -> None:
    rows = alerts_of(view.parts.database, standing=True, limit=sizes().rows)
    if not rows:
        _none()
        return
    table(
        [Column(say("queue_page.since"), short=True), Column(say("queue_page.what"))],
        [(local_time(one.started), alert_words(one.kind, view.lang)) for one in rows],
    )
