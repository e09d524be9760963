"""Dated weights: the stretches of time in which the weights of an APG book do not change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open stretch ``[start, end)`` of days, None: unbounded, and the weights in it."""

    start: date | None
    end: date | None
    weights: Mapping[str, Decimal]


def periods(rows: Sequence[Mapping[str, Any]]) -> tuple[Period, ...]:
    """The stretches of the table ``weights``, which cover all days without overlapping.

    In a stretch for which no row is valid ``weights`` is empty. Where rows of one group overlap,
    the later one of the table counts; the check refuses such a book.
    """
    days = {day for row in rows for day in (row["valid_from"], row["valid_to"]) if day is not None}
    bounds = [None, *sorted(days), None]
    found = []
    for start, end in pairwise(bounds):
        weights = {
            row["group"]: row["weight"]
            for row in rows
            if (row["valid_from"] or date.min) <= (start or date.min)
            and (end or date.max) <= (row["valid_to"] or date.max)
        }
        found.append(Period(start, end, weights))
    return tuple(found)
