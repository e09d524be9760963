"""A list in memory, shown a page of rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from dashboards.app_pages.books.sizes import sizes
from dashboards.frame.rows import first, turned, turner

if TYPE_CHECKING:
    from collections.abc import Sequence

_T = TypeVar("_T")


def turn(key: str, rows: Sequence[_T], wanted: object = None) -> Sequence[_T]:
    """The rows of the page that is to be shown; :func:`buttons` comes behind them.

    Args:
        key: of the list.
        rows: all of them.
        wanted: what was asked for; something else begins anew.
    """
    told = repr(wanted)
    if st.session_state.get(f"{key}.wanted") != told:
        st.session_state[f"{key}.wanted"] = told
        first(key)
    if _start(key) >= max(len(rows), 1):
        first(key)
    start = _start(key)
    return rows[start : start + sizes().rows]


def buttons(key: str, every: int) -> None:
    """Buttons to the page before and behind; nothing where one page is all.

    Args:
        key: of the list.
        every: how many rows it has.
    """
    following = _start(key) + sizes().rows
    turner(key, str(following) if following < every else None)


def _start(key: str) -> int:
    return int(turned(key) or 0)
