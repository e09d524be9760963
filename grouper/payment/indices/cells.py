"""Inpatients counted once by all that the indices ask: axis, method, scheme and group."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.payment.settlement.priced import Priced

_NONE = Decimal(0)
_MONEY, _WEIGHT = pa.decimal128(30, 2), pa.decimal128(36, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Cases that are alike in axis, method, scheme and group.

    Attributes:
        key: of the axis; None: not stated, or all together.
        method, scheme, group: None where the case has none.
        cases: all of them.
        weighed, weight: those with a unit weight, and its sum.
        costed, cost: those with a total cost, and its sum in yuan.
        stayed, days: those with a length of stay, and its sum.
        ended, deaths: those with a way of discharge, and who died.
    """

    key: str | None
    method: str | None
    scheme: str | None
    group: str | None
    cases: int
    weighed: int
    weight: Decimal
    costed: int
    cost: Decimal
    stayed: int
    days: int
    ended: int
    deaths: int


def cells(priced: Priced, axis: str | None, deaths: Sequence[str]) -> list[Cell]:
    """The cells of a table.

    Args:
        priced: cases; those that are no inpatients are passed over.
        axis: a column of the table; None: all together.
        deaths: ways of discharge that mean death.
    """
    inpatients = pc.fill_null(pc.equal(priced.table["kind"], "inpatient"), fill_value=False)
    table = priced.where(inpatients).table
    grouped = pc.fill_null(pc.equal(table["status"], "grouped"), fill_value=False)
    group = pc.if_else(grouped, table["group"], pa.scalar(None, pa.string()))
    died = pc.is_in(table["discharge_way"], pa.array(list(deaths), pa.string()))
    nobody = pa.nulls(len(table), pa.string())
    flat = {
        "key": pc.cast(table[axis], pa.string()) if axis else nobody,
        "method": table["method"],
        "scheme": table["scheme"],
        "group": group,
        "cases": pa.repeat(pa.scalar(1, pa.int64()), len(table)),
        "weighed": _flag(table["unit_weight"]),
        "weight": table["unit_weight"].cast(_WEIGHT),
        "costed": _flag(table["total_cost"]),
        "cost": table["total_cost"].cast(_MONEY),
        "stayed": _flag(table["los"]),
        "days": table["los"].cast(pa.int64()),
        "ended": _flag(table["discharge_way"]),
        "deaths": died.cast(pa.int64()),
    }
    keys = ["key", "method", "scheme", "group"]
    sums = [(name, "sum") for name in flat if name not in keys]
    rows = pa.table(flat).group_by(keys, use_threads=False).aggregate(sums).to_pylist()
    decimals = {"weight", "cost"}
    found = []
    for row in rows:
        read: dict[str, Any] = {name: row[name] for name in keys}
        for name, _ in sums:
            read[name] = row[f"{name}_sum"] or (_NONE if name in decimals else 0)
        found.append(Cell(**read))
    return found


def _flag(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.is_valid(column).cast(pa.int64())
