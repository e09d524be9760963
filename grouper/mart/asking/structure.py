"""What costs consist of, and how they and the stays are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.mart.answers import SPREAD, STRUCTURE
from grouper.mart.asking.where import COLUMN, where
from grouper.mart.facts import CLASS_COLUMNS, CLASSES

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from grouper.mart.slices import Axis, Slice

_STRUCTURE = """
WITH summed AS (
  SELECT {column} AS value, {sums} FROM facts WHERE {where} GROUP BY ALL
), long AS (
  SELECT value, unnest(?::VARCHAR[]) AS cost_class, unnest([{classes}]) AS fen FROM summed
)
SELECT value, {name} AS name, nullif(cost_class, '') AS cost_class, yuan(fen) AS amount,
  index4(half_up(fen, sum(fen) OVER (PARTITION BY value), 10000)) AS share
FROM long LEFT JOIN (SELECT value, name FROM names WHERE axis = ?) AS named USING (value)
WHERE fen <> 0
ORDER BY value NULLS LAST, cost_class NULLS LAST
"""
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_SPREAD = """
WITH many AS (
  SELECT {column} AS value, 'cost' AS measure, cost AS figure, mean_cost AS mean
  FROM facts WHERE {where}
  UNION ALL
  SELECT {column}, 'days', days * 100, mean_days FROM facts WHERE {where}
), told AS (
  SELECT value, measure, count(*) AS cases,
    quantile_disc(figure, {quantiles}) AS quantile,
    half_up(sum(mean)::HUGEINT, count(mean), 1) AS reference
  FROM many WHERE figure IS NOT NULL GROUP BY ALL
)
SELECT value, {name} AS name, measure, cases, yuan(quantile[1]) AS p05, yuan(quantile[2]) AS p25,
  yuan(quantile[3]) AS p50, yuan(quantile[4]) AS p75, yuan(quantile[5]) AS p95,
  yuan(reference) AS reference
FROM told LEFT JOIN (SELECT value, name FROM names WHERE axis = ?) AS named USING (value)
ORDER BY value NULLS LAST, measure
"""


def structure(cursor: duckdb.DuckDBPyConnection, cut: Slice, axis: Axis | None) -> pa.Table:
    """See :meth:`grouper.mart.mart.Mart.structure`."""
    condition, bound = where(cut)
    ask = _STRUCTURE.format(
        **_axis(axis),
        sums=", ".join(f"sum({name}) AS {name}" for name in CLASS_COLUMNS),
        classes=", ".join(CLASS_COLUMNS),
        where=condition,
    )
    about = "" if axis is None else axis.value
    return cursor.sql(ask, params=[*bound, list(CLASSES), about]).to_arrow_table().cast(STRUCTURE)


def spread(cursor: duckdb.DuckDBPyConnection, cut: Slice, axis: Axis | None) -> pa.Table:
    """See :meth:`grouper.mart.mart.Mart.spread`."""
    condition, bound = where(cut)
    ask = _SPREAD.format(**_axis(axis), quantiles=list(_QUANTILES), where=condition)
    about = "" if axis is None else axis.value
    return cursor.sql(ask, params=[*bound, *bound, about]).to_arrow_table().cast(SPREAD)


def _axis(axis: Axis | None) -> dict[str, str]:
    if axis is None:
        return {"column": "NULL::VARCHAR", "name": "NULL"}
    return {"column": f"{COLUMN[axis]}::VARCHAR", "name": "coalesce(named.name, '')"}
