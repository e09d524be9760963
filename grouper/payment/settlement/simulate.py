"""What if: the same cases at another point value, with more of them, at other costs or rules.

Exact throughout: amounts are reckoned anew case by case and rounded as the policy says; cases that
do not exist are counted in fractions and rounded once, in the sum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.case.fields import CASE_SCHEMA
from grouper.payment.assembly import decimals
from grouper.payment.columns import Columns
from grouper.payment.fixed import Fixed
from grouper.payment.run import price_table
from grouper.payment.settlement.at_point_value import Pointed
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.exactly import minus
from grouper.payment.settlement.looked import Looked
from grouper.payment.settlement.priced import COLUMNS, Priced
from grouper.payment.settlement.result import FEN
from grouper.payment.settlement.sums import AMOUNTS, measured
from grouper.payment.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from numpy.typing import NDArray

    from codebooks.policies.policy import Policy
    from grouper.payment.exact import Rounding
    from grouper.payment.place import Terms
    from grouper.payment.settlement.changes import Changes, Growth
    from grouper.payment.sheet import Line

SECTION = "simulation"
FIGURES = ("cases", "amount", "deducted", "fund", "booked", "surplus")
"""What is compared: before, after and the difference."""
MOST_GROWTHS = 16
_COSTS = (
    *("total_cost", "scope_cost", "own_cost", "over_limit_cost", "first_share_cost"),
    *("basic_paid", "fund_paid", "patient_paid"),
)
_RESULTS = ("scheme", "status", "group", "weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One method and insurance (None: not known), or all together.

    Attributes:
        before, after: by :data:`FIGURES`, in yuan; cases in fractions of a case.
        lines: the differences.
        break_even: the factor on all point values at which the surplus is nought; None: no case
            with a known cost has a point value.
        point_values: the break-even point value, for each one that occurs.
        unknown: figures that no case knows, before or after; they are no nought.
    """

    method: str | None
    insurance: str | None
    before: dict[str, Decimal]
    after: dict[str, Decimal]
    lines: tuple[Line, ...]
    break_even: Decimal | None
    point_values: tuple[tuple[Decimal, Decimal], ...] = ()
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """Before and after, by method and insurance, and together; ``unpriced`` before and after.

    ``unmet`` are the changes that mean no case.
    """

    region: str
    policy: str
    parts: tuple[Compared, ...]
    whole: Compared
    unpriced: tuple[int, int]
    assumptions: tuple[str, ...]
    unmet: tuple[str, ...] = ()


def simulate(
    table: pa.Table, changes: Changes, *, policy: Policy, terms: Terms | None = None
) -> Simulation:
    """Simulate changes on priced cases.

    Args:
        table: priced cases; with ``changes.cost`` or ``changes.values`` they are priced anew and
            need all columns of the case and its grouping.
        changes: what is changed.
        policy: by which insurance is read and amounts are rounded.
        terms: by which policies cases are priced anew; the changed values are added.

    Raises:
        SettlementError: ``SETTLE_COLUMN``, ``SETTLE_COLUMN_TYPE``, ``SIMULATE_TERMS`` (cases would
            have to be priced anew and cannot), ``SIMULATE_METHODS`` (a point value for all where
            several methods have one), ``SIMULATE_GROWTHS``, ``SIMULATE_VALUE`` (the policy gives no such
            value), ``SIMULATE_TOO_LARGE`` (an amount that no column holds).
    """
    if len(changes.growth) > MOST_GROWTHS:
        raise SettlementError("SIMULATE_GROWTHS", most=MOST_GROWTHS)
    for path in changes.values:
        if path not in policy.values:
            raise SettlementError("SIMULATE_VALUE", found=path[:60])
    looked = Looked(policy)
    money = looked.rounding("money")
    before = Priced.of(table, policy)
    if changes.cost or changes.values:
        after = Priced.of(_anew(table, changes, terms, money), policy)
    else:
        after = before
    after = _repointed(after, changes, money)
    classes = _classes(after, changes.growth)
    factors = _factors(changes.growth)
    keys = {
        key
        for one in (before, after)
        for key, sums in one.by("method", "insurance")
        if key[0] and sums.priced
    }
    parts = [
        _compared(looked, key, (before, after, classes), factors)
        for key in sorted(keys, key=lambda key: [str(word or "~") for word in key])
    ]
    return Simulation(
        region=policy.region,
        policy=policy.id,
        parts=tuple(parts),
        whole=_compared(looked, None, (before, after, classes), factors),
        unpriced=(before.sums.unpriced, after.sums.unpriced),
        assumptions=looked.assumptions,
        unmet=_unmet(after, changes, classes),
    )


def _unmet(priced: Priced, changes: Changes, classes: NDArray[np.int64]) -> tuple[str, ...]:
    """The changes that mean no case, as they were written."""
    found = [
        f"{one.axis}:{one.key}"
        for bit, one in enumerate(changes.growth)
        if one.axis is not None and not (classes & 1 << bit).any()
    ]
    pointed = priced.where(pc.is_valid(priced.table["point_value"]))
    there = [key for key, sums in pointed.by("method", "insurance") if sums.priced]
    for one in changes.points:
        wanted = (one.method, one.insurance)
        if not any(all(w in {None, k} for w, k in zip(wanted, key, strict=True)) for key in there):
            found.append(":".join(word for word in wanted if word) or f"{one.value:f}")
    return tuple(found)


def _anew(table: pa.Table, changes: Changes, terms: Terms | None, money: Rounding) -> pa.Table:
    """The cases at other costs and by other values of the policy, priced anew."""
    lacking = [name for name in _RESULTS if name not in table.column_names]
    if terms is None or lacking:
        raise SettlementError("SIMULATE_TERMS", columns=", ".join(lacking) or "-")
    if changes.cost:
        factor = 1 + changes.cost
        for name in _COSTS:
            if name in table.column_names:
                place = table.column_names.index(name)
                table = table.set_column(place, name, _grown(table[name], factor, money))
        if "line_amount" in table.column_names:
            place = table.column_names.index("line_amount")
            lists = table["line_amount"].combine_chunks()
            values = _grown(pa.chunked_array([pc.list_flatten(lists)]), factor, money)
            table = table.set_column(place, "line_amount", _relisted(lists, values))
    return price_table(table, replace(terms, changes={**terms.changes, **changes.values}))


def _grown(column: pa.ChunkedArray, factor: Fraction, money: Rounding) -> pa.Array:
    kind = CASE_SCHEMA.field("total_cost").type
    array = column.cast(kind).combine_chunks()
    batch = pa.record_batch({"total_cost": array})
    numbers, stated = Columns(batch).fixed("total_cost")
    grown = (numbers * factor.numerator).over(factor.denominator, money)
    return _fitting(grown, stated, kind)


def _fitting(numbers: Fixed, stated: NDArray[np.bool_], kind: pa.DataType) -> pa.Array:
    units = np.where(stated, numbers.at(kind.scale).units, 0)
    if len(units) and max(abs(int(units.max())), abs(int(units.min()))) >= 10**kind.precision:
        raise SettlementError("SIMULATE_TOO_LARGE")
    return decimals(units, stated, kind)


def _relisted(lists: pa.ListArray, values: pa.Array) -> pa.ListArray:
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    offsets = np.concatenate([[0], np.cumsum(np.asarray(lengths))]).astype(np.int32)
    mask = pc.is_null(lists)
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=mask)


def _repointed(priced: Priced, changes: Changes, money: Rounding) -> Priced:
    """The cases at other point values."""
    if not changes.points:
        return priced
    table = priced.table.combine_chunks()
    pointed = Pointed.of(table, money)
    methods = np.asarray(table["method"].to_pylist(), object)
    insurances = np.asarray(table["insurance"].to_pylist(), object)
    moves = pointed.plain | pointed.moved
    value = pointed.value
    for change in changes.points:
        if change.method is None and len(set(methods[moves].tolist())) > 1:
            known = ", ".join(sorted(set(methods[moves].tolist())))
            raise SettlementError("SIMULATE_METHODS", known=known)
        means = moves.copy()
        if change.method is not None:
            means &= methods == change.method
        if change.insurance is not None:
            means &= insurances == change.insurance
        value = Fixed.same(change.value, len(priced)).where(means, value)
    amount = pointed.at(value, money)
    batch = Columns(table.to_batches()[0]) if len(table) else None
    if batch is None:
        return priced
    shift = amount - pointed.amount
    plain = table.select([name for name in table.column_names if not name.startswith("sum_")])
    for name, numbers in (
        ("amount", amount),
        ("fund", batch.fixed("fund")[0] + shift),
        ("surplus", batch.fixed("surplus")[0] + shift),
        ("point_value", value),
    ):
        kind, stated = COLUMNS[name], np.asarray(pc.is_valid(table[name]))
        found = _fitting(numbers, stated, kind)
        plain = plain.set_column(plain.column_names.index(name), name, found)
    return Priced(measured(plain), priced.policy)


def _classes(priced: Priced, growth: Sequence[Growth]) -> NDArray[np.int64]:
    """For each case which growths mean it, one bit each."""
    found = np.zeros(len(priced), np.int64)
    for bit, one in enumerate(growth):
        if one.axis is None:
            found |= 1 << bit
        else:
            same = pc.fill_null(pc.equal(priced.table[one.axis], one.key), fill_value=False)
            found |= np.where(np.asarray(same), 1 << bit, 0)
    return found


def _factors(growth: Sequence[Growth]) -> dict[int, Fraction]:
    factors = {0: Fraction(1)}
    for bit, one in enumerate(growth):
        factors |= {known | 1 << bit: value * (1 + one.share) for known, value in factors.items()}
    return factors


def _compared(
    looked: Looked,
    key: tuple[str | None, ...] | None,
    told: tuple[Priced, Priced, NDArray[np.int64]],
    factors: dict[int, Fraction],
) -> Compared:
    earlier, later, classes = told
    before = _figures(_of(earlier, key)[0], None, factors)
    chosen, rows = _of(later, key)
    after = _figures(chosen, classes[rows], factors)
    sheet = Sheet(SECTION)
    money = looked.rounding("money")
    told_before = {name: money.of(value) for name, value in before.items()}
    told_after = {name: money.of(value) for name, value in after.items()}
    for name in FIGURES:
        one, other = told_after[name], told_before[name]
        sheet.add(
            name,
            minus(one, other),
            unit="" if name == "cases" else "CNY",
            rounding=FEN,
            after=one,
            before=other,
        )
    factor, values = _break_even(chosen, classes[rows], factors, after["surplus"], money)
    rounding = looked.point_value_rounding()
    return Compared(
        method=None if key is None else key[0],
        insurance=None if key is None else key[1],
        before=told_before,
        after=told_after,
        lines=tuple(sheet.lines),
        break_even=None if factor is None else rounding.of(factor),
        unknown=_unknown(_of(earlier, key)[0], chosen),
        point_values=tuple(
            (rounding.of(one), rounding.of(one * factor)) for one in values if factor is not None
        ),
    )


def _of(priced: Priced, key: tuple[str | None, ...] | None) -> tuple[Priced, NDArray[np.bool_]]:
    if key is None:
        return priced, np.ones(len(priced), np.bool_)
    mask = pc.equal(priced.table["method"], key[0])
    insurance = priced.table["insurance"]
    same = pc.is_null(insurance) if key[1] is None else pc.equal(insurance, key[1])
    rows = np.asarray(pc.fill_null(pc.and_(mask, same), fill_value=False), np.bool_)
    return priced.where(pa.array(rows)), rows


def _unknown(*sides: Priced) -> frozenset[str]:
    """The figures that a side with cases does not know."""
    return frozenset(
        name
        for one in sides
        for name in FIGURES
        if name in AMOUNTS and one.sums.known_amount(name) is None
    )


def _figures(
    priced: Priced, classes: NDArray[np.int64] | None, factors: dict[int, Fraction]
) -> dict[str, Fraction]:
    """The figures, each case counted by its factor."""
    if classes is None:
        classes = np.zeros(len(priced), np.int64)
    table = priced.table.append_column("class", pa.array(classes))
    found = dict.fromkeys(FIGURES, Fraction(0))
    for (key,), sums in Priced(table, priced.policy).by("class"):
        factor = factors[int(key or 0)]
        for name in FIGURES:
            one: Any = getattr(sums, name) if name in AMOUNTS else sums.cases
            found[name] += Fraction(one) * factor
    return found


def _break_even(
    priced: Priced,
    classes: NDArray[np.int64],
    factors: dict[int, Fraction],
    surplus: Fraction,
    money: Rounding,
) -> tuple[Fraction | None, list[Fraction]]:
    """The factor on all point values that brings the surplus to nought, and the point values.

    The surplus moves with the amounts that have a point value and with nothing else, so the factor
    is 1 − surplus ÷ those amounts, before amounts are rounded case by case.
    """
    pointed = Pointed.of(priced.table, money)
    known = np.asarray(priced.table["sum_known"]) > 0
    moves = (pointed.plain | pointed.moved) & known
    whole = Fraction(0)
    for one in np.unique(classes[moves]).tolist():
        rows = moves & (classes == one)
        units = sum(pointed.amount.units[rows].tolist())
        whole += factors[one] * Fraction(units, 10**pointed.amount.places)
    if whole <= 0:
        return None, []
    values = [
        Fraction(int(one), 10**pointed.value.places)
        for one in sorted(set(pointed.value.units[moves].tolist()))
    ]
    return 1 - surplus / whole, values
