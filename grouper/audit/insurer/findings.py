"""Rows of an insurer's list as findings: one a row, or one for the rows of one finding number."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from grouper.audit.insurer.columns import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from grouper.audit.insurer.reading import Row

MOMENT = "upload"
"""The insurer's findings come after the upload."""
_ID = 24
_STRONG = NUMBERS[:3]
"""Numbers that name a stay and no person."""
_FEN = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The rows of one finding.

    Attributes:
        key: 64 hexadecimal digits: the same finding of a later list has the same.
        rule: of our book, or external.
        rows: at least one.
    """

    key: str
    rule: str
    rows: tuple[Row, ...]

    @property
    def amount(self) -> Decimal:
        """Yuan at stake; what is not said counts as what is deducted, or as nothing."""
        found = Decimal("0.00")
        for row in self.rows:
            said = row.decimal("amount")
            found += (row.decimal("deduction") if said is None else said) or Decimal(0)
        return found.quantize(_FEN)

    @property
    def deduction(self) -> Decimal | None:
        """What the insurer takes off; None: the list says nothing of it."""
        said = [one for row in self.rows if (one := row.decimal("deduction")) is not None]
        return sum(said, Decimal("0.00")).quantize(_FEN) if said else None

    @property
    def day(self) -> date | None:
        """The first day that the rows name."""
        return min((day for row in self.rows if (day := row.day("day"))), default=None)

    @property
    def due(self) -> date | None:
        """The earliest deadline that the rows name."""
        return min((day for row in self.rows if (day := row.day("due"))), default=None)

    def first(self, meaning: str) -> str | None:
        """What the first row says that says it."""
        return next((text for row in self.rows if (text := row.text(meaning))), None)

    def every(self, meaning: str) -> list[str]:
        """What the rows say, each once, in their order."""
        return list(dict.fromkeys(text for row in self.rows if (text := row.text(meaning))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A charge line of a stay.

    Attributes:
        number: within the stay, from 1; name: as its sender calls it.
        item, text: code and name of what was charged.
        day: local; None: not stated.
        quantity, amount: None: not stated.
    """

    number: int
    name: str
    item: str | None
    text: str | None = None
    day: date | None = None
    quantity: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """What is told of the stay that a finding is of.

    Attributes:
        case_id: Grouper's own name of it.
        person: pseudonym.
        department: as it is now.
    """

    case_id: str
    person: str | None = None
    department: str | None = None
    lines: Sequence[Known] = field(default=())


def grouped(rows: Iterable[Row], rules: Sequence[str], hospital: str) -> list[Group]:
    """Rows as findings, in the order of their first rows.

    Rows that name the same finding number, stay and rule are one finding; without such a number
    each is its own. Two rows that say the same are two findings, told apart by their order. The
    amount is no part of the key, so that a finding of which the insurer takes back a part goes on.

    Args:
        rows: those that can be read.
        rules: of each.
        hospital: whose list it is.
    """
    found: dict[str, list[Row]] = {}
    ruled: dict[str, str] = {}
    times: dict[str, int] = defaultdict(int)
    for row, rule in zip(rows, rules, strict=True):
        said: list[object] = [hospital, rule, _stay_of(row), row.text("finding")]
        if row.text("finding") is None:
            said += [_plain(row.said.get(one)) for one in ("line", "item", "item_name", "day")]
            quantity = row.decimal("quantity")
            said.append(None if quantity is None else f"{quantity.normalize():f}")
            plain = _hash(said)
            said.append(times[plain])
            times[plain] += 1
        key = _hash(said)
        found.setdefault(key, []).append(row)
        ruled[key] = rule
    return [Group(key=key, rule=ruled[key], rows=tuple(one)) for key, one in found.items()]


def _stay_of(row: Row) -> list[object]:
    """The surest numbers of the stay that a row has."""
    strong = [[one, sorted(row.numbers[one])] for one in _STRONG if one in row.numbers]
    if strong:
        return [strong[0]]
    weak = [[one, sorted(row.numbers[one])] for one in NUMBERS if one in row.numbers]
    return [*weak, _plain(row.said.get("settled"))]


def _plain(value: object) -> str | None:
    return None if value is None else str(value)


def _hash(said: object) -> str:
    return hashlib.sha256(json.dumps(said, ensure_ascii=True).encode()).hexdigest()


def lines_of(group: Group, lines: Sequence[Known]) -> list[Known]:
    """The lines of a stay that a finding is of, by the sender's name, else by item and day.

    Of several lines of the item on the day those with the same quantity, then with the same amount
    are meant, where there are such. Without a day all lines of the item are.

    Args:
        group: the finding.
        lines: of its stay.
    """
    found: dict[int, Known] = {}
    for row in group.rows:
        for line in _lines(row, lines):
            found[line.number] = line
    return [found[number] for number in sorted(found)]


def _lines(row: Row, lines: Sequence[Known]) -> list[Known]:
    named = row.text("line")
    if named is not None:
        own = [line for line in lines if line.name == named]
        if own:
            return own
    item, called, day = row.text("item"), row.text("item_name"), row.day("day")
    if item is not None:
        meant = [line for line in lines if line.item == item]
    elif called is not None:
        meant = [line for line in lines if line.text == called]
    else:
        return []
    if day is not None:
        meant = [line for line in meant if line.day == day]
    for name in ("quantity", "amount"):
        value = row.decimal(name)
        same = [line for line in meant if value is not None and getattr(line, name) == value]
        meant = same or meant
    return meant


def finding_of(group: Group, level: str, book: str, stay: Stay | None) -> dict[str, Any]:
    """A finding as a row of :data:`grouper.audit.finding.FINDING_SCHEMA`, with ``line_names``.

    Args:
        group: its rows.
        level: of it.
        book: id of our rule book.
        stay: that it is of; None: it is not here.
    """
    lines = [] if stay is None else lines_of(group, stay.lines)
    evidence = [
        {"key": f"insurer_{name}", "value": value}
        for name in ("finding", "rule", "rule_name", "content", "basis", "note", "item_name")
        for value in group.every(name)
    ]
    if group.deduction is not None:
        evidence.append({"key": "insurer_deduction", "value": f"{group.deduction:f}"})
    quantity = [one for row in group.rows if (one := row.decimal("quantity")) is not None]
    return {
        "finding": group.key[:_ID],
        "rule": group.rule,
        "row": None,
        "book": book,
        "level": level,
        "case_id": None if stay is None else stay.case_id,
        "person": None if stay is None else stay.person,
        "department": (None if stay is None else stay.department) or group.first("department"),
        "physician": None,
        "lines": [line.number for line in lines],
        "items": group.every("item"),
        "day": group.day or next((line.day for line in lines if line.day), None),
        "observed": sum(quantity, Decimal(0)) if quantity else None,
        "allowed": None,
        "unit": None,
        "amount": group.amount,
        "evidence": evidence,
        "moment": MOMENT,
        "line_names": [line.name for line in lines],
    }
