"""The end of the year: what the points are worth in the end, shared in bands, less the advances.

Source: the usual clearing of DIP and DRG points: Σ (points × point value × fund share) × assessment
factor − deductions, then surplus kept and overspend shared in bands, less what was paid already.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from codebooks.policies.policy import Value
from codebooks.policies.yaml_nodes import PolicyError
from grouper.payment.settlement.at_point_value import Pointed
from grouper.payment.settlement.bands import cleared
from grouper.payment.settlement.deductions import besides, of_part, of_period
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.exactly import NONE, total
from grouper.payment.settlement.looked import Looked
from grouper.payment.settlement.month import FUND_UNKNOWN, facts_of, fund_line, settled
from grouper.payment.settlement.priced import Priced
from grouper.payment.settlement.result import FEN, SECTION, Part, Period, Settlement
from grouper.payment.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    import pyarrow as pa
    from numpy.typing import NDArray

    from codebooks.policies.policies import Policies
    from grouper.payment.exact import Rounding
    from grouper.payment.settlement.deductions import Entry
    from grouper.payment.sheet import Line

_SUMMED = ("standard", "deductions", "final", "advances", "balance")
_MONTHS = 100


def settle_year(
    table: pa.Table,
    *,
    region: str,
    year: int,
    at_hand: Policies,
    point_values: Mapping[tuple[str | None, str | None], Decimal] | None = None,
    deductions: Sequence[Entry] = (),
    advances: Sequence[Entry] = (),
    hospital: str | None = None,
) -> Settlement:
    """Clear a year.

    Args:
        table: priced cases; those of other years are counted and left out.
        region: by whose policy.
        year: such as 2026.
        at_hand: the policies.
        point_values: the final ones, by method and insurance; else those of the policy
            (``settlement.final_point_value``); else the cases' amounts stand.
        deductions: those of other years are passed over.
        advances: likewise.
        hospital: as for :func:`grouper.payment.settlement.month.settle_month`.

    Raises:
        SettlementError: ``SETTLE_PERIOD``, ``SETTLE_COLUMN``, ``SETTLE_COLUMN_TYPE``,
            ``SETTLE_BANDS``.
        CodebookError: the region has no policy on the year's last day.
    """
    if not date.min.year <= year <= date.max.year:
        raise SettlementError("SETTLE_PERIOD", found=str(year)[:20], wanted="YYYY")
    day = date(year, 12, 31)
    policy = at_hand.on(region, day)
    whole = Priced.of(table, policy)
    of_year = pc.equal(pc.divide(whole.table["month"], _MONTHS), year)
    priced = whole.where(of_year)
    looked = Looked(policy, facts_of(priced, hospital))
    taken, given = (of_period(one, f"{year:04d}") for one in (deductions, advances))
    parts = []
    for (method, insurance), sums in priced.by("method", "insurance"):
        if not sums.priced:
            continue
        own = looked.of(method=method, insurance=insurance)
        final = (point_values or {}).get((method, insurance))
        clearing = _Clearing(
            _cases(priced, method, insurance),
            final,
            of_part(taken, method, insurance),
            of_part(given, method, insurance),
        )
        parts.append(clearing.part(own, method, insurance))
    keys = settled(parts)
    undated = whole.months.get(None, 0)
    lines = _whole(
        parts,
        total(one.amount for one in besides(taken, keys)),
        total(one.amount for one in besides(given, keys)),
    )
    return Settlement(
        period=Period.YEAR,
        when=f"{year:04d}",
        region=policy.region,
        hospital=looked.facts.get("hospital"),
        day=day,
        policy=policy.id,
        priced=priced,
        parts=tuple(parts),
        lines=lines,
        entries=tuple(taken),
        assumptions=looked.assumptions,
        elsewhere=len(whole) - len(priced) - undated,
        undated=undated,
    )


def _cases(priced: Priced, method: str | None, insurance: str | None) -> Priced:
    table = priced.table
    same = pc.equal(table["method"], method)
    if insurance is None:
        return priced.where(pc.and_(same, pc.is_null(table["insurance"])))
    return priced.where(pc.and_(same, pc.equal(table["insurance"], insurance)))


class _Clearing:
    """The clearing of one method and insurance."""

    def __init__(
        self, cases: Priced, final: Decimal | None, deducted: Decimal, advanced: Decimal
    ) -> None:
        self.cases = cases
        self.sums = cases.sums
        self.final = final
        self.deducted = deducted
        self.advanced = advanced
        self.sheet = Sheet(SECTION)

    def part(self, looked: Looked, method: str | None, insurance: str | None) -> Part:
        """The part with its lines, or why it cannot be cleared."""
        if not self.sums.funded:
            return Part(method=method, insurance=insurance, sums=self.sums, reason=FUND_UNKNOWN)
        try:
            self._lines(looked)
        except PolicyError as error:
            return Part(
                method=method,
                insurance=insurance,
                sums=self.sums,
                reason=error.code,
                params=error.params,
            )
        lines = tuple(self.sheet.lines)
        return Part(method=method, insurance=insurance, sums=self.sums, lines=lines)

    def _lines(self, looked: Looked) -> None:
        basis = looked.value("settlement.fund_basis")
        factor = looked.value("settlement.assessment_factor")
        share = looked.value("settlement.fund_share") if basis.value == "share" else None
        stated = looked.find("settlement.final_point_value")
        money = looked.rounding("money")
        sheet, sums = self.sheet, self.sums
        gross = self._gross(basis, share, stated, money)
        assessed = sheet.add(
            "assessed",
            gross.number * Fraction(factor.number),
            rounding=money,
            gross=gross,
            factor=factor,
        )
        less = sheet.add("deductions", self.deducted, rounding=FEN)
        standard = sheet.add(
            "standard",
            assessed.number - less.number,
            rounding=FEN,
            assessed=assessed,
            deductions=less,
        )
        # What has no known cost cannot be compared with what was booked: it is paid as it stands.
        rest = Fraction(sums.fund) - Fraction(sums.known_fund)
        compared = standard
        if rest:
            compared = sheet.add(
                "compared", standard.number - rest, rounding=FEN, standard=standard, rest=rest
            )
        found = cleared(sheet, looked, compared, Fraction(sums.booked), money)
        final = sheet.add("final", found.number + rest, rounding=money, cleared=found, rest=rest)
        paid = sheet.add("advances", self.advanced, rounding=FEN)
        sheet.add("balance", final.number - paid.number, rounding=FEN, final=final, advances=paid)

    def _gross(
        self, basis: Value, share: Value | None, stated: Value | None, money: Rounding
    ) -> Line:
        """Σ points × point value, less the patients' part or times the fund's share."""
        sheet, sums = self.sheet, self.sums
        value: Decimal | Value | None = self.final if self.final is not None else stated
        if value is None and share is None:
            return fund_line(sheet, sums)
        number = value.number if isinstance(value, Value) else value
        table = self.cases.table
        funded = np.asarray(table["sum_funded"]) > 0
        pointed = Pointed.of(table, money)
        with_points = funded & (pointed.plain | pointed.moved)
        without = Fraction(sums.fund) - _sum_of(table, "fund", with_points)
        if number is None or value is None:
            worth = sheet.add("worth_as_priced", _sum_of(table, "amount", with_points))
        else:
            worth = self._worth(pointed, funded, value, number)
        if share is not None:
            due = worth.number * Fraction(share.number)
            found = sheet.add("gross_share", due, worth=worth, fund_share=share, basis=basis)
        else:
            deducted = _sum_of(table, "deducted", with_points)
            found = sheet.add(
                "gross_difference", worth.number - deducted, worth=worth, deducted=deducted
            )
        if not without:
            return found
        return sheet.add("gross", found.number + without, gross=found, without=without)

    def _worth(
        self,
        pointed: Pointed,
        funded: NDArray[np.bool_],
        value: Decimal | Value,
        number: Decimal,
    ) -> Line:
        """What the cases are worth at a point value; those with a factor of their own beside."""
        table = self.cases.table
        plain, moved = funded & pointed.plain, funded & pointed.moved
        points = _sum_of(table, "points", plain)
        worth = self.sheet.add(
            "worth", pointed.total(plain, number), points=points, point_value=value
        )
        before = _sum_of(table, "amount", moved)
        if not before:
            return worth
        after = pointed.total(moved, number)
        scaled = self.sheet.add("worth_moved", after, amount=before, ratio=after / before)
        both = worth.number + scaled.number
        return self.sheet.add("worth_both", both, worth=worth, moved=scaled)


def _sum_of(table: pa.Table, name: str, rows: NDArray[np.bool_]) -> Fraction:
    found = pc.sum(table[f"sum_{name}"].filter(rows)).as_py()
    return Fraction(found or 0)


def _whole(parts: Sequence[Part], general: Decimal, advanced: Decimal) -> tuple[Line, ...]:
    sheet = Sheet(SECTION)
    if parts and not settled(parts) and not general and not advanced:
        return ()
    for name in _SUMMED:
        value = total(part.value(name) or NONE for part in parts)
        sheet.add(f"sum_{name}", value, rounding=FEN)
    balance = sheet.lines[-1]
    less = sheet.add("general_deductions", general, rounding=FEN)
    given = sheet.add("general_advances", advanced, rounding=FEN)
    sheet.add(
        "total_balance",
        balance.number - less.number - given.number,
        rounding=FEN,
        balance=balance,
        deductions=less,
        advances=given,
    )
    return tuple(sheet.lines)
