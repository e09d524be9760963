"""Charge lines as they go from worker to worker: alike in all files, their texts encoded.

Of the texts of lines there are few: encoded, a line takes a third of the memory, and a bucket of many
lines is what a worker needs most of it for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.audit.charges import CASE, LINE, lines_in
from grouper.audit.lines import COLUMNS
from grouper.case.fields import CASE_SCHEMA
from grouper.spark.settings import settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

LINE_COLUMNS = (CASE, LINE, *COLUMNS, "line_name")
_NO_NUMBER = -(2**31)
"""Stands for a number that the file did not give; no line has it."""


def _kind(name: str) -> pa.DataType:
    """The type of a column of lines, texts plain."""
    if name == LINE:
        return pa.int32()
    if name not in CASE_SCHEMA.names or name == CASE:
        return pa.string()
    kind = CASE_SCHEMA.field(name).type.value_type
    return kind.value_type if pa.types.is_dictionary(kind) else kind


LINE_TEXTS = tuple(name for name in LINE_COLUMNS if pa.types.is_string(_kind(name)))


def lines_alike(table: pa.Table) -> pa.Table:
    """Lines with the columns of ``LINE_COLUMNS``, so that those of every file stand below each other.

    Args:
        table: as :func:`grouper.audit.charges.blocks_of` takes it.

    Raises:
        AuditError: ``AUDIT_CHARGES``: the table has not the columns.
    """
    # In slices: plain texts of a whole unit would take more than all that follows.
    size = settings()["line_slice"]
    starts = range(0, max(table.num_rows, 1), size)
    return pa.concat_tables([_alike(table.slice(at, size)) for at in starts]).unify_dictionaries()


def _alike(table: pa.Table) -> pa.Table:
    # All ids: the columns are read and made alike, and none is left out.
    every = pc.unique(table[CASE].cast(pa.string())) if CASE in table.column_names else None
    lines = lines_in(table, every)
    columns: dict[str, Any] = {}
    for name in LINE_COLUMNS:
        if name in lines.column_names:
            column = lines[name]
        elif name == LINE:
            column = pa.array(np.full(lines.num_rows, _NO_NUMBER, np.int32))
        else:
            column = pa.nulls(lines.num_rows, _kind(name))
        columns[name] = pc.dictionary_encode(column) if name in LINE_TEXTS else column
    return pa.table(columns)


def numbered(lines: pa.Table) -> pa.Table:
    """With the number of each line within its case where the file gave none, as the audit counts."""
    numbers = np.asarray(lines[LINE].combine_chunks()).copy()
    open_ = np.flatnonzero(numbers == _NO_NUMBER)
    if not len(open_):
        return lines
    codes = _codes(lines)[1][open_]
    order = np.argsort(codes, kind="stable")
    sorted_ = codes[order]
    starts = np.flatnonzero(np.append(True, sorted_[1:] != sorted_[:-1]))
    sizes = np.diff(np.append(starts, len(order)))
    counted = np.empty(len(order), np.int32)
    counted[order] = np.arange(len(order)) - np.repeat(starts, sizes) + 1
    numbers[open_] = counted
    return lines.set_column(lines.column_names.index(LINE), LINE, pa.array(numbers))


def owners(lines: pa.Table, ids: pa.Array) -> NDArray[np.int64]:
    """The place of each line's case among the ids; -1: it is not there.

    Args:
        lines: of :func:`lines_alike`.
        ids: texts, each once.
    """
    words, codes = _codes(lines)
    known = np.asarray(pc.fill_null(pc.index_in(words, ids), -1)).astype(np.int64)
    return np.append(known, -1)[codes]


def _codes(lines: pa.Table) -> tuple[pa.Array, NDArray[np.int64]]:
    """The ids of the cases, and the place of each line's among them; -1: the line has none."""
    cases = lines[CASE].unify_dictionaries().combine_chunks()
    return cases.dictionary, np.asarray(pc.fill_null(cases.indices, -1)).astype(np.int64)
