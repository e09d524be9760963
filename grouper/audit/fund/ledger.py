"""The ledger of a pooling region's fund: a month and insurance a row, in yuan, read strictly."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from codebooks.strict_csv import Row, read_rows
from grouper.payment.settlement.deductions import INSURANCES
from grouper.payment.settlement.errors import SettlementError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

YEAR = 12
"""Months."""
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_MONEY = re.compile(r"-?\d{1,15}(\.\d{1,2})?", re.ASCII)
_REQUIRED = ("month", "insurance", "income", "outlay", "balance")
_OPTIONAL = ("source", "note")
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMonth:
    """A month of the fund of one insurance.

    Attributes:
        month: such as ``2026-11``.
        insurance: ``employee`` or ``resident``.
        income, outlay: of the month, in yuan.
        balance: at its end, in yuan.
        source: where the figures come from; empty: not stated.
    """

    month: str
    insurance: str
    income: Decimal
    outlay: Decimal
    balance: Decimal
    source: str = ""

    @property
    def number(self) -> int:
        """The month as a number that counts on from one month to the next."""
        return number_of(self.month)


def read_ledger(path: Path) -> tuple[LedgerMonth, ...]:
    """Read a ledger.

    Columns: ``month`` (2026-11), ``insurance`` (``employee``, ``resident``), ``income``, ``outlay``,
    ``balance``; optional ``source``, ``note``. UTF-8 or GB18030.

    Returns:
        Its months in the order of insurance and month.

    Raises:
        CodebookError: the file is no such table.
        SettlementError: ``SETTLE_MONTH``, ``SETTLE_WORD``, ``SETTLE_AMOUNT``, ``FUND_MONTH_TWICE``,
            each with row and column.
    """
    found: dict[tuple[str, str], LedgerMonth] = {}
    for row in read_rows(path, _REQUIRED, _OPTIONAL):
        one = _month(row)
        key = (one.insurance, one.month)
        if key in found:
            raise SettlementError("FUND_MONTH_TWICE", row.at("month"), found=one.month)
        found[key] = one
    return tuple(found[key] for key in sorted(found))


def _month(row: Row) -> LedgerMonth:
    cells = row.cells
    if not _MONTH.fullmatch(cells["month"]):
        raise SettlementError("SETTLE_MONTH", row.at("month"), found=cells["month"][:_SHOWN])
    if cells["insurance"] not in INSURANCES:
        known = ", ".join(INSURANCES)
        found = cells["insurance"][:_SHOWN]
        raise SettlementError("SETTLE_WORD", row.at("insurance"), found=found, known=known)
    for name in ("income", "outlay", "balance"):
        if not _MONEY.fullmatch(cells[name]):
            raise SettlementError("SETTLE_AMOUNT", row.at(name), found=cells[name][:_SHOWN])
    return LedgerMonth(
        month=cells["month"],
        insurance=cells["insurance"],
        income=Decimal(cells["income"]),
        outlay=Decimal(cells["outlay"]),
        balance=Decimal(cells["balance"]),
        source=cells["source"],
    )


def by_insurance(months: Iterable[LedgerMonth]) -> dict[str, list[LedgerMonth]]:
    """The months of each insurance, in order."""
    found: dict[str, list[LedgerMonth]] = defaultdict(list)
    for one in sorted(months, key=lambda one: (one.insurance, one.month)):
        found[one.insurance].append(one)
    return dict(found)


def number_of(month: str) -> int:
    """A month as a number that counts on from one month to the next."""
    year, of = month.split("-")
    return int(year) * YEAR + int(of) - 1


def name_of(number: int) -> str:
    """The month of a number."""
    return f"{number // YEAR:04d}-{number % YEAR + 1:02d}"
