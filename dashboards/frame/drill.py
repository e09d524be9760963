"""The cases behind a figure: a page of rows in place, each a link to its case."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import streamlit as st

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
    from dashboards.frame.view import View
    from grouper.mart.mart import Mart
    from grouper.mart.slices import Slice

_PAGE = 20
_COLUMNS = (
    "link",
    "day",
    "department",
    "group",
    "physician",
    "insurance",
    "band",
    "days",
    "cost",
    "amount",
    "surplus",
)
_FIELDS = {
    Axis.DEPARTMENT: "departments",
    Axis.GROUP: "groups",
    Axis.ADRG: "adrgs",
    Axis.MDC: "mdcs",
    Axis.PHYSICIAN: "physicians",
    Axis.INSURANCE: "insurances",
    Axis.BAND: "bands",
    Axis.KIND: "kinds",
}


def narrowed(cut: Slice, axis: Axis, value: str) -> Slice:
    """The part of a slice that has one value of an axis (any but the month)."""
    kept: dict[str, Any] = {_FIELDS[axis]: (value,)}
    return replace(cut, **kept)


def drill(view: View, mart: Mart, cut: Slice, *, key: str, title: str) -> None:
    """Show the cases of a slice, those with the largest loss first, page by page.

    Args:
        view: who looks; the look is logged before anything is shown.
        mart: to ask.
        cut: which cases.
        key: of the page, so that each page has widgets of its own.
        title: whose cases, in words.
    """
    cases = ask(mart, "count", cut)
    st.subheader(say("drill.title", which=plain(title), cases=count(cases)), anchor=False)
    if not cases:
        st.info(say("filter.no_case"), icon=":material/info:")
        return
    pages = -(-cases // _PAGE)
    held = f"{key}.page"
    if st.session_state.get(held, 1) > pages:
        st.session_state[held] = 1
    number = 1
    if pages > 1:
        number = int(
            st.number_input(
                say("drill.page", pages=count(pages)), 1, pages, key=held, step=1, width=200
            )
        )
    found = ask(
        mart,
        "rows",
        cut,
        order="surplus",
        descending=False,
        start=(number - 1) * _PAGE,
        limit=_PAGE,
    )
    # A mart that was made from a folder has the hospital's own numbers: no address and no log holds
    # them, and the store knows no such case.
    known = mart.about.source == STORE
    about = {"cases": found["case_id"].to_pylist()} if known else {"count": found.num_rows}
    looked(view, "cases_listed", "cases", about)
    table(_worded(found, view.lang, linked=known), view.lang, columns=_COLUMNS)


def _worded(found: pa.Table, lang: str, *, linked: bool) -> pa.Table:
    def replaced(shown: pa.Table, axis: Axis, column: str, name: str | None) -> pa.Table:
        values = shown[column].to_pylist()
        names = shown[name].to_pylist() if name else [None] * len(values)
        words = [label(axis, *pair, lang) for pair in zip(values, names, strict=True)]
        return shown.set_column(shown.column_names.index(column), column, [words])

    found = replaced(found, Axis.DEPARTMENT, "department", "department_name")
    found = replaced(found, Axis.GROUP, "group", "group_name")
    found = replaced(found, Axis.PHYSICIAN, "physician", None)
    found = replaced(found, Axis.INSURANCE, "insurance", None)
    found = replaced(found, Axis.BAND, "band", None)
    links = [
        address("case", case_id=one) if linked else None for one in found["case_id"].to_pylist()
    ]
    return found.append_column("link", pa.array(links, pa.string()))
