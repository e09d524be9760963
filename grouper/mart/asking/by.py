"""Figures by an axis, by periods, and what an axis offers to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.mart.answers import BY, CHOICES, TREND
from grouper.mart.asking.measures import finished, summed
from grouper.mart.asking.where import COLUMN, where
from grouper.mart.errors import MartError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from grouper.mart.slices import Axis, Slice

STEPS = ("day", "week", "month", "quarter", "year")
_BY = """
SELECT value, coalesce(named.name, '') AS name, {finished}
FROM (SELECT {column}::VARCHAR AS value, {summed} FROM facts WHERE {where} GROUP BY ALL)
LEFT JOIN (SELECT value, name FROM names WHERE axis = ?) AS named USING (value)
ORDER BY "{order}" {direction} NULLS LAST, value NULLS LAST
{limit}
"""
_TREND = """
SELECT period, value, {name} AS name, {finished}
FROM (
  SELECT date_trunc('{step}', day)::DATE AS period, {column} AS value, {summed}
  FROM facts WHERE {where} GROUP BY ALL
)
LEFT JOIN (SELECT value, name FROM names WHERE axis = ?) AS named USING (value)
ORDER BY period, value NULLS LAST
"""
_CHOICES = """
SELECT value, coalesce(named.name, '') AS name, cases
FROM (
  SELECT {column}::VARCHAR AS value, count(*) AS cases FROM facts
  WHERE {where} AND {column} IS NOT NULL GROUP BY ALL
)
LEFT JOIN (SELECT value, name FROM names WHERE axis = ?) AS named USING (value)
ORDER BY cases DESC, value
"""


def by(
    cursor: duckdb.DuckDBPyConnection,
    cut: Slice,
    axis: Axis,
    *,
    order: str,
    descending: bool,
    limit: int | None,
) -> pa.Table:
    """See :meth:`grouper.mart.mart.Mart.by`."""
    known(order, BY)
    condition, bound = where(cut)
    ask = _BY.format(
        finished=finished(),
        column=COLUMN[axis],
        summed=summed(),
        where=condition,
        order=order,
        direction="DESC" if descending else "ASC",
        limit="" if limit is None else f"LIMIT {int(limit)}",
    )
    return cursor.sql(ask, params=[*bound, axis.value]).to_arrow_table().cast(BY)


def trend(cursor: duckdb.DuckDBPyConnection, cut: Slice, axis: Axis | None, step: str) -> pa.Table:
    """See :meth:`grouper.mart.mart.Mart.trend`."""
    if step not in STEPS:
        raise MartError("MART_STEP", found=step, known=", ".join(STEPS))
    condition, bound = where(cut)
    ask = _TREND.format(
        step=step,
        name="NULL" if axis is None else "coalesce(named.name, '')",
        finished=finished(),
        column="NULL::VARCHAR" if axis is None else f"{COLUMN[axis]}::VARCHAR",
        summed=summed(),
        where=condition,
    )
    about = "" if axis is None else axis.value
    return cursor.sql(ask, params=[*bound, about]).to_arrow_table().cast(TREND)


def choices(cursor: duckdb.DuckDBPyConnection, cut: Slice, axis: Axis) -> pa.Table:
    """See :meth:`grouper.mart.mart.Mart.choices`."""
    condition, bound = where(cut, without=axis)
    ask = _CHOICES.format(column=COLUMN[axis], where=condition)
    return cursor.sql(ask, params=[*bound, axis.value]).to_arrow_table().cast(CHOICES)


def known(order: str, schema: pa.Schema) -> None:
    """Refuse to order by what is no column of an answer.

    Raises:
        MartError: ``MART_ORDER``.
    """
    if order not in schema.names:
        raise MartError("MART_ORDER", found=order, known=", ".join(schema.names))
