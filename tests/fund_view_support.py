"""Months, ledgers and views of the fund for tests."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from fund_support import data
from store_support import database

from grouper.audit.fund.budget import (
    Statement,
)
from grouper.audit.fund.ledger import LedgerMonth
from grouper.store.findings import FindingRow

__all__ = ["data", "database"]


HEAD = "month,insurance,income,outlay,balance,source\n"


def a_month(
    month: str, balance: str, outlay: str = "100", income: str = "100", insurance: str = "employee"
) -> LedgerMonth:
    return LedgerMonth(
        month=month,
        insurance=insurance,
        income=Decimal(income),
        outlay=Decimal(outlay),
        balance=Decimal(balance),
    )


# --- the budget --------------------------------------------------------------------------------


def part(insurance: str | None, fund: str | None, unknown: str = "0.00") -> dict[str, Any]:
    return {"insurance": insurance, "sums": {"fund": fund, "unknown_amount": unknown}}


def settled(month: str = "2026-01", **changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "period": "month",
        "when": month,
        "region": "demo",
        "hospital": "H00000000001",
        "parts": [
            part("employee", "10.00"),
            part("employee", "5.00", "2.00"),
            part("resident", None, "7.00"),
            part(None, "3.00"),
        ],
    }
    return told | changes


def statement(month: str, employee: str | None, resident: str | None = "0.00") -> Statement:
    fund = {
        name: None if value is None else Decimal(value)
        for name, value in (("employee", employee), ("resident", resident))
    }
    return Statement(month=month, region="demo", hospital=None, fund=fund, unknown={})


# --- the store ---------------------------------------------------------------------------------


def row(stay_id: int, at: int, **values: Any) -> FindingRow:
    given_: dict[str, Any] = {
        "key": f"{at:024x}",
        "source": "own",
        "moment": "upload",
        "stay_id": stay_id,
        "version": 1,
        "rule": "GZ10000102012000",
        "book": "national-2025",
        "book_hash": "0" * 64,
        "level": "violation",
        "amount": Decimal("10.00"),
        "department": "心内科",
        "day": date(2026, 3, at),
        "document": {},
        "raised_by": "screening",
    }
    return FindingRow(**given_ | values)
