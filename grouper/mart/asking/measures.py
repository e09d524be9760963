"""The figures of some cases as expressions of SQL: whole numbers summed, rounded once at the end."""

from __future__ import annotations

from grouper.mart.answers import MEASURES

SUMS = {
    "cases": "count(*)",
    "groups": "count(DISTINCT gid)",
    "ungrouped": "count(*) FILTER (status IS DISTINCT FROM 'grouped')",
    "unpriced": "count(*) FILTER (pay_status IS DISTINCT FROM 'priced')",
    "high": "count(*) FILTER (band = 'high')",
    "low": "count(*) FILTER (band = 'low')",
    "losing": "count(*) FILTER (surplus < 0)",
    "deaths": "count(*) FILTER (died)",
    "weight": "sum(weight)",
    "cost": "sum(cost)",
    "amount": "sum(amount)",
    "fund": "sum(fund)",
    "patient": "sum(patient)",
    "surplus": "sum(surplus)",
    "weighed": "count(weight)",
    "costed": "count(cost)",
    "stay_days": "sum(days)",
    "stayed": "count(days)",
    "cost_ratio": "sum(cost_ratio)",
    "cost_ratios": "count(cost_ratio)",
    "time_ratio": "sum(time_ratio)",
    "time_ratios": "count(time_ratio)",
}
"""Aggregates over rows of ``facts``."""
_MONEY = ("cost", "amount", "fund", "patient", "surplus")
# Billionths over ten thousand make units of the fourth place.
_INDEX = "index4(half_up({0}, {1}::HUGEINT * 100000, 1))"
_FINISHED = {
    "weight": "(half_up(weight, 1000, 1)::DECIMAL(20, 0) * 0.000001::DECIMAL(7, 6))::DECIMAL(20, 6)",
    "cmi": _INDEX.format("weight", "weighed"),
    **{name: f"yuan({name})" for name in _MONEY},
    "mean_cost": "yuan(half_up(cost, costed, 1))",
    "mean_days": "yuan(half_up(stay_days, stayed, 100))::DECIMAL(18, 2)",
    "cost_index": _INDEX.format("cost_ratio", "cost_ratios"),
    "time_index": _INDEX.format("time_ratio", "time_ratios"),
}


def summed() -> str:
    """The list of aggregates, named."""
    return ", ".join(f"{asked} AS {name}" for name, asked in SUMS.items())


def finished() -> str:
    """The columns of ``MEASURES`` from those of :func:`summed`."""
    return ", ".join(f"{_FINISHED.get(name, name)} AS {name}" for name in MEASURES.names)
