"""What needs the insurance office today: how much of each kind, then the rows behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from codebooks.messages import catalogue
from dashboards.app_pages.auditing.acting import said
from dashboards.app_pages.queue_outliers import BANDS, counted
from dashboards.app_pages.queue_rows import (
    ALERTS,
    DELIVERIES,
    FAILED,
    LOSSES,
    QUARANTINE,
    REFUSED,
    rows_of,
)
from dashboards.frame.figures import count, yuan
from dashboards.frame.language import say
from dashboards.frame.rows import first
from grouper.service.access.principal import Right
from grouper.service.failed_work import failed_work
from grouper.service.findings import asker_of
from grouper.service.queue import Findings, Outlook, Stays, count_findings, count_stays, limits
from grouper.service.queue import outlook as outlook_of
from grouper.service.stored import queue_of
from grouper.store.schema import now
from grouper.store.states import Delivery, State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.service.settings import Settings
    from grouper.service.stored import Queue, Reach
    from grouper.store.database import Database

_KIND = "kind"
_MINE, _ALL = "mine", "all"
_SECONDS = 60
"""So old may the counts be; the rows are always read anew."""
KINDS = (
    *(Findings.OVERDUE.value, Findings.NEAR.value, Findings.INSURER.value, Findings.OPEN.value),
    *(Stays.UNGROUPED.value, Stays.AMBIGUOUS.value, Stays.INVALID.value, Stays.UNSENT.value),
    *BANDS,
    *(LOSSES, REFUSED, QUARANTINE, DELIVERIES, FAILED, ALERTS),
)
"""In the order of their urgency."""


def page(view: View) -> None:
    """Show the page."""
    said()
    whose = st.segmented_control(
        say("queue_page.whose"),
        (_ALL, _MINE),
        default=_ALL,
        required=True,
        format_func=lambda one: say(f"queue_page.{one}"),
        key="queue.whose",
        on_change=first,
        args=("queue",),
        help=say("queue_page.whose_help"),
    )
    mine = view.principal.name if whose == _MINE else None
    counts = _counts(view, mine)
    _headline(counts, view.lang)
    if not any(counts.numbers.values()):
        st.success(say("queue_page.nothing"), icon=":material/check_circle:")
    chosen = _choose(view, counts.numbers)
    if chosen is None:
        return
    st.subheader(say(f"queue_page.kind.{chosen}"), anchor=False)
    st.caption(
        say(f"queue_page.about.{chosen}", days=_days(chosen), day=counts.outlook.as_of or "—")
    )
    rows_of(view, chosen, mine, counts.outlook, counts.queue)


class _Counts:
    """How much of each kind there is."""

    def __init__(
        self,
        stays: Mapping[Stays, int],
        findings: Mapping[Findings, tuple[int, Decimal]],
        outlook: Outlook,
        queue: Queue | None,
        bands: Mapping[str, int],
        failed: int,
    ) -> None:
        self.outlook, self.queue, self.findings = outlook, queue, findings
        self.numbers: dict[str, int] = {
            **{kind.value: found for kind, (found, _) in findings.items()},
            **{kind.value: found for kind, found in stays.items()},
            **bands,
            LOSSES: outlook.losses,
            REFUSED: outlook.refused,
            FAILED: failed,
        }
        if queue is not None:
            self.numbers |= {
                QUARANTINE: sum(
                    queue.outcomes.get(one, 0) for one in (State.QUARANTINED, State.REFUSED)
                ),
                DELIVERIES: queue.deliveries.get(Delivery.FAILED, 0),
                ALERTS: sum(queue.alerts.values()),
            }


def _counts(view: View, mine: str | None) -> _Counts:
    principal, database = view.principal, view.parts.database
    place = str(view.parts.settings.url)
    queue = _queue(database, place) if principal.may(Right.QUARANTINE) else None
    return _Counts(
        _stays(database, place, principal.reach),
        _findings(database, place, principal, mine),
        _outlook(database, place, principal.reach),
        queue,
        counted(view),
        _failed(view.parts.settings, database, principal, place),
    )


@st.cache_data(ttl=_SECONDS, max_entries=64, show_spinner=False)
def _stays(_database: Database, place: str, reach: Reach) -> dict[Stays, int]:  # noqa: ARG001 -- part of the key
    return count_stays(_database, reach, now())


@st.cache_data(ttl=_SECONDS, max_entries=64, show_spinner=False)
def _findings(
    _database: Database,
    place: str,  # noqa: ARG001 -- part of the key
    principal: Principal,
    mine: str | None,
) -> dict[Findings, tuple[int, Decimal]]:
    return count_findings(_database, asker_of(principal), now(), mine)


@st.cache_data(ttl=_SECONDS, max_entries=64, show_spinner=False)
def _outlook(_database: Database, place: str, reach: Reach) -> Outlook:  # noqa: ARG001 -- part of the key
    return outlook_of(_database, reach)


@st.cache_data(ttl=_SECONDS, max_entries=4, show_spinner=False)
def _queue(_database: Database, place: str) -> Queue:  # noqa: ARG001 -- part of the key
    return queue_of(_database)


@st.cache_data(ttl=_SECONDS, max_entries=64, show_spinner=False)
def _failed(
    _settings: Settings,
    _database: Database,
    principal: Principal,
    place: str,  # noqa: ARG001 -- part of the key
) -> int:
    return len(failed_work(_settings, _database, principal, now()))


def _headline(counts: _Counts, lang: str) -> None:
    numbers = counts.numbers
    stake = counts.findings[Findings.OPEN][1]
    ungrouped = sum(numbers[one] for one in (Stays.UNGROUPED, Stays.AMBIGUOUS, Stays.INVALID))
    told = (
        ("overdue", count(numbers[Findings.OVERDUE])),
        ("open", count(numbers[Findings.OPEN])),
        ("stake", yuan(stake, lang)),
        ("ungrouped", count(ungrouped)),
        ("unsent", count(numbers[Stays.UNSENT])),
    )
    for column, (name, value) in zip(st.columns(len(told)), told, strict=True):
        column.metric(
            say(f"queue_page.headline.{name}"),
            value,
            help=say(f"queue_page.headline_help.{name}", days=limits().unsent_days),
        )


def _choose(view: View, numbers: Mapping[str, int]) -> str | None:
    """The kind whose rows are shown: as the address names it, else the first of which there is any."""
    known = [one for one in KINDS if one in numbers]
    asked = st.query_params.get(_KIND)
    begun = asked if asked in known else next((one for one in known if numbers[one]), known[0])
    chosen = st.pills(
        say("queue_page.kinds"),
        known,
        default=begun,
        required=True,
        format_func=lambda one: (
            f"{catalogue(view.lang)[f'queue_page.kind.{one}']} {count(numbers[one])}"
        ),
        key="queue.kind",
        on_change=first,
        args=("queue",),
    )
    if chosen != asked:
        st.query_params[_KIND] = str(chosen)
    return None if chosen is None else str(chosen)


def _days(kind: str) -> int:
    return limits().near_days if kind == Findings.NEAR else limits().unsent_days
