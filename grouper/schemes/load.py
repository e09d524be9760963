"""Schemes by id, or by region and date, ready to group and loaded once in a process."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from codebooks.registry import INPATIENT, registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from codebooks.book import SchemeBook
    from grouper.schemes.protocol import Scheme

KEPT = 16
"""How many schemes stay in memory at once."""

_FAMILIES: Mapping[str, tuple[str, str]] = {
    "drg": ("grouper.schemes.drg.scheme", "DrgScheme"),
    "dip": ("grouper.schemes.dip.scheme", "DipScheme"),
    "apg": ("grouper.schemes.apg.scheme", "ApgScheme"),
    "pdpm": ("grouper.schemes.pdpm.scheme", "PdpmScheme"),
    "msdrg": ("grouper.schemes.msdrg.scheme", "MsdrgScheme"),
}
"""Module and class of each family, loaded when the first of its schemes is."""


def _family(name: str) -> Callable[[SchemeBook], Scheme]:
    module, scheme = _FAMILIES[name]
    made: Callable[[SchemeBook], Scheme] = getattr(import_module(module), scheme)
    return made


@lru_cache(maxsize=KEPT)
def load_scheme(scheme: str) -> Scheme:
    """The scheme of an id.

    Raises:
        CodebookError: ``SCHEME_UNKNOWN``, or its book is broken.
    """
    book = registry().book(scheme)
    return _family(book.card.family)(book)


def scheme_for(day: date, region: str = "national", kind: str = INPATIENT) -> Scheme:
    """The scheme that binds a case by its discharge date, region and kind.

    Raises:
        CodebookError: ``REGION_UNKNOWN``, or ``SCHEME_UNCOVERED`` when no scheme covers the day,
            or ``SCHEME_NOT_AT_HAND`` when the one that does has to be imported first.
    """
    return load_scheme(registry().binding(region, day, kind).scheme)
