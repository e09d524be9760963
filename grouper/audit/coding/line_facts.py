"""The facts that are made of charge lines. Refunds are taken off first, item by item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.audit.coding.columns import (
    Lists,
    Scalars,
    decimals,
    encoded,
    flat,
    merged,
    rows_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORDS = ("line_item", "line_name", "line_class")
_NEEDED = ("line", *_WORDS, "line_quantity", "line_amount")
_MOST_TOTAL = 1 << 60


@dataclass(frozen=True, slots=True)
class Charged:
    """The lines of cases, one place a line, in the order of the cases.

    Attributes:
        row: number of the case.
        line: number within the case, from 1.
        words: item, name and class of each line.
        quantity: in ten-thousandths.
        amount: in ten-thousandths of a yuan.
    """

    row: NDArray[np.int64]
    line: NDArray[np.int64]
    words: dict[str, Lists]
    quantity: NDArray[np.int64]
    amount: NDArray[np.int64]


def charged(cases: pa.Table, charges: pa.Table | None) -> Charged | None:
    """The lines of cases, from a table of charges or from the cases themselves.

    Args:
        cases: one chunk a column.
        charges: ``case_id``, ``line_…`` and, if it has it, ``line``; None: the lines stand in the
            cases. Lines of other cases are left out.

    Returns:
        None where there is no line at all.
    """
    if charges is None:
        return _nested(cases)
    known = cases.column("case_id").combine_chunks().cast(pa.string())
    ids = charges.column("case_id").combine_chunks()
    ids = ids.chunk(0) if isinstance(ids, pa.ChunkedArray) else ids
    at, words = encoded(ids, len(ids))
    places = pc.index_in(pa.array(words, pa.string()), value_set=known)
    row = np.append(np.asarray(pc.fill_null(places, -1)).astype(np.int64), -1)[at]
    mine = np.flatnonzero(row >= 0)
    order = mine[np.argsort(row[mine], kind="stable")]
    if not len(order):
        return None
    needed = [name for name in _NEEDED if name in charges.column_names]
    picked = charges.select(needed).take(pa.array(order)).combine_chunks()
    columns = {name: picked.column(name).combine_chunks() for name in picked.column_names}
    row = row[order]
    if "line" in columns:
        line = np.asarray(columns["line"].fill_null(0)).astype(np.int64)
    else:
        line = np.arange(len(row)) - np.searchsorted(row, row) + 1
    return _of(columns, row, line)


def _nested(cases: pa.Table) -> Charged | None:
    lists = [name for name in cases.column_names if name.startswith("line_")]
    found = {name: flat(cases.column(name).combine_chunks(), cases.num_rows) for name in lists}
    lengths = np.zeros(cases.num_rows, np.int64)
    for own, _ in found.values():
        lengths = np.maximum(lengths, own)
    if not lengths.any():
        return None
    row, place = rows_of(lengths)
    columns = {}
    for name, (own, members) in found.items():
        if members is not None:
            there = place < own[row]
            at = np.where(there, (np.cumsum(own) - own)[row] + place, 0)
            columns[name] = members.take(pa.array(at, mask=~there))
    return _of(columns, row, place + 1)


def _of(columns: dict[str, pa.Array], row: NDArray[np.int64], line: NDArray[np.int64]) -> Charged:
    count = len(row)
    words = {}
    for name in _WORDS:
        at, spelled = encoded(columns.get(name), count)
        words[name] = Lists(row, *merged(at, [(word or "").strip() for word in spelled]))
    quantity = decimals(columns.get("line_quantity"), count).values
    return Charged(row, line, words, quantity, decimals(columns.get("line_amount"), count).values)


def fact(lines: Charged | None, name: str, count: int) -> Scalars | Lists:
    """``lines_total``, ``line_item``, ``line_name`` or ``line_class``.

    Of a list each word stands once a case, with the quantity left of it; words of which nothing is
    left after refunds are gone.
    """
    if lines is None:
        if name == "lines_total":
            return Scalars(np.zeros(count, np.int64), np.zeros(count, bool))
        nothing = np.zeros(0, np.int64)
        return Lists(nothing, nothing, (), nothing)
    if name == "lines_total":
        total = np.zeros(count, np.int64)
        np.add.at(total, lines.row, lines.amount)
        known = np.zeros(count, bool)
        known[lines.row] = True
        return Scalars(np.clip(total, -_MOST_TOTAL, _MOST_TOTAL), known)
    every = lines.words[name]
    # Refunds belong to an item: what is left of each is reckoned before it counts for its class.
    item = lines.words["line_item"] if name != "line_name" else every
    return _left(lines, every, item)


def _left(lines: Charged, every: Lists, item: Lists) -> Lists:
    width = len(every.words) + 1
    pair = (lines.row * width + every.at + 1) * (len(item.words) + 1) + item.at + 1
    distinct, back = np.unique(pair, return_inverse=True)
    left = np.zeros(len(distinct), np.int64)
    np.add.at(left, back, lines.quantity)
    key = distinct // (len(item.words) + 1)
    there = (left > 0) & (key % width > 0)
    words, back = np.unique(key[there], return_inverse=True)
    quantity = np.zeros(len(words), np.int64)
    np.add.at(quantity, back, left[there])
    return Lists(words // width, words % width - 1, every.words, quantity)


def lines_with(lines: Charged, row: int, name: str, wanted: frozenset[str]) -> list[int]:
    """The numbers of a case's lines, without refunds, whose item, name or class is wanted."""
    every = lines.words[name]
    part = every.of(row)
    at = every.at[part].tolist()
    numbers, quantity = lines.line[part].tolist(), lines.quantity[part].tolist()
    return sorted(
        number
        for number, place, left in zip(numbers, at, quantity, strict=True)
        if place >= 0 and left > 0 and every.words[place] in wanted
    )
