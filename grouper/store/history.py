"""The versions of a stay, and the case as it was at any of them.

All functions take a reading transaction (:meth:`grouper.store.database.Database.reading`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from grouper.case.issues import Issue, Severity
from grouper.intake.record import case_of
from grouper.store.bills import FIELDS
from grouper.store.database import StoreError
from grouper.store.heads import SAME_AS
from grouper.store.lines import Entry, is_marker, last_rows, read_rows, standing, total
from grouper.store.schema import charge_line, person, stay, stay_version

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from grouper.case.record import Case
    from grouper.intake.record import Record

_BLOCK = 500


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a stay.

    Attributes:
        version: its number, from 1.
        at: when it was made.
        message_id: the message that made it, by its number in the inbox.
        issues: what is wrong with its values, as JSON (``field``, ``reason``, ``severity``,
            ``value``; ``line`` of a charge line, ``place`` of the message).
    """

    version: int
    at: datetime
    message_id: int
    issues: list[dict[str, Any]]


def versions(connection: Connection, stay_id: int) -> list[Version]:
    """All versions of a stay, the oldest first."""
    c = stay_version.c
    ask = select(c.version, c.at, c.message_id, c.issues).where(c.stay_id == stay_id)
    return [Version(*row) for row in connection.execute(ask.order_by(c.version))]


def _version(connection: Connection, stay_id: int, version: int | None) -> Row[Any, Any, Any]:
    c = stay_version.c
    ask = select(c.version, c.record, c.lines_until).where(c.stay_id == stay_id)
    if version is not None:
        ask = ask.where(c.version == version)
    row = connection.execute(ask.order_by(c.version.desc()).limit(1)).first()
    if row is None:
        raise StoreError("VERSION_ABSENT", found="—" if version is None else version)
    return row


def record_at(connection: Connection, stay_id: int, version: int | None = None) -> Record:
    """The running record at a version (None: the newest).

    Raises:
        StoreError: ``VERSION_ABSENT``.
    """
    return _record(connection, stay_id, _version(connection, stay_id, version))


def _record(connection: Connection, stay_id: int, row: Row[Any, Any, Any]) -> Record:
    record: Record = row.record
    if SAME_AS in record:
        return _record(connection, stay_id, _version(connection, stay_id, record[SAME_AS]))
    return record


def record_and_end(
    connection: Connection, stay_id: int, version: int | None = None
) -> tuple[Record, int | None]:
    """The running record at a version (None: the newest), and the last row of its charge lines.

    Raises:
        StoreError: ``VERSION_ABSENT``.
    """
    row = _version(connection, stay_id, version)
    return _record(connection, stay_id, row), row.lines_until


def lines_at(connection: Connection, stay_id: int, version: int | None = None) -> list[Entry]:
    """The charge lines that stand at a version (None: the newest), in the order they were written.

    Raises:
        StoreError: ``VERSION_ABSENT``.
    """
    return _standing(_rows(connection, stay_id, _version(connection, stay_id, version)))


def _rows(connection: Connection, stay_id: int, row: Row[Any, Any, Any]) -> list[Entry]:
    return read_rows(connection, stay_id, until=row.lines_until) if row.lines_until else []


def _standing(rows: list[Entry]) -> list[Entry]:
    return list(standing(last_rows(rows)).values())


def typed_lines(connection: Connection, lines: list[Entry]) -> list[dict[str, Any]]:
    """The typed values of lines: ``line`` and the columns of :data:`grouper.store.bills.FIELDS`."""
    columns = [charge_line.c[name] for name in ("id", "line", *FIELDS)]
    found: dict[int, dict[str, Any]] = {}
    for start in range(0, len(lines), _BLOCK):
        ids = [line.id for line in lines[start : start + _BLOCK]]
        for row in connection.execute(select(*columns).where(charge_line.c.id.in_(ids))):
            values = row._asdict()
            if values["quantity"] is not None:
                values["quantity"] = Decimal(values["quantity"])
            found[values.pop("id")] = values
    return [found[line.id] for line in lines]


def case_at(
    connection: Connection, stay_id: int, version: int | None = None
) -> tuple[Case, list[Issue]]:
    """The case of a stay at a version (None: the newest), and what is wrong with its values.

    Raises:
        StoreError: ``VERSION_ABSENT``.
    """
    found = billed_at(connection, stay_id, version)
    return found.case, found.issues


@dataclass(frozen=True, slots=True)
class Billed:
    """A case with its charge lines.

    Attributes:
        case: its lists of lines are empty or as long as the lines, in their order.
        issues: what is wrong with its values.
        lines: those that stand, in the order they were written.
        numbers: of each line within the stay, from 1: the place of its name among all names that
            lines of the stay ever had, by when they were first said. A line keeps its number
            whatever lines come or go.
        ever: how many names there were; the greatest number that any line has had.
    """

    case: Case
    issues: list[Issue]
    lines: list[Entry]
    numbers: list[int]
    ever: int


def billed_at(connection: Connection, stay_id: int, version: int | None = None) -> Billed:
    """As :func:`case_at`, with the lines and their numbers.

    Raises:
        StoreError: ``VERSION_ABSENT``.
    """
    row = _version(connection, stay_id, version)
    record = _record(connection, stay_id, row)
    rows = _rows(connection, stay_id, row)
    lines = _standing(rows)
    named = dict.fromkeys(
        one.line for one in sorted(rows, key=lambda one: one.id) if not is_marker(one.line)
    )
    places = {name: place for place, name in enumerate(named, 1)}
    ask = (
        select(stay.c.case_id, stay.c.hospital, person.c.pseudonym)
        .outerjoin_from(stay, person, person.c.id == stay.c.person_id)
        .where(stay.c.id == stay_id)
    )
    head = connection.execute(ask).one()
    stated = {"case_id": head.case_id, "person": head.pseudonym, "hospital": head.hospital}
    case, issues = case_of(record, [line.about for line in lines], total(lines), **stated)
    return Billed(case, issues, lines, [places[line.line] for line in lines], len(places))


def issues_of(found: Version) -> list[Issue]:
    """The issues of a version as they were when it was made."""
    return [
        Issue(1, said["field"], said["reason"], Severity(said["severity"]), said["value"])
        for said in found.issues
    ]
