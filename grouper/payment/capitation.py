"""Family-doctor capitation of outpatients: what a contracted institution is due for its persons.

The institution receives heads × amount, out of which the visits of its contracted persons are met:
those to itself are not paid apart, those elsewhere are deducted at what they were priced (points ×
point value). Of a surplus it keeps the policy's share; an overspend is borne by the fund in bands of
the policy, above the last band by the institution. Source: topic ``outpatient_capitation`` of the
region's policy, as Jinhua has it beside its APG points.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from codebooks.errors import GrouperError
from grouper.payment.asked import rounding_of
from grouper.payment.methods.apg_points import METHOD
from grouper.payment.result import PayStatus
from grouper.payment.sheet import Sheet, TableCell

if TYPE_CHECKING:
    from decimal import Decimal

    from codebooks.policies.policy import Policy, Value
    from grouper.payment.exact import Rounding
    from grouper.payment.sheet import Line

_TOPIC = "outpatient_capitation"
_COLUMNS = ("person", "hospital", "kind", "method", "pay_status", "amount")
_MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracted:
    """The persons who signed with an institution, of one kind of insurance.

    Attributes:
        institution: its code.
        persons: their pseudonyms.
        insurance: ``employee`` or ``resident``; None where the policy makes no difference.
        heads: how many they are; None: as many as are listed.
        months: of the year for which they are settled, 1 to 12.
    """

    institution: str
    persons: frozenset[str]
    insurance: str | None = None
    heads: int | None = None
    months: int = _MONTHS


@dataclass(frozen=True, slots=True, kw_only=True)
class Capitation:
    """The settlement of one institution, in yuan.

    Attributes:
        institution: its code.
        received: heads × amount.
        own, elsewhere: what the persons' visits were priced; own ones are not paid apart.
        balance: received − own − elsewhere: a surplus, or below 0 an overspend.
        returned: the part of a surplus that is not kept.
        shared: the part of an overspend that the fund bears.
        payment: received − elsewhere − returned + shared; below 0 the institution owes it.
        own_visits, elsewhere_visits: how many were counted.
        open_visits: how many were not, without a price or an institution; while there are any, the
            settlement is provisional.
        lines: the arithmetic.
        asked: the policy's values that were looked at.
    """

    institution: str
    received: Decimal
    own: Decimal
    elsewhere: Decimal
    balance: Decimal
    returned: Decimal
    shared: Decimal
    payment: Decimal
    own_visits: int
    elsewhere_visits: int
    open_visits: int
    lines: tuple[Line, ...]
    asked: tuple[Value, ...]


def settle_capitation(policy: Policy, contracted: Contracted, visits: pa.Table) -> Capitation:
    """Settle an institution.

    Args:
        policy: what holds.
        contracted: its persons.
        visits: priced visits of the months that are settled, of all institutions: columns of
            ``CASE_SCHEMA`` and ``PAYMENT_SCHEMA``, of which ``person``, ``hospital``, ``kind``,
            ``method``, ``pay_status`` and ``amount`` are read. Other persons' visits and what
            another method than APG points pays are passed over.

    Raises:
        GrouperError: ``CAPITATION_HEADS``, ``CAPITATION_COLUMNS``; ``POLICY_VALUE_MISSING``.
    """
    heads = len(contracted.persons) if contracted.heads is None else contracted.heads
    if heads < len(contracted.persons) or not 1 <= contracted.months <= _MONTHS:
        listed = len(contracted.persons)
        raise GrouperError("CAPITATION_HEADS", heads=heads, months=contracted.months, listed=listed)
    terms = _Terms(policy, contracted.insurance)
    amount, kept_share = terms.value("amount"), terms.value("surplus_kept")
    bands = _bands(terms)
    money, sheet = rounding_of(terms, "money"), terms.sheet
    seen = _seen(contracted, visits)
    exact = Fraction(amount.number) * heads * contracted.months / _MONTHS
    inputs: dict[str, Any] = {"heads": heads, "amount": amount, "months": contracted.months}
    received = sheet.add("received", exact, rounding=money, **inputs)
    own = sheet.add("own", seen.own, rounding=money, visits=seen.own)
    elsewhere = sheet.add("elsewhere", seen.elsewhere, rounding=money, visits=seen.elsewhere)
    left = received.number - own.number - elsewhere.number
    balance = sheet.add("balance", left, received=received, own=own, elsewhere=elsewhere)
    returned = shared = Fraction(0)
    if left > 0:
        kept = sheet.add(
            "surplus_kept",
            left * Fraction(kept_share.number),
            rounding=money,
            balance=balance,
            surplus_kept=kept_share,
        )
        returned = left - kept.number
        sheet.add("surplus_returned", returned, balance=balance, kept=kept)
    elif left < 0:
        shared = _shared(sheet, bands, -left, received.number, money)
    payment = received.number - elsewhere.number - returned + shared
    sheet.add(
        "payment",
        payment,
        received=received,
        elsewhere=elsewhere,
        returned=returned,
        shared=shared,
    )
    return Capitation(
        institution=contracted.institution,
        received=money.of(received.number),
        own=money.of(own.number),
        elsewhere=money.of(elsewhere.number),
        balance=money.of(left),
        returned=money.of(returned),
        shared=money.of(shared),
        payment=money.of(payment),
        own_visits=seen.own_visits,
        elsewhere_visits=seen.elsewhere_visits,
        open_visits=seen.open_visits,
        lines=tuple(sheet.lines),
        asked=tuple(sheet.asked.values()),
    )


@dataclass(slots=True)
class _Terms:
    """The policy as it is asked about one institution."""

    policy: Policy
    insurance: str | None
    sheet: Sheet = field(default_factory=lambda: Sheet(_TOPIC))

    def value(self, name: str) -> Value:
        """A value of the topic, or of another one by its whole path."""
        path = name if "." in name else f"{_TOPIC}.{name}"
        found = self.policy.value(path, insurance=self.insurance)
        self.sheet.asked[found.path] = found
        return found


@dataclass(frozen=True, slots=True)
class _Band:
    """A band of overspend, from a share of the capitation up to the next one's."""

    above: Decimal
    upto: Decimal | None
    share: TableCell


def _bands(terms: _Terms) -> list[_Band]:
    table = terms.value("overspend_bands")
    rows = sorted(table.value, key=lambda row: row["above"])
    ends = [*(row["above"] for row in rows[1:]), None]
    return [
        _Band(row["above"], end, TableCell(table, str(row["above"]), row["fund_share"]))
        for row, end in zip(rows, ends, strict=True)
    ]


def _shared(
    sheet: Sheet, bands: list[_Band], overspend: Fraction, received: Fraction, money: Rounding
) -> Fraction:
    """What the fund bears of an overspend, with a line for each band that it reaches."""
    total = Fraction(0)
    for band in bands:
        start = Fraction(band.above) * received
        end = overspend if band.upto is None else min(overspend, Fraction(band.upto) * received)
        if end > start:
            exact = (end - start) * Fraction(band.share.number)
            line = sheet.add(
                "band", exact, rounding=money, overspend=end - start, fund_share=band.share
            )
            total += line.number
    sheet.add("shared", total, bands=total)
    return total


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the persons' visits come to."""

    own: Fraction
    elsewhere: Fraction
    own_visits: int
    elsewhere_visits: int
    open_visits: int


def _seen(contracted: Contracted, visits: pa.Table) -> _Seen:
    missing = [name for name in _COLUMNS if name not in visits.schema.names]
    if missing:
        raise GrouperError("CAPITATION_COLUMNS", missing=", ".join(missing))
    words = {name: _text(visits[name]) for name in _COLUMNS[:-1]}
    persons = pa.array(sorted(contracted.persons), pa.string())
    meant = pc.and_(pc.is_in(words["person"], persons), pc.equal(words["kind"], "outpatient"))
    by_points = pc.or_(pc.is_null(words["method"]), pc.equal(words["method"], METHOD.name))
    meant = pc.and_(pc.fill_null(meant, fill_value=False), pc.fill_null(by_points, fill_value=True))
    priced = pc.fill_null(pc.equal(words["pay_status"], PayStatus.PRICED.value), fill_value=False)
    # A visit nobody says where it was made can be neither kept nor deducted.
    counted = pc.and_(pc.and_(priced, pc.is_valid(words["hospital"])), meant)
    at_own = pc.fill_null(pc.equal(words["hospital"], contracted.institution), fill_value=False)
    own, elsewhere = pc.and_(counted, at_own), pc.and_(counted, pc.invert(at_own))
    return _Seen(
        _sum(visits["amount"].filter(own)),
        _sum(visits["amount"].filter(elsewhere)),
        pc.sum(own).as_py() or 0,
        pc.sum(elsewhere).as_py() or 0,
        pc.sum(pc.and_(meant, pc.invert(counted))).as_py() or 0,
    )


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _sum(column: pa.ChunkedArray) -> Fraction:
    return Fraction(pc.sum(column.cast(pa.decimal128(38, column.type.scale))).as_py() or 0)
