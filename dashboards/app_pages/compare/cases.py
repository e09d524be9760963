"""The cases of a comparison, page by page, each a link to its case."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.compare.lists import place_words
from dashboards.app_pages.compare.sizes import sizes
from dashboards.frame.figures import NONE, count
from dashboards.frame.labels import department
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Cell, Column, link, table
from grouper.compare.tally import Change
from grouper.compare.words import number
from grouper.compare.words import say as compare_word
from grouper.service.comparison_answers import Which, cases

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dashboards.frame.view import View
    from grouper.service.errands import Errand

_CHANGES = tuple(one.word for one in Change if one is not Change.OUTSIDE)


def cases_of(view: View, errand: Errand, folder: Path, flow: Which, *, weighed: bool) -> None:
    """Show the cases of a flow, else of a kind of change.

    Args:
        view: who looks; the look is logged before anything is shown.
        errand: the comparison.
        folder: of its files.
        flow: that is chosen; without a change: none is.
        weighed: whether any case has a weight.
    """
    st.subheader(say("compare_page.cases"), anchor=False)
    which = flow
    if flow.change is None:
        chosen = st.segmented_control(
            say("compare_page.change"),
            _CHANGES,
            key="compare.change",
            format_func=lambda one: compare_word(view.lang, f"change.{one}"),
        )
        which = Which(change=chosen)
    key = page_key(errand.id, which)
    size = sizes()["rows"]
    number = int(st.session_state.get(key, 1))
    found, whole = cases(folder, which, (number - 1) * size, size)
    if not whole:
        st.info(say("compare_page.no_case"), icon=":material/info:")
        return
    pages = -(-whole // size)
    st.caption(say("compare_page.cases_about", cases=count(whole)))
    if pages > 1:
        st.number_input(say("drill.page", pages=count(pages)), 1, pages, key=key, step=1, width=200)
    looked(view, "cases_listed", "cases", {"cases": found["case_id"].to_pylist()})
    table(
        columns_of(weighed=weighed),
        (row_of(view, one, weighed=weighed) for one in found.to_pylist()),
    )


def page_key(errand: str, which: Which) -> str:
    """Under which the page is kept that is turned to: each comparison, flow and change has its own."""
    return ".".join(["compare.page", errand, *(f"{part}" for part in astuple(which))])


def columns_of(*, weighed: bool) -> list[Column]:
    """The heads of the table."""
    heads = [
        Column(say("fact.link"), short=True),
        Column(say("fact.day"), short=True),
        Column(say("fact.department")),
        Column(say("fact.cmp_change"), short=True),
        # The code alone: groups have long names, and the flows above tell them.
        Column(say("fact.cmp_from")),
        Column(say("fact.cmp_to")),
    ]
    if weighed:
        heads += [Column(say(f"fact.cmp_{end}_weight"), right=True) for end in ("from", "to")]
    return heads


def row_of(view: View, told: Mapping[str, Any], *, weighed: bool) -> list[Cell]:
    """A case as a row of the table."""
    cells = [
        link(view, say("table.open"), "case", case_id=told["case_id"]),
        None if told["day"] is None else told["day"].isoformat(),
        department(told["department"]),
        compare_word(view.lang, f"change.{told['change']}"),
        *(plain_place(told, end, view.lang) for end in ("from", "to")),
    ]
    if weighed:
        cells += [
            NONE if (one := told[f"{end}_weight"]) is None else number(str(one))
            for end in ("from", "to")
        ]
    return cells


def plain_place(told: Mapping[str, Any], end: str, lang: str) -> str:
    """Where a case stands on a side: its group's code, else why it is in none."""
    if told[f"{end}_status"] == "grouped":
        return str(told[f"{end}_group"])
    place = {name: told[f"{end}_{name}"] for name in ("status", "reason")}
    return place_words({"group": None, "name": None, **place}, lang)
