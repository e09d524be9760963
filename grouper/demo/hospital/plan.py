"""What is asked for: which months, by which seed, how large. Months are counted as numbers here."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from codebooks.errors import CodebookError
from codebooks.registry import INPATIENT, registry
from grouper.demo.hospital.errors import HospitalError

if TYPE_CHECKING:
    from collections.abc import Iterator

MONTHS = 12
"""Months in a year."""

_WRITTEN = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_LEAST, _MOST = 0.01, 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The order for a hospital.

    Attributes:
        first: the first month, as :func:`month_number` counts.
        months: how many.
        seed: what everything is drawn from.
        scale: factor on all numbers of stays and visits.
    """

    first: int
    months: int
    seed: int
    scale: float

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.first + self.months))


def month_number(written: str) -> int:
    """A month as a number: twelve times the year, and the month from 0.

    Raises:
        HospitalError: ``DEMO_HOSPITAL_MONTH`` when it is not written ``YYYY-MM``.
    """
    found = _WRITTEN.fullmatch(written)
    if found is None:
        raise HospitalError("DEMO_HOSPITAL_MONTH", found=written[:20])
    return int(found[1]) * MONTHS + int(found[2]) - 1


def month_name(month: int) -> str:
    """The month as it is written, ``2025-01``."""
    return f"{month // MONTHS:04d}-{month % MONTHS + 1:02d}"


def first_day(month: int) -> int:
    """The first day of a month, as days since 1970-01-01."""
    return int(np.datetime64(month_name(month), "D").astype(np.int64))


def length(month: int) -> int:
    """How many days the month has."""
    return first_day(month + 1) - first_day(month)


def month_of(days: np.ndarray) -> np.ndarray:
    """The months of days since 1970-01-01, as numbers."""
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months + 1970 * MONTHS


def stream(seed: int, month: int, name: str) -> np.random.Generator:
    """A source of chance for one purpose in one month; it knows of no other month."""
    words = np.random.SeedSequence([seed, month, zlib.crc32(name.encode())])
    return np.random.Generator(np.random.PCG64(words))


def make_plan(
    first: str, months: int, seed: int, scale: float, *, region: str, scheme: str
) -> Plan:
    """Check an order.

    Args:
        first: the first month, ``YYYY-MM``.
        months: how many months.
        seed: any number from 0 on.
        scale: factor on all numbers.
        region: the region of the hospital.
        scheme: the scheme whose groups are drawn; it has to bind every month.

    Raises:
        HospitalError: ``DEMO_HOSPITAL_MONTH``, ``DEMO_HOSPITAL_SIZE`` (months, seed or scale out
            of range), ``DEMO_HOSPITAL_UNCOVERED`` (a month that the scheme does not bind).
    """
    start = month_number(first)
    if months < 1 or not _LEAST <= scale <= _MOST or seed < 0:
        raise HospitalError("DEMO_HOSPITAL_SIZE", least=_LEAST, most=_MOST)
    for month in (start, start + months - 1):
        if _binding(region, month) != scheme:
            params = {"month": month_name(month), "scheme": scheme}
            raise HospitalError("DEMO_HOSPITAL_UNCOVERED", **params)
    return Plan(start, months, seed, scale)


def _binding(region: str, month: int) -> str | None:
    if not date.min.year <= month // MONTHS <= date.max.year:
        return None
    day = date(month // MONTHS, month % MONTHS + 1, 1)
    try:
        return registry().binding(region, day, INPATIENT).scheme
    except CodebookError:
        return None
