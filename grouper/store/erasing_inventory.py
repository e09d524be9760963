"""The inventory of personal data, ``data/personal_data.csv``: every column of every table, every kind of file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from grouper.store import review_schema  # noqa: F401 -- adds its tables to the store's
from grouper.store.schema import INBOX, STORE

FREE = "free text"
"""Kind of what people write: it may name anybody."""
KINDS = ("identifier", "number", "pseudonym", "quasi", "health", "billing", FREE, "staff", "none")
"""What a place holds: what names a person (``identifier``), the hospital's own number of one, a name of
Grouper's own, what tells a person only beside other things, facts of the illness, of the bill, what
people write, what tells of staff, nothing of a person."""
WAYS = ("gone", "blank", "renamed", "stays", "anew")
"""What becomes of it: its row or file goes, it is emptied, the case is called otherwise, it stays, it is
removed and made anew."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column or a kind of file.

    Attributes:
        place: ``store``, ``inbox`` or ``files``.
        name: of the table, or the kind of file.
        column: empty: of files.
        kind: one of :data:`KINDS`.
        why: what it is kept for.
        keep: how long.
        erased: what becomes of it when a person is erased, one of :data:`WAYS`.
        limited: likewise where billing stays.
        note: why it stays, or what else is to be known.
    """

    place: str
    name: str
    column: str
    kind: str
    why: str
    keep: str
    erased: str
    limited: str
    note: str


@cache
def places() -> tuple[Place, ...]:
    """All places in the order of the file."""
    written = (files("grouper.store") / "data" / "personal_data.csv").read_text("utf-8")
    return tuple(Place(**row) for row in csv.DictReader(written.splitlines()))


def columns() -> list[tuple[str, str, str]]:
    """The columns that there are: place, table and column."""
    return [
        (place, table.name, column.name)
        for place, tables in (("store", STORE), ("inbox", INBOX))
        for table in tables.sorted_tables
        for column in table.columns
    ]
