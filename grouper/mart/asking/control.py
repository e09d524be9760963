"""Control charts: single values by month (XmR), and funnels by the values of an axis."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from grouper.mart.answers import CONTROL, Measure
from grouper.mart.asking.where import COLUMN, where
from grouper.mart.facts import NANO
from grouper.mart.slices import Axis

if TYPE_CHECKING:
    import duckdb

    from grouper.mart.slices import Slice

_MOVING = 2.66
"""3 ÷ 1.128: limits of single values from the mean moving range."""
_ERRORS = 3.0
_FIGURES = {
    Measure.MEAN_COST: "cost / 100",
    Measure.MEAN_DAYS: "days",
    Measure.CMI: f"weight / {NANO}",
    Measure.COST_INDEX: f"cost_ratio / {NANO}",
    Measure.TIME_INDEX: f"time_ratio / {NANO}",
    Measure.HIGH_SHARE: "(band = 'high')::INT",
    Measure.LOW_SHARE: "(band = 'low')::INT",
    Measure.LOSING_SHARE: "(surplus < 0)::INT",
    Measure.DEATH_SHARE: "died::INT",
}
"""What of each case is averaged; null: it does not count."""
_SHARES = {one for one in Measure if one.value.endswith("_share")}
_ASK = """
SELECT value, coalesce(named.name, '') AS name, cases, figure, centre, spread
FROM (
  SELECT {column}::VARCHAR AS value, count(figure) AS cases, avg(figure) AS figure,
    any_value(centre) AS centre, any_value(spread) AS spread
  FROM (
    SELECT {column}, {figure} AS figure, avg({figure}) OVER () AS centre,
      stddev_samp({figure}) OVER () AS spread
    FROM facts WHERE {where}
  ) WHERE figure IS NOT NULL GROUP BY ALL
)
LEFT JOIN (SELECT value, name FROM names WHERE axis = ?) AS named USING (value)
ORDER BY value NULLS LAST
"""


def control(
    cursor: duckdb.DuckDBPyConnection, cut: Slice, measure: Measure, axis: Axis | None
) -> pa.Table:
    """See :meth:`grouper.mart.mart.Mart.control`."""
    condition, bound = where(cut)
    by = axis or Axis.MONTH
    ask = _ASK.format(column=COLUMN[by], figure=_FIGURES[measure], where=condition)
    found = cursor.sql(ask, params=[*bound, by.value]).to_arrow_table().to_pylist()
    share = measure in _SHARES
    rows = _single(found, share=share) if axis is None else _funnel(found, share=share)
    return pa.Table.from_pylist(rows, CONTROL)


def _single(found: list[dict[str, Any]], *, share: bool) -> list[dict[str, Any]]:
    """Limits from how much one month differs from the one before; a single month has none."""
    figures = [row["figure"] for row in found]
    if not figures:
        return []
    centre = sum(figures) / len(figures)
    moves = [abs(b - a) for a, b in pairwise(figures)]
    width = _MOVING * sum(moves) / len(moves) if moves else None
    return [_point(row, centre, width, share=share) for row in found]


def _funnel(found: list[dict[str, Any]], *, share: bool) -> list[dict[str, Any]]:
    """Limits of a mean of so many cases, if they were as all of them are."""
    rows = []
    for row in found:
        centre, spread = row["centre"], row["spread"]
        deviation = (max(centre * (1 - centre), 0.0)) ** 0.5 if share else spread
        width = None if deviation is None else _ERRORS * deviation / row["cases"] ** 0.5
        rows.append(_point(row, centre, width, share=share))
    return rows


def _point(
    row: dict[str, Any], centre: float, width: float | None, *, share: bool
) -> dict[str, Any]:
    low = None if width is None else max(centre - width, 0.0)
    high = None if width is None else centre + width
    if share and high is not None:
        high = min(high, 1.0)
    beyond = low is not None and high is not None and not low <= row["figure"] <= high
    names = ("value", "name", "cases", "figure")
    told = {name: row[name] for name in names}
    return {**told, "centre": centre, "low": low, "high": high, "outside": beyond}
