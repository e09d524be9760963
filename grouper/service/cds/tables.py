"""The tables behind the cards, from ``data/``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from codebooks.errors import CodebookError, Where
from codebooks.strict_csv import read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_NAMES = ("summary", "reference_cases", "reference_days", "items", "complications", "orders")
_RATIO = "above_reference"


class Situation(StrEnum):
    """What a card is about; its indicator is data."""

    GROUPED = "grouped"
    AMBIGUOUS = "ambiguous"
    UNGROUPED = "ungrouped"
    INVALID = "invalid"
    UNKNOWN_STAY = "unknown_stay"
    OTHER_PATIENT = "other_patient"
    MISSING = "missing"
    REMARKS = "remarks"
    BLOCKING = "blocking"
    ABOVE_REFERENCE = "above_reference"
    FORECAST = "forecast"
    ORDER_VIOLATION = "order_violation"
    ORDER_SUSPECT = "order_suspect"
    ORDER_VERIFY = "order_verify"
    ORDER_MONITOR = "order_monitor"
    ORDER_UNJUDGED = "order_unjudged"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of cards (``data/limits.toml``); ``above_reference`` is a multiple of the mean."""

    summary: int
    reference_cases: int
    reference_days: int
    items: int
    complications: int
    orders: int
    above_reference: Decimal


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the discovery document; ``audits``: it checks orders by the rules of charging."""

    id: str
    hook: str
    prefetch: Mapping[str, str]
    audits: bool = False


def _data(name: str) -> Any:  # noqa: ANN401 -- a resource as a context manager
    return as_file(files("grouper.service.cds") / "data" / name)


def read_limits(path: Path) -> Limits:
    """Read a file of limits.

    Raises:
        CodebookError: ``CDS_LIMITS``: a name is missing, unknown or has no such number.
    """
    where = Where(file=path.name)
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as cause:
        raise CodebookError("CDS_LIMITS", where, name="") from cause
    for name in found.keys() ^ {*_NAMES, _RATIO}:
        raise CodebookError("CDS_LIMITS", where, name=name)
    for name in _NAMES:
        if type(found[name]) is not int or found[name] < 1:
            raise CodebookError("CDS_LIMITS", where, name=name)
    try:
        ratio = Decimal(found.pop(_RATIO))
    except (InvalidOperation, TypeError, ValueError) as cause:
        raise CodebookError("CDS_LIMITS", where, name=_RATIO) from cause
    if not ratio.is_finite() or ratio <= 0:
        raise CodebookError("CDS_LIMITS", where, name=_RATIO)
    return Limits(**found, above_reference=ratio)


@cache
def limits() -> Limits:
    """The limits of cards.

    Raises:
        CodebookError: as :func:`read_limits`.
    """
    with _data("limits.toml") as path:
        return read_limits(path)


def read_indicators(path: Path) -> Mapping[Situation, str]:
    """Read a table of indicators.

    Raises:
        CodebookError: ``CDS_INDICATOR`` for a word that CDS Hooks does not know or a situation
            that we do not, ``CDS_SITUATION`` for one without an indicator.
    """
    found: dict[Situation, str] = {}
    for row in read_rows(path, ("situation", "indicator")):
        if row.cells["indicator"] not in ("info", "warning", "critical"):
            raise CodebookError("CDS_INDICATOR", row.at("indicator"), found=row.cells["indicator"])
        if row.cells["situation"] not in set(Situation):
            raise CodebookError("CDS_INDICATOR", row.at("situation"), found=row.cells["situation"])
        found[Situation(row.cells["situation"])] = row.cells["indicator"]
    for situation in Situation:
        if situation not in found:
            raise CodebookError("CDS_SITUATION", Where(file=path.name), found=situation.value)
    return found


@cache
def indicators() -> Mapping[Situation, str]:
    """The indicator of each situation.

    Raises:
        CodebookError: as :func:`read_indicators`.
    """
    with _data("indicators.csv") as path:
        return read_indicators(path)


@cache
def override_reasons(lang: str) -> tuple[Mapping[str, str], ...]:
    """Why a card may be set aside, as codings of CDS Hooks in one language."""
    with _data("override_reasons.csv") as path:
        return tuple(
            {
                "code": row.cells["code"],
                "system": "urn:grouper:override-reasons",
                "display": row.cells[lang],
            }
            for row in read_rows(path, ("code", "zh", "en"))
        )


@cache
def services() -> Mapping[str, Service]:
    """The services by id."""
    with _data("services.toml") as path:
        return {service.id: service for service in _services(path)}


def _services(path: Path) -> Iterator[Service]:
    for name, table in tomllib.loads(path.read_text("utf-8")).items():
        audits = bool(table.get("audits", False))
        yield Service(name, table["hook"], table.get("prefetch", {}), audits)
