"""The indices of each value of an axis, and of all together."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from grouper.payment.indices.bill import bill, share_classes
from grouper.payment.indices.cells import Cell, cells
from grouper.payment.indices.means import Mean, Means, means_of
from grouper.payment.indices.mortality import LowRisk, low_risk
from grouper.payment.indices.quotients import CONTEXT, quotient, shown
from grouper.payment.settlement.priced import Priced
from grouper.payment.settlement.totals import totals

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from grouper.payment.settlement.looked import Looked
    from grouper.payment.settlement.sums import Sums

AXES = ("department", "group", "physician", "month", "insurance", "method", "hospital")
_FEN = Decimal("0.01")
_WEIGHT = Decimal("0.000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The indices of some inpatients; what cannot be reckoned is None.

    Attributes:
        key, name: of the axis; None: not stated, or all together.
        cases, groups: inpatients, and named groups among them.
        weighed, total_weight, cmi: those with a weight whose unit the policy knows, the sum of their
            weights, and its mean.
        mean_cost, mean_days: of those that state it, in yuan and days.
        costed, cost_index: cases beside a group mean, and the mean of case ÷ group mean.
        stayed, time_index: likewise for days.
        deaths, mortality: of those with a way of discharge.
        low_risk_cases, low_risk_deaths, low_risk_mortality: of the low-risk groups.
        shares: of the bill, by name; ``billed``: the sum of the lines in yuan.
        sums: of the payment, all kinds of cases.
    """

    key: str | None
    name: str
    cases: int
    groups: int
    weighed: int
    total_weight: Decimal
    cmi: Decimal | None
    mean_cost: Decimal | None
    mean_days: Decimal | None
    costed: int
    cost_index: Decimal | None
    stayed: int
    time_index: Decimal | None
    deaths: int
    mortality: Decimal | None
    low_risk_cases: int
    low_risk_deaths: int
    low_risk_mortality: Decimal | None
    shares: dict[str, Decimal | None]
    billed: Decimal
    sums: Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Indices:
    """A table of indices.

    Attributes:
        axis: by what; None: all together alone.
        rows: in the order of its values.
        whole: all together.
        sources: how many groups' means came from where (``policy``, ``book``, ``own``).
        low_risk: how many low-risk groups; ``estimated``: whether from these cases.
        shares: names of the shares of the bill, in order.
        assumptions: paths of the policy's values that are assumptions.
    """

    axis: str | None
    rows: tuple[Row, ...]
    whole: Row
    sources: Counter[str]
    low_risk: int
    estimated: bool
    shares: tuple[str, ...]
    assumptions: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class _Ground:
    """What all rows rest on."""

    means: Means
    risk: LowRisk
    bases: dict[str, Decimal]
    classes: dict[str, tuple[str, ...]]


def indices(
    raw: pa.Table, looked: Looked, axis: str | None = None, charges: pa.Table | None = None
) -> Indices:
    """Reckon the indices of priced cases.

    Args:
        raw: columns of the case, the grouping and the payment.
        looked: for the region.
        axis: one of :data:`AXES`, or None.
        charges: one row a charge line; None: the lines of the cases themselves.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
        SettlementError: ``SETTLE_COLUMN``, ``SETTLE_COLUMN_TYPE``.
    """
    priced = Priced.of(raw, looked.policy)
    deaths: Sequence[str] = looked.value("indices.death_ways").value
    found = cells(priced, axis, deaths)
    groups: dict[tuple[str | None, str], list[Cell]] = defaultdict(list)
    for cell in found:
        if cell.group is not None:
            groups[cell.scheme, cell.group].append(cell)
    bases = looked.value("indices.weight_bases").value
    ground = _Ground(
        means_of(looked, groups),
        low_risk(looked, found),
        {str(row["method"]): row["base"] for row in bases},
        share_classes(looked),
    )
    billed = bill(priced, raw, axis, charges)
    by_key: dict[str | None, list[Cell]] = defaultdict(list)
    for cell in found:
        by_key[cell.key].append(cell)
    rows = [
        _row(ground, (one.key, one.name), by_key[one.key], one.sums, billed.get(one.key, {}))
        for one in (totals(priced, axis) if axis else ())
    ]
    whole_bill: dict[str | None, Decimal] = {}
    for part in billed.values():
        for code, amount in part.items():
            whole_bill[code] = CONTEXT.add(whole_bill.get(code, Decimal(0)), amount)
    return Indices(
        axis=axis,
        rows=tuple(rows),
        whole=_row(ground, (None, ""), found, priced.sums, whole_bill),
        sources=ground.means.sources,
        low_risk=len(ground.risk.groups),
        estimated=ground.risk.estimated,
        shares=tuple(ground.classes),
        assumptions=looked.assumptions,
    )


def _row(
    ground: _Ground,
    named: tuple[str | None, str],
    found: Sequence[Cell],
    sums: Sums,
    billed: dict[str | None, Decimal],
) -> Row:
    weighed = [(one, ground.bases[one.method]) for one in found if one.method in ground.bases]
    weights = [CONTEXT.divide(one.weight, base) for one, base in weighed]
    weighed_cases = sum(one.weighed for one, _ in weighed)
    weight = _sum(weights)
    costs = [(one.cost, one.costed, mean.cost) for one, mean in _beside(ground, found)]
    stays = [(Decimal(one.days), one.stayed, mean.days) for one, mean in _beside(ground, found)]
    costed, cost_index = _index(costs)
    stayed, time_index = _index(stays)
    safe = [one for one in found if one.group in ground.risk.groups]
    deaths, ended = sum(one.deaths for one in found), sum(one.ended for one in found)
    low_deaths, low_ended = sum(one.deaths for one in safe), sum(one.ended for one in safe)
    whole = _sum(billed.values())
    return Row(
        key=named[0],
        name=named[1],
        cases=sum(one.cases for one in found),
        groups=len({(one.scheme, one.group) for one in found if one.group is not None}),
        weighed=weighed_cases,
        total_weight=shown(weight, _WEIGHT) or Decimal(0),
        cmi=shown(quotient(weight, weighed_cases)),
        mean_cost=shown(quotient(_sum(c.cost for c in found), sum(c.costed for c in found)), _FEN),
        mean_days=shown(quotient(sum(c.days for c in found), sum(c.stayed for c in found)), _FEN),
        costed=costed,
        cost_index=cost_index,
        stayed=stayed,
        time_index=time_index,
        deaths=deaths,
        mortality=shown(quotient(deaths, ended), _WEIGHT),
        low_risk_cases=low_ended,
        low_risk_deaths=low_deaths,
        low_risk_mortality=shown(quotient(low_deaths, low_ended), _WEIGHT),
        shares={
            name: shown(quotient(_sum(billed.get(code, Decimal(0)) for code in classes), whole))
            for name, classes in ground.classes.items()
        },
        billed=whole,
        sums=sums,
    )


def _beside(ground: _Ground, found: Iterable[Cell]) -> list[tuple[Cell, Mean]]:
    return [
        (one, mean)
        for one in found
        if one.group is not None and (mean := ground.means.by.get((one.scheme, one.group)))
    ]


def _index(parts: Sequence[tuple[Decimal, int, Decimal | None]]) -> tuple[int, Decimal | None]:
    """The mean over cases of case ÷ group mean: by group Σ case ÷ mean, over all of them."""
    known = [(total, cases, mean) for total, cases, mean in parts if mean]
    count = sum(cases for _, cases, _ in known)
    ratios = _sum(CONTEXT.divide(total, mean) for total, _, mean in known)
    return count, shown(quotient(ratios, count))


def _sum(values: Iterable[Decimal]) -> Decimal:
    found = Decimal(0)
    for value in values:
        found = CONTEXT.add(found, value)
    return found
