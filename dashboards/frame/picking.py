"""What one chooses on a page: a part of it, an axis, a mark of a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.frame.language import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.mart.slices import Axis


def axis_choice(key: str, axes: Sequence[Axis]) -> Axis:
    """By what figures are told apart; the first one until another is chosen.

    Args:
        key: of the page.
        axes: to choose from.
    """
    chosen: Axis | None = st.segmented_control(
        say("pick.axis"),
        axes,
        default=axes[0],
        format_func=lambda one: say(f"axis_name.{one}"),
        key=f"{key}.axis",
    )
    return chosen or axes[0]


def part_picked(key: str, parts: Sequence[str], words: str) -> str:
    """The part of a page that is shown; kept in the session and in the address.

    Args:
        key: of the widget.
        parts: of the page; the first one until another is chosen.
        words: the parts are called ``<words>.<part>``.
    """
    asked = st.query_params.get("part")
    if st.session_state.get(key) not in parts:
        st.session_state[key] = asked if asked in parts else parts[0]
    chosen = st.segmented_control(
        say("pick.part"),
        parts,
        key=key,
        required=True,
        format_func=lambda one: say(f"{words}.{one}"),
        label_visibility="collapsed",
    )
    part = str(chosen or parts[0])
    if asked != part:
        st.query_params["part"] = part
    return part


def picked(event: Any, name: str) -> str | None:  # noqa: ANN401 -- Streamlit's own
    """The ``value`` of the mark that was chosen in a chart; None: none is.

    Args:
        event: what the chart gave back.
        name: of the selection.
    """
    marks = (event or {}).get("selection", {}).get(name) or []
    return marks[0].get("value") if isinstance(marks, list) and marks else None
