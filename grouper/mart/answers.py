"""What the mart answers: a figure with its change and interval, the headline, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

MONEY = pa.decimal128(20, 2)
"""Yuan."""
WEIGHT = pa.decimal128(20, 6)
INDEX = pa.decimal128(18, 4)
"""CMI, indices, and shares of one."""
WORD = pa.string()

MEASURES = pa.schema(
    [
        ("cases", pa.int64()),
        ("groups", pa.int64()),
        ("ungrouped", pa.int64()),
        ("unpriced", pa.int64()),
        ("high", pa.int64()),
        ("low", pa.int64()),
        ("losing", pa.int64()),
        ("deaths", pa.int64()),
        ("weight", WEIGHT),
        ("cmi", INDEX),
        ("cost", MONEY),
        ("amount", MONEY),
        ("fund", MONEY),
        ("patient", MONEY),
        ("surplus", MONEY),
        ("mean_cost", MONEY),
        ("mean_days", pa.decimal128(18, 2)),
        ("cost_index", INDEX),
        ("time_index", INDEX),
    ]
)
"""Figures of some cases: counts, sums in yuan, means in yuan and days, indices; null: not known.

``groups``: named ones; ``high``, ``low``: paid as outliers; ``losing``: with a surplus below nought.
``weight`` is in units of one (the policy's base taken off), ``cmi`` its mean over the weighed cases.
``fund``, ``patient``, ``surplus`` are of the cases whose patient's part is known, ``surplus`` also
of a known cost. Mean costs, indices and CMI are what :mod:`grouper.payment.indices` says of inpatients.
"""
BY = pa.schema([("value", WORD), ("name", WORD), *MEASURES])
"""``value`` of an axis (null: not stated; of months ``2026-01``), its ``name`` (empty: it has none)."""
TREND = pa.schema([("period", pa.date32()), ("value", WORD), ("name", WORD), *MEASURES])
"""``period``: its first day. Without an axis ``value`` and ``name`` are null. In order of both."""
WATERFALL = pa.schema(
    [("step", WORD), ("total", pa.bool_()), ("amount", MONEY), ("start", MONEY), ("end", MONEY)]
)
"""Steps in their order, in yuan: ``cost``, ``apart``, ``standard``, ``high``, ``low``, ``other``,
``beside``, ``income``, ``spent``, ``surplus``.

A ``total`` goes from nought to its amount; a change from where the last one ended, ``end`` = ``start``
+ ``amount``. ``apart`` leads from the charges to what the groups are worth, the three after it from
there to what is due; ``beside`` is what patients pay that does not lessen it; ``spent`` is the charges
taken off again. Every case counts whose surplus is known.
"""


@dataclass(frozen=True, slots=True)
class Unreckoned:
    """Cases whose surplus is not known, which no waterfall counts.

    Attributes:
        cases: how many.
        cost, amount: what was charged and what is due of them in yuan, as far as it is known.
    """

    cases: int
    cost: Decimal
    amount: Decimal


STRUCTURE = pa.schema(
    [("value", WORD), ("name", WORD), ("cost_class", WORD), ("amount", MONEY), ("share", INDEX)]
)
"""Charges in yuan by class (``01`` … ``14`` of the national list; null: unknown); ``share``: of the value."""
SPREAD = pa.schema(
    [
        ("value", WORD),
        ("name", WORD),
        ("measure", WORD),
        ("cases", pa.int64()),
        *((name, pa.decimal128(20, 2)) for name in ("p05", "p25", "p50", "p75", "p95")),
        ("reference", pa.decimal128(20, 2)),
    ]
)
"""Quantiles (values that occur) of ``measure`` ``cost`` (yuan) and ``days``.

``reference``: mean of the group means that the cases are compared with.
"""
CONTROL = pa.schema(
    [
        ("value", WORD),
        ("name", WORD),
        ("cases", pa.int64()),
        ("figure", pa.float64()),
        ("centre", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("outside", pa.bool_()),
    ]
)
"""Points of a control chart. By month: XmR limits (mean ± 2.66 × mean moving range). By another
axis: a funnel (all cases' mean ± 3 standard errors at this number of cases)."""
ROWS = pa.schema(
    [
        ("case_id", WORD),
        ("day", pa.date32()),
        ("department", WORD),
        ("department_name", WORD),
        ("physician", WORD),
        ("kind", WORD),
        ("insurance", WORD),
        ("status", WORD),
        ("reason", WORD),
        ("group", WORD),
        ("group_name", WORD),
        ("cc_level", WORD),
        ("band", WORD),
        ("days", pa.int32()),
        ("weight", WEIGHT),
        ("cost", MONEY),
        ("amount", MONEY),
        ("fund", MONEY),
        ("patient", MONEY),
        ("surplus", MONEY),
        ("cost_index", INDEX),
        ("time_index", INDEX),
    ]
)
"""One row a case; ``day``: local day of discharge. The indices are of the case alone."""
CHOICES = pa.schema([("value", WORD), ("name", WORD), ("cases", pa.int64())])


class Measure(StrEnum):
    """What a control chart is of."""

    MEAN_COST = "mean_cost"
    MEAN_DAYS = "mean_days"
    CMI = "cmi"
    COST_INDEX = "cost_index"
    TIME_INDEX = "time_index"
    HIGH_SHARE = "high_share"
    LOW_SHARE = "low_share"
    LOSING_SHARE = "losing_share"
    DEATH_SHARE = "death_share"


class Interval(StrEnum):
    """How a 95 % interval was reckoned."""

    NONE = ""
    MEAN = "mean"
    """Of a mean: ± 1.96 standard errors over the cases."""
    WILSON = "wilson"
    """Of a share: Wilson's score interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure.

    Attributes:
        value: of the slice; None: not known.
        before: of the period of the same length before; None: not known, or the mart does not reach
            back to its first day.
        low, high: 95 % interval of ``value``, where ``interval`` says how.
        of: how many cases it rests on.
    """

    value: Decimal | None
    before: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    interval: Interval = Interval.NONE
    of: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The figures of a slice; amounts in yuan, shares of one.

    The names are those of :data:`MEASURES`; a ``…_share`` is of the cases that state it.
    """

    cases: Figure
    groups: Figure
    weight: Figure
    cmi: Figure
    cost: Figure
    amount: Figure
    fund: Figure
    patient: Figure
    surplus: Figure
    mean_cost: Figure
    mean_days: Figure
    cost_index: Figure
    time_index: Figure
    high: Figure
    low: Figure
    high_share: Figure
    low_share: Figure
    losing: Figure
    losing_share: Figure
    ungrouped: Figure
    unpriced: Figure
    deaths: Figure
    death_share: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a mart is made of.

    Attributes:
        made: when, aware.
        source: ``hospital`` (a folder) or ``store``.
        region: of the policy.
        months: such as ``2026-01``, in order.
        first, last: local days of discharge; None: there is no case.
        cases: all of them.
        schemes, policies: their ids.
        means: how many groups' means came from where (``policy``, ``book``, ``own``).
        assumptions: paths of the policy's values that the mart rests on and that are assumptions.
        stamp: of this state of the folder; another one means it was made anew.
    """

    made: datetime
    source: str
    region: str
    months: tuple[str, ...]
    first: date | None
    last: date | None
    cases: int
    schemes: tuple[str, ...]
    policies: tuple[str, ...]
    means: dict[str, int]
    assumptions: tuple[str, ...]
    stamp: str
