"""Which part of a page is shown: chosen there, kept in the session and in the address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.frame.language import say

if TYPE_CHECKING:
    from collections.abc import Sequence


def part_of(page: str, parts: Sequence[str]) -> str:
    """The part that is chosen.

    Args:
        page: its id; the parts are called ``<page>_part.<part>``.
        parts: to choose from; the first one until another is chosen.
    """
    key = f"{page}.part"
    if st.session_state.get(key) not in parts:
        asked = st.query_params.get("part")
        st.session_state[key] = asked if asked in parts else parts[0]
    chosen = st.segmented_control(
        say("settled_parts.part"),
        parts,
        key=key,
        required=True,
        format_func=lambda one: say(f"{page}_part.{one}"),
        label_visibility="collapsed",
    )
    return _shared("part", str(chosen))


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
    return _shared("month", str(chosen))


def _shared(name: str, value: str) -> str:
    if st.query_params.get(name) != value:
        st.query_params[name] = value
    return value
