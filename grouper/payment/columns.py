"""The columns of a batch as the batch engine reads them: whole numbers and codes of words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.folding import fold_codes
from grouper.case.dates import LOCAL
from grouper.case.fields import CASE_SCHEMA
from grouper.payment.fixed import Fixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

HISTORY_SCHEMA = pa.schema([("days_since_same", pa.int32()), ("days_until_same", pa.int32())])
"""Columns that a table of stays may have beside the case's own; see :mod:`grouper.payment.history`."""


@dataclass(frozen=True, slots=True)
class Words:
    """A column of words: ``codes`` index ``words``; −1 is missing.

    ``_known`` keeps answers about the words; the words of some cases share it with those of all.
    """

    codes: NDArray[np.int32]
    words: tuple[str, ...]
    _known: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def take(self, rows: NDArray[Any]) -> Words:
        """The words of some cases."""
        return Words(self.codes[rows], self.words, self._known)

    def among(self, wanted: tuple[str, ...], *, prefix: bool = False) -> NDArray[np.bool_]:
        """Whether each is one of some words, or is a code that begins with one; a missing one is not."""
        if (wanted, prefix) not in self._known:
            hits = self._begin(wanted) if prefix else [word in wanted for word in self.words]
            # A missing word finds the last place.
            self._known[wanted, prefix] = np.array([*hits, False], np.bool_)
        found: NDArray[np.bool_] = self._known[wanted, prefix][self.codes]
        return found

    def _begin(self, wanted: tuple[str, ...]) -> list[bool]:
        if "folded" not in self._known:
            self._known["folded"] = fold_codes(self.words)
        begins = tuple(fold_codes(wanted))
        return [word.startswith(begins) for word in self._known["folded"]]

    def mapped(self, table: dict[str, str]) -> Words:
        """The words that a table gives for these; missing where it has none."""
        names = tuple(dict.fromkeys(table.values()))
        to = [names.index(table[word]) if word in table else -1 for word in self.words]
        return Words(np.array([*to, -1], np.int32)[self.codes], names)


@dataclass(slots=True)
class Columns:
    """A batch of cases with their groupings, or some of its rows.

    Attributes:
        batch: columns of ``CASE_SCHEMA`` and :data:`HISTORY_SCHEMA` (those that are missing are
            read as empty) and of ``RESULT_SCHEMA``.
        rows: the rows that are meant; None: all.
    """

    batch: pa.RecordBatch
    rows: NDArray[np.int64] | None = None
    _read: dict[Any, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.batch.num_rows if self.rows is None else len(self.rows)

    def some(self, rows: NDArray[np.int64]) -> Columns:
        """These rows (numbers of the whole batch)."""
        return Columns(self.batch, rows, {"whole": self._whole()})

    def _whole(self) -> Columns:
        whole: Columns = self._read.get("whole", self)
        return whole

    def _column(self, name: str) -> pa.Array:
        places = self._read.get("places")
        if places is None:
            places = {own: place for place, own in enumerate(self.batch.schema.names)}
            self._read["places"] = places
        if name in places:
            return self.batch.column(places[name])
        schema = HISTORY_SCHEMA if name in HISTORY_SCHEMA.names else CASE_SCHEMA
        return pa.nulls(self.batch.num_rows, schema.field(name).type)

    def words(self, name: str) -> Words:
        """A column of texts."""
        if self.rows is not None:
            return self._whole().words(name).take(self.rows)
        if name not in self._read:
            self._read[name] = _words(self._column(name))
        found: Words = self._read[name]
        return found

    def first(self, name: str) -> Words:
        """The first code of a list (``dx``: the principal diagnosis; ``px``: the main procedure)."""
        if self.rows is not None:
            return self._whole().first(name).take(self.rows)
        if ("first", name) not in self._read:
            self._read["first", name] = _first(self._column(name))
        found: Words = self._read["first", name]
        return found

    def fixed(self, name: str) -> tuple[Fixed, NDArray[np.bool_]]:
        """A column of decimals, and where it is stated; nought where it is not."""
        if self.rows is not None:
            numbers, stated = self._whole().fixed(name)
            return numbers.take(self.rows), stated[self.rows]
        if name not in self._read:
            self._read[name] = _fixed(self._column(name))
        found: tuple[Fixed, NDArray[np.bool_]] = self._read[name]
        return found

    def whole(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """A column of whole numbers, and where it is stated; nought where it is not."""
        if self.rows is not None:
            numbers, stated = self._whole().whole(name)
            return numbers[self.rows], stated[self.rows]
        if name not in self._read:
            column = self._column(name)
            self._read[name] = (_whole(column), _stated(column))
        found: tuple[NDArray[np.int64], NDArray[np.bool_]] = self._read[name]
        return found

    def day(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The local day of a time, as days since 1970-01-01, and where it is stated."""
        if self.rows is not None:
            days, stated = self._whole().day(name)
            return days[self.rows], stated[self.rows]
        if ("day", name) not in self._read:
            column = self._column(name)
            local = pc.local_timestamp(column.cast(pa.timestamp("s", LOCAL.key)))
            self._read["day", name] = (_whole(local) // 86_400, _stated(column))
        found: tuple[NDArray[np.int64], NDArray[np.bool_]] = self._read["day", name]
        return found

    def sums(self, name: str) -> tuple[Fixed, NDArray[np.bool_]]:
        """The sum of a list of decimals, and where it holds any."""
        if self.rows is not None:
            numbers, stated = self._whole().sums(name)
            return numbers.take(self.rows), stated[self.rows]
        if ("sums", name) not in self._read:
            self._read["sums", name] = _sums(self._column(name))
        found: tuple[Fixed, NDArray[np.bool_]] = self._read["sums", name]
        return found

    def listed(self, name: str, wanted: tuple[str, ...]) -> NDArray[np.bool_]:
        """Whether any code of a list begins with one of some texts."""
        if self.rows is not None:
            return self._whole().listed(name, wanted)[self.rows]
        if ("listed", name, wanted) not in self._read:
            self._read["listed", name, wanted] = _listed(self._column(name), wanted)
        found: NDArray[np.bool_] = self._read["listed", name, wanted]
        return found


def _stated(column: pa.Array) -> NDArray[np.bool_]:
    if not column.null_count:
        return np.ones(len(column), np.bool_)
    if column.null_count == len(column):
        return np.zeros(len(column), np.bool_)
    return np.asarray(column.is_valid())


def _whole(column: pa.Array) -> NDArray[np.int64]:
    """Whole numbers (of a time its seconds); nought where there is none."""
    if column.null_count == len(column):
        return np.zeros(len(column), np.int64)
    numbers = column if column.type == pa.int64() else pc.cast(column, pa.int64())
    return np.asarray(pc.fill_null(numbers, 0) if numbers.null_count else numbers)


def _words(column: pa.Array) -> Words:
    if column.null_count == len(column):
        return Words(np.full(len(column), -1, np.int32), ())
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    indices = pc.fill_null(column.indices, -1) if column.indices.null_count else column.indices
    codes = np.asarray(indices).astype(np.int32)
    known = column.dictionary.to_pylist()
    if any(word is None for word in known):
        lost = np.array([*(word is None for word in known), False], np.bool_)[codes]
        codes = np.where(lost, np.int32(-1), codes)
    return Words(codes, tuple(word or "" for word in known))


def _first(column: pa.Array) -> Words:
    filled = np.asarray(pc.fill_null(pc.list_value_length(column), 0)) > 0
    places = np.flatnonzero(filled)
    codes = np.full(len(column), -1, np.int32)
    found = _words(pc.list_element(column.take(pa.array(places)), 0)) if len(places) else None
    if found is not None:
        codes[places] = found.codes
    return Words(codes, found.words if found else ())


def _fixed(column: pa.Array) -> tuple[Fixed, NDArray[np.bool_]]:
    stated = _stated(column)
    if pa.types.is_integer(column.type):
        return Fixed(_whole(column), 0), stated
    scale = column.type.scale
    if not stated.any():
        return Fixed(np.zeros(len(column), np.int64), scale), stated
    exact = column if pa.types.is_decimal128(column.type) else column.cast(pa.decimal128(38, scale))
    halves = np.frombuffer(exact.buffers()[1], np.int64).reshape(-1, 2)
    halves = halves[exact.offset : exact.offset + len(exact)]
    # What stands in the place of a missing number is not said.
    low, high = (np.where(stated, halves[:, one], 0) for one in range(2))
    if bool(np.all(high == (low >> 63))):
        return Fixed(low, scale), stated
    units = [0 if one is None else int(one.scaleb(scale)) for one in exact.to_pylist()]
    return Fixed(np.array(units, object), scale), stated


def _listed(column: pa.Array, wanted: tuple[str, ...]) -> NDArray[np.bool_]:
    hits = _words(pc.list_flatten(column)).among(wanted, prefix=True)
    parents = np.asarray(pc.list_parent_indices(column))
    found = np.zeros(len(column), np.bool_)
    found[parents[hits]] = True
    return found


def _sums(column: pa.Array) -> tuple[Fixed, NDArray[np.bool_]]:
    if column.null_count == len(column):
        none = np.zeros(len(column), np.int64)
        return Fixed(none, column.type.value_type.scale), none.astype(np.bool_)
    parents = np.asarray(pc.list_parent_indices(column))
    numbers, stated = _fixed(pc.list_flatten(column))
    # Running sums part at the cases' ends: exact, and quicker than adding place by place.
    ends = np.searchsorted(parents, np.arange(len(column) + 1))
    running = np.concatenate([np.zeros(1, numbers.units.dtype), np.cumsum(numbers.units)])
    counted = np.concatenate([np.zeros(1, np.int64), np.cumsum(stated)])
    sums, counts = running[ends], counted[ends]
    return Fixed(sums[1:] - sums[:-1], numbers.places), counts[1:] > counts[:-1]
