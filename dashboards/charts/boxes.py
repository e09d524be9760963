"""How far cases of a group lie apart: the middle half as a box, nine in ten as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from codebooks.messages import text
from dashboards.charts import theme
from dashboards.charts.data import inline, layered, rows

if TYPE_CHECKING:
    import pyarrow as pa

_ROW, _LEAST, _AXIS = 26, 120, 60


def boxes(table: pa.Table, lang: str, *, measure: str) -> alt.LayerChart:
    """A box a row.

    Args:
        table: ``name``, ``cases``, ``p05``, ``p25``, ``p50``, ``p75``, ``p95``.
        lang: ``zh`` or ``en``.
        measure: of what; its title is ``axis.<measure>``.
    """
    drawn = [row for row in rows(table) if row["p50"] is not None]
    title = text(f"chart_axis.{measure}", lang)
    base = alt.Chart(inline(drawn)).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=220, labelOverlap=False)),
        tooltip=[
            alt.Tooltip("name:N", title=text("chart_axis.name", lang)),
            alt.Tooltip("cases:Q", title=text("chart_axis.cases", lang), format=","),
            *(
                alt.Tooltip(f"{one}:Q", title=text(f"chart_axis.{one}", lang), format=",.1f")
                for one in ("p05", "p25", "p50", "p75", "p95")
            ),
        ],
    )
    whole = base.mark_rule(color=theme.QUIET).encode(x=alt.X("p05:Q", title=title), x2="p95:Q")
    half = base.mark_bar(color=theme.MAIN, height=12, opacity=0.75).encode(x="p25:Q", x2="p75:Q")
    middle = base.mark_tick(color=theme.OTHER, thickness=3, size=16).encode(x="p50:Q")
    names = {row["name"] for row in drawn}
    height = max(_LEAST, _ROW * len(names) + _AXIS)
    return layered(whole, half, middle, height=height)
