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


PART = 0.15
"""Scale of the month whose lines are looked at one by one."""


@cache
def hospital(scale: float = 1.0) -> Hospital:
    """The hospital, in full size unless told otherwise."""
    return Hospital(SEED, scale)


@cache
def march(scale: float = 1.0) -> MonthTables:
    """One month of it."""
    return hospital(scale).month(MARCH)


@cache
def lines_by_case() -> dict[str, list[dict[str, Any]]]:
    """The lines of the smaller month, by case."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in march(PART).charges.to_pylist():
        found[line["case_id"]].append(line)
    return found


def split(line: dict[str, Any]) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Amount, own, above the limit and first share of a line, by plain decimals."""
    amount, quantity = line["line_amount"], line["line_quantity"]
    price, limit = line["line_price"], line["line_limit"]
    if line["line_scope"] == "C":
        return amount, amount, Decimal(0), Decimal(0)
    over = max(price - limit, Decimal(0)) * quantity if limit is not None else Decimal(0)
    first = ((amount - over) * line["line_first_share"]).quantize(CENT, ROUND_HALF_UP)
    return amount, Decimal(0), over.quantize(CENT), first


def summed(lines: list[dict[str, Any]]) -> list[Decimal]:
    """Total, own, above limits and first shares of lines."""
    return [sum(values, Decimal(0)) for values in zip(*map(split, lines), strict=True)]
