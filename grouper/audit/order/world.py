"""One case ready to be asked, and what the templates say of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from grouper.case.dates import EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codebooks.audit.books import Rule
    from grouper.audit.order.catalogue import SaidOf
    from grouper.audit.order.facts import Facts
    from grouper.audit.order.index import Index
    from grouper.audit.order.lines import Entry
    from grouper.audit.order.prices import Prices
    from grouper.audit.order.refunds import Standing
    from grouper.case.record import Case

Evidence = tuple[tuple[str, str | None], ...]
_QUANTITY_PLACES, _AMOUNT_PLACES, _ID_DIGITS = 4, 2, 24


@dataclass(frozen=True, slots=True)
class World:
    """What the templates read.

    Attributes:
        case: as it is handed in.
        facts: of the case.
        standing: its lines after refunds.
        by_item: those that stand, by item.
        items: the items to speak of, ascending; the lines of others only stand beside.
        index: the rows of the book.
        rules: the rules that are asked.
        prices: full prices of items.
        ceilings: greatest prices of items.
        said: what the catalogues say of items.
    """

    case: Case
    facts: Facts
    standing: Standing
    by_item: Mapping[str, Sequence[Entry]]
    items: Sequence[str]
    index: Index
    rules: frozenset[str]
    prices: Prices
    ceilings: Prices
    said: SaidOf


@dataclass(frozen=True, slots=True)
class Asked:
    """A template as it is asked.

    Attributes:
        rules: those that it judges without rows.
    """

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a template found.

    Attributes:
        rule, row, level: of the book.
        lines: at fault; none where the case itself is.
        items: that are found at fault.
        day: of the first of the lines, else of the case, since 1970.
        amount: fen at stake.
        observed, allowed: ten-thousandths.
        unit: key of the unit's words.
        evidence: key and value.
    """

    rule: str
    row: str | None
    level: str
    lines: Sequence[Entry]
    items: Sequence[str]
    day: int | None
    amount: int
    observed: int | None = None
    allowed: int | None = None
    unit: str | None = None
    evidence: Evidence = ()


def first_day(lines: Sequence[Entry]) -> int | None:
    """The first day that one of the lines states."""
    return min((line.day for line in lines if line.day is not None), default=None)


def amount_of(lines: Sequence[Entry]) -> int:
    """The fen of lines."""
    return sum(line.amount for line in lines)


def items_of(lines: Sequence[Entry]) -> list[str]:
    """The items of lines, each once."""
    return sorted({line.item for line in lines if line.item is not None})


def day_words(day: int | None) -> str | None:
    """A day since 1970 as it is written."""
    return None if day is None else (EPOCH + timedelta(days=day)).isoformat()


def part(amount: int, piece: int, whole: int) -> int:
    """A piece of an amount, half up."""
    return (2 * amount * piece + whole) // (2 * whole)


def finding(found: Found, world: World, book: str, moment: str) -> dict[str, Any]:
    """A row of ``FINDING_SCHEMA`` as Python values."""
    lines = sorted(found.lines, key=lambda line: line.line)
    first = lines[0] if lines else None
    facts = world.facts
    return {
        "finding": _id(found, [line.line for line in lines], facts.case_id),
        "rule": found.rule,
        "row": found.row,
        "book": book,
        "level": found.level,
        "case_id": facts.case_id,
        "person": facts.person,
        "department": (first.department if first else None) or facts.department,
        "physician": (first.physician if first else None) or facts.physician,
        "lines": [line.line for line in lines],
        "items": sorted(found.items),
        "day": None if found.day is None else EPOCH + timedelta(days=found.day),
        "observed": _decimal(found.observed, _QUANTITY_PLACES),
        "allowed": _decimal(found.allowed, _QUANTITY_PLACES),
        "unit": found.unit,
        "amount": _decimal(found.amount, _AMOUNT_PLACES),
        "evidence": [{"key": key, "value": value} for key, value in found.evidence],
        "moment": moment,
    }


def _decimal(whole: int | None, places: int) -> Decimal | None:
    return None if whole is None else Decimal(whole).scaleb(-places)


def _id(found: Found, lines: list[int], case_id: str | None) -> str:
    """The id that ``finish.sql`` gives: of rule, row, case, lines (else day), unit and what is wrong."""
    words = [found.rule, found.row or "", case_id or "", " ".join(map(str, lines))]
    if not lines:
        words.append(str(found.day or 0))
    words.append(found.unit or "")
    words += [value for key, value in found.evidence if key == "wrong" and value is not None]
    return hashlib.sha256("|".join(words).encode()).hexdigest()[:_ID_DIGITS]
