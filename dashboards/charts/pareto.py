"""Where the loss is made: the largest losses first, and what share of all of it they are."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import altair as alt

from codebooks.messages import text
from dashboards.charts import theme
from dashboards.charts.data import inline, layered, money_axis, plain

if TYPE_CHECKING:
    import pyarrow as pa

PICK = "pick"
_HEIGHT = 320
_NOTHING = Decimal(0)


def losses(table: pa.Table, whole: Decimal | None = None) -> list[dict[str, Any]]:
    """Losing rows, largest loss first, with the share of the loss made so far.

    Args:
        table: ``value``, ``name``, ``surplus`` in yuan.
        whole: the loss of all that lose, also of those not in the table, in yuan and positive;
            None: the table has them all.

    Returns:
        ``value``, ``name``, ``rank`` from one, ``loss`` in yuan (exact), ``cumulated`` in 0 to 1.
    """
    losing = [r for r in table.to_pylist() if r["surplus"] is not None and r["surplus"] < 0]
    losing.sort(key=lambda row: (row["surplus"], str(row["value"])))
    total = whole if whole is not None else sum((-row["surplus"] for row in losing), _NOTHING)
    found, so_far = [], _NOTHING
    for rank, row in enumerate(losing, 1):
        so_far -= row["surplus"]
        found.append(
            {
                "value": row["value"],
                "name": row["name"] or row["value"],
                "rank": rank,
                "loss": -row["surplus"],
                "cumulated": so_far / total,
            }
        )
    return found


def pareto(found: list[dict[str, Any]], lang: str) -> alt.LayerChart:
    """Bars of loss and the line of their cumulated share.

    Args:
        found: of :func:`losses`.
        lang: ``zh`` or ``en``.
    """
    drawn = [{name: plain(one) for name, one in row.items()} for row in found]
    x = alt.X(
        "name:N",
        sort=None,
        title=None,
        axis=alt.Axis(labelAngle=-40, labelLimit=150, labelOverlap=False),
    )
    tips = [
        alt.Tooltip("name:N", title=text("chart_axis.name", lang)),
        alt.Tooltip("loss:Q", title=text("chart_axis.loss_yuan", lang), format=",.0f"),
        alt.Tooltip("cumulated:Q", title=text("chart_axis.cumulated", lang), format=".1%"),
    ]
    base = alt.Chart(inline(drawn))
    bars = (
        base.mark_bar(color=theme.BAD)
        .encode(
            x=x,
            y=alt.Y("loss:Q", title=text("chart_axis.loss", lang), axis=money_axis(lang)),
            tooltip=tips,
        )
        .add_params(alt.selection_point(name=PICK, fields=["value"]))
    )
    line = base.mark_line(color=theme.MAIN, point=True).encode(
        x=x,
        y=alt.Y(
            "cumulated:Q",
            title=text("chart_axis.cumulated", lang),
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%", grid=False),
        ),
        tooltip=tips,
    )
    made: alt.LayerChart = layered(bars, line, height=_HEIGHT).resolve_scale(y="independent")
    return made
