"""What an outlook says of the year's fund's part: read from the file of ``grouper forecast outlook``."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.errors import Where
from codebooks.plain import json_of
from grouper.audit.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FIGURE = "fund"


@dataclass(frozen=True, slots=True)
class Span:
    """An interval of a figure: how often it should hold, and its bounds in yuan."""

    level: str
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is expected of the year.

    Attributes:
        region: of the outlook.
        as_of: the last day that was known, as ISO 8601 writes it.
        year: such as ``2026``.
        expected: the fund's part in yuan; None: the outlook could not tell.
        spans: its intervals.
    """

    region: str
    as_of: str
    year: str
    expected: Decimal | None
    spans: tuple[Span, ...]


def read_json(path: Path, code: str) -> Mapping[str, Any]:
    """A JSON document.

    Args:
        path: of the file.
        code: of the error.

    Raises:
        AuditError: of this code: it is none.
    """
    where = Where(file=path.name)
    try:
        found = json_of(path.read_text("utf-8"))
    except (OSError, ValueError) as cause:
        raise AuditError(code, where) from cause
    if not isinstance(found, dict):
        raise AuditError(code, where)
    return found


def read_outlook(path: Path, year: int) -> Outlook:
    """What an outlook says of a year.

    Raises:
        AuditError: ``FUND_OUTLOOK``: it is no outlook of this year.
    """
    told, where = read_json(path, "FUND_OUTLOOK"), Where(file=path.name)
    try:
        period = next(one for one in told["periods"] if one["name"] == f"{year:04d}")
        figure = period["whole"].get(_FIGURE)
        expected = None if figure is None else figure["expected"]
        spans = [] if figure is None else figure["intervals"]
        return Outlook(
            region=str(told["region"]),
            as_of=str(told["as_of"]),
            year=f"{year:04d}",
            expected=None if expected is None else _money(expected),
            spans=tuple(
                Span(str(one["level"]), _money(one["low"]), _money(one["high"]))
                for one in spans
                if one["low"] is not None and one["high"] is not None
            ),
        )
    except (StopIteration, KeyError, TypeError, AttributeError, ArithmeticError, ValueError):
        raise AuditError("FUND_OUTLOOK", where) from None


def _money(written: object) -> Decimal:
    found = Decimal(str(written))
    if not found.is_finite():
        raise ValueError(written)
    return found
