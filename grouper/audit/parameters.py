"""The rows of the book as DuckDB joins them: items as numbers, days as whole numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.audit.lines import NONE, PARTS, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codebooks.audit.books import AuditBook
    from grouper.audit.lines import Words

NEVER = (1 << 31) - 1
"""A day after every day."""
_PLACES = 4
"""Numbers of the book have four places."""
_SECONDS = {"six_hours": 21_600, "hour": 3_600}
PAIRS = "pairs"
_ITEMS = ("item", "item_a", "item_b")


def parameter_tables(
    book: AuditBook, names: Iterable[str], running: frozenset[str], items: Words
) -> dict[str, pa.Table]:
    """The rows of tables for the items there are.

    Args:
        book: the book.
        names: of its tables.
        running: the rules that run; rows of others are left out.
        items: the items of the lines.

    Returns:
        By table: its columns with ``item`` as a number, numbers of four places as whole numbers,
        ``since`` and ``until`` as days since 1970. Of ``pairs``: ``fault`` and ``beside``.
    """
    there = items.all
    return {name: _whole(_of(book, name, there), name, running, items) for name in names}


def _of(book: AuditBook, name: str, items: list[str]) -> pa.Table:
    if name == PAIRS:
        return book.tables[name]
    return book.resolved(name, items)


def _whole(rows: pa.Table, name: str, running: frozenset[str], items: Words) -> pa.Table:
    rows = rows.filter(pc.is_in(rows["rule"], pa.array(sorted(running), pa.string())))
    columns: dict[str, Any] = {}
    for field in rows.schema:
        column = rows[field.name].combine_chunks()
        if field.name in _ITEMS:
            column = _numbers(column, items)
        elif pa.types.is_decimal(field.type):
            column = whole_numbers(column, _PLACES)
        columns[field.name] = column
    since = columns.pop("valid_from").cast(pa.int32())
    columns["since"] = pc.fill_null(since, -NEVER)
    columns["until"] = pc.fill_null(columns.pop("valid_to").cast(pa.int32()), NEVER)
    if name == PAIRS:
        kept = pc.equal(columns["keep"], "a")
        one, other = columns.pop("item_a"), columns.pop("item_b")
        columns["fault"] = pc.if_else(kept, other, one)
        columns["beside"] = pc.if_else(kept, one, other)
        columns["seconds"] = pa.array(
            [_SECONDS.get(window, 0) for window in columns["window"].to_pylist()], pa.int32()
        )
        both = pc.and_(pc.not_equal(columns["fault"], NONE), pc.not_equal(columns["beside"], NONE))
        return pa.table(columns).filter(both)
    if name == "cycle":
        columns["times"] = pc.multiply(columns["times"].cast(pa.int64()), PARTS)
    return pa.table(columns)


def _numbers(column: Any, items: Words) -> pa.Array:  # noqa: ANN401 -- Arrow
    """Numbers of items; ``NONE`` for one that no line has."""
    encoded = pc.dictionary_encode(column)
    known = [items.known(word) if word else NONE for word in encoded.dictionary.to_pylist()]
    at = np.asarray(pc.fill_null(encoded.indices, len(known)))
    return pa.array(np.array([*known, NONE], np.int32)[at])


def code_rows(indications: pa.Table) -> pa.Table:
    """The prefixes of indications, one row each."""
    allowed = indications["allowed"].combine_chunks()
    parents = pc.list_parent_indices(allowed)
    return pa.table({"row": indications["row"].take(parents), "prefix": pc.list_flatten(allowed)})


def behaviour_rows(book: AuditBook, running: frozenset[str]) -> pa.Table:
    """The thresholds of behaviour as whole numbers of ten-thousandths."""
    rows = book.tables["behaviour"]
    rows = rows.filter(pc.is_in(rows["rule"], pa.array(sorted(running), pa.string())))
    return pa.table(
        {
            "rule": rows["rule"].cast(pa.string()),
            "row": rows["row"].cast(pa.string()),
            "parameter": rows["parameter"].cast(pa.string()),
            "value": whole_numbers(rows["value"], _PLACES),
        }
    )
