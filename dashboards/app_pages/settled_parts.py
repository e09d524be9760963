"""Which month a page shows: chosen there, kept in the session and in the address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.frame.language import say

if TYPE_CHECKING:
    from collections.abc import Sequence


def month_of(page: str, months: Sequence[str], first: str) -> str:
    """The month that is chosen.

    Args:
        page: its id.
        months: to choose from.
        first: until another is chosen.
    """
    key = f"{page}.month"
    if st.session_state.get(key) not in months:
        asked = st.query_params.get("month")
        st.session_state[key] = asked if asked in months else first
    chosen = st.selectbox(say("settled_parts.month"), months, key=key, width=200)
    month = str(chosen)
    if st.query_params.get("month") != month:
        st.query_params["month"] = month
    return month
