"""How the fund stands: how long it lasts, and the rates that the documents watch, with levels.

Months payable = balance ÷ mean monthly spending. Admission rate = stays of a year ÷ insured persons
(of fewer or more months: stays × 12 ÷ months). Policy
execution rate = what the fund paid ÷ the costs within its scope. Out-of-area rate = cases of persons
insured elsewhere ÷ all cases. Which value means which level is policy (``fund_warning.levels``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from codebooks.strict_csv import read_rows
from grouper.payment.exact import Rounding
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.exactly import total
from grouper.payment.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grouper.payment.settlement.looked import Looked
    from grouper.payment.settlement.priced import Priced
    from grouper.payment.sheet import Line

SECTION = "fund"
INDICATORS = ("months_payable", "admission_rate", "execution_rate", "out_of_area_rate")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_MONEY = re.compile(r"-?\d{1,15}(\.\d{1,2})?", re.ASCII)
_SHOWN = {"months_payable": Rounding(2, "half_up")}
_RATE = Rounding(4, "half_up")
_YEAR = 12
"""Months."""
_INSURANCES = ("employee", "resident")


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One indicator.

    Attributes:
        name: one of :data:`INDICATORS`.
        insurance: None: all.
        value: months with two places, a rate with four; None: it cannot be reckoned.
        level: as the policy has it; None: it sets none for this value.
        lines: the arithmetic.
        stated: whether the value is the policy's own and not reckoned.
    """

    name: str
    insurance: str | None
    value: Decimal | None
    level: str | None = None
    lines: tuple[Line, ...] = ()
    stated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FundMonth:
    """One month of the fund of an insurance, in yuan; the balance is that at its end."""

    month: str
    insurance: str
    spending: Decimal
    balance: Decimal


def read_fund(path: Path) -> tuple[FundMonth, ...]:
    """Read a table of the fund: columns ``month``, ``insurance``, ``spending``, ``balance``.

    Raises:
        CodebookError: the file is no such table.
        SettlementError: ``SETTLE_MONTH``, ``SETTLE_AMOUNT``, ``SETTLE_WORD``, ``FUND_MONTH_TWICE``.
    """
    found: dict[tuple[str, str], FundMonth] = {}
    for row in read_rows(path, ("month", "insurance", "spending", "balance")):
        cells = row.cells
        if not _MONTH.fullmatch(cells["month"]):
            raise SettlementError("SETTLE_MONTH", row.at("month"), found=cells["month"][:20])
        if cells["insurance"] not in _INSURANCES:
            known = ", ".join(_INSURANCES)
            raise SettlementError(
                "SETTLE_WORD", row.at("insurance"), found=cells["insurance"][:20], known=known
            )
        for name in ("spending", "balance"):
            if not _MONEY.fullmatch(cells[name]):
                raise SettlementError("SETTLE_AMOUNT", row.at(name), found=cells[name][:20])
        key = (cells["insurance"], cells["month"])
        if key in found:
            raise SettlementError("FUND_MONTH_TWICE", row.at("month"), found=cells["month"])
        found[key] = FundMonth(
            month=cells["month"],
            insurance=cells["insurance"],
            spending=Decimal(cells["spending"]),
            balance=Decimal(cells["balance"]),
        )
    return tuple(found[key] for key in sorted(found))


def months_payable(looked: Looked, insurance: str, months: Sequence[FundMonth]) -> Indicator:
    """How long the fund lasts; without months what the policy states as published.

    Args:
        looked: of the region.
        insurance: whose fund.
        months: of the fund; the latest ones count (``fund_warning.months_averaged``).

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
    """
    looked = looked.of(insurance=insurance)
    own = sorted((one for one in months if one.insurance == insurance), key=lambda one: one.month)
    sheet = Sheet(SECTION)
    if not own:
        stated = looked.find("fund_warning.months_payable")
        value = None if stated is None else stated.number
        return _judged(looked, "months_payable", insurance, value, sheet, stated=True)
    count = int(looked.value("fund_warning.months_averaged").value)
    used = own[-count:]
    spent = total(one.spending for one in used)
    mean = sheet.add("mean_spending", Fraction(spent) / len(used), spending=spent, months=len(used))
    if mean.number <= 0:
        return _judged(looked, "months_payable", insurance, None, sheet)
    balance = used[-1].balance
    line = sheet.add(
        "months_payable",
        Fraction(balance) / mean.number,
        unit="months",
        rounding=_SHOWN["months_payable"],
        balance=balance,
        mean_spending=mean,
    )
    return _judged(looked, "months_payable", insurance, line.number, sheet)


def rates(looked: Looked, priced: Priced, insurance: str | None = None) -> list[Indicator]:
    """The rates that priced cases tell; one whose divisor is nought or not stated has no value.

    Args:
        looked: of the region.
        priced: the cases of a period.
        insurance: of whom; None: of all.
    """
    looked = looked.of(insurance=insurance)
    if insurance is not None:
        priced = priced.where(pc.equal(priced.table["insurance"], insurance))
    table = priced.table
    inpatient = pc.fill_null(pc.equal(table["kind"], "inpatient"), fill_value=False)
    stays = _count(pc.and_(inpatient, table["here"]))
    scoped = priced.where(
        pc.and_(pc.equal(table["sum_funded"], 1), pc.is_valid(table["scope_cost"]))
    )
    scope = pc.sum(scoped.table["scope_cost"]).as_py() or 0
    away = _count(pc.invert(table["here"]))
    return [
        _admissions(looked, insurance, stays, priced),
        _rate(looked, "execution_rate", insurance, (scoped.sums.fund, scope)),
        _rate(looked, "out_of_area_rate", insurance, (away, len(priced))),
    ]


def _admissions(looked: Looked, insurance: str | None, stays: int, priced: Priced) -> Indicator:
    """Stays of a year for each insured person; the number of persons is known by insurance alone."""
    persons = looked.find("fund_warning.insured_persons") if insurance else None
    months = len(priced.months.keys() - {None})
    sheet = Sheet(SECTION)
    if persons is None or not months:
        return _judged(looked, "admission_rate", insurance, None, sheet)
    line = sheet.add(
        "admission_rate",
        Fraction(stays * _YEAR, months) / Fraction(persons.number),
        unit="",
        rounding=_RATE,
        part=stays,
        months=months,
        persons=persons,
    )
    return _judged(looked, "admission_rate", insurance, line.number, sheet)


def level_of(looked: Looked, indicator: str, value: Decimal | Fraction) -> str | None:
    """The level of a value; None where the policy sets none for it."""
    table = looked.find("fund_warning.levels")
    for row in table.value if table is not None else ():
        above = row["to"] is None or value < row["to"]
        if row["indicator"] == indicator and row["from"] <= value and above:
            return str(row["level"])
    return None


def _rate(
    looked: Looked,
    name: str,
    insurance: str | None,
    parts: tuple[Decimal | int, Decimal | int],
) -> Indicator:
    sheet = Sheet(SECTION)
    part, whole = parts
    if not whole or whole < 0:
        return _judged(looked, name, insurance, None, sheet)
    line = sheet.add(
        name, Fraction(part) / Fraction(whole), unit="", rounding=_RATE, part=part, whole=whole
    )
    return _judged(looked, name, insurance, line.number, sheet)


def _judged(
    looked: Looked,
    name: str,
    insurance: str | None,
    value: Decimal | Fraction | None,
    sheet: Sheet,
    *,
    stated: bool = False,
) -> Indicator:
    level = None if value is None else level_of(looked, name, Fraction(value))
    shown = None if value is None else _SHOWN.get(name, _RATE).of(value)
    return Indicator(
        name=name,
        insurance=insurance,
        value=shown,
        level=level,
        lines=tuple(sheet.lines),
        stated=stated and value is not None,
    )


def _count(mask: object) -> int:
    return int(pc.sum(pc.fill_null(mask, fill_value=False)).as_py() or 0)
