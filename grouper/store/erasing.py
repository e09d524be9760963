"""The rows of a person taken away, or limited to billing.

Two ways. *Erase*: all of it goes; of a finding with a deduction the money stays without the person, so
that settled months keep their sums. *Limit*: what names the person goes, billing stays as it is
under the hospital's own numbers. Rows of the audit log are never touched: they name no one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import delete, func, select, update

from grouper.store.erasing_subject import some, with_extra
from grouper.store.review_schema import (
    finding,
    finding_batch_row,
    finding_event,
    finding_file,
    order_check,
    screened_stay,
    whitelist,
)
from grouper.store.schema import (
    charge_line,
    forecast,
    grouping,
    outbox,
    person,
    stay,
    stay_version,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Column, Connection, Table

    from grouper.store.erasing_needles import Needles
    from grouper.store.erasing_subject import Subject

_MONEY = ("rule", "row", "book", "level", "moment", "amount")
"""What stays in the document of a finding of which the money stays."""


def _owned(
    subject: Subject, *, limit: bool
) -> Iterator[tuple[str, Table, Column[Any], Sequence[Any]]]:
    """Which rows go: the place by which they are told, the table, the column and its values."""
    yield "results", outbox, outbox.c.stay_id, subject.stays
    yield "forecasts", forecast, forecast.c.stay_id, subject.stays
    yield "evidence", finding_file, finding_file.c.finding_id, subject.findings
    if limit:
        return
    yield "events", finding_event, finding_event.c.finding_id, subject.findings
    yield "order_checks", order_check, order_check.c.id, subject.order_checks
    yield "screened", screened_stay, screened_stay.c.stay_id, subject.stays
    yield "groupings", grouping, grouping.c.stay_id, subject.stays
    yield "lines", charge_line, charge_line.c.stay_id, subject.stays
    yield "versions", stay_version, stay_version.c.stay_id, subject.stays
    yield "stays", stay, stay.c.id, subject.stays
    yield "persons", person, person.c.id, subject.persons


def counted(connection: Connection, subject: Subject, *, limit: bool) -> dict[str, int]:
    """How many rows of each place would go, or lose what names the person."""
    found: dict[str, int] = {}
    for place, table, column, values in _owned(subject, limit=limit):
        found[place] = sum(
            connection.scalar(select(func.count()).select_from(table).where(part)) or 0
            for part in some(column, values)
        )
    if limit:
        found["persons"] = len(subject.persons)
        found["versions"] = sum(1 for _ in with_extra(connection, subject.stays))
    else:
        found["findings"] = len(subject.findings)
        found["list_rows"] = len(subject.list_rows)
        found["exceptions"] = sum(
            connection.scalar(select(func.count()).select_from(whitelist).where(part)) or 0
            for part in some(_excepted(), subject.cases)
        )
    return found


def erase(connection: Connection, subject: Subject) -> None:
    """Take all rows of a person away; of a finding with a deduction its money stays.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        subject: the person, as it stands in this transaction.
    """
    _findings(connection, subject)
    for part in some(_excepted(), subject.cases):
        connection.execute(delete(whitelist).where(part))
    _delete(connection, subject, limit=False)


def limit(connection: Connection, subject: Subject, kept: Sequence[str]) -> None:
    """Take away what names a person; billing stays under the hospital's own numbers.

    Args:
        connection: as for :func:`erase`.
        subject: as there.
        kept: paths of what messages say beside the case that billing needs, such as the number of
            the settlement.
    """
    _delete(connection, subject, limit=True)
    for part in some(person.c.id, subject.persons):
        connection.execute(update(person).where(part).values(details={}))
    for number, record in list(with_extra(connection, subject.stays)):
        extra = {path: said for path, said in record["extra"].items() if path in kept}
        change = update(stay_version).where(stay_version.c.id == number)
        connection.execute(change.values(record={**record, "extra": extra}))
    e = finding_event.c
    for part in some(e.finding_id, subject.findings):
        noted = select(e.id, e.note).where(part, e.note.is_not(None))
        for row in connection.execute(noted).all():
            if _names_any(row.note, subject.needles):
                connection.execute(update(finding_event).where(e.id == row.id).values(note=None))


def _names_any(note: str, needles: Needles) -> bool:
    return any(one in note for one in (*needles.words, *needles.certificates))


def _delete(connection: Connection, subject: Subject, *, limit: bool) -> None:
    for _, table, column, values in _owned(subject, limit=limit):
        for part in some(column, values):
            connection.execute(delete(table).where(part))


def _excepted() -> Any:  # noqa: ANN401 -- a column of SQLAlchemy
    return whitelist.c.scope["case_id"].as_string()


def _findings(connection: Connection, subject: Subject) -> None:
    """Findings go; those with a deduction lose the person, and their list rows what they say."""
    c = finding.c
    fresh: dict[str, str] = {}
    for part in some(c.id, subject.findings):
        connection.execute(delete(finding).where(part, c.deduction.is_(None)))
        for row in connection.execute(select(c.id, c.key, c.document).where(part)).all():
            fresh[row.key] = uuid4().hex
            bare = {
                "key": fresh[row.key],
                "stay_id": None,
                "version": None,
                "physician": None,
                "day": None,
                "whitelist_id": None,
                "document": _bare(row.document, fresh[row.key]),
            }
            connection.execute(update(finding).where(c.id == row.id).values(bare))
    r = finding_batch_row.c
    for part in some(r.id, subject.list_rows):
        for row in connection.execute(select(r.id, r.key, r.cells).where(part)).all():
            # The key of a list's row is a hash of what it says: it goes with it.
            bare_row = {"key": fresh.get(row.key), "cells": [""] * len(row.cells)}
            connection.execute(update(finding_batch_row).where(r.id == row.id).values(bare_row))


def _bare(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A document with its names, and of its values what is money and rule alone."""
    bare: dict[str, Any] = {}
    for name, value in document.items():
        if name in _MONEY:
            bare[name] = value
        else:
            bare[name] = [] if isinstance(value, list) else None
    return bare | {"finding": key}
