"""Limits of the physician's page, from ``data/discharge.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError, Where

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_FILE = files("grouper.service") / "data" / "discharge.toml"
_SHARES, _GROUNDS = ("low", "high"), "grounds"


@dataclass(frozen=True, slots=True, kw_only=True)
class DischargeLimits:
    """Limits of the physician's page; ``data/discharge.toml`` says what each means."""

    most_stays: int
    low: Decimal
    high: Decimal
    keep: int
    most_changes: int
    most_hits: int
    page: int
    most_findings: int
    grounds: tuple[str, ...]


def read_limits(file: Traversable) -> DischargeLimits:
    """Read the file.

    Raises:
        CodebookError: ``DISCHARGE_LIMITS``: a name is missing, unknown or has no such value.
    """
    where = Where(file=file.name)
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except ValueError as cause:
        raise CodebookError("DISCHARGE_LIMITS", where, name="") from cause
    for name in sorted(found.keys() ^ {field.name for field in fields(DischargeLimits)}):
        raise CodebookError("DISCHARGE_LIMITS", where, name=name)
    for name in found:
        try:
            found[name] = _checked(name, found[name])
        except (InvalidOperation, TypeError, ValueError) as cause:
            raise CodebookError("DISCHARGE_LIMITS", where, name=name) from cause
    if found["low"] >= found["high"]:
        raise CodebookError("DISCHARGE_LIMITS", where, name="high")
    return DischargeLimits(**found)


def _checked(name: str, value: object) -> object:
    """A value of the kind that its name asks for.

    Raises:
        TypeError: it is of another kind.
        ValueError: it is out of bounds.
    """
    if name in _SHARES:
        share = Decimal(value) if isinstance(value, str) else Decimal("NaN")
        if not share.is_finite() or not 0 < share < 1:
            raise ValueError(name)
        return share
    if name == _GROUNDS:
        if not isinstance(value, list) or not value or any(type(one) is not str for one in value):
            raise TypeError(name)
        return tuple(value)
    if type(value) is not int:
        raise TypeError(name)
    if value < 1:
        raise ValueError(name)
    return value


@cache
def discharge_limits() -> DischargeLimits:
    """The limits.

    Raises:
        CodebookError: as :func:`read_limits`.
    """
    return read_limits(_FILE)
