"""How much is missing where: a tile for each field of each department or month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from codebooks.messages import text
from dashboards.charts import theme
from dashboards.charts.data import inline, plain

if TYPE_CHECKING:
    import pyarrow as pa

PICK = "pick"
"""Name of what is chosen in the chart; its fields are ``value`` and ``field``."""
_ROW, _LEAST, _AXIS = 24, 60, 160
_FAINT = 0.03
"""Of a tile where nothing is missing; a field that is asked of no case has no tile."""


def tiles(table: pa.Table, most: int) -> list[dict[str, Any]]:
    """The tiles of the values that lack most, in the order of the table.

    Args:
        table: ``value``, ``name``, ``field``, ``field_name``, ``field_asked``, ``field_missing``.
        most: so many values.

    Returns:
        The rows, with ``lacking`` in 0 to 1; what is asked of no case has no tile.
    """
    rows = [row for row in table.to_pylist() if row["field_asked"]]
    sums: dict[str | None, int] = {}
    for row in rows:
        sums[row["value"]] = sums.get(row["value"], 0) + row["field_missing"]
    kept = set(sorted(sums, key=lambda value: (-sums[value], str(value)))[:most])
    return [
        {name: plain(one) for name, one in row.items()}
        | {"lacking": row["field_missing"] / row["field_asked"]}
        for row in rows
        if row["value"] in kept
    ]


def heat(table: pa.Table, lang: str, *, most: int) -> alt.Chart:
    """The tiles; the stronger, the more cases lack the field.

    Args:
        table: as :func:`tiles` takes it.
        lang: ``zh`` or ``en``.
        most: so many rows, those that lack most.
    """
    drawn = tiles(table, most)
    names = list(dict.fromkeys(row["name"] for row in drawn))
    fields = list(dict.fromkeys(row["field_name"] for row in drawn))
    made: alt.Chart = (
        alt.Chart(inline(drawn))
        .mark_rect(color=theme.BAD, stroke=theme.QUIET, strokeWidth=0.3, strokeOpacity=1)
        .encode(
            x=alt.X(
                "field_name:N",
                sort=fields,
                title=None,
                axis=alt.Axis(
                    labelAngle=-90,
                    labelFontSize=11,
                    labelLimit=120,
                    labelOverlap=False,
                    orient="top",
                ),
            ),
            y=alt.Y(
                "name:N",
                sort=names,
                title=None,
                axis=alt.Axis(labelLimit=180, labelOverlap=False),
            ),
            # Most gaps are small: a root tells 0.1 per cent from none.
            fillOpacity=alt.FillOpacity(
                "lacking:Q",
                title=text("chart_axis.lacking", lang),
                scale=alt.Scale(type="sqrt", domainMin=0, range=[_FAINT, 1]),
                legend=alt.Legend(format=".1%", orient="bottom"),
            ),
            tooltip=[
                alt.Tooltip("name:N", title=text("chart_axis.name", lang)),
                alt.Tooltip("field_name:N", title=text("chart_axis.field", lang)),
                alt.Tooltip(
                    "field_missing:Q", title=text("chart_axis.field_missing", lang), format=","
                ),
                alt.Tooltip(
                    "field_asked:Q", title=text("chart_axis.field_asked", lang), format=","
                ),
                alt.Tooltip("lacking:Q", title=text("chart_axis.lacking", lang), format=".2%"),
            ],
        )
        .add_params(alt.selection_point(name=PICK, fields=["value", "field"]))
        .properties(height=max(_LEAST, _ROW * len(names)) + _AXIS)
    )
    return made
