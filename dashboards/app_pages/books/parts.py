"""The parts of a page, one of which is shown."""

from __future__ import annotations

import streamlit as st

from dashboards.frame.language import say


def part_picked(key: str, parts: tuple[str, ...], words: str) -> str:
    """Choose a part of a page; the address says which one.

    Args:
        key: of the widget.
        parts: of the page, the first by default.
        words: key of their names.
    """
    asked = st.query_params.get("part")
    if key not in st.session_state:
        st.session_state[key] = asked if asked in parts else parts[0]
    chosen = st.segmented_control(
        say("books_page.part"),
        list(parts),
        format_func=lambda one: say(f"{words}.{one}"),
        key=key,
        required=True,
        label_visibility="collapsed",
    )
    part = chosen or parts[0]
    if asked != part:
        st.query_params["part"] = part
    return part
