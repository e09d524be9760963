"""From the charges to what the groups are worth, to what is due, to the surplus."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa

from grouper.mart.answers import WATERFALL, Unreckoned
from grouper.mart.asking.where import where

if TYPE_CHECKING:
    import duckdb

    from grouper.mart.slices import Slice

_ASK = """
SELECT coalesce(sum(cost), 0), coalesce(sum(standard), 0),
  coalesce(sum(amount - standard) FILTER (band = 'high'), 0),
  coalesce(sum(amount - standard) FILTER (band = 'low'), 0),
  coalesce(sum(amount - standard) FILTER (coalesce(band::VARCHAR, '') NOT IN ('high', 'low')), 0),
  coalesce(sum(patient - deducted), 0), coalesce(sum(surplus), 0)
FROM facts WHERE {where} AND surplus IS NOT NULL
"""
_LEFT = """
SELECT count(*), coalesce(sum(cost), 0), coalesce(sum(amount), 0)
FROM facts WHERE {where} AND surplus IS NULL
"""


def waterfall(cursor: duckdb.DuckDBPyConnection, cut: Slice) -> pa.Table:
    """See :meth:`grouper.mart.mart.Mart.waterfall`."""
    condition, bound = where(cut)
    found = cursor.execute(_ASK.format(where=condition), bound).fetchall()[0]
    cost, standard, high, low, other, beside, surplus = (int(one) for one in found)
    income = standard + high + low + other + beside
    steps = (
        ("cost", True, cost),
        ("apart", False, standard - cost),
        ("standard", True, standard),
        ("high", False, high),
        ("low", False, low),
        ("other", False, other),
        ("beside", False, beside),
        ("income", True, income),
        ("spent", False, -cost),
        ("surplus", True, surplus),
    )
    rows, level = [], 0
    for step, total, amount in steps:
        start = 0 if total else level
        level = start + amount
        rows.append(
            {
                "step": step,
                "total": total,
                "amount": _yuan(amount),
                "start": _yuan(start),
                "end": _yuan(level),
            }
        )
    return pa.Table.from_pylist(rows, WATERFALL)


def unreckoned(cursor: duckdb.DuckDBPyConnection, cut: Slice) -> Unreckoned:
    """See :meth:`grouper.mart.mart.Mart.unreckoned`."""
    condition, bound = where(cut)
    ask = _LEFT.format(where=condition)
    cases, cost, amount = (int(one) for one in cursor.execute(ask, bound).fetchall()[0])
    return Unreckoned(cases, _yuan(cost), _yuan(amount))


def _yuan(fen: int) -> Decimal:
    return Decimal(fen).scaleb(-2)
