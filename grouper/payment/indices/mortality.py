"""Low-risk groups: as the policy lists them, or estimated from the cases at hand.

An estimate follows the usual scoring of the risk of death: of the groups in which patients died,
those whose natural logarithm of the mortality lies below the mean by at least some standard
deviations are low-risk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.payment.indices.quotients import CONTEXT, quotient

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from grouper.payment.indices.cells import Cell
    from grouper.payment.settlement.looked import Looked


@dataclass(frozen=True, slots=True)
class LowRisk:
    """The groups, and whether they are an estimate."""

    groups: frozenset[str]
    estimated: bool


def low_risk(looked: Looked, found: Iterable[Cell]) -> LowRisk:
    """The low-risk groups.

    Args:
        looked: for the region.
        found: all cases at hand, for an estimate.
    """
    table = looked.find("indices.low_risk_groups")
    if table is not None:
        return LowRisk(frozenset(str(row["group"]) for row in table.value), estimated=False)
    least = int(looked.value("indices.low_risk_min_cases").value)
    deviations = looked.value("indices.low_risk_deviations").number
    ended: dict[str, int] = {}
    deaths: dict[str, int] = {}
    for one in found:
        if one.group is not None:
            ended[one.group] = ended.get(one.group, 0) + one.ended
            deaths[one.group] = deaths.get(one.group, 0) + one.deaths
    logs: dict[str, Decimal] = {}
    for group, cases in ended.items():
        rate = quotient(deaths[group], cases) if cases >= least else None
        if rate:
            logs[group] = rate.ln(CONTEXT)
    if not logs:
        return LowRisk(frozenset(), estimated=True)
    mean = CONTEXT.divide(_sum(logs.values()), len(logs))
    squares = (
        CONTEXT.multiply(CONTEXT.subtract(log, mean), CONTEXT.subtract(log, mean))
        for log in logs.values()
    )
    deviation = CONTEXT.divide(_sum(squares), len(logs)).sqrt(CONTEXT)
    bound = CONTEXT.subtract(mean, CONTEXT.multiply(deviations, deviation))
    return LowRisk(frozenset(g for g, log in logs.items() if log < bound), estimated=True)


def _sum(values: Iterable[Decimal]) -> Decimal:
    found = CONTEXT.create_decimal(0)
    for value in values:
        found = CONTEXT.add(found, value)
    return found
