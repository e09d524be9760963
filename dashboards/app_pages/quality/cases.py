"""The cases behind a figure of data quality: a page of rows in place, each a link to its case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import streamlit as st

from codebooks.messages import text
from dashboards.app_pages.quality.sizes import sizes
from dashboards.app_pages.quality.worded import reason_name
from dashboards.frame.figures import count
from dashboards.frame.labels import label
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.marts import ask
from dashboards.frame.navigation import address
from dashboards.frame.rows import plain
from dashboards.frame.tables import table
from grouper.mart.slices import Axis
from grouper.service.mart import STORE

if TYPE_CHECKING:
    from typing import Any

    from dashboards.frame.view import View
    from grouper.mart.mart import Mart
    from grouper.mart.slices import Slice

_COLUMNS = ("link", "day", "department", "physician", "status", "group", "why", "cost")


def cases_of(view: View, mart: Mart, cut: Slice, *, key: str, title: str) -> None:
    """Show the cases of a slice, the latest first, page by page; the look is logged before.

    Args:
        view: who looks.
        mart: to ask.
        cut: which cases.
        key: of the list, so that each has widgets of its own.
        title: whose cases, in words.
    """
    cases = ask(mart, "count", cut)
    st.markdown(f"**{say('drill.title', which=plain(title), cases=count(cases))}**")
    if not cases:
        st.info(say("filter.no_case"), icon=":material/info:")
        return
    size = sizes().cases
    pages = -(-cases // size)
    held = f"{key}.page"
    if st.session_state.get(held, 1) > pages:
        st.session_state[held] = 1
    number = 1
    if pages > 1:
        words = say("drill.page", pages=count(pages))
        number = int(st.number_input(words, 1, pages, key=held, step=1, width=200))
    start = (number - 1) * size
    found = ask(mart, "rows", cut, order="day", descending=True, start=start, limit=size)
    # A mart that was made from a folder has the hospital's own numbers: no address and no log holds
    # them, and the store knows no such case.
    known = mart.about.source == STORE
    about = {"cases": found["case_id"].to_pylist()} if known else {"count": found.num_rows}
    looked(view, "cases_listed", "cases", about)
    rows = [_row(row, view.lang, linked=known) for row in found.to_pylist()]
    shown = pa.table(
        {name: pa.array([row[name] for row in rows], _kind(found, name)) for name in _COLUMNS}
    )
    table(shown, view.lang, columns=_COLUMNS)


def _kind(found: pa.Table, name: str) -> pa.DataType:
    return found.schema.field(name).type if name in ("day", "cost") else pa.string()


def _row(row: dict[str, Any], lang: str, *, linked: bool) -> dict[str, Any]:
    return {
        "link": address("case", case_id=row["case_id"]) if linked else None,
        "day": row["day"],
        "department": label(Axis.DEPARTMENT, row["department"], row["department_name"], lang),
        "physician": label(Axis.PHYSICIAN, row["physician"], None, lang),
        "status": text(f"status.{row['status']}", lang) if row["status"] else "",
        "group": label(Axis.GROUP, row["group"], row["group_name"], lang) if row["group"] else "",
        "why": reason_name(row["reason"], lang) if row["reason"] else "",
        "cost": row["cost"],
    }
