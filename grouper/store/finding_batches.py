"""Lists of findings that the insurer sent: the file, its rows, and the findings they became.

The same bytes are one list. A row keeps the key of its finding, so that a list can be answered in
its own order also where a later list names the same finding.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from grouper.store.finding_rows import LINES
from grouper.store.ids import blocks
from grouper.store.review_schema import (
    finding,
    finding_batch,
    finding_batch_row,
    finding_event,
    finding_file,
)
from grouper.store.states import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A list.

    Attributes:
        at: when it was taken in; actor: by whom.
        name: of the file; sha256: of its bytes.
        hospital: whose stays it is about.
        due: the deadline of findings that name none.
        rows: of the file; ``unread`` of them could not be read, ``matched`` are of a stay that is
            here.
        header: names and meanings of the columns, a sheet each.
        about: what else is to be known of it.
        id: None before it is kept.
    """

    at: datetime
    actor: str
    name: str
    sha256: str
    hospital: str
    due: datetime | None
    rows: int
    unread: int
    matched: int
    header: Sequence[Mapping[str, Any]]
    about: Mapping[str, Any]
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """A row of a list.

    Attributes:
        number: in the order of the file, from 1.
        sheet, row: where it stands.
        key: of its finding; None: it could not be read.
        reason: why it could not be read, or why its stay is not known.
        cells: what is kept of them, one a column.
    """

    number: int
    sheet: str | None
    row: int
    key: str | None
    reason: str | None
    cells: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A finding of our own screening, as far as it is held against the insurer's.

    Attributes:
        id: of its row.
        stay_id: of its stay.
        rule: of it.
        day: as ISO 8601 writes it.
        line_names: its lines as the sender calls them.
        first_seen: when it was found first.
        shadow: of a rule in shadow or in review.
    """

    id: int
    stay_id: int
    rule: str
    day: str | None
    line_names: Sequence[str]
    first_seen: datetime
    shadow: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A finding of a list as it stands now.

    Attributes:
        id, key, rule, state, stay_id, amount, deduction, due, closed: as in the table.
        document: of the finding.
        files: names of its evidence, in the order in which they were handed in.
    """

    id: int
    key: str
    rule: str
    state: str
    stay_id: int | None
    amount: Any
    deduction: Any
    due: datetime | None
    closed: datetime | None
    document: Mapping[str, Any]
    files: tuple[str, ...] = field(default=())


_BATCH = tuple(finding_batch.c[one.name] for one in fields(Batch))


def add(connection: Connection, batch: Batch, rows: Sequence[BatchRow]) -> int:
    """Keep a list; its findings are kept apart.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        batch: the list.
        rows: all its rows.

    Returns:
        Its number.
    """
    values = {one.name: getattr(batch, one.name) for one in fields(Batch) if one.name != "id"}
    values["header"] = [dict(one) for one in batch.header]
    values["about"] = dict(batch.about)
    made = insert(finding_batch).returning(finding_batch.c.id)
    number = int(connection.execute(made, values).scalar_one())
    for block in blocks(rows):
        connection.execute(
            insert(finding_batch_row),
            [
                {
                    "batch_id": number,
                    "number": row.number,
                    "sheet": row.sheet,
                    "row": row.row,
                    "key": row.key,
                    "reason": row.reason,
                    "cells": list(row.cells),
                }
                for row in block
            ],
        )
    return number


def by_sha256(connection: Connection, sha256: str) -> Batch | None:
    """The list of some bytes."""
    ask = select(*_BATCH).where(finding_batch.c.sha256 == sha256)
    return _one(connection, ask)


def one(connection: Connection, number: int) -> Batch | None:
    """A list by its number."""
    return _one(connection, select(*_BATCH).where(finding_batch.c.id == number))


def _one(connection: Connection, ask: Any) -> Batch | None:  # noqa: ANN401 -- a question of SQLAlchemy
    row = connection.execute(ask).mappings().first()
    return None if row is None else Batch(**row)


def page(connection: Connection, before: int | None = None, limit: int = 50) -> list[Batch]:
    """Lists, the newest first.

    Args:
        connection: a reading transaction.
        before: the number of the last one of the page before.
        limit: most lists of the page.
    """
    ask = select(*_BATCH)
    if before is not None:
        ask = ask.where(finding_batch.c.id < before)
    found = connection.execute(ask.order_by(finding_batch.c.id.desc()).limit(limit))
    return [Batch(**row) for row in found.mappings()]


def rows_of(connection: Connection, number: int) -> Iterator[BatchRow]:
    """The rows of a list in the order of its file."""
    c = finding_batch_row.c
    names = [one.name for one in fields(BatchRow)]
    ask = select(*(c[name] for name in names)).where(c.batch_id == number).order_by(c.number)
    with connection.execution_options(yield_per=_PAGE).execute(ask) as result:
        for row in result.mappings():
            yield BatchRow(**row)


def kept_back(connection: Connection, number: int, limit: int = 500) -> list[BatchRow]:
    """Rows of a list that could not be read, or whose stay is not known, in their order."""
    c = finding_batch_row.c
    names = [one.name for one in fields(BatchRow)]
    ask = select(*(c[name] for name in names)).where(c.batch_id == number, c.reason.is_not(None))
    found = connection.execute(ask.order_by(c.number).limit(limit))
    return [BatchRow(**row) for row in found.mappings()]


def reasons(connection: Connection, number: int) -> dict[str, int]:
    """How many rows of a list have which reason."""
    c = finding_batch_row.c
    ask = select(c.reason, func.count()).where(c.batch_id == number, c.reason.is_not(None))
    return {row[0]: row[1] for row in connection.execute(ask.group_by(c.reason).order_by(c.reason))}


def findings_of(connection: Connection, number: int) -> dict[str, Answered]:
    """The findings of a list as they stand now, by their keys."""
    keyed = select(finding_batch_row.c.key).where(
        finding_batch_row.c.batch_id == number, finding_batch_row.c.key.is_not(None)
    )
    names = [one.name for one in fields(Answered) if one.name != "files"]
    ask = select(*(finding.c[name] for name in names)).where(finding.c.key.in_(keyed))
    files: dict[int, list[str]] = {}
    evidence = (
        select(finding_file.c.finding_id, finding_file.c.name)
        .join_from(finding_file, finding, finding.c.id == finding_file.c.finding_id)
        .where(finding.c.key.in_(keyed))
    )
    for of, name in connection.execute(evidence.order_by(finding_file.c.id)):
        files.setdefault(of, []).append(name)
    return {
        row["key"]: Answered(**row, files=tuple(files.get(row["id"], ())))
        for row in connection.execute(ask.order_by(finding.c.id)).mappings()
    }


def own_of(connection: Connection, stays: Sequence[int]) -> list[Own]:
    """The findings of our own screening of some stays, also those that are gone since.

    Args:
        connection: a reading transaction.
        stays: their rows.
    """
    c = finding.c
    found = []
    for block in blocks(sorted(set(stays))):
        ask = select(c.id, c.stay_id, c.rule, c.day, c.document, c.first_seen, c.shadow).where(
            c.stay_id.in_(block), c.source == Source.OWN
        )
        found += [
            Own(
                id=row.id,
                stay_id=row.stay_id,
                rule=row.rule,
                day=None if row.day is None else row.day.isoformat(),
                line_names=tuple(row.document.get(LINES, ())),
                first_seen=row.first_seen,
                shadow=row.shadow,
            )
            for row in connection.execute(ask.order_by(c.id))
        ]
    return found


def notes_of(
    connection: Connection, number: int, actions: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """The last of some actions on each finding of a list, with its note, by the finding's key.

    Args:
        connection: a reading transaction.
        number: of the list.
        actions: such as the opinions of the review.
    """
    e = finding_event.c
    keyed = select(finding_batch_row.c.key).where(
        finding_batch_row.c.batch_id == number, finding_batch_row.c.key.is_not(None)
    )
    ask = (
        select(finding.c.key, e.action, e.note)
        .join_from(finding_event, finding, finding.c.id == e.finding_id)
        .where(finding.c.key.in_(keyed), e.action.in_(list(actions)))
        .order_by(e.id)
    )
    return {key: (action, note or "") for key, action, note in connection.execute(ask)}
