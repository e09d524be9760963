"""The cost of a stay day by day, before the band of its group's past stays and with what is expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from codebooks.messages import text
from dashboards.charts import theme
from dashboards.charts.data import inline, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from grouper.service.group_course import CourseDay

_HEIGHT = 240
_YUAN = ",.0f"
_FAINT = 0.22


def course(
    days: Sequence[CourseDay],
    own: Sequence[Decimal],
    expected: Mapping[str, Any] | None,
    lang: str,
) -> alt.LayerChart:
    """The chart.

    Args:
        days: of the group; may be empty.
        own: cost up to the end of each day, from that of admission on; may be empty.
        expected: ``day``, ``low``, ``middle``, ``high`` and ``level`` (a word) of the end of the
            stay; None: there is no forecast.
        lang: ``zh`` or ``en``.
    """
    words = {name: text(f"discharge.{name}", lang) for name in ("own", "middle")}
    if expected is not None:
        words["expected"] = text("discharge.expected", lang, level=expected["level"])
    colours = {"own": theme.MAIN, "middle": theme.QUIET, "expected": theme.OTHER}
    scale = alt.Scale(domain=list(words.values()), range=[colours[name] for name in words])
    axis_x = alt.X(
        "day:Q",
        title=text("discharge.x_day", lang),
        axis=alt.Axis(tickMinStep=1, format="d"),
        scale=alt.Scale(nice=False, zero=False),
    )
    title = text("discharge.y_cost", lang)

    def y(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", title=title, axis=alt.Axis(format=_YUAN))

    def colour() -> alt.Color:
        legend = alt.Legend(title=None, orient="top", symbolType="stroke")
        return alt.Color("who:N", scale=scale, legend=legend)

    told = [alt.Tooltip("day:Q", title=text("discharge.x_day", lang))]
    layers: list[alt.Chart] = []
    if days:
        band = inline([{"who": words["middle"], **_row(one)} for one in days])
        ends = [
            alt.Tooltip(f"{name}:Q", title=text(f"discharge.{name}", lang), format=_YUAN)
            for name in ("low", "middle", "high")
        ]
        base = alt.Chart(band).encode(x=axis_x, tooltip=[*told, *ends])
        layers += [
            base.mark_area(opacity=_FAINT, color=theme.QUIET).encode(y=y("low"), y2="high:Q"),
            base.mark_line(strokeDash=[6, 4]).encode(y=y("middle"), color=colour()),
        ]
    if own:
        line = inline(
            [
                {"who": words["own"], "day": at, "cost": plain(cost)}
                for at, cost in enumerate(own, 1)
            ]
        )
        tip = alt.Tooltip("cost:Q", title=words["own"], format=_YUAN)
        drawn = alt.Chart(line).mark_line(point=True).encode(x=axis_x, y=y("cost"))
        layers.append(drawn.encode(color=colour(), tooltip=[*told, tip]))
    if expected is not None:
        end = {name: plain(value) for name, value in expected.items()}
        end["who"] = words["expected"]
        base = alt.Chart(inline([end])).encode(x=axis_x, color=colour())
        tips = [alt.Tooltip("middle:Q", title=words["expected"], format=_YUAN)]
        layers += [
            base.mark_rule(strokeWidth=4).encode(y=y("low"), y2="high:Q", tooltip=tips),
            base.mark_point(size=90, filled=True).encode(y=y("middle"), tooltip=tips),
        ]
    return alt.LayerChart(layer=layers).properties(height=_HEIGHT)


def _row(one: CourseDay) -> dict[str, Any]:
    ends = {name: plain(getattr(one.cost, name)) for name in ("low", "middle", "high")}
    return {"day": one.day, "stays": one.stays, **ends}
