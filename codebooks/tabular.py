"""What a book of any family says of a group or a code, and how two books of one family differ.

CHS-DRG books have a fuller form of both (:mod:`codebooks.lookup`, :mod:`codebooks.diff`), since
their rows are rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from codebooks.errors import CodebookError
from codebooks.folding import fold_code
from codebooks.forms import GROUP_TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codebooks.book import SchemeBook

_BETWEEN_CODES = re.compile(r"[^0-9A-Za-z.*]+")
_PLACES = frozenset({"sort", "source_row"})
"""Columns that say where a row stands, not what it says."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of one table, its columns as in the family's form."""

    table: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RowChange:
    """A group that differs: of each changed column what it was and what it became."""

    key: str
    columns: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class TableChanges:
    """The changes of one table; rows of a table without groups are added or removed whole."""

    table: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[RowChange, ...]


@dataclass(frozen=True, slots=True)
class BookDiff:
    """All changes from one book to another of its family."""

    old: str
    new: str
    tables: tuple[TableChanges, ...]

    def __bool__(self) -> bool:
        return any(t.added or t.removed or t.changed for t in self.tables)


def group_table(book: SchemeBook) -> tuple[str, str] | None:
    """Table and column that list the groups of a book; None when its family has no such table."""
    found = GROUP_TABLE.get(book.card.family)
    return found if found is not None and found[0] in book.tables else None


def groups_of(book: SchemeBook) -> dict[str, str]:
    """The groups of a book and their names, in the order of its table."""
    place = group_table(book)
    if place is None:
        return {}
    table, column = place
    rows = book.rows(table)
    return {str(row[column]): str(row.get("name") or "") for row in rows}


def about(book: SchemeBook, code: str) -> list[TableRow]:
    """The rows that speak of a group or a code, the group's own first.

    A cell speaks of a code when the code stands in it as a whole, alone or in an expression.
    """
    folded = fold_code(code)
    place = group_table(book)
    found = [TableRow(name, row) for name in book.form for row in _speaking(book, name, folded)]
    if place is None:
        return found
    table, column = place

    def elsewhere(entry: TableRow) -> bool:
        return entry.table != table or fold_code(str(entry.row[column])) != folded

    return sorted(found, key=elsewhere)


def _speaking(book: SchemeBook, name: str, folded: str) -> Iterator[dict[str, Any]]:
    table = book.tables[name]
    texts = [f.name for f in book.form[name] if pa.types.is_string(f.type)]
    if not folded or not texts or not table.num_rows:
        return
    maybe = None
    for column in texts:
        hit = pc.match_substring(pc.utf8_upper(pc.fill_null(table.column(column), "")), folded)
        maybe = hit if maybe is None else pc.or_(maybe, hit)
    for row in table.filter(maybe).to_pylist():
        if any(_holds(str(row[column] or ""), folded) for column in texts):
            yield row


def _holds(cell: str, folded: str) -> bool:
    whole = fold_code(cell)
    return whole == folded or folded in _BETWEEN_CODES.split(whole)


def diff_books(old: SchemeBook, new: SchemeBook) -> BookDiff:
    """Compare two books of one family, table by table.

    Rows of the group table are compared by group; where a group has several rows, and in the other
    tables, whole rows are added or removed. The place of a row in its document is no difference.

    Raises:
        CodebookError: ``DIFF_FAMILIES`` when the books are of two families.
    """
    if old.card.family != new.card.family:
        families = {"first": old.card.family, "second": new.card.family}
        raise CodebookError("DIFF_FAMILIES", old=old.card.id, new=new.card.id, **families)
    place = group_table(old)
    tables = [
        _by_group(old, new, *place) if place and name == place[0] else _by_row(old, new, name)
        for name in old.form
    ]
    return BookDiff(old.card.id, new.card.id, tuple(tables))


def _by_group(old: SchemeBook, new: SchemeBook, table: str, column: str) -> TableChanges:
    before, after = _grouped(old, table, column), _grouped(new, table, column)
    changed: list[RowChange] = []
    for key in before.keys() & after.keys():
        columns = [
            (name, _joined(before[key], name), _joined(after[key], name))
            for name in old.form[table].names
            if name not in _PLACES
        ]
        differing = tuple(c for c in columns if c[1] != c[2])
        if differing:
            changed.append(RowChange(key, differing))
    return TableChanges(
        table,
        tuple(sorted(after.keys() - before.keys())),
        tuple(sorted(before.keys() - after.keys())),
        tuple(sorted(changed, key=lambda c: c.key)),
    )


def _grouped(book: SchemeBook, table: str, column: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in book.rows(table):
        found.setdefault(str(row[column]), []).append(row)
    return found


def _joined(rows: list[dict[str, Any]], column: str) -> str:
    return "\n".join("" if row[column] is None else str(row[column]) for row in rows)


def _by_row(old: SchemeBook, new: SchemeBook, table: str) -> TableChanges:
    before, after = (_row_texts(book, table) for book in (old, new))
    return TableChanges(
        table, tuple(sorted(after - before)), tuple(sorted(before - after)), changed=()
    )


def _row_texts(book: SchemeBook, table: str) -> set[str]:
    names = [name for name in book.form[table].names if name not in _PLACES]
    return {
        "  ".join("" if row[name] is None else str(row[name]) for name in names).rstrip()
        for row in book.rows(table)
    }
