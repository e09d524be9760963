"""What people wrote elsewhere: notes and reasons of other rows that tell a person by a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import String, select, update

from grouper.store.erasing_inventory import FREE, places
from grouper.store.schema import STORE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Column, Connection, Table

    from grouper.store.erasing_needles import Needles

STARS = "***"


def star(connection: Connection, needles: Needles) -> int:
    """Put stars in the place of certificates, numbers and names of Grouper's own.

    A person's name is left: of whom it is cannot be told.

    Returns:
        How many texts were changed.
    """
    done = 0
    for table, column, key in _texts():
        asked = select(key, column).where(column.is_not(None), column != "")
        changed = [
            (number, fresh)
            for number, text in connection.execute(asked)
            if (fresh := needles.replaced(text, lambda _: STARS)) != text
        ]
        for number, fresh in changed:
            connection.execute(update(table).where(key == number).values({column: fresh}))
        done += len(changed)
    return done


def _texts() -> Iterator[tuple[Table, Column[str], Column[int]]]:
    for one in places():
        if (one.place, one.kind) == ("store", FREE):
            table = STORE.tables[one.name]
            column = table.c[one.column]
            # What is kept as JSON or bytes goes with its row.
            if isinstance(column.type, String):
                yield table, column, next(iter(table.primary_key.columns))
