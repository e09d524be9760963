"""What one chooses on a page: an axis, a measure, a mark of a chart."""

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


def picked(event: Any, name: str) -> str | None:  # noqa: ANN401 -- Streamlit's own
    """The ``value`` of the mark that was chosen in a chart; None: none is.

    Args:
        event: what the chart gave back.
        name: of the selection.
    """
    marks = (event or {}).get("selection", {}).get(name) or []
    return marks[0].get("value") if isinstance(marks, list) and marks else None
