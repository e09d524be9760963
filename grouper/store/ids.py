"""Ids handed out before their rows are written, inside the one transaction that writes."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Table

_BLOCK = 128
AT_ONCE = 1_000
"""Values in one question: databases take some ten thousand, and a file may name more."""

_T = TypeVar("_T")


def blocks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Values in blocks of :data:`AT_ONCE`."""
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


class Ids:
    """Ids of one table, rising; never one that was handed out before.

    Only for a transaction of :meth:`grouper.store.database.Database.writing_store`: no one else
    writes the table meanwhile.

    Args:
        connection: the transaction.
        table: its key is the counted column ``id``.
    """

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection = connection
        self._table = table.name
        self._ready: deque[int] = deque()

    def take(self) -> int:
        """The next id."""
        if not self._ready:
            self._ready.extend(self._block())
        return self._ready.popleft()

    def _block(self) -> list[int]:
        if self._connection.dialect.name == "postgresql":
            ask = text(
                "SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :n)"
            )
            found = self._connection.execute(ask, {"name": self._table, "n": _BLOCK})
            return sorted(found.scalars())
        named = {"name": self._table, "n": _BLOCK}
        ask = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        last = self._connection.execute(ask, named).scalar()
        step = (
            "INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :n)"
            if last is None
            else "UPDATE sqlite_sequence SET seq = seq + :n WHERE name = :name"
        )
        self._connection.execute(text(step), named)
        first = (last or 0) + 1
        return list(range(first, first + _BLOCK))
