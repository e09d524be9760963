"""What moves between two schemes: bars to both sides of nought, by department or by flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import pyarrow as pa

from codebooks.messages import text
from dashboards.charts.data import inline, plain
from dashboards.charts.theme import MAIN, OTHER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOVED, SHARE, CASES = "moved", "share", "cases"
"""The measures: weight moved, change of the share of weight in percentage points, changed cases."""
_BAR = 26
"""Pixels of a bar with the room around it."""
_LEAST = 3
_AROUND = 60
"""Pixels of the axis, which is part of a chart's height."""


def moved_chart(rows: Sequence[Mapping[str, Any]], measure: str, unit: str, lang: str) -> alt.Chart:
    """Bars, the largest gain at the top and the largest loss at the bottom.

    Args:
        rows: each with ``name`` and ``value``.
        measure: of the values.
        unit: in words.
        lang: ``zh`` or ``en``.
    """
    title = _title(measure, unit, lang)
    values = [{"name": one["name"], "value": plain(one["value"])} for one in rows]
    drawn: alt.Chart = (
        alt.Chart(inline(values))
        .mark_bar()
        .encode(
            y=alt.Y(
                "name:N",
                sort=alt.EncodingSortField("value", order="descending"),
                title=None,
                axis=alt.Axis(labelLimit=260, labelOverlap=False),
            ),
            x=alt.X("value:Q", title=title),
            color=alt.condition(alt.datum.value < 0, alt.value(OTHER), alt.value(MAIN)),
            tooltip=[
                alt.Tooltip("name:N", title=text("chart.moved.name", lang)),
                alt.Tooltip("value:Q", title=title, format=",.3~f"),
            ],
        )
        .properties(height=max(_LEAST, len(values)) * _BAR + _AROUND)
    )
    return drawn


def moved_table(rows: Sequence[Mapping[str, Any]], measure: str, unit: str, lang: str) -> pa.Table:
    """The figures of the chart."""
    return pa.table(
        {
            text("chart.moved.name", lang): [one["name"] for one in rows],
            _title(measure, unit, lang): pa.array(
                [one["value"] for one in rows], pa.decimal128(28, 6)
            ),
        }
    )


def _title(measure: str, unit: str, lang: str) -> str:
    return text("table_heading", lang, name=text(f"chart.moved.{measure}", lang), unit=unit)
