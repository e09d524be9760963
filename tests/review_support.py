"""Short ways to make findings, and people who review them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from grouper.service.access.principal import Right
from grouper.service.findings import Asker
from grouper.store import findings
from grouper.store.database import Database
from grouper.store.finding_rows import FindingRow
from grouper.store.findings import Kept
from grouper.store.order_checks import OrderCheckRow

AT = datetime(2026, 3, 10, 2, tzinfo=UTC)
RULE = "GZ10000202001000"
"""A rule of the shipped book."""
BOOK = "national-2025"


def row(key: str = "a" * 24, **values: Any) -> FindingRow:
    """An own finding; ``lines`` are its numbers, their names are those with an L before."""
    numbers = values.pop("lines", [1])
    amount = Decimal(values.pop("amount", "12.50"))
    day = values.pop("day", date(2026, 3, 2))
    said: dict[str, Any] = {
        "source": "own",
        "moment": "stay",
        "stay_id": 1,
        "version": 1,
        "rule": RULE,
        "row": None,
        "book": BOOK,
        "book_hash": "f" * 64,
        "level": "violation",
        "department": "心内科",
        "physician": "D1",
        "raised_by": "screening",
    } | values
    document = {
        "finding": key,
        "rule": said["rule"],
        "row": said["row"],
        "book": BOOK,
        "level": said["level"],
        "case_id": "C1",
        "person": "p",
        "department": said["department"],
        "physician": said["physician"],
        "lines": list(numbers),
        "items": ["001101000010000-110100001"],
        "day": None if day is None else day.isoformat(),
        "observed": "2.0000",
        "allowed": "1.0000",
        "unit": None,
        "amount": format(amount, "f"),
        "evidence": [],
        "moment": said["moment"],
        "line_names": [f"L{number}" for number in numbers],
    }
    return FindingRow(key=key, amount=amount, day=day, document=document, **said)


def keep(database: Database, rows: Sequence[FindingRow], **how: Any) -> Kept:
    """Keep findings in a transaction of its own."""
    with database.writing_store() as connection:
        return findings.keep(
            connection, rows, at=how.pop("at", AT), actor=how.pop("actor", "screening"), **how
        )


def asker(name: str, *rights: Right, reach: tuple[str, ...] | None = None) -> Asker:
    """Someone who asks; without rights: who may do everything with findings."""
    held = rights or (Right.FINDINGS, Right.ANSWER, Right.REVIEW)
    return Asker(name, frozenset(held), reach)


def order_check(key: str = "k", **values: Any) -> OrderCheckRow:
    """What was told before an order was signed."""
    made: dict[str, Any] = {
        "at": AT,
        "via": "cds",
        "moment": "order",
        "actor": "his",
        "stay_id": 1,
        "rule": RULE,
        "row": None,
        "level": "violation",
        "item": "i",
        "department": "0301",
        "physician": "D1",
        "amount": Decimal("1.50"),
        "document": {"finding": key},
    }
    return OrderCheckRow(key=key, **(made | values))
