"""A year of dialysis under capitation: what each patient, the fund and the hospital bear.

Visits one by one take the cap of a whole year (``dialysis_capitation.visit_months``); the year is
settled by the months that count, as the policy says: fund = min(cost − deductible, cap × months ÷
12), where the cap does not hold the deductible. The year is the calendar year of the visit; what the
policy says on the day of a patient's last visit holds for the year.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.errors import CodebookError
from codebooks.policies.yaml_nodes import PolicyError
from grouper.case.fields import FIELDS
from grouper.case.record import Case
from grouper.payment.batch import price_batch
from grouper.payment.columns import Columns
from grouper.payment.eligible import eligible
from grouper.payment.engine import asked_of
from grouper.payment.methods.dialysis_capitation import METHOD, Capitation
from grouper.payment.sheet import Sheet
from grouper.schemes.protocol import Grouping
from grouper.schemes.reasons import Status
from grouper.schemes.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from codebooks.policies.policy import Value
    from grouper.payment.asked import Asked
    from grouper.payment.place import Terms
    from grouper.payment.sheet import Line

_DIAGNOSIS = "dialysis_capitation.diagnosis"
_MONTHS = "dialysis_capitation.months_counted"
_FILLED = ("year_deductible", "year_basic")
_YEAR = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class DialysisYear:
    """One patient's year; amounts in yuan.

    Attributes:
        person: the pseudonym.
        year: of the calendar.
        visits: that the method binds.
        reasons: of those of them whose cost is not known; they are not in the sums.
        months: that count.
        cost: within scope.
        patient, fund, excess: who bears it, after what the record of the first visit says was paid
            before; the excess is the hospital's.
        advance: what the visits one by one gave the fund to pay; ``fund`` − ``advance`` is due.
        lines: the arithmetic.
        asked: the policy's values that it rests on.
    """

    person: str
    year: int
    visits: int
    reasons: tuple[str, ...]
    months: int
    cost: Decimal
    patient: Decimal
    fund: Decimal
    excess: Decimal
    advance: Decimal
    lines: tuple[Line, ...] = ()
    asked: tuple[Value, ...] = ()


@dataclass(slots=True)
class _Visit:
    row: int
    asked: Asked
    terms: Capitation
    cost: Fraction | None
    reason: str | None

    @property
    def month(self) -> int:
        return self.asked.day.month


@dataclass(slots=True)
class _Paid:
    """What a patient paid and the fund paid so far in the year."""

    patient: Fraction = field(default_factory=Fraction)
    fund: Fraction = field(default_factory=Fraction)


def follow_dialysis(table: pa.Table, terms: Terms) -> pa.Table:
    """The cases with ``year_deductible`` and ``year_basic`` of visits for dialysis filled.

    What the record states stays, and the visits after it go on from there; a visit whose cost is not
    known adds nothing.
    The order of the rows does not matter.

    Args:
        table: columns of ``CASE_SCHEMA`` (those that are missing are empty) and of ``RESULT_SCHEMA``.
        terms: by which policies.
    """
    found: dict[str, dict[int, Decimal]] = {name: {} for name in _FILLED}
    for visits in _years(table, terms).values():
        paid = _Paid()
        for one in visits:
            _open(one, paid)
            for name, before in zip(_FILLED, (paid.patient, paid.fund), strict=True):
                if getattr(one.asked.case, name) is None:
                    found[name][one.row] = one.terms.money.of(before)
            _go_on(one, paid)
    for name, values in found.items():
        table = _filled(table, name, values)
    return table


def dialysis_years(table: pa.Table, terms: Terms) -> list[DialysisYear]:
    """The year of each patient with visits for dialysis, by person and year.

    Args:
        table: as for :func:`follow_dialysis`.
        terms: by which policies.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``: how months count is not said.
    """
    years = _years(table, terms)
    return [_settled(person, year, years[person, year]) for person, year in sorted(years)]


def _settled(person: str, year: int, visits: list[_Visit]) -> DialysisYear:
    last, sheet = visits[-1], Sheet("dialysis_year")
    last.asked.sheet = sheet
    capitation, counted = Capitation.of(last.asked), last.asked.value(_MONTHS)
    paid, opening, advance = _Paid(), _Paid(), Fraction(0)
    _open(visits[0], opening)
    for one in visits:
        _open(one, paid)
        advance += _go_on(one, paid)
    months = _months(counted.value, [one.month for one in visits])
    total = sum((one.cost for one in visits if one.cost is not None), Fraction(0))
    cap = capitation.cap(months)
    parts = capitation.parts(total, opening.patient, opening.fund, cap)
    cost = sheet.add("cost", total, visits=str(len(visits)))
    month = sheet.add("months", months, unit="months", counted=counted)
    limit = sheet.add("cap", cap, annual=capitation.annual, months=month)
    patient = sheet.add(
        "patient",
        parts.patient,
        cost=cost,
        deductible=capitation.deductible,
        paid=opening.patient,
    )
    fund = sheet.add(
        "fund",
        parts.fund,
        cost=cost,
        patient=patient,
        cap=limit,
        paid=opening.fund,
        place=capitation.place,
    )
    sheet.add("excess", parts.excess, cost=cost, patient=patient, fund=fund)
    sheet.add("due", parts.fund - advance, fund=fund, advance=advance)
    money = capitation.money
    return DialysisYear(
        person=person,
        year=year,
        visits=len(visits),
        reasons=tuple(one.reason for one in visits if one.reason is not None),
        months=months,
        cost=money.of(total),
        patient=money.of(parts.patient),
        fund=money.of(parts.fund),
        excess=money.of(parts.excess),
        advance=money.of(advance),
        lines=tuple(sheet.lines),
        asked=tuple(sheet.asked.values()),
    )


def _months(counted: str, months: list[int]) -> int:
    if counted == "full_year":
        return _YEAR
    return len(set(months)) if counted == "with_visits" else _YEAR + 1 - min(months)


def _open(one: _Visit, paid: _Paid) -> None:
    """Take what the record itself says of the year before a visit: it knows other hospitals too."""
    deductible, fund = one.asked.case.year_deductible, one.asked.case.year_basic
    paid.patient = paid.patient if deductible is None else Fraction(deductible)
    paid.fund = paid.fund if fund is None else Fraction(fund)


def _go_on(one: _Visit, paid: _Paid) -> Fraction:
    """Add what a visit by itself is worth; what the fund pays of it."""
    if one.cost is None:
        return Fraction(0)
    cap = one.terms.cap(int(one.terms.months.value))
    parts = one.terms.parts(one.cost, paid.patient, paid.fund, cap)
    paid.patient += parts.patient
    paid.fund += parts.fund
    return parts.fund


def _years(table: pa.Table, terms: Terms) -> dict[tuple[str, int], list[_Visit]]:
    """The visits for dialysis of each person and year, in order of time."""
    found: dict[tuple[str, int], list[_Visit]] = {}
    ordered = sorted(
        _visits(table, terms),
        key=lambda one: (one.asked.case.discharge_time, one.asked.case.case_id or "", one.row),
    )
    for one in ordered:
        found.setdefault((one.asked.case.person or "", one.asked.day.year), []).append(one)
    return found


def _visits(table: pa.Table, terms: Terms) -> Iterator[_Visit]:
    rows = _candidates(table, terms)
    if not len(rows):
        return
    some = table.take(pa.array(rows))
    methods = price_batch(_batch(some), terms).column("method").to_pylist()
    names = [name for name in (*FIELDS, "scheme", "group") if name in some.column_names]
    records = some.select(names).to_pylist()
    for row, method, record in zip(rows.tolist(), methods, records, strict=True):
        # A visit without a person belongs to no year, one without a time to no place in it.
        if method != METHOD.name or not record.get("person") or not record.get("discharge_time"):
            continue
        asked = asked_of(_case(record), _grouping(record), terms)
        cost = eligible(asked)
        worth = None if cost.cost is None else Fraction(cost.cost)
        try:
            yield _Visit(row, asked, Capitation.of(asked), worth, cost.reason)
        except PolicyError:
            # The visit itself is not priced for the same reason; it has no part in the year.
            continue


def _candidates(table: pa.Table, terms: Terms) -> Any:  # noqa: ANN401 -- an array of row numbers
    """The rows whose principal diagnosis is one of dialysis in any policy that may hold."""
    if not table.num_rows or "dx" not in table.column_names:
        return np.array([], np.int64)
    columns = Columns(
        _batch(table.select([n for n in ("region", "dx") if n in table.column_names]))
    )
    begins: set[str] = set()
    for region in {terms.region, *columns.words("region").words} - {""}:
        try:
            periods = terms.policies.periods(region)
        except CodebookError:
            # Cases of a region that is unknown, or whose files are broken, are priced by nobody.
            continue
        for one in periods:
            told = one.find(_DIAGNOSIS)
            begins |= set(told.value) if told is not None else set()
    return np.flatnonzero(columns.first("dx").among(tuple(sorted(begins)), prefix=True))


def _batch(table: pa.Table) -> pa.RecordBatch:
    return table.unify_dictionaries().combine_chunks().to_batches()[0]


def _case(record: dict[str, Any]) -> Case:
    told = {name: record[name] for name in FIELDS if name in record}
    for name, one in FIELDS.items():
        if one.nested and name in told:
            told[name] = tuple(told[name] or ())
    told["kind"] = told.get("kind") or FIELDS["kind"].default
    return Case(**told)


def _grouping(record: dict[str, Any]) -> Grouping:
    # The method needs no group; what binds was settled with the table's own columns.
    return Grouping(
        scheme=record.get("scheme") or "",
        status=Status.INVALID,
        reason=None,
        warnings=(),
        mdc=None,
        adrg=None,
        group=record.get("group"),
        group_name=None,
        cc_level=None,
        trace=Trace(lambda _: {}),
    )


def _filled(table: pa.Table, name: str, values: dict[int, Decimal]) -> pa.Table:
    if not values:
        return table
    kind = FIELDS[name].type
    rows = sorted(values)
    mask = np.zeros(table.num_rows, np.bool_)
    mask[rows] = True
    there = name in table.column_names
    old = table.column(name).combine_chunks() if there else pa.nulls(table.num_rows, kind)
    made = pc.replace_with_mask(old, pa.array(mask), pa.array([values[r] for r in rows], kind))
    if there:
        return table.set_column(table.column_names.index(name), name, made)
    return table.append_column(name, made)
