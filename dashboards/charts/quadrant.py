"""Time against cost: who takes longer and costs more than the group's own course."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from codebooks.messages import text
from dashboards.charts import theme
from dashboards.charts.data import inline, layered, rows

if TYPE_CHECKING:
    import pyarrow as pa

PICK = "pick"
"""Name of what is chosen in the chart; its field is ``value``."""
_HEIGHT = 420


def quadrant(table: pa.Table, lang: str) -> alt.LayerChart:
    """Points of departments, groups or physicians about the lines at one.

    Args:
        table: ``value``, ``name``, ``cases``, ``cmi``, ``cost_index``, ``time_index``, ``surplus``
            (yuan); rows without an index are left out.
        lang: ``zh`` or ``en``.
    """
    drawn = [r for r in rows(table) if r["cost_index"] is not None and r["time_index"] is not None]
    points = (
        alt.Chart(inline(drawn))
        .mark_circle(opacity=0.85, stroke=theme.QUIET, strokeWidth=0.5)
        .encode(
            x=alt.X("time_index:Q", title=_say("time_index", lang), scale=_about_one()),
            y=alt.Y("cost_index:Q", title=_say("cost_index", lang), scale=_about_one()),
            size=alt.Size(
                "cases:Q",
                title=_say("cases", lang),
                scale=alt.Scale(range=[30, 900], zero=True),
                legend=alt.Legend(tickCount=3),
            ),
            color=_by_case_mix(drawn, lang),
            tooltip=[
                alt.Tooltip("name:N", title=_say("name", lang)),
                alt.Tooltip("cases:Q", title=_say("cases", lang), format=","),
                alt.Tooltip("cmi:Q", title=_say("cmi", lang), format=".3f"),
                alt.Tooltip("time_index:Q", title=_say("time_index", lang), format=".3f"),
                alt.Tooltip("cost_index:Q", title=_say("cost_index", lang), format=".3f"),
                alt.Tooltip("surplus:Q", title=_say("surplus_yuan", lang), format=",.0f"),
            ],
        )
        .add_params(alt.selection_point(name=PICK, fields=["value"]))
    )
    one = alt.Chart(inline([{"one": 1}]))
    lines = [
        one.mark_rule(color=theme.QUIET, strokeDash=[4, 4]).encode(x="one:Q"),
        one.mark_rule(color=theme.QUIET, strokeDash=[4, 4]).encode(y="one:Q"),
    ]
    return layered(*lines, points, height=_HEIGHT)


def _by_case_mix(drawn: list[dict[str, Any]], lang: str) -> Any:  # noqa: ANN401 -- Altair names no type for both
    """The colour of a point; where no case has a weight there is no CMI, and no scale of it."""
    if all(one["cmi"] is None for one in drawn):
        return alt.value(theme.MAIN)
    scale = alt.Scale(scheme="viridis", reverse=True)
    return alt.Color("cmi:Q", title=_say("cmi", lang), scale=scale)


def _about_one() -> alt.Scale:
    return alt.Scale(zero=False, nice=True, padding=24)


def _say(name: str, lang: str) -> str:
    return text(f"chart_axis.{name}", lang)
