"""Schemes by id, or by region and date, ready to group and loaded once in a process."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from codebooks.registry import INPATIENT, registry
from grouper.schemes.drg.scheme import DrgScheme

if TYPE_CHECKING:
    from datetime import date

    from grouper.schemes.protocol import Scheme

KEPT = 16
"""How many schemes stay in memory at once."""


@lru_cache(maxsize=KEPT)
def load_scheme(scheme: str) -> Scheme:
    """The scheme of an id.

    Raises:
        CodebookError: ``SCHEME_UNKNOWN``, or its book is broken.
    """
    return DrgScheme(registry().book(scheme))


def scheme_for(day: date, region: str = "national", kind: str = INPATIENT) -> Scheme:
    """The scheme that binds a case by its discharge date, region and kind.

    Raises:
        CodebookError: ``REGION_UNKNOWN``, or ``SCHEME_UNCOVERED`` when no scheme covers the day.
    """
    return load_scheme(registry().binding(region, day, kind).scheme)
