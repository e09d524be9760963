"""What the bureau's amounts are above or below ours, by likely reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from codebooks.messages import text
from dashboards.charts.data import inline, rows
from dashboards.charts.theme import MAIN, OTHER

if TYPE_CHECKING:
    import pyarrow as pa

_BAR, _FOOT = 30, 110
"""Pixels of a bar with the room around it, and of axis and legend below."""


def causes_chart(table: pa.Table, lang: str) -> alt.Chart:
    """Bars by reason, in the order of the table; what the bureau pays less is drawn to the left.

    Args:
        table: ``rec_cause`` (in words), ``cases``, ``rec_difference`` in yuan.
        lang: ``zh`` or ``en``.
    """
    names = {one: text(f"chart.causes.{one}", lang) for one in ("more", "less")}
    drawn = [
        row | {"side": names["more" if row["rec_difference"] >= 0 else "less"]}
        for row in rows(table)
    ]
    words = [row["rec_cause"] for row in drawn]
    chart: alt.Chart = (
        alt.Chart(inline(drawn))
        .mark_bar()
        .encode(
            y=alt.Y(
                "rec_cause:N",
                sort=words,
                title=None,
                axis=alt.Axis(labelLimit=260, labelOverlap=False),
            ),
            x=alt.X("rec_difference:Q", title=text("chart.causes.axis", lang)),
            color=alt.Color(
                "side:N",
                sort=list(names.values()),
                scale=alt.Scale(domain=list(names.values()), range=[MAIN, OTHER]),
                title=None,
                legend=alt.Legend(orient="bottom"),
            ),
            tooltip=[
                alt.Tooltip("rec_cause:N", title=text("fact.rec_cause", lang)),
                alt.Tooltip("cases:Q", title=text("fact.cases", lang), format=","),
                alt.Tooltip(
                    "rec_difference:Q", title=text("chart.causes.axis", lang), format="+,.2f"
                ),
            ],
        )
        .properties(height=len(words) * _BAR + _FOOT)
    )
    return chart
