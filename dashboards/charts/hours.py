"""Messages by hour and channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from codebooks.messages import text
from dashboards.charts.data import inline, rows

if TYPE_CHECKING:
    import pyarrow as pa

_HEIGHT = 240


def hours(table: pa.Table, lang: str) -> alt.Chart:
    """Bars of the messages of each hour, cut by channel.

    Args:
        table: ``hour`` (local, ``MM-DD HH``), ``name`` (a channel in words), ``messages``.
        lang: ``zh`` or ``en``.
    """
    made: alt.Chart = (
        alt.Chart(inline(rows(table)))
        .mark_bar()
        .encode(
            x=alt.X(
                "hour:O",
                title=text("chart_axis.hour", lang),
                axis=alt.Axis(labelAngle=-40, labelOverlap=True),
            ),
            y=alt.Y("messages:Q", title=text("chart_axis.messages", lang)),
            color=alt.Color("name:N", title=None),
            tooltip=[
                alt.Tooltip("hour:O", title=text("chart_axis.hour", lang)),
                alt.Tooltip("name:N", title=text("chart_axis.channel", lang)),
                alt.Tooltip("messages:Q", title=text("chart_axis.messages", lang), format=",d"),
            ],
        )
        .properties(height=_HEIGHT)
    )
    return made
