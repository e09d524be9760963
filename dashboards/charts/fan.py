"""A point value by month: what was published, and what is expected with its intervals as a fan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from codebooks.messages import text
from dashboards.charts import theme
from dashboards.charts.data import inline, layered, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

_HEIGHT = 280
_FORM = ".4f"
_FAINT = 0.18
"""How much a band covers; where the narrow one lies on the wide one it is darker."""


def bands(
    rows: Sequence[Mapping[str, Any]], last: tuple[str, Decimal] | None
) -> list[dict[str, Any]]:
    """The bands of a fan, each from the last published value on, so that it opens there.

    Args:
        rows: ``month`` and ``intervals`` (``level``, ``low``, ``high``), in the order of months.
        last: month and point value last published; None: there is none.

    Returns:
        ``month``, ``level``, ``low`` and ``high`` (exact), the widest band first.
    """
    levels = sorted({one["level"] for row in rows for one in row["intervals"]}, reverse=True)
    found: list[dict[str, Any]] = []
    for level in levels:
        if last is not None:
            month, value = last
            found.append({"month": month, "level": level, "low": value, "high": value})
        found += [
            {"month": row["month"], "level": level, "low": one["low"], "high": one["high"]}
            for row in rows
            for one in row["intervals"]
            if one["level"] == level
        ]
    return found


def fan(
    published: Sequence[tuple[str, Decimal]], rows: Sequence[Mapping[str, Any]], lang: str
) -> alt.LayerChart:
    """The chart.

    Args:
        published: month and point value in yuan, in the order of months; may be empty.
        rows: of the months expected: ``month``, ``value`` and ``intervals`` in yuan; may be empty.
        lang: ``zh`` or ``en``.
    """
    last = published[-1] if published else None
    title, month = text("chart_axis.point_value", lang), text("chart_axis.month", lang)
    words = {name: text(f"fan.{name}", lang) for name in ("published", "expected")}
    scale = alt.Scale(domain=list(words.values()), range=[theme.MAIN, theme.OTHER])
    months = [*(one for one, _ in published), *(row["month"] for row in rows)]
    x = alt.X(
        "month:O",
        title=month,
        axis=alt.Axis(labelAngle=-40),
        scale=alt.Scale(domain=list(dict.fromkeys(months))),
    )
    y = alt.Scale(zero=False)

    def line(values: list[dict[str, Any]], dash: list[int]) -> alt.Chart:
        made: alt.Chart = (
            alt.Chart(inline(values))
            .mark_line(point=True, strokeDash=dash)
            .encode(
                x=x,
                y=alt.Y("value:Q", title=title, scale=y, axis=alt.Axis(format=".2f")),
                color=alt.Color("who:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
                tooltip=[
                    alt.Tooltip("month:O", title=month),
                    alt.Tooltip("value:Q", title=title, format=_FORM),
                ],
            )
        )
        return made

    layers: list[alt.Chart] = []
    every = bands(rows, last)
    for level in dict.fromkeys(one["level"] for one in every):
        of = [
            {**one, "low": plain(one["low"]), "high": plain(one["high"])}
            for one in every
            if one["level"] == level
        ]
        tips = [
            alt.Tooltip("month:O", title=month),
            *(
                alt.Tooltip(
                    f"{end}:Q",
                    title=text(f"fan.{end}", lang, level=f"{100 * level:g}%"),
                    format=_FORM,
                )
                for end in ("low", "high")
            ),
        ]
        layers.append(
            alt.Chart(inline(of))
            .mark_area(opacity=_FAINT, color=theme.OTHER)
            .encode(x=x, y=alt.Y("low:Q", title=title, scale=y), y2="high:Q", tooltip=tips)
        )
    expected = [{"month": one["month"], "value": plain(one["value"])} for one in rows]
    if last is not None and expected:
        expected.insert(0, {"month": last[0], "value": plain(last[1])})
    for name, dash, values in (
        ("expected", [6, 4], expected),
        ("published", [1, 0], [{"month": at, "value": plain(value)} for at, value in published]),
    ):
        layers.append(line([{**one, "who": words[name]} for one in values], dash))
    return layered(*layers, height=_HEIGHT)
