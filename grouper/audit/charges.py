"""Charge lines in portions of whole cases, wherever they stand: in files, a table, or the cases.

A portion never cuts a case: lines of a case that goes on in a later block wait for it. Two passes:
the first reads only whose lines stand where.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codebooks.errors import Where
from codebooks.plain import ARROW_FAULTS
from grouper.audit.errors import AuditError
from grouper.audit.lines import COLUMNS, NONE, Lines, Vocabulary, chained, is_exact, lines_of
from grouper.case.fields import CASE_SCHEMA, ZONE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

CASE, LINE = "case_id", "line"
_NEEDED = (CASE, "line_item", "line_amount", "line_time")
_BLOCK = 1 << 20
_NAME = "line_name"
_DIGITS = CASE_SCHEMA.field("line_amount").type.value_type.precision
"""What an amount or a quantity of a case's line may hold."""


class Readable(Protocol):
    """Some lines that are read together."""

    def lines(
        self, owners: NDArray[np.int32], words: Vocabulary, first: NDArray[np.int32]
    ) -> Lines:
        """The lines of known cases.

        Args:
            owners: the case of each line; those of ``NONE`` are left out.
            words: where words get their numbers.
            first: how many lines each case had in the blocks before; counted on where the lines
                have no numbers of their own.
        """
        ...


class Block(Readable, Protocol):
    """Lines that stand beside the cases."""

    def names(self) -> pa.DictionaryArray:
        """The case of each line, by its id."""
        ...


@dataclass(frozen=True, slots=True)
class _Table:
    """Rows of a table in memory."""

    rows: pa.Table

    def names(self) -> pa.DictionaryArray:
        return _encoded(self.rows[CASE])

    def lines(
        self, owners: NDArray[np.int32], words: Vocabulary, first: NDArray[np.int32]
    ) -> Lines:
        return _lines(self.rows, owners, words, first)


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group of a Parquet file."""

    path: Path
    number: int
    columns: tuple[str, ...]

    def names(self) -> pa.DictionaryArray:
        return _encoded(self._read((CASE,))[CASE])

    def lines(
        self, owners: NDArray[np.int32], words: Vocabulary, first: NDArray[np.int32]
    ) -> Lines:
        return _lines(_right(self._read(self.columns), self.path), owners, words, first)

    def _read(self, columns: Sequence[str]) -> pa.Table:
        try:
            with pq.ParquetFile(self.path, read_dictionary=_texts(columns)) as file:
                return file.read_row_group(self.number, columns=list(columns))
        except ARROW_FAULTS as cause:
            raise _unusable(self.path, type(cause).__name__) from cause


def _texts(columns: Sequence[str]) -> list[str]:
    other = {LINE, "line_quantity", "line_amount", "line_time"}
    return [name for name in columns if name not in other]


@dataclass(frozen=True, slots=True)
class _Nested:
    """The lines that stand in cases, of those that have none elsewhere."""

    cases: pa.Table
    own: NDArray[np.bool_]

    def owners(self) -> NDArray[np.int32]:
        """The case of each line."""
        lengths = np.where(self.own, _lengths(self.cases, "line_amount"), 0)
        return np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)

    def lines(
        self, owners: NDArray[np.int32], words: Vocabulary, first: NDArray[np.int32]
    ) -> Lines:
        del first
        lengths = _lengths(self.cases, "line_amount")
        kept = np.repeat(self.own, lengths)
        columns = {name: _beside(self.cases, name, lengths, kept) for name in COLUMNS}
        return lines_of(columns, owners, _counted(owners), words)


def blocks_of(charges: pa.Table | Sequence[Path]) -> list[Block]:
    """The blocks of a table, or of Parquet files with ``case_id`` and columns ``line_…``.

    Raises:
        AuditError: ``AUDIT_CHARGES``: a file cannot be read, or has not the columns.
    """
    if isinstance(charges, pa.Table):
        _complete(charges.column_names, None)
        table = _right(charges, None)
        return [_Table(table.slice(at, _BLOCK)) for at in range(0, table.num_rows, _BLOCK)]
    return [block for path in charges for block in _groups(path)]


def _groups(path: Path) -> Iterator[Block]:
    try:
        with pq.ParquetFile(path) as file:
            names, number = file.schema_arrow.names, file.num_row_groups
    except ARROW_FAULTS as cause:
        raise _unusable(path, type(cause).__name__) from cause
    _complete(names, path)
    wanted = tuple(name for name in (LINE, *COLUMNS) if name in names)
    for place in range(number):
        yield _Group(path, place, wanted)


@dataclass(frozen=True, slots=True)
class Portions:
    """The lines of cases, in portions.

    Attributes:
        cases: columns of ``CASE_SCHEMA``.
        judged: the cases whose lines are wanted.
        blocks: of lines that stand beside the cases.
        size: lines of a portion, about.
    """

    cases: pa.Table
    judged: NDArray[np.bool_]
    blocks: list[Block]
    size: int

    def each(self, words: Vocabulary, strangers: list[int]) -> Iterator[Lines]:
        """The portions; each case's lines are wholly in one.

        Args:
            words: where words get their numbers.
            strangers: gets for each block the number of lines whose case is not among the cases.
        """
        ids = self.cases[CASE].combine_chunks().cast(pa.string())
        count = len(ids)
        last = np.full(count, -1, np.int64)
        wanted = np.append(self.judged, False)
        owned = []
        for place, owners in enumerate(_owners([block.names() for block in self.blocks], ids)):
            strangers.append(int((owners == NONE).sum()))
            last[owners[owners != NONE]] = place
            owned.append(owners if self.judged.all() else np.where(wanted[owners], owners, NONE))
        nested = _Nested(self.cases, (last < 0) & self.judged)
        blocks: list[Readable] = [*self.blocks, nested]
        owned.append(nested.owners())
        last[last < 0] = len(self.blocks)
        first = np.zeros(count, np.int32)
        waiting: list[Lines] = []
        ready: list[Lines] = []
        for place, block in enumerate(blocks):
            found = block.lines(owned[place], words, first)
            owned[place] = owned[place][:0]
            whole = last[found.case] <= place
            due = [found if whole.all() else found.take(whole)]
            due += [kept.take(last[kept.case] <= place) for kept in waiting]
            waiting = [kept.take(last[kept.case] > place) for kept in waiting]
            waiting = [kept for kept in waiting if len(kept)]
            if not whole.all():
                waiting.append(found.take(~whole))
            ready += due
            if sum(map(len, ready)) >= self.size or place == len(blocks) - 1:
                yield from self._cut(chained(ready))
                ready = []

    def _cut(self, lines: Lines) -> Iterator[Lines]:
        """Portions that are not much greater than asked for."""
        if len(lines) <= 2 * self.size:
            if len(lines):
                yield lines
            return
        order = np.argsort(lines.case, kind="stable")
        case = lines.case[order]
        at = 0
        while at < len(order):
            end = min(at + self.size, len(order))
            end = int(np.searchsorted(case, case[end - 1], side="right"))
            yield lines.take(order[at:end])
            at = end


def _complete(names: Sequence[str], path: Path | None) -> None:
    for name in _NEEDED:
        if name not in names:
            raise _unusable(path, name, name)
    for name in (CASE, LINE, *COLUMNS, _NAME):
        if list(names).count(name) > 1:
            raise _unusable(path, name, name)


def _unusable(path: Path | None, problem: str, column: str | None = None) -> AuditError:
    where = Where(file=path.name if path else None, column=column)
    return AuditError("AUDIT_CHARGES", where, problem=problem)


def lines_at(paths: Sequence[Path], ids: pa.Array) -> pa.Table:
    """The lines of some cases out of Parquet files, with the names of their items; texts are plain.

    Args:
        paths: files as :func:`blocks_of` takes them.
        ids: of the cases.

    Raises:
        AuditError: ``AUDIT_CHARGES``: a file cannot be read, or has not the columns.
    """
    wanted = (CASE, LINE, *COLUMNS, _NAME)
    found = []
    for path in paths:
        try:
            names = pq.read_schema(path).names
            _complete(names, path)
            table = pq.read_table(path, columns=[name for name in wanted if name in names])
        except ARROW_FAULTS as cause:
            raise _unusable(path, type(cause).__name__) from cause
        own = table.filter(pc.is_in(table[CASE].cast(pa.string()), ids))
        found.append(_plain(_right(own, path, wanted)))
    return pa.concat_tables(found, promote_options="default")


def lines_in(table: pa.Table, ids: pa.Array) -> pa.Table:
    """The lines of some cases out of a table, as :func:`lines_at` gives them.

    Raises:
        AuditError: ``AUDIT_CHARGES``: the table has not the columns.
    """
    _complete(table.column_names, None)
    own = table.filter(pc.is_in(table[CASE].cast(pa.string()), ids))
    return _plain(_right(own, None, (CASE, LINE, *COLUMNS, _NAME)))


def _plain(table: pa.Table) -> pa.Table:
    """Columns of one type each, so that files of several types stand below each other."""
    kinds = {
        LINE: pa.int32(),
        "line_time": pa.timestamp("ms", ZONE),
        "line_quantity": pa.decimal128(_DIGITS, 4),
        "line_amount": pa.decimal128(_DIGITS, 2),
    }
    return pa.table(
        {
            name: table[name].cast(kinds.get(name, pa.string()), safe=False)
            for name in table.column_names
        }
    )


def _right(
    table: pa.Table, path: Path | None, wanted: Sequence[str] = (CASE, LINE, *COLUMNS)
) -> pa.Table:
    """Only the columns that are asked for, of types that can be read."""
    columns = {}
    for name in wanted:
        if name not in table.column_names:
            continue
        column = table[name]
        try:
            columns[name] = _readable(name, column)
        except pa.ArrowException as cause:
            raise _unusable(path, str(column.type), name) from cause
    return pa.table(columns)


def _readable(name: str, column: Any) -> Any:  # noqa: ANN401 -- Arrow
    if name == LINE:
        number = column.cast(pa.int32())
        if number.null_count:
            raise pa.ArrowInvalid(name)
        return number
    if name == "line_time":
        kind = column.type
        if not pa.types.is_timestamp(kind):
            return column.cast(pa.timestamp("s", "UTC"))
        # A time without a zone is local, as in the cases.
        return column if kind.tz else pc.assume_timezone(column, ZONE)
    if name == "line_quantity":
        return _decimal(column, 4)
    if name == "line_amount":
        return _decimal(column, 2)
    if pa.types.is_dictionary(column.type):
        return column.unify_dictionaries()
    return column.cast(pa.string())


def _decimal(column: Any, places: int) -> Any:  # noqa: ANN401 -- Arrow
    if is_exact(column.type, places) and column.type.precision <= _DIGITS:
        return column
    # What the case's own column could not hold is refused with its file and column.
    return column.cast(pa.decimal128(_DIGITS, places))


def _encoded(column: Any) -> pa.DictionaryArray:  # noqa: ANN401 -- Arrow
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column.cast(pa.string()))
    return column.unify_dictionaries().combine_chunks()


def _owners(names: Sequence[pa.DictionaryArray], ids: pa.Array) -> Iterator[NDArray[np.int32]]:
    """The case of each line of each block, by its place among the ids; ``NONE``: another's."""
    # Looked up at once: each look-up reads all the ids first.
    words = pa.chunked_array([one.dictionary.cast(pa.string()) for one in names], pa.string())
    places = np.asarray(pc.fill_null(pc.index_in(words, ids), NONE)).astype(np.int32)
    start = 0
    for one in names:
        known = places[start : start + len(one.dictionary)]
        start += len(one.dictionary)
        at = np.asarray(pc.fill_null(one.indices, NONE))
        yield np.append(known, np.int32(NONE))[at]


def _lines(
    table: pa.Table, owners: NDArray[np.int32], words: Vocabulary, first: NDArray[np.int32]
) -> Lines:
    known = owners != NONE
    if not known.all():
        table, owners = table.filter(pa.array(known)), owners[known]
    if LINE in table.column_names:
        number = np.asarray(table[LINE].combine_chunks())
    else:
        number = first[owners] + _counted(owners)
        first += np.bincount(owners, minlength=len(first)).astype(np.int32)
    columns = {
        name: table[name].combine_chunks() if name in table.column_names else None
        for name in COLUMNS
    }
    return lines_of(columns, owners, number, words)


def _counted(owners: NDArray[np.int32]) -> NDArray[np.int32]:
    """The number of each line within its case, from 1, in the order of the lines."""
    order = np.argsort(owners, kind="stable")
    sorted_ = owners[order]
    starts = np.flatnonzero(np.append(True, sorted_[1:] != sorted_[:-1])) if len(order) else order
    sizes = np.diff(np.append(starts, len(order)))
    number = np.empty(len(owners), np.int32)
    number[order] = np.arange(len(order)) - np.repeat(starts, sizes) + 1
    return number


def _lengths(cases: pa.Table, name: str) -> NDArray[np.int64]:
    column = cases[name].combine_chunks()
    return np.asarray(pc.fill_null(pc.list_value_length(column), 0)).astype(np.int64)


def _beside(
    cases: pa.Table, name: str, lengths: NDArray[np.int64], kept: NDArray[np.bool_]
) -> pa.Array | None:
    """A list of the lines laid beside their amounts; empty where a case's list has another length."""
    own = _lengths(cases, name)
    flat = pc.list_flatten(cases[name].combine_chunks())
    if not np.array_equal(own, lengths):
        if not len(flat):
            return None
        same = own == lengths
        places = np.full(int(lengths.sum()), -1, np.int64)
        places[np.repeat(same, lengths)] = np.flatnonzero(np.repeat(same, own))
        flat = flat.take(pa.array(places, mask=places < 0))
    return flat if kept.all() else flat.filter(pa.array(kept))
