"""The months that the bureau of the invented region published: all hospitals' points, the value.

The own hospital's points are given; those of the other hospitals are drawn
(``grouper/demo/bureau.toml``), and the point value follows from the region's policy and budget by
:mod:`grouper.payment.settlement.point_value`. ``bureau_months.csv`` beside this module was made so
from the demonstration hospital of two years. Everything is invented.
"""

from __future__ import annotations

import calendar
import csv
import io
import tomllib
import zlib
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from grouper.forecast.outlook.value import month_value, rules
from grouper.payment.exact import Rounding
from grouper.payment.settlement.looked import Looked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codebooks.policies.policies import Policies

HEADER = (
    *("month", "insurance", "method", "total_points", "point_value", "own_points", "status"),
    "note",
)
_NOTE = "虚构"
_MONTHS = 12
_PACKAGE = "grouper.demo"
_NAME = "bureau_months.csv"


class OwnPoints(NamedTuple):
    """The hospital's points of a month, by the method that counts them and the insurance."""

    month: str
    method: str
    insurance: str
    points: Decimal


def shipped() -> str:
    """The text of the shipped series."""
    return (files(_PACKAGE) / _NAME).read_text("utf-8")


def published(own: Sequence[OwnPoints], at_hand: Policies, region: str = "demo") -> str:
    """The published months as the text of a CSV file.

    Args:
        own: points above nought, a row a month, method and insurance; each series is drawn by
            itself.
        at_hand: the policies.
        region: whose.

    Raises:
        GrouperError: the region's policy has no budget or no rule for a month's point value.
    """
    told = io.StringIO()
    out = csv.writer(told, lineterminator="\n")
    out.writerow(HEADER)
    totals = _totals(own)
    for one in sorted(own):
        points = totals[one.month, one.method, one.insurance]
        year, number = (int(part) for part in one.month.split("-"))
        day = date(year, number, calendar.monthrange(year, number)[1])
        looked = Looked(at_hand.on(region, day), {"method": one.method, "insurance": one.insurance})
        value = month_value(looked, rules(looked), number, [*_before(totals, one), points])
        cells = (
            one.month,
            one.insurance,
            one.method,
            points,
            value.value,
            one.points,
            "final",
            _NOTE,
        )
        out.writerow(f"{cell:f}" if isinstance(cell, Decimal) else cell for cell in cells)
    return told.getvalue()


def _before(totals: Mapping[tuple[str, str, str], Decimal], one: OwnPoints) -> list[Decimal]:
    """The totals of the months of the year before this one."""
    return [
        points
        for (month, method, insurance), points in sorted(totals.items())
        if (method, insurance) == (one.method, one.insurance)
        and month[:4] == one.month[:4]
        and month < one.month
    ]


def _totals(own: Sequence[OwnPoints]) -> dict[tuple[str, str, str], Decimal]:
    rest = plan()["rest"]
    rounding = Rounding(rest["places"], "half_up")
    season = np.array(rest["months"]) / np.mean(rest["months"])
    found: dict[tuple[str, str, str], Decimal] = {}
    for pool in sorted({(one.method, one.insurance) for one in own}):
        series = sorted(one for one in own if (one.method, one.insurance) == pool)
        mean = float(sum(one.points for one in series)) / len(series)
        level = mean * (1 - rest["own_share"]) / rest["own_share"]
        numbers = [_number(one.month) for one in series]
        middle = sum(numbers) / len(numbers)
        for one, number in zip(series, numbers, strict=True):
            # Each month has its own chance, so that a longer series leaves the earlier months.
            words = [rest["seed"], number, zlib.crc32(" ".join(pool).encode())]
            chance = np.random.default_rng(words).normal(0.0, rest["chance"])
            growth = (1 + rest["growth"]) ** ((number - middle) / _MONTHS)
            others = level * growth * season[number % _MONTHS] * np.exp(chance)
            total = one.points + Decimal(repr(float(others)))
            found[one.month, *pool] = rounding.of(total)
    return found


def _number(month: str) -> int:
    year, number = month.split("-")
    return int(year) * _MONTHS + int(number) - 1


def plan() -> dict[str, Any]:
    """The table that the others are drawn by."""
    found: dict[str, Any] = tomllib.loads((files(_PACKAGE) / "bureau.toml").read_text("utf-8"))
    return found
