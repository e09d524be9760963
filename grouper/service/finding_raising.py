"""Findings that people raise by hand: of a stored stay, by a rule of the book."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codebooks.audit.books import NATIONAL, audit_book
from grouper.audit.review.deadlines import due_of
from grouper.audit.review.errors import ReviewError
from grouper.case.dates import LOCAL
from grouper.service.access.principal import AccessError, Right
from grouper.service.findings import check_note, shown
from grouper.service.problems import ServiceError
from grouper.store import audit, finding_events, findings, history, reading
from grouper.store.finding_events import EventRow
from grouper.store.finding_rows import LINES, FindingRow
from grouper.store.states import FindingState, Source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from grouper.service.findings import Asker, Shown
    from grouper.store.database import Database
    from grouper.store.database import Writing as Reading
    from grouper.store.reading import StayHead

_KEY_BYTES = 12
_MOMENT = "upload"
_LONGEST = 128
"""Characters of a name that the column of it takes; the document has it whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """A finding that a person raises.

    Attributes:
        case_id: Grouper's own name of the stay.
        rule: of the book.
        level: None: that of the rule.
        lines: numbers of charge lines within the stay.
        amount: yuan at stake; None: that of the lines.
        note: what is wrong.
        book: the rule book.
    """

    case_id: str
    rule: str
    level: str | None
    lines: Sequence[int]
    amount: Decimal | None
    note: str
    book: str = NATIONAL


def raise_finding(database: Database, asker: Asker, said: Raised, at: datetime) -> Shown:
    """Raise a finding by hand.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        ServiceError: ``STORED_CASE_UNKNOWN``, ``FINDING_LINE`` (no such line in the stay).
        ReviewError: ``REVIEW_RULE``, ``REVIEW_NOTE``, ``AMOUNT_NEEDED``.
        CodebookError: ``AUDIT_BOOK``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    _demand(asker)
    check_note(said.note)
    book = audit_book(said.book)
    rule = book.rules.get(said.rule)
    if rule is None:
        raise ReviewError("REVIEW_RULE", found=said.rule[:64], book=book.id)
    with database.writing_store() as connection:
        head = _stay(connection, asker, said.case_id)
        lines = _lines(connection, head.id, said.lines)
        amount = lines.amount if said.amount is None else said.amount
        if amount is None or amount < 0:
            # Lines that are refunds tell nothing of what is at stake.
            raise ReviewError("AMOUNT_NEEDED")
        level = said.level or rule.level
        key = secrets.token_hex(_KEY_BYTES)
        department = lines.department or head.department
        document: dict[str, Any] = {
            "finding": key,
            "rule": said.rule,
            "row": None,
            "book": book.id,
            "level": level,
            "case_id": head.case_id,
            "person": head.pseudonym,
            "department": department,
            "physician": lines.physician,
            "lines": list(lines.numbers),
            "items": list(lines.items),
            "day": None if lines.day is None else lines.day.isoformat(),
            "observed": None,
            "allowed": None,
            "unit": None,
            "amount": format(amount, "f"),
            "evidence": [],
            "moment": _MOMENT,
            LINES: list(lines.names),
        }
        row = FindingRow(
            key=key,
            source=Source.PERSON,
            moment=_MOMENT,
            stay_id=head.id,
            version=head.version,
            rule=said.rule,
            book=book.id,
            book_hash=book.content_sha256,
            level=level,
            department=_cut(department),
            physician=_cut(lines.physician),
            day=lines.day,
            amount=amount,
            document=document,
            raised_by=asker.name,
            due=due_of(FindingState.NEW, level, at),
        )
        findings.keep(connection, [row], at=at, actor=asker.name)
        made = findings.number_of(connection, key)
        event = EventRow(
            finding_id=made,
            at=at,
            actor=asker.name,
            action="raise",
            before=FindingState.NEW,
            after=FindingState.NEW,
            note=said.note.strip(),
        )
        finding_events.write(connection, [event])
        about = {"rule": said.rule}
        audit.append(connection, asker.name, "finding_raised", f"finding:{made}", about, at=at)
        return shown(connection, asker, made)


@dataclass(frozen=True, slots=True)
class Line:
    """A charge line that a finding can name.

    Attributes:
        number: within the stay.
        item, name: of the hospital.
        day: on which it was charged.
        amount: in yuan.
    """

    number: int
    item: str | None
    name: str | None
    day: date | None
    amount: Decimal | None


def lines_to_name(
    database: Database, asker: Asker, case_id: str, text: str, most: int
) -> tuple[list[Line], int]:
    """The charge lines of a stay as they stand now, for who raises a finding.

    Args:
        database: the store.
        asker: who asks.
        case_id: Grouper's own name of the stay.
        text: what an item's code or name has in it; empty: any.
        most: so many lines are given.

    Returns:
        The first lines, and how many there are.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        ServiceError: ``STORED_CASE_UNKNOWN``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    _demand(asker)
    with database.reading() as connection:
        billed = history.billed_at(connection, _stay(connection, asker, case_id).id)
    case, wanted = billed.case, text.strip().casefold()

    def of(values: Sequence[Any], place: int) -> Any:  # noqa: ANN401 -- a value of any column
        return values[place] if values else None

    found = []
    for place, number in enumerate(billed.numbers):
        at = of(case.line_time, place)
        line = Line(
            number,
            of(case.line_item, place),
            of(case.line_name, place),
            None if at is None else at.astimezone(LOCAL).date(),
            of(case.line_amount, place),
        )
        if wanted in f"{line.item or ''} {line.name or ''}".casefold():
            found.append(line)
    return found[:most], len(found)


def _demand(asker: Asker) -> None:
    if not asker.reviews:
        raise AccessError("NOT_ALLOWED", right=Right.REVIEW.value)


def _stay(connection: Reading, asker: Asker, case_id: str) -> StayHead:
    """The stay, if it is within reach."""
    head = reading.stay_by_case(connection, case_id)
    if head is None or (asker.reach is not None and head.department not in asker.reach):
        raise ServiceError("STORED_CASE_UNKNOWN")
    return head


def _cut(name: str | None) -> str | None:
    return name and name[:_LONGEST]


@dataclass(frozen=True, slots=True)
class _Lines:
    numbers: Sequence[int]
    names: Sequence[str]
    items: Sequence[str]
    amount: Decimal | None
    department: str | None
    physician: str | None
    day: date | None


def _lines(connection: Reading, stay_id: int, numbers: Sequence[int]) -> _Lines:
    """What the lines of a stay say that a finding names."""
    if not numbers:
        return _Lines((), (), (), None, None, None, None)
    billed = history.billed_at(connection, stay_id)
    places = {number: place for place, number in enumerate(billed.numbers)}
    wanted = sorted(set(numbers))
    if not places.keys() >= set(wanted):
        raise ServiceError("FINDING_LINE")
    case = billed.case
    at = [places[number] for number in wanted]

    def of(values: Sequence[Any]) -> list[Any]:
        return [values[place] for place in at] if values else [None] * len(at)

    amounts = [one for one in of(case.line_amount) if one is not None]
    times = [one for one in of(case.line_time) if one is not None]
    return _Lines(
        wanted,
        [billed.lines[place].line for place in at],
        sorted({one for one in of(case.line_item) if one}),
        sum(amounts[1:], amounts[0]) if amounts else None,
        of(case.line_department)[0],
        of(case.line_physician)[0],
        min(times).astimezone(LOCAL).date() if times else None,
    )
