"""The headline: figures of a slice, of the period before, and intervals of its means and shares."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from math import sqrt
from typing import TYPE_CHECKING, Any

from grouper.mart.answers import Figure, Headline, Interval
from grouper.mart.asking.measures import finished, summed
from grouper.mart.asking.where import where
from grouper.mart.facts import NANO

if TYPE_CHECKING:
    from datetime import date

    import duckdb

    from grouper.mart.slices import Slice

Z = 1.959964
"""Standard errors of a 95 % interval."""
_ASK = """
SELECT fresh, {finished}, weighed, costed, stayed, cost_ratios, time_ratios,
  known, banded, ended, weight_error, cost_error, days_error, cost_index_error, time_index_error
FROM (
  SELECT day >= ? AS fresh, {summed}, count(surplus) AS known, count(band) AS banded,
    count(died) AS ended,
    stddev_samp(weight) / {nano} AS weight_error, stddev_samp(cost) / 100 AS cost_error,
    stddev_samp(days) AS days_error, stddev_samp(cost_ratio) / {nano} AS cost_index_error,
    stddev_samp(time_ratio) / {nano} AS time_index_error
  FROM facts WHERE {where} GROUP BY ALL
)
"""
_MEANS = {
    "cmi": ("weight_error", "weighed"),
    "mean_cost": ("cost_error", "costed"),
    "mean_days": ("days_error", "stayed"),
    "cost_index": ("cost_index_error", "cost_ratios"),
    "time_index": ("time_index_error", "time_ratios"),
}
"""Of each mean, the deviation of the cases and how many state it."""
_SHARES = {
    "high_share": ("high", "banded"),
    "low_share": ("low", "banded"),
    "losing_share": ("losing", "known"),
    "death_share": ("deaths", "ended"),
}
_PLACES = Decimal("0.0001")
_COUNTS = ("cases", "groups", "high", "low", "losing", "ungrouped", "unpriced", "deaths")


def headline(cursor: duckdb.DuckDBPyConnection, cut: Slice, first: date | None) -> Headline:
    """See :meth:`grouper.mart.mart.Mart.headline`.

    Args:
        cursor: of the mart.
        cut: which cases.
        first: the first day that the mart has; periods before its month are not known.
    """
    before = cut.before()
    condition, bound = where(cut, since=before.since)
    ask = _ASK.format(finished=finished(), summed=summed(), nano=NANO, where=condition)
    table = cursor.sql(ask, params=[cut.since, *bound]).to_arrow_table().to_pylist()
    found = {row["fresh"]: row for row in table}
    now = found.get(True)
    reaches = first is not None and first.replace(day=1) <= before.since
    then = found.get(False)
    return Headline(
        **{one.name: _figure(one.name, now, then, reaches=reaches) for one in fields(Headline)}
    )


def _figure(
    name: str, now: dict[str, Any] | None, then: dict[str, Any] | None, *, reaches: bool
) -> Figure:
    before = _value(name, then) if reaches else None
    value = _value(name, now)
    of = 0 if now is None else int(now["cases"])
    if now is None or value is None:
        return Figure(value=value, before=before, of=of)
    if name in _MEANS:
        error, cases = (now[one] for one in _MEANS[name])
        if error is None:
            return Figure(value=value, before=before, of=cases)
        half = Decimal(Z * float(error) / sqrt(cases))
        low, high = (edge.quantize(_places(value)) for edge in (value - half, value + half))
        return Figure(
            value=value, before=before, low=low, high=high, interval=Interval.MEAN, of=cases
        )
    if name in _SHARES:
        part, whole = (int(now[one]) for one in _SHARES[name])
        low, high = wilson(part, whole)
        return Figure(
            value=value, before=before, low=low, high=high, interval=Interval.WILSON, of=whole
        )
    return Figure(value=value, before=before, of=of)


def _value(name: str, row: dict[str, Any] | None) -> Decimal | None:
    if row is None:
        return Decimal(0) if name in _COUNTS else None
    if name in _SHARES:
        part, whole = (row[one] for one in _SHARES[name])
        return (
            (Decimal(part) / Decimal(whole)).quantize(_PLACES, "ROUND_HALF_UP") if whole else None
        )
    value = row[name]
    return None if value is None else Decimal(value)


def _places(value: Decimal) -> Decimal:
    return Decimal(1).scaleb(int(value.as_tuple().exponent))


def wilson(part: int, whole: int) -> tuple[Decimal, Decimal]:
    """Wilson's 95 % interval of a share."""
    share, z2 = part / whole, Z * Z
    middle = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    half = Z * sqrt(share * (1 - share) / whole + z2 / (4 * whole * whole)) / (1 + z2 / whole)
    low, high = max(middle - half, 0.0), min(middle + half, 1.0)
    return Decimal(low).quantize(_PLACES), Decimal(high).quantize(_PLACES)
