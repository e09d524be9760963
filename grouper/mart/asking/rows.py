"""Pages of cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.mart.answers import ROWS
from grouper.mart.asking.by import known
from grouper.mart.asking.where import where

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from grouper.mart.slices import Slice

_MONEY = ("cost", "amount", "fund", "patient", "surplus")
_OWN = {
    "department_name": "coalesce(departments.name, '')",
    "group_name": "coalesce(groups.name, '')",
    "weight": "(half_up(weight, 1000, 1)::DECIMAL(20, 0) * 0.000001::DECIMAL(7, 6))::DECIMAL(20, 6)",
    **{name: f"yuan({name})" for name in _MONEY},
    "cost_index": "index4(half_up(cost_ratio, 100000, 1))",
    "time_index": "index4(half_up(time_ratio, 100000, 1))",
}
# The page is cut before anything is looked up for it.
_ROWS = """
SELECT {columns}
FROM (
  SELECT *, row_number() OVER () AS place
  FROM (
    SELECT * FROM facts WHERE {where}
    ORDER BY {order} {direction} NULLS LAST, case_id LIMIT ? OFFSET ?
  )
) AS page
LEFT JOIN (SELECT value, name FROM names WHERE axis = 'department') AS departments
  ON departments.value = page.department::VARCHAR
LEFT JOIN (SELECT value, name FROM names WHERE axis = 'group') AS groups
  ON groups.value = page."group"::VARCHAR
ORDER BY place
"""
_ORDERS = {
    "department_name": "department",
    "group_name": '"group"',
    "cost_index": "cost_ratio",
    "time_index": "time_ratio",
}


def rows(
    cursor: duckdb.DuckDBPyConnection,
    cut: Slice,
    *,
    order: str,
    descending: bool,
    start: int,
    limit: int,
) -> pa.Table:
    """See :meth:`grouper.mart.mart.Mart.rows`."""
    known(order, ROWS)
    condition, bound = where(cut)
    told = {name: _OWN.get(name, f'page."{name}"') for name in ROWS.names}
    ask = _ROWS.format(
        columns=", ".join(f'{column} AS "{name}"' for name, column in told.items()),
        where=condition,
        order=_ORDERS.get(order, f'"{order}"'),
        direction="DESC" if descending else "ASC",
    )
    return cursor.sql(ask, params=[*bound, limit, start]).to_arrow_table().cast(ROWS)


def count(cursor: duckdb.DuckDBPyConnection, cut: Slice) -> int:
    """See :meth:`grouper.mart.mart.Mart.count`."""
    condition, bound = where(cut)
    ask = f"SELECT count(*) FROM facts WHERE {condition}"  # noqa: S608 -- parameters are bound
    return int(cursor.execute(ask, bound).fetchall()[0][0])
