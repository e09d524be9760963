"""Totals of priced cases by one column, and the groups that win and lose most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

if TYPE_CHECKING:
    from grouper.payment.settlement.priced import Priced
    from grouper.payment.settlement.sums import Sums

LARGEST = 5
"""Groups that are named on each side."""


@dataclass(frozen=True, slots=True)
class Total:
    """The cases of one value of a column; ``key`` is None where it is not stated."""

    key: str | None
    name: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Cases that are not priced, or whose fund part is not known, by reason."""

    reason: str | None
    cases: int


def totals(priced: Priced, axis: str) -> list[Total]:
    """Totals by a column of the table, in the order of its values.

    Args:
        priced: the cases.
        axis: such as ``department``, ``group``, ``physician``, ``month``.
    """
    names = priced.names() if axis == "group" else {}
    return [
        Total(None if key is None else str(key), names.get(key or "", ""), sums)
        for (key,), sums in priced.by(axis)
    ]


def largest(groups: list[Total], count: int = LARGEST) -> tuple[list[Total], list[Total]]:
    """The groups with the largest surpluses and with the largest losses, the largest first."""
    known = [one for one in groups if one.sums.known]
    up = sorted(known, key=lambda one: (-one.sums.surplus, one.key or ""))
    down = sorted(known, key=lambda one: (one.sums.surplus, one.key or ""))
    return (
        [one for one in up if one.sums.surplus > 0][:count],
        [one for one in down if one.sums.surplus < 0][:count],
    )


def unpriced(priced: Priced) -> list[Unpriced]:
    """Why cases have no amount, most frequent first."""
    table = priced.table
    return _by_reason(priced.where(pc.equal(table["sum_priced"], 0)), "pay_reason")


def unknown(priced: Priced) -> list[Unpriced]:
    """Why the fund's part of priced cases is not known, most frequent first."""
    table = priced.table
    without = pc.and_(pc.equal(table["sum_priced"], 1), pc.equal(table["sum_funded"], 0))
    return _by_reason(priced.where(without), "share_reason")


def open_cases(priced: Priced) -> list[dict[str, Any]]:
    """The cases that have no price, or of which the fund's part is not known, in their order.

    Returns:
        For each ``case_id``, ``group``, ``pay_reason``, ``share_reason`` and whether it is priced
        (``sum_priced``); an unpriced one has no ``share_reason``.
    """
    found = priced.where(pc.equal(priced.table["sum_funded"], 0)).table
    names = ("case_id", "group", "pay_reason", "share_reason", "sum_priced")
    return list(found.select(names).to_pylist())


def _by_reason(priced: Priced, column: str) -> list[Unpriced]:
    found = [Unpriced(key, sums.cases) for (key,), sums in priced.by(column)]
    return sorted(found, key=lambda one: (-one.cases, one.reason or ""))
