"""Months payable of a fund: its balance by what it spends in a month.

Months payable = balance at the end of the last month ÷ mean outlay of the last n calendar months
(rule LOC-FUND). A month that the ledger lacks is no part of the mean, and is told.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from codebooks.registry import NATIONAL
from grouper.audit.fund.ledger import by_insurance, name_of, number_of
from grouper.payment.exact import Rounding
from grouper.payment.settlement.exactly import total
from grouper.payment.settlement.fund import level_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from grouper.audit.fund.ledger import LedgerMonth
    from grouper.audit.fund.settings import Settings
    from grouper.payment.settlement.looked import Looked

WARNING, CAUTION, NORMAL = "warning", "caution", "normal"
FEW, SPENT = "FUND_LEDGER_SHORT", "FUND_NO_OUTLAY"
_PLACES = Rounding(2, "half_up")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """How long the fund of one insurance lasts.

    Attributes:
        insurance: whose.
        month: the last one of the ledger that counts; older than the month asked for where the
            ledger ends before it (``late`` months).
        balance: at its end, in yuan.
        outlay: of the months that are averaged, ``averaged`` of them.
        missing: months of the window that the ledger lacks.
        broken: months whose balance is not that of the month before + income − outlay, with the
            difference in yuan.
        value: months with two places; None: see ``reason``.
        level: ``normal``, ``caution``, ``watch``, ``warning`` or ``alarm``; None: not set for it.
        by: what set it: the region's policy, or the rule.
        source, standing: of that.
        reason: why there is no value.
    """

    insurance: str
    month: str
    late: int
    balance: Decimal
    outlay: Decimal
    averaged: int
    missing: tuple[str, ...]
    broken: tuple[tuple[str, Decimal], ...]
    value: Decimal | None
    level: str | None
    by: str
    source: str
    standing: str
    reason: str | None = None


def payable(
    ledger: Sequence[LedgerMonth],
    settings: Settings,
    *,
    month: str | None = None,
    looked: Looked | None = None,
) -> list[Payable]:
    """How long the fund lasts, by insurance.

    Args:
        ledger: of the region.
        settings: the rule's limits.
        month: the last one that counts; None: each insurance's last.
        looked: of the region's policy; what it states itself (not the nation) goes before the
            rule's limits.
    """
    found = []
    for insurance, months in by_insurance(ledger).items():
        until = [one for one in months if month is None or one.month <= month]
        if until:
            found.append(_of(insurance, until, settings, month or until[-1].month, looked))
    return found


def _of(
    insurance: str,
    months: Sequence[LedgerMonth],
    settings: Settings,
    month: str,
    looked: Looked | None,
) -> Payable:
    looked = looked and looked.of(insurance=insurance)
    count = _averaged(looked, settings)
    last = months[-1]
    window = range(last.number - count + 1, last.number + 1)
    used = [one for one in months if one.number in window]
    # What lies before the ledger begins is missing, too.
    there = {one.number for one in used}
    missing = tuple(name_of(number) for number in window if number not in there)
    outlay = total(one.outlay for one in used)
    reason = FEW if len(used) < min(settings.least, count) else SPENT if outlay <= 0 else None
    exact = None if reason else Fraction(last.balance) * len(used) / Fraction(outlay)
    level, by, source, standing = _level(exact, settings, looked)
    return Payable(
        insurance=insurance,
        month=last.month,
        late=number_of(month) - last.number,
        balance=last.balance,
        outlay=outlay,
        averaged=len(used),
        missing=missing,
        broken=_broken(months),
        value=None if exact is None else _PLACES.of(exact),
        level=level,
        by=by,
        source=source,
        standing=standing,
        reason=reason,
    )


def _averaged(looked: Looked | None, settings: Settings) -> int:
    found = looked and looked.find("fund_warning.months_averaged")
    if not found or found.given.region == NATIONAL:
        return settings.averaged
    return int(found.value)


def _level(
    value: Fraction | None, settings: Settings, looked: Looked | None
) -> tuple[str | None, str, str, str]:
    """The level of a value, and what set it: policy or rule, its source and standing."""
    table = looked and looked.find("fund_warning.levels")
    if looked and table and table.given.region != NATIONAL:
        level = None if value is None else level_of(looked, "months_payable", value)
        standing = "assumption" if table.assumption else "official"
        return level, table.given.path, table.given.source, standing
    level = None
    if value is not None:
        below = ((settings.warn_below, WARNING), (settings.caution_below, CAUTION))
        level = next((name for limit, name in below if value < Fraction(limit)), NORMAL)
    return level, settings.rule, settings.source, settings.standing


def _broken(months: Sequence[LedgerMonth]) -> tuple[tuple[str, Decimal], ...]:
    """Months whose balance does not follow from the month before, where that one is there."""
    found = []
    for before, one in itertools.pairwise(months):
        off = one.balance - (before.balance + one.income - one.outlay)
        if one.number == before.number + 1 and off:
            found.append((one.month, off))
    return tuple(found)
