"""Evidence: files that were handed in for findings; of each finding the same file once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from grouper.store.database import StoreError
from grouper.store.review_schema import finding_file as table

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A file without its content; ``size`` in bytes."""

    id: int
    finding_id: int
    at: datetime
    actor: str
    name: str
    media: str
    size: int
    sha256: bytes


_COLUMNS = tuple(table.c[name] for name in FileRow.__dataclass_fields__)


def add(
    connection: Connection,
    finding_id: int,
    name: str,
    media: str,
    content: bytes,
    *,
    at: datetime,
    actor: str,
) -> tuple[FileRow, bool]:
    """Keep a file, if the finding does not have it yet.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        finding_id: of the finding.
        name: of the file.
        media: its type, by its content.
        content: the bytes.
        at: when.
        actor: who handed it in.

    Returns:
        The file, and whether it is new.
    """
    digest = hashlib.sha256(content).digest()
    for one in files_of(connection, finding_id):
        if one.sha256 == digest:
            return one, False
    values = {
        "finding_id": finding_id,
        "at": at,
        "actor": actor,
        "name": name,
        "media": media,
        "size": len(content),
        "sha256": digest,
    }
    made = connection.execute(insert(table).returning(table.c.id).values(**values, content=content))
    return FileRow(
        id=int(made.scalar_one()),
        finding_id=finding_id,
        at=at,
        actor=actor,
        name=name,
        media=media,
        size=len(content),
        sha256=digest,
    ), True


def files_of(connection: Connection, finding_id: int) -> list[FileRow]:
    """The files of a finding, the oldest first."""
    ask = select(*_COLUMNS).where(table.c.finding_id == finding_id).order_by(table.c.id)
    return [FileRow(**row) for row in connection.execute(ask).mappings()]


def held(connection: Connection, finding_id: int) -> tuple[int, int]:
    """How many files a finding has, and their bytes."""
    ask = select(func.count(), func.coalesce(func.sum(table.c.size), 0))
    count, size = connection.execute(ask.where(table.c.finding_id == finding_id)).one()
    return int(count), int(size)


def content_of(connection: Connection, finding_id: int, number: int) -> tuple[FileRow, bytes]:
    """A file of a finding with its content.

    Raises:
        StoreError: ``FINDING_FILE_UNKNOWN``.
    """
    which = (table.c.finding_id == finding_id) & (table.c.id == number)
    row = connection.execute(select(*_COLUMNS, table.c.content).where(which)).mappings().first()
    if row is None:
        raise StoreError("FINDING_FILE_UNKNOWN")
    values = dict(row)
    content = bytes(values.pop("content"))
    return FileRow(**values), content
