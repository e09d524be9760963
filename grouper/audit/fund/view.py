"""The view of fund and credit of one month: what is told, and why a part of it is missing."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError
from codebooks.policies.policies import policies
from codebooks.registry import registry
from grouper.audit.fund.budget import Budget, budget_of, once, uses
from grouper.audit.fund.credit import Quantity, credit
from grouper.audit.fund.credit_scheme import scheme_of
from grouper.audit.fund.leads import leads
from grouper.audit.fund.ledger import YEAR, name_of, number_of
from grouper.audit.fund.payable import payable
from grouper.audit.fund.settings import shipped
from grouper.payment.settlement.deductions import INSURANCES
from grouper.payment.settlement.looked import Looked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codebooks.audit.books import AuditBook
    from grouper.audit.fund.budget import Statement, Use
    from grouper.audit.fund.credit import Credit
    from grouper.audit.fund.leads import Counted, Lead
    from grouper.audit.fund.ledger import LedgerMonth
    from grouper.audit.fund.outlook import Outlook
    from grouper.audit.fund.payable import Payable
    from grouper.audit.fund.settings import Settings

NO_LEDGER, NO_MONTHS, NO_STATEMENTS = "FUND_NO_LEDGER", "FUND_NO_MONTHS", "FUND_NO_STATEMENTS"
NO_STORE, NO_POLICY, NO_SCHEME = "FUND_NO_STORE", "FUND_NO_POLICY", "FUND_NO_SCHEME"
FOREIGN, OTHER_YEAR = "FUND_STATEMENT_REGION", "FUND_STATEMENT_YEAR"
OUTLOOK_FOREIGN = "FUND_OUTLOOK_REGION"
DEDUCTED = "deducted_share"
"""The input of credit whose whole is the fund's part of the settled months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is at hand of a region and a hospital; None: nothing was asked or found.

    Attributes:
        ledger: of the region.
        statements: settled months.
        outlook: of the year.
        findings: counted.
        quantities: of credit.
        deducted: yuan that the insurer took off in the year for its findings.
    """

    ledger: Sequence[LedgerMonth] | None = None
    statements: Sequence[Statement] | None = None
    outlook: Outlook | None = None
    findings: Sequence[Counted] | None = None
    quantities: Mapping[str, Quantity] | None = None
    deducted: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is told.

    Attributes:
        region, hospital, month: of what.
        policy: id of the policy by which levels and budgets were read; None: there is none.
        payables: how long the fund lasts, by insurance.
        uses: of the budgets, by insurance and together; empty: no settled month.
        settled: the months that count; ``open_months`` of the year until then do not.
        other: yuan of settled months whose insurance has no budget.
        outlook: of the year.
        leads: by topic.
        credit: None: no scheme.
        departments: most that are named under a topic.
        missing: why a part of this is missing, by part (``payable``, ``budget``, ``outlook``,
            ``leads``, ``credit``).
        left_out: settled months that do not count, with the reason.
    """

    region: str
    hospital: str | None
    month: str
    policy: str | None
    payables: Sequence[Payable]
    uses: Sequence[Use]
    settled: Sequence[str]
    open_months: Sequence[str]
    other: Decimal
    outlook: Outlook | None
    leads: Sequence[Lead]
    credit: Credit | None
    departments: int
    missing: Mapping[str, str]
    left_out: Sequence[tuple[str, str]]


def look(
    known: Known,
    book: AuditBook,
    *,
    region: str,
    month: str,
    hospital: str | None = None,
    settings: Settings | None = None,
) -> View:
    """Put together what is known.

    Args:
        known: what is at hand.
        book: our rules.
        region: whose fund.
        month: the last one that counts, such as ``2026-11``.
        hospital: whose budget; None: as the settled months say, if they agree.
        settings: the parameters; None: as shipped.

    Raises:
        AuditError: ``FUND_STATEMENT_TWICE``, ``CREDIT_SCHEME``.
        CodebookError: the region is not known.
    """
    place = registry().region(region).id
    last = last_day(month)
    how = (settings or shipped()).of_book(book, last)
    missing: dict[str, str] = {}
    counted, left_out = _of_place(known.statements or (), place, month)
    hospital = hospital or _hospital(counted)
    looked = _looked(place, last, hospital)
    payables = payable(known.ledger or (), how, month=month, looked=looked)
    if not payables:
        missing["payable"] = NO_LEDGER if known.ledger is None else NO_MONTHS
    used = _uses(counted, looked, how)
    if not used:
        missing["budget"] = NO_STATEMENTS
    elif looked is None:
        missing["budget"] = NO_POLICY
    outlook = known.outlook
    if outlook is not None and outlook.region != place:
        outlook, missing["outlook"] = None, OUTLOOK_FOREIGN
    if known.findings is None:
        missing["leads"] = NO_STORE
    scheme = scheme_of(place, last)
    if scheme is None:
        missing["credit"] = NO_SCHEME
    settled = tuple(one.month for one in counted)
    first = number_of(f"{month[:4]}-01")
    every = [name_of(number) for number in range(first, number_of(month) + 1)]
    return View(
        region=place,
        hospital=hospital,
        month=month,
        policy=None if looked is None else looked.policy.id,
        payables=payables,
        uses=used,
        settled=settled,
        open_months=tuple(one for one in every if one not in settled) if settled else (),
        other=sum((one.other for one in counted), Decimal("0.00")),
        outlook=outlook,
        leads=leads(known.findings or (), book),
        credit=None if scheme is None else credit(scheme, _quantities(known, used)),
        departments=how.departments,
        missing=missing,
        left_out=left_out,
    )


def _of_place(
    statements: Sequence[Statement], region: str, month: str
) -> tuple[list[Statement], tuple[tuple[str, str], ...]]:
    """The settled months that count, and those that do not."""
    own = [one for one in statements if one.region == region]
    counted = once(own, int(month[:4]), month)
    there = {id(one) for one in counted}
    left = [(one.month, FOREIGN) for one in statements if one.region != region]
    left += [(one.month, OTHER_YEAR) for one in own if id(one) not in there]
    return counted, tuple(sorted(left))


def _hospital(statements: Sequence[Statement]) -> str | None:
    named = {one.hospital for one in statements if one.hospital}
    return named.pop() if len(named) == 1 else None


def _looked(region: str, day: date, hospital: str | None) -> Looked | None:
    try:
        return Looked(policies().on(region, day), {"hospital": hospital})
    except CodebookError:
        # Told as the reason of what rests on it; the region itself is known.
        return None


def _uses(statements: Sequence[Statement], looked: Looked | None, how: Settings) -> Sequence[Use]:
    if not statements:
        return ()
    nothing = Budget(value=None, basis=None)
    budgets = {one: budget_of(looked, one) if looked else nothing for one in INSURANCES}
    return uses(statements, budgets, how.tolerance)


def _quantities(known: Known, used: Sequence[Use]) -> Mapping[str, Quantity]:
    """The quantities of credit, with what is deducted of what the fund pays."""
    found = dict(known.quantities or {})
    whole = used[-1].used if used else None
    if DEDUCTED not in found and known.deducted is not None and whole is not None:
        found[DEDUCTED] = Quantity(part=known.deducted, whole=whole, source="store")
    return found


def last_day(month: str) -> date:
    """The last day of a month."""
    year, number = divmod(number_of(month), YEAR)
    return date(year, number + 1, calendar.monthrange(year, number + 1)[1])
