"""Tables that come with a settlement: deductions (assessment, recoveries of an audit) and advances.

Both are CSV with one amount a row. A row that names neither method nor insurance counts for the
whole settlement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from codebooks.strict_csv import Row, read_rows
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.exactly import total

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_MONEY = re.compile(r"-?\d{1,15}(\.\d{1,2})?", re.ASCII)
INSURANCES = ("employee", "resident")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row.

    Attributes:
        month: such as ``2026-11``.
        amount: in yuan; a deduction below nought gives back.
        method, insurance: of which part; None: of the whole.
        kind: what it is, such as ``audit``.
        reason: in words.
    """

    month: str
    amount: Decimal
    method: str | None = None
    insurance: str | None = None
    kind: str = ""
    reason: str = ""


def read_entries(path: Path) -> tuple[Entry, ...]:
    """Read a table of deductions or advances.

    Columns: ``month``, ``amount``; optional ``method``, ``insurance`` (``employee``,
    ``resident``), ``kind``, ``reason``.

    Raises:
        CodebookError: the file is no such table.
        SettlementError: ``SETTLE_MONTH``, ``SETTLE_AMOUNT``, ``SETTLE_WORD``, with row and column.
    """
    rows = read_rows(path, ("month", "amount"), ("method", "insurance", "kind", "reason"))
    return tuple(_entry(row) for row in rows)


def _entry(row: Row) -> Entry:
    cells = row.cells
    if not _MONTH.fullmatch(cells["month"]):
        raise SettlementError("SETTLE_MONTH", row.at("month"), found=cells["month"][:20])
    if not _MONEY.fullmatch(cells["amount"]):
        raise SettlementError("SETTLE_AMOUNT", row.at("amount"), found=cells["amount"][:20])
    insurance = cells["insurance"] or None
    if insurance is not None and insurance not in INSURANCES:
        known = ", ".join(INSURANCES)
        raise SettlementError("SETTLE_WORD", row.at("insurance"), found=insurance[:20], known=known)
    return Entry(
        month=cells["month"],
        amount=Decimal(cells["amount"]),
        method=cells["method"] or None,
        insurance=insurance,
        kind=cells["kind"],
        reason=cells["reason"],
    )


def of_period(entries: Iterable[Entry], period: str) -> list[Entry]:
    """The entries of a month (``2026-11``) or of a year (``2026``)."""
    return [one for one in entries if one.month == period or one.month[:4] == period]


def of_part(entries: Iterable[Entry], method: str | None, insurance: str | None) -> Decimal:
    """The sum of the entries for one part."""
    wanted = (method, insurance)
    return total(one.amount for one in entries if (one.method, one.insurance) == wanted)


def besides(
    entries: Iterable[Entry], parts: Iterable[tuple[str | None, str | None]]
) -> list[Entry]:
    """The entries that belong to none of the parts: they count for the whole."""
    known = set(parts)
    return [one for one in entries if (one.method, one.insurance) not in known]
