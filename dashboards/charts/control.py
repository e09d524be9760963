"""A control chart: what is within the usual and what calls for a look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from codebooks.messages import text
from dashboards.charts import theme
from dashboards.charts.data import inline, layered, rows

if TYPE_CHECKING:
    import pyarrow as pa

PICK = "pick"
_HEIGHT = 340
_LABELS = 30
"""More names than these cannot all be written."""


def control(table: pa.Table, lang: str, *, measure: str, form: str) -> alt.LayerChart:
    """Points with their centre line and limits; those outside stand out by colour and form.

    Args:
        table: ``value`` (month or department), ``name``, ``figure``, ``centre``, ``lower``,
            ``upper``, ``outside``; limits are null where there are too few to tell.
        lang: ``zh`` or ``en``.
        measure: what the figure is; its title is ``axis.<measure>``.
        form: of the numbers, as D3 writes it.
    """
    usual, out = text("control.usual", lang), text("control.outside", lang)
    drawn = [
        row | {"said": out if row["outside"] else usual}
        for row in rows(table)
        if row["figure"] is not None
    ]
    title = text(f"chart_axis.{measure}", lang)
    base = alt.Chart(inline(drawn)).encode(
        x=alt.X(
            "name:N",
            sort=None,
            title=None,
            axis=alt.Axis(labelAngle=-40, labelLimit=110, labelOverlap=len(drawn) > _LABELS),
        )
    )

    def line(column: str, dash: list[int]) -> alt.Chart:
        made: alt.Chart = base.mark_line(
            color=theme.QUIET, strokeDash=dash, interpolate="step", strokeWidth=1.2
        ).encode(y=f"{column}:Q")
        return made

    points = (
        base.mark_point(size=70, opacity=1)
        .encode(
            y=alt.Y(
                "figure:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(format=form)
            ),
            color=alt.Color(
                "said:N",
                title=None,
                scale=alt.Scale(domain=[usual, out], range=[theme.MAIN, theme.BAD]),
            ),
            shape=alt.Shape(
                "said:N",
                title=None,
                scale=alt.Scale(domain=[usual, out], range=["circle", "diamond"]),
            ),
            tooltip=[
                alt.Tooltip("name:N", title=text("chart_axis.name", lang)),
                alt.Tooltip("figure:Q", title=title, format=form),
                alt.Tooltip("lower:Q", title=text("chart_axis.lower", lang), format=form),
                alt.Tooltip("centre:Q", title=text("chart_axis.centre", lang), format=form),
                alt.Tooltip("upper:Q", title=text("chart_axis.upper", lang), format=form),
            ],
        )
        .add_params(alt.selection_point(name=PICK, fields=["value"]))
    )
    lines = [line("centre", [1, 0]), line("lower", [5, 4]), line("upper", [5, 4])]
    return layered(*lines, points, height=_HEIGHT)
