"""The demonstration hospital under test: one full month, made once, and what its lines come to."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from grouper.demo.hospital.months import Hospital, MonthTables
from grouper.demo.hospital.plan import month_number

SEED = 20250101
MARCH = month_number("2025-03")
CENT = Decimal("0.01")


@cache
def hospital() -> Hospital:
    """The hospital in full size."""
    return Hospital(SEED, 1.0)


@cache
def march() -> MonthTables:
    """One month of it in full size."""
    return hospital().month(MARCH)


def split(line: dict[str, Any]) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Amount, own, above the limit and first share of a line, by plain decimals."""
    amount, quantity = line["line_amount"], line["line_quantity"]
    price, limit = line["line_price"], line["line_limit"]
    if line["line_scope"] == "C":
        return amount, amount, Decimal(0), Decimal(0)
    over = max(price - limit, Decimal(0)) * quantity if limit is not None else Decimal(0)
    first = ((amount - over) * line["line_first_share"]).quantize(CENT, ROUND_HALF_UP)
    return amount, Decimal(0), over.quantize(CENT), first


def sums_by_case(lines: list[dict[str, Any]]) -> dict[str, list[Decimal]]:
    """Total, own, above limits and first shares of each case."""
    found: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
    for line in lines:
        own = found[line["case_id"]]
        found[line["case_id"]] = [a + b for a, b in zip(own, split(line), strict=True)]
    return found
