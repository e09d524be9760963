"""The month: what the fund owes for its cases, prepaid, less what is kept back and deducted.

Source: the usual monthly settlement of DIP and DRG points: (points × point value − the patient's
part) × prepaid share − what is kept back − deductions.
"""

from __future__ import annotations

import calendar
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from codebooks.policies.yaml_nodes import PolicyError
from grouper.payment.settlement.deductions import besides, of_part, of_period
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.exactly import NONE, total
from grouper.payment.settlement.looked import Looked
from grouper.payment.settlement.priced import Priced
from grouper.payment.settlement.result import FEN, SECTION, Part, Period, Settlement
from grouper.payment.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    import pyarrow as pa

    from codebooks.policies.policies import Policies
    from grouper.payment.settlement.deductions import Entry
    from grouper.payment.settlement.sums import Sums
    from grouper.payment.sheet import Line

FUND_UNKNOWN = "SETTLE_FUND_UNKNOWN"
"""Why a part is not settled of whose cases none has a known fund's part."""
_SUMMED = ("fund", "due", "kept_back", "deductions", "paid")


def settle_month(
    table: pa.Table,
    *,
    region: str,
    month: str,
    at_hand: Policies,
    deductions: Sequence[Entry] = (),
    hospital: str | None = None,
) -> Settlement:
    """Settle a month.

    Args:
        table: priced cases (:meth:`Priced.of`); those of other months are counted and left out.
        region: by whose policy.
        month: such as ``2026-11``.
        at_hand: the policies.
        deductions: those of other months are passed over.
        hospital: for values that are set by it; None: the one of the cases, if they have one.

    Raises:
        SettlementError: ``SETTLE_PERIOD``, ``SETTLE_COLUMN``, ``SETTLE_COLUMN_TYPE``.
        CodebookError: the region has no policy on the month's last day.
    """
    year, number = read_month(month)
    day = date(year, number, calendar.monthrange(year, number)[1])
    policy = at_hand.on(region, day)
    whole = Priced.of(table, policy)
    priced = whole.where(pc.equal(whole.table["month"], year * 100 + number))
    looked = Looked(policy, facts_of(priced, hospital))
    entries = of_period(deductions, month)
    parts = tuple(
        _part(looked, method, insurance, sums, of_part(entries, method, insurance))
        for (method, insurance), sums in priced.by("method", "insurance")
        if sums.priced
    )
    general = besides(entries, settled(parts))
    undated = whole.months.get(None, 0)
    return Settlement(
        period=Period.MONTH,
        when=month,
        region=policy.region,
        hospital=looked.facts.get("hospital"),
        day=day,
        policy=policy.id,
        priced=priced,
        parts=parts,
        lines=_whole(parts, total(one.amount for one in general)),
        entries=tuple(entries),
        assumptions=looked.assumptions,
        elsewhere=len(whole) - len(priced) - undated,
        undated=undated,
    )


def settled(parts: Iterable[Part]) -> list[tuple[str | None, str | None]]:
    """Method and insurance of the parts that could be settled; the others take no deduction."""
    return [(one.method, one.insurance) for one in parts if one.reason is None]


def facts_of(priced: Priced, hospital: str | None) -> dict[str, str | None]:
    """What the policy's values of a settlement may be set by, beside method and insurance."""
    name = hospital or priced.hospital
    level = priced.policy.find("hospital.level", hospital=name)
    return {"hospital": name, "level": None if level is None else str(level.value)}


def read_month(month: str) -> tuple[int, int]:
    """The year and the number of a month written as ``2026-11``.

    Raises:
        SettlementError: ``SETTLE_PERIOD``.
    """
    try:
        found = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise SettlementError("SETTLE_PERIOD", found=month[:20], wanted="YYYY-MM") from None
    return found.year, found.month


def _part(
    looked: Looked, method: str | None, insurance: str | None, sums: Sums, deducted: Decimal
) -> Part:
    looked = looked.of(method=method, insurance=insurance)
    if not sums.funded:
        return Part(method=method, insurance=insurance, sums=sums, reason=FUND_UNKNOWN)
    sheet = Sheet(SECTION)
    try:
        prepaid, kept = (looked.value(f"settlement.{n}") for n in ("prepaid_share", "kept_back"))
        money = looked.rounding("money")
    except PolicyError as error:
        return Part(
            method=method, insurance=insurance, sums=sums, reason=error.code, params=error.params
        )
    fund = fund_line(sheet, sums)
    due = sheet.add(
        "due",
        fund.number * Fraction(prepaid.number),
        rounding=money,
        fund=fund,
        prepaid_share=prepaid,
    )
    back = sheet.add(
        "kept_back", due.number * Fraction(kept.number), rounding=money, due=due, share=kept
    )
    less = sheet.add("deductions", deducted, rounding=FEN)
    sheet.add(
        "paid",
        due.number - back.number - less.number,
        rounding=money,
        due=due,
        kept_back=back,
        deductions=less,
    )
    return Part(method=method, insurance=insurance, sums=sums, lines=tuple(sheet.lines))


def fund_line(sheet: Sheet, sums: Sums) -> Line:
    """What the fund owes for the cases, as the sum of theirs."""
    return sheet.add(
        "fund",
        sums.fund,
        rounding=FEN,
        amount=sums.amount,
        unknown=sums.unknown_amount,
        deducted=sums.deducted,
    )


def _whole(parts: Sequence[Part], general: Decimal) -> tuple[Line, ...]:
    sheet = Sheet(SECTION)
    if parts and not settled(parts) and not general:
        return ()
    for name in _SUMMED:
        value = total(part.value(name) or NONE for part in parts)
        sheet.add(f"sum_{name}", value, rounding=FEN)
    paid = sheet.lines[-1]
    less = sheet.add("general_deductions", general, rounding=FEN)
    left = paid.number - less.number
    sheet.add("total_paid", left, rounding=FEN, paid=paid, deductions=less)
    return tuple(sheet.lines)
