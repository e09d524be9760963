"""What cases come to: counts and exact sums, by any columns of a priced table."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from grouper.payment.result import PayStatus
from grouper.payment.settlement.exactly import NONE, total

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Room for a sum and for one more digit of a difference; Arrow's decimals end at 38.
_MONEY, _POINTS = pa.decimal128(30, 2), pa.decimal128(36, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Cases and their amounts in yuan.

    Attributes:
        cases: all of them; ``priced`` have an amount, ``funded`` what the fund pays of it, ``known``
            their cost and so their surplus too.
        points: of the priced ones; only sums within one method mean anything.
        amount: of the priced ones = ``fund`` + ``deducted`` + ``unknown_amount``.
        unknown_amount: of cases whose patient's part is not known.
        deducted, patient, fund: of the funded ones.
        cost, booked, known_fund: of the known ones; booked = cost − patient's part: what the fund
            was charged with at the counter.
        surplus: of the known ones = ``known_fund`` − ``booked``.
        losing: known cases with a surplus below nought.
    """

    cases: int = 0
    priced: int = 0
    funded: int = 0
    known: int = 0
    losing: int = 0
    points: Decimal = NONE
    amount: Decimal = NONE
    unknown_amount: Decimal = NONE
    deducted: Decimal = NONE
    patient: Decimal = NONE
    fund: Decimal = NONE
    cost: Decimal = NONE
    booked: Decimal = NONE
    known_fund: Decimal = NONE
    surplus: Decimal = NONE

    @property
    def unpriced(self) -> int:
        """Cases without an amount."""
        return self.cases - self.priced

    def known_amount(self, name: str) -> Decimal | None:
        """One of :data:`AMOUNTS`; None where there are cases and none of them knows it."""
        counted = getattr(self, _COUNTED.get(name, "priced"))
        value: Decimal = getattr(self, name)
        if name == "points" and not value:
            # What is paid without points has none; that is no score of nought.
            return None
        return None if self.cases and not counted else value

    @classmethod
    def together(cls, parts: Iterable[Sums]) -> Sums:
        """All of some sums in one."""
        many = list(parts)
        counts: dict[str, Any] = {n: sum(getattr(one, n) for one in many) for n in COUNTS}
        amounts: dict[str, Any] = {n: total(getattr(one, n) for one in many) for n in AMOUNTS}
        return cls(**counts, **amounts)


_COUNTED = {
    **dict.fromkeys(("deducted", "patient", "fund"), "funded"),
    **dict.fromkeys(("cost", "booked", "known_fund", "surplus"), "known"),
}
"""Which count says whether an amount is known; ``priced`` where it is not named here."""
AMOUNTS = tuple(one.name for one in fields(Sums) if one.type in {Decimal, "Decimal"})
COUNTS = tuple(one.name for one in fields(Sums) if one.name not in AMOUNTS)


def measured(table: pa.Table) -> pa.Table:
    """The table with a column for each of :data:`AMOUNTS` and :data:`COUNTS` (``sum_…``)."""
    priced = pc.fill_null(pc.equal(table["pay_status"], PayStatus.PRICED.value), fill_value=False)
    priced = pc.and_(priced, pc.is_valid(table["amount"]))
    funded = pc.and_(priced, pc.is_valid(table["fund"]))
    cost, patient = table["total_cost"], table["patient"]
    stated = pc.and_(pc.is_valid(table["surplus"]), pc.is_valid(cost))
    known = pc.and_(funded, pc.and_(stated, pc.is_valid(patient)))
    losing = pc.and_(known, pc.fill_null(pc.less(table["surplus"], 0), fill_value=False))
    booked = pc.subtract(cost.cast(_MONEY), patient.cast(_MONEY)).cast(_MONEY)
    where = {
        "points": (table["points"], priced),
        "amount": (table["amount"], priced),
        "unknown_amount": (table["amount"], pc.and_not(priced, funded)),
        "deducted": (table["deducted"], funded),
        "patient": (patient, funded),
        "fund": (table["fund"], funded),
        "cost": (cost, known),
        "booked": (booked, known),
        "known_fund": (table["fund"], known),
        "surplus": (table["surplus"], known),
    }
    flags = {"priced": priced, "funded": funded, "known": known, "losing": losing}
    for name, flag in flags.items():
        table = table.append_column(f"sum_{name}", flag.cast(pa.int64()))
    table = table.append_column("sum_cases", pa.repeat(pa.scalar(1, pa.int64()), len(table)))
    for name, (column, mask) in where.items():
        kind = _POINTS if name == "points" else _MONEY
        nothing = pa.scalar(None, kind)
        table = table.append_column(f"sum_{name}", pc.if_else(mask, column.cast(kind), nothing))
    return table


def sums_by(table: pa.Table, keys: Sequence[str]) -> list[tuple[tuple[str | None, ...], Sums]]:
    """Sums of a measured table by columns, in the order of their values; a missing one comes last."""
    names = (*COUNTS, *AMOUNTS)
    columns = [f"sum_{name}" for name in names]
    if keys:
        grouped = table.select([*keys, *columns]).group_by(list(keys), use_threads=False)
        rows = grouped.aggregate([(column, "sum") for column in columns]).to_pylist()
    else:
        rows = [{f"{one}_sum": pc.sum(table[one]).as_py() for one in columns}]
    found = []
    for row in rows:
        read: dict[str, Any] = {
            name: row[f"sum_{name}_sum"] or (NONE if name in AMOUNTS else 0) for name in names
        }
        found.append((tuple(row[key] for key in keys), Sums(**read)))
    return sorted(found, key=lambda one: [(key is None, str(key)) for key in one[0]])
