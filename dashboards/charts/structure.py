"""What cost is made of: shares of its classes, by department, group or month."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import altair as alt

from codebooks.messages import text
from dashboards.charts.data import inline, plain

if TYPE_CHECKING:
    import pyarrow as pa

_ROW, _LEAST = 26, 230
_AXIS = 60
_MOST = 7
"""Colours that can be told apart, less one for the rest."""


def largest(parts: list[dict[str, Any]], rest: str) -> list[dict[str, Any]]:
    """The classes with most cost, and all others as one.

    Args:
        parts: ``name``, ``part`` and ``cost`` in yuan.
        rest: what the others are called together.

    Returns:
        The same, in the order of names, then of classes by cost.
    """
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in parts:
        sums[row["part"]] += row["cost"]
    first = sorted(sums, key=lambda part: (-sums[part], part))[:_MOST]
    joined: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for name in dict.fromkeys(row["name"] for row in parts):
        for part in [*first, rest] if len(sums) > len(first) else first:
            joined[name, part] = Decimal(0)
    for row in parts:
        joined[row["name"], row["part"] if row["part"] in first else rest] += row["cost"]
    return [{"name": name, "part": part, "cost": cost} for (name, part), cost in joined.items()]


def structure(table: pa.Table, lang: str) -> alt.Chart:
    """Bars of one, cut into the shares of their classes.

    Args:
        table: ``name``, ``part`` (a class in words), ``cost`` in yuan.
        lang: ``zh`` or ``en``.
    """
    known = [row for row in table.to_pylist() if row["cost"]]
    drawn = [
        {name: plain(one) for name, one in row.items()}
        for row in largest(known, text("value.cost_class.rest", lang))
    ]
    names = {row["name"] for row in drawn}
    places = {part: at for at, part in enumerate(dict.fromkeys(row["part"] for row in drawn))}
    for row in drawn:
        row["place"] = places[row["part"]]
    made: alt.Chart = (
        alt.Chart(inline(drawn))
        .mark_bar()
        .encode(
            y=alt.Y(
                "name:N", sort=None, title=None, axis=alt.Axis(labelLimit=160, labelOverlap=False)
            ),
            x=alt.X(
                "cost:Q",
                stack="normalize",
                title=text("chart_axis.share", lang),
                axis=alt.Axis(format="%"),
            ),
            color=alt.Color("part:N", title=None, sort=None),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("name:N", title=text("chart_axis.name", lang)),
                alt.Tooltip("part:N", title=text("chart_axis.part", lang)),
                alt.Tooltip("cost:Q", title=text("chart_axis.cost_yuan", lang), format=",.0f"),
            ],
        )
        .properties(height=max(_LEAST, _ROW * len(names) + _AXIS))
    )
    return made
