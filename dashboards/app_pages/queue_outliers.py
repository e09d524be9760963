"""Stays discharged of late whose cost lies above or below the band of their group, from the mart."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.office_sizes import sizes
from dashboards.frame.figures import count, day, ratio, yuan
from dashboards.frame.labels import label
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.marts import ask, mart_of
from dashboards.frame.rows import Column, link, table, turned, turner
from grouper.case.dates import LOCAL
from grouper.mart.mart import Mart
from grouper.mart.slices import Axis, Slice
from grouper.payment.result import Band
from grouper.service.mart import STORE, mart_folder
from grouper.service.queue import limits
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.frame.rows import Cell
    from dashboards.frame.view import View

BANDS = (Band.HIGH.value, Band.LOW.value)
_LIST = "queue"


def counted(view: View) -> dict[str, int]:
    """How many there are of each band; empty where there is no mart yet."""
    mart = _mart(view)
    if mart is None:
        return {}
    return {band: int(ask(mart, "count", _cut(view, band))) for band in BANDS}


def outliers(view: View, band: str) -> None:
    """Show a page of them: of the high the most expensive for their group first, of the low the cheapest."""
    mart = _mart(view)
    start = int(turned(_LIST) or 0)
    rows: list[dict[str, Any]] = []
    if mart is not None:
        found = ask(
            mart,
            "rows",
            _cut(view, band),
            order="cost_index",
            descending=band == Band.HIGH,
            start=start,
            limit=sizes().rows + 1,
        )
        rows = found.to_pylist()
    if not rows:
        st.info(say("queue_page.none"), icon=":material/check:")
        return
    shown = rows[: sizes().rows]
    # A mart that was made from a folder has the hospital's own numbers: no address and no log holds
    # them, and the store knows no such case.
    known = mart is not None and mart.about.source == STORE
    about = {"cases": [one["case_id"] for one in shown]} if known else {"count": len(shown)}
    looked(view, "cases_listed", "cases", about)
    columns = [
        Column(say("case_page.fact.case_id"), short=True),
        *(Column(say(f"case_rows.{name}"), short=True) for name in ("department", "discharged")),
        Column(say("case_rows.group")),
        Column(say("case_page.head.days"), right=True),
        Column(say("case_rows.cost"), right=True),
        Column(say("queue_page.cost_index"), right=True),
        Column(say("case_page.head.surplus"), right=True),
    ]
    table(columns, [_row(view, one, linked=known) for one in shown])
    more = len(rows) > len(shown)
    turner(_LIST, str(start + sizes().rows) if more else None)


def _row(view: View, one: Mapping[str, Any], *, linked: bool) -> Sequence[Cell]:
    name = str(one["case_id"])
    return (
        link(view, name[:8], "case", case_id=name, tab="payment") if linked else name,
        label(Axis.DEPARTMENT, one["department"], one["department_name"], view.lang),
        day(one["day"]),
        f"{one['group'] or ''} {one['group_name'] or ''}".strip(),
        count(one["days"]),
        yuan(one["cost"], view.lang),
        ratio(one["cost_index"], places=2),
        yuan(one["surplus"], view.lang, sign=True),
    )


def _mart(view: View) -> Mart | None:
    """The mart, where one was made; the queue does without it."""
    return mart_of(view) if Mart.stamp(mart_folder(view.parts.settings)) else None


def _cut(view: View, band: str) -> Slice:
    until = now().astimezone(LOCAL).date() + timedelta(days=1)
    return Slice(
        since=until - timedelta(days=limits().unsent_days),
        until=until,
        reach=view.principal.reach,
        bands=(band,),
    )
