"""What is expected of each part: closed, running and to come on one another, with the interval of the sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from codebooks.messages import text
from dashboards.charts import theme
from dashboards.charts.data import inline, layered, money_axis, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STACK = ("certain", "running", "coming")
"""From the bottom up."""
_HEIGHT = 280
_COMING = theme.SERIES[4]


def stacked(rows: Sequence[Mapping[str, Any]], lang: str) -> alt.LayerChart:
    """The chart.

    Args:
        rows: ``name``, :data:`STACK` in yuan, and ``low`` and ``high`` of the sum; None: not known.
        lang: ``zh`` or ``en``.
    """
    words = {name: text(f"stacked.{name}", lang) for name in STACK}
    title = text("chart_axis.amount", lang)
    bars = [
        {"name": row["name"], "part": words[name], "order": place, "yuan": plain(row[name])}
        for row in rows
        for place, name in enumerate(STACK)
    ]
    ends = [
        {"name": row["name"], "low": plain(row["low"]), "high": plain(row["high"])}
        for row in rows
        if row["low"] is not None
    ]
    axis = alt.Axis(labelAngle=-30, labelLimit=140, labelOverlap=False)
    x = alt.X("name:N", sort=None, title=None, axis=axis)
    scale = alt.Scale(domain=list(words.values()), range=[theme.MAIN, theme.OTHER, _COMING])
    stack = (
        alt.Chart(inline(bars))
        .mark_bar()
        .encode(
            x=x,
            y=alt.Y("yuan:Q", title=title, axis=money_axis(lang), stack="zero"),
            color=alt.Color("part:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
            order="order:O",
            tooltip=[
                alt.Tooltip("name:N", title=text("chart_axis.name", lang)),
                alt.Tooltip("part:N", title=text("chart_axis.step", lang)),
                alt.Tooltip("yuan:Q", title=text("chart_axis.amount_yuan", lang), format=",.0f"),
            ],
        )
    )
    rule = (
        alt.Chart(inline(ends))
        .mark_rule(strokeWidth=2, color=theme.QUIET)
        .encode(
            x=x,
            y=alt.Y("low:Q", title=title),
            y2="high:Q",
            tooltip=[
                alt.Tooltip(f"{end}:Q", title=text(f"chart_axis.{word}", lang), format=",.0f")
                for end, word in (("low", "lower"), ("high", "upper"))
            ],
        )
    )
    return layered(stack, rule, height=_HEIGHT)
