"""A course over months, of one or several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from codebooks.messages import text
from dashboards.charts import theme
from dashboards.charts.data import inline, layered, money_axis, rows

if TYPE_CHECKING:
    import pyarrow as pa

_HEIGHT = 260


def trend(
    table: pa.Table,
    lang: str,
    *,
    measure: str,
    form: str = "",
    by: str | None = None,
    low: str = "",
) -> alt.LayerChart:
    """Lines by month.

    Args:
        table: ``month`` (``YYYY-MM``), the measure, and what else is named here.
        lang: ``zh`` or ``en``.
        measure: column drawn; its title is ``axis.<measure>``.
        form: of the numbers, as D3 writes it; empty: they are amounts in yuan.
        by: column of the names of several lines; None: one line.
        low: prefix of two columns, ``<low>_low`` and ``<low>_high``, drawn as a band; empty: none.
    """
    drawn = [row for row in rows(table) if row[measure] is not None]
    title = text(f"chart_axis.{measure}", lang)
    base = alt.Chart(inline(drawn)).encode(
        x=alt.X("month:O", title=text("chart_axis.month", lang), axis=alt.Axis(labelAngle=-40))
    )
    tips = [alt.Tooltip("month:O", title=text("chart_axis.month", lang))]
    tips += [alt.Tooltip(f"{by}:N", title=text("chart_axis.name", lang))] if by else []
    tips += [alt.Tooltip(f"{measure}:Q", title=title, format=form or ",.2f")]
    axis = alt.Axis(format=form) if form else money_axis(lang)
    scale = alt.Scale(zero=False)
    line = base.mark_line(point=True).encode(
        y=alt.Y(f"{measure}:Q", title=title, scale=scale, axis=axis), tooltip=tips
    )
    if by:
        line = line.encode(color=alt.Color(f"{by}:N", title=None), strokeDash=f"{by}:N")
    layers: list[alt.Chart] = [line]
    if low:
        band = base.mark_area(opacity=0.18, color=theme.MAIN).encode(
            y=alt.Y(f"{low}_low:Q", title=title, scale=scale), y2=f"{low}_high:Q"
        )
        layers.insert(0, band)
    return layered(*layers, height=_HEIGHT)
