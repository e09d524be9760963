"""What a page tells of a statement, read from its kept document: its way, its rows, its open cases."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from grouper.service.settling import OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.service.kept_results import Kept

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why cases are open, and how many; ``priced``: they have a price, and no known fund's part."""

    reason: str | None
    priced: bool
    cases: int


def way(told: Mapping[str, Any]) -> list[tuple[str, Decimal, bool]]:
    """From the payment of the settled parts to what is paid: a step, yuan, and whether it is a sum.

    Args:
        told: document of a statement.

    Returns:
        Nothing where no part could be settled.
    """
    settled = [one for one in told["parts"] if one["reason"] is None]
    lines = {one["name"]: Decimal(one["value"]) for one in told["lines"]}
    if not settled or "total_paid" not in lines:
        return []
    sums = {
        name: sum((Decimal(one["sums"][name] or 0) for one in settled), _NOTHING)
        for name in ("amount", "deducted", "unknown_amount")
    }
    less = lines["sum_deductions"] + lines["general_deductions"]
    return [
        ("amount", sums["amount"], True),
        ("patients", -sums["deducted"], False),
        ("unknown", -sums["unknown_amount"], False),
        ("fund", lines["sum_fund"], True),
        ("later", lines["sum_due"] - lines["sum_fund"], False),
        ("due", lines["sum_due"], True),
        ("kept_back", -lines["sum_kept_back"], False),
        ("deductions", -less, False),
        ("paid", lines["total_paid"], True),
    ]


def value_of(told: Mapping[str, Any], name: str) -> Decimal | None:
    """The value of a line of a statement's whole, or of one of its parts; None: there is none."""
    found = [one["value"] for one in told["lines"] if one["name"] == name]
    return Decimal(found[-1]) if found else None


def ranked(told: Mapping[str, Any], axis: str, *, losses: bool) -> list[Mapping[str, Any]]:
    """The totals by an axis, the largest losses or the largest surpluses first, unknown ones last."""
    rows: list[Mapping[str, Any]] = list(told["totals"][axis])

    def place(row: Mapping[str, Any]) -> tuple[bool, Decimal, str]:
        surplus = row["surplus"]
        worth = _NOTHING if surplus is None else Decimal(surplus)
        return surplus is None, worth if losses else -worth, row["key"] or ""

    return sorted(rows, key=place)


def open_reasons(kept: Kept) -> list[Reason]:
    """Why cases are open, most frequent first."""
    table = pq.read_table(kept.folder / OPEN, columns=["reason", "priced"])
    rows = table.group_by(["reason", "priced"], use_threads=False).aggregate([([], "count_all")])
    found = [
        Reason(row["reason"], bool(row["priced"]), row["count_all"]) for row in rows.to_pylist()
    ]
    return sorted(found, key=lambda one: (-one.cases, one.reason or ""))


def open_page(
    kept: Kept, why: Reason | None, start: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """A page of the open cases, and how many there are.

    Args:
        kept: the statement.
        why: as :func:`open_reasons` tells it; None: for any reason.
        start: of how many cases the page is behind.
        limit: most of them.
    """
    table = pq.read_table(kept.folder / OPEN)
    if why is not None:
        reason = table["reason"]
        same = pc.is_null(reason) if why.reason is None else pc.equal(reason, why.reason)
        table = table.filter(pc.and_(same, pc.equal(table["priced"], why.priced)))
    found: list[dict[str, Any]] = table.slice(start, limit).to_pylist()
    return found, int(table.num_rows)
