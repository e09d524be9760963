"""Figures of a table as a chart takes them: plain numbers, days as words, nothing where there is none."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import altair as alt

from codebooks.messages import text

if TYPE_CHECKING:
    import pyarrow as pa


def plain(value: object) -> Any:  # noqa: ANN401 -- what JSON has
    """A value as JSON has it; money becomes a float here, for nothing but drawing."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table as plain values."""
    return [{name: plain(one) for name, one in row.items()} for row in table.to_pylist()]


def inline(values: list[dict[str, Any]]) -> alt.InlineData:
    """Rows as the data of a chart, whole within it."""
    return alt.InlineData(values=values)


def money_axis(lang: str) -> alt.Axis:
    """An axis of amounts in yuan, written in the unit that its title names."""
    return alt.Axis(labelExpr=text("chart_axis.money", lang))


def layered(*layers: alt.Chart, height: int) -> alt.LayerChart:
    """Charts over one another; Altair's own function may also give facets, which have no layers."""
    made: Any = alt.layer(*layers, height=height)
    chart: alt.LayerChart = made
    return chart
