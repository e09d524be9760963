"""What changed from one scheme to another: counted by part, and a page of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.errors import CodebookError
from codebooks.registry import registry
from dashboards.app_pages.books.paging import buttons, turn
from dashboards.app_pages.books.words import known, short, table_name
from dashboards.frame.errors import show_error
from dashboards.frame.figures import count
from dashboards.frame.language import say
from dashboards.frame.rows import Column, table
from grouper.service.book_answers import at_hand
from grouper.service.book_changes import changes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.frame.view import View

_OLD, _NEW = "books.old", "books.new"
_SECONDS, _KEPT = 3600, 8


def show(view: View) -> None:
    """Show the part: two schemes at hand, compared."""
    st.caption(say("books_page.compare_about"))
    found = {one.card.id: one for one in at_hand()}
    ids = list(found)
    for key, name in ((_OLD, "old"), (_NEW, "new")):
        asked = st.query_params.get(name)
        if key not in st.session_state:
            st.session_state[key] = asked if asked in found else None
    first, second = st.columns(2)
    with first:
        old = st.selectbox(
            say("books_page.old"), ids, index=None, key=_OLD, placeholder=say("books_page.choose")
        )
    family = found[old].card.family if old else None
    fitting = [
        one for one in ids if one != old and (family is None or found[one].card.family == family)
    ]
    if st.session_state.get(_NEW) not in (None, *fitting):
        st.session_state[_NEW] = None
    with second:
        new = st.selectbox(
            say("books_page.new"),
            fitting,
            index=None,
            key=_NEW,
            placeholder=say("books_page.choose"),
        )
    if old is None or new is None:
        st.info(say("books_page.compare_start"), icon=":material/compare_arrows:")
        return
    st.query_params["old"], st.query_params["new"] = old, new
    try:
        told = _compared(old, new, found[old].content, found[new].content)
    except CodebookError as error:
        show_error(error)
        return
    show_changes(view, told, key="books.changes")


@st.cache_data(ttl=_SECONDS, max_entries=_KEPT, show_spinner=False)
def _compared(old: str, new: str, old_content: str, new_content: str) -> dict[str, Any]:
    # The hashes are what an installed book of the same id is told apart by.
    del old_content, new_content
    return changes(registry().book(old), registry().book(new))


def show_changes(view: View, told: Mapping[str, Any], *, key: str) -> None:
    """Show what :func:`grouper.service.book_changes.changes` found.

    Args:
        view: who looks.
        told: ``old``, ``new``, ``counts`` and ``rows``.
        key: of the page's widgets.
    """
    counts: Mapping[str, int] = told["counts"]
    if not counts:
        st.success(
            say("books_page.no_change", old=told["old"], new=told["new"]), icon=":material/check:"
        )
        return
    chosen = st.pills(
        say("books_page.parts"),
        list(counts),
        key=f"{key}.part",
        format_func=lambda one: f"{known('books_part', one, view.lang)} {count(counts[one])}",
    )
    rows = [row for row in told["rows"] if chosen in (None, row["part"])]
    shown = turn(key, rows, (told["old"], told["new"], chosen))
    names = ("change", "of", "code", "name", "before", "after")
    table(
        [Column(say(f"books_column.{name}"), short=name in ("change", "of")) for name in names],
        [
            (
                known("books_part", row["part"], view.lang),
                known("books_cell", row["column"], view.lang)
                if row.get("column")
                else table_name(row["table"], view.lang),
                short(row["code"]),
                short(row["name"]),
                short(row["old"]),
                short(row["new"]),
            )
            for row in shown
        ],
    )
    buttons(key, len(rows))
