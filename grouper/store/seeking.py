"""Where a time begins among rows whose numbers rise with their times: messages, entries of the log.

It is looked for by halves, so that no table needs an index of its times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Table


def begins(connection: Connection, table: Table, column: str, at: datetime) -> int:
    """The id from which on all rows are of a time or later; one above the last id: none is.

    Of an id that no row has, any between the rows around it is as good.

    Args:
        connection: a reading transaction.
        table: with the key ``id``, whose times rise with it.
        column: of the times.
        at: the time.
    """
    key, time = table.c.id, table.c[column]
    low = connection.scalar(select(func.min(key)))
    high = connection.scalar(select(func.max(key)))
    if low is None or high is None:
        return 1
    high += 1
    while low < high:
        middle = (low + high) // 2
        ask = select(key, time).where(key >= middle).order_by(key).limit(1)
        row = connection.execute(ask).first()
        if row is None or row[1] >= at:
            high = middle
        else:
            low = int(row[0]) + 1
    return int(low)
