"""A code or words looked up on a day, and all the days of an entry."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.messages import text
from dashboards.app_pages.auditing.acting import nothing, typed
from dashboards.app_pages.catalogues.choosing import began, day_choice, kind_choice
from dashboards.app_pages.catalogues.sizes import sizes
from dashboards.frame.figures import NONE, day
from dashboards.frame.language import say
from dashboards.frame.rows import Column, first, table, turner
from grouper.service.catalogue_view import history_of, key_of, search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.frame.view import View

_KEY = "catalogues.search"
_LONGEST = 100
_DAYS = ("valid_from", "valid_to")
_MAIN = (
    *("hospital_code", "hospital_name", "code", "name", "scope", "first_share", "price"),
    *("price_III", "price_II", "price_I", "unit", "spec", "reason"),
)
"""Fields of a row that stand in the table, where the kind has them; the history has all."""
_NUMBERS = {"first_share", "standard", "price", "price_I", "price_II", "price_III"}


def show(view: View) -> None:
    """Show the part of the page."""
    kind = kind_choice(_KEY)
    words, when = st.columns((3, 1))
    with words:
        st.text_input(
            say("catalogue_page.words"),
            key=f"{_KEY}.words",
            max_chars=_LONGEST,
            placeholder=say("catalogue_page.words_example"),
            on_change=first,
            args=(_KEY,),
        )
    with when:
        on = day_choice(_KEY, say("catalogue_page.on"), everything=True)
    asked = typed(f"{_KEY}.words")
    if not asked:
        st.caption(say("catalogue_page.search_how"))
        return
    start = began(_KEY)
    rows, more = search(view.principal, kind, asked, on, start, sizes().rows)
    if not rows:
        nothing("catalogue_page.nothing")
        return
    _rows(rows, view.lang)
    turner(_KEY, str(start + sizes().rows) if more else None)
    _entry(view, kind, rows)


def _rows(rows: Sequence[Mapping[str, Any]], lang: str) -> None:
    names = [name for name in _MAIN if any(row.get(name) is not None for row in rows)]
    columns = [
        Column(
            text(f"catalogue.field.{name}", lang),
            right=name in _NUMBERS,
            short=name in {"code", "hospital_code", "scope", *_DAYS},
        )
        for name in (*names, *_DAYS)
    ]
    told = [
        (*(_cell(name, row.get(name), lang) for name in names), *_days(row, lang)) for row in rows
    ]
    table(columns, told)


def _days(row: Mapping[str, Any], lang: str) -> tuple[str, str]:
    end = row["valid_to"]
    return day(row["valid_from"]), text("catalogue.open", lang) if end is None else day(end)


def _cell(name: str, value: object, lang: str) -> str:
    if value is None:
        return NONE
    if name == "scope":
        return text(f"catalogue_scope.{value}", lang)
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _entry(view: View, kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """All rows that one of the entries ever had, with the import that each is of."""
    field = key_of(kind)
    keys = list(dict.fromkeys(str(row[field]) for row in rows))
    chosen: str | None = st.selectbox(
        say("catalogue_page.entry"),
        keys,
        index=None,
        key=f"{_KEY}.entry.{kind}",
        placeholder=say("catalogue_page.entry_choose"),
        width=420,
    )
    if chosen not in keys or chosen is None:
        return
    st.markdown(f"**{say('catalogue_page.entry_history', key=chosen)}**")
    for row in history_of(view.principal, kind, chosen):
        since, until = _days(row, view.lang)
        with st.container(border=True):
            st.caption(say("catalogue_page.row", since=since, until=until, number=row["import"]))
            fields = {
                name: value
                for name, value in row.items()
                if value is not None and name not in (*_DAYS, "import")
            }
            columns = [
                Column(say("catalogue_column.field"), short=True),
                Column(say("catalogue_column.value")),
            ]
            table(
                columns,
                [
                    (text(f"catalogue.field.{name}", view.lang), _cell(name, value, view.lang))
                    for name, value in fields.items()
                ],
            )
