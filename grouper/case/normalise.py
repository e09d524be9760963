"""The columnar path: a batch of an input's own columns to a batch of cases, and issues.

A column that is clean as it stands passes through (:mod:`grouper.case.columns`); of any other each
distinct value is read once by :mod:`grouper.case.reading`, as the scalar path reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.case import crosswalks
from grouper.case.columns import passed, passed_lists
from grouper.case.derive import USED, derive_columns
from grouper.case.fields import CASE_SCHEMA, FIELDS, Field
from grouper.case.issues import ISSUE_SCHEMA, Severity
from grouper.case.layout import Layout, Part, bind
from grouper.case.python_values import python_values
from grouper.case.reading import Group, Remark, Result, bound_groups
from grouper.case.record_reading import carry_over, default_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_REMEMBERED = 200_000
"""Readings kept from batch to batch, for each group of fields."""

Remarks = list[tuple[int, Remark]]
"""Remarks with their rows, counted from 0 within the batch."""


@dataclass(frozen=True)
class NormalisedBatch:
    """Cases and what is to be said about them.

    Attributes:
        cases: one row for each input row, in the columns of ``CASE_SCHEMA`` (a list of codes or a
            text may be dictionary-encoded, see :func:`plain`).
        issues: a table of ``ISSUE_SCHEMA``, by row.
        first_row: number of the first row (1-based).
    """

    cases: pa.RecordBatch
    issues: pa.Table
    first_row: int

    @cached_property
    def rejected(self) -> NDArray[np.bool_]:
        """For each row whether it is no case (an issue of severity ``reject``)."""
        return rejected_rows(self.issues, self.first_row, self.cases.num_rows)


def rejected_rows(issues: pa.Table, first_row: int, size: int) -> NDArray[np.bool_]:
    """For each of ``size`` rows whether an issue of severity ``reject`` stands against it."""
    mask = np.zeros(size, np.bool_)
    if issues.num_rows:
        rejects = issues.filter(pc.equal(issues["severity"], str(Severity.REJECT)))
        mask[rejects["row"].to_numpy() - first_row] = True
    return mask


def normalise(
    raw: pa.RecordBatch, first_row: int = 1, *, layout: Layout | None = None
) -> NormalisedBatch:
    """Bring one batch to cases.

    Args:
        raw: the input's own columns, text or typed.
        first_row: number of its first row, for the issues.
        layout: the meaning of the columns; by default their names decide.
    """
    return Normaliser(layout or bind(tuple(raw.schema.names)))(raw, first_row)


def plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch of cases in exactly ``CASE_SCHEMA``: nothing dictionary-encoded."""
    arrays = [
        column if column.type == kind else column.cast(kind)
        for column, kind in zip(batch.columns, CASE_SCHEMA.types, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=CASE_SCHEMA)


class Normaliser:
    """Normalises the batches of one input; what was read once is remembered."""

    def __init__(self, layout: Layout) -> None:
        self._groups = [(group, _Memo(group)) for group in bound_groups(layout)]
        self._defaults = default_values(layout)

    def __call__(self, raw: pa.RecordBatch, first_row: int = 1) -> NormalisedBatch:
        """Bring one batch to cases; see :func:`normalise`."""
        size = raw.num_rows
        columns: dict[str, pa.Array | None] = dict.fromkeys(FIELDS)
        remarks: Remarks = []
        for group, memo in self._groups:
            if group.bindings:
                bound = [raw.column(b.column) for b in group.bindings]
                arrays = _passed(group, bound) or memo.read(bound, remarks)
                columns.update(arrays)
        for name, value in self._defaults.items():
            columns[name] = _filled(FIELDS[name], columns[name], value, size)
        remarks += _carry_over(columns, size)
        derived, found = derive_columns({name: columns[name] for name in USED}, size)
        columns.update(derived)
        remarks += found
        full = [
            _absent(FIELDS[name].type, size) if column is None else column
            for name, column in columns.items()
        ]
        cases = pa.RecordBatch.from_arrays(full, names=list(columns))
        return NormalisedBatch(cases, remark_table(remarks, first_row), first_row)


def _passed(group: Group, columns: Sequence[pa.Array]) -> dict[str, pa.Array] | None:
    """The group's columns when they are clean as they stand."""
    if group.plain:
        column = passed(group.plain, columns[0])
        return None if column is None else {group.plain.name: column}
    names = [b.field for b in group.bindings]
    whole = all(b.part is Part.LIST and b.slot == 0 for b in group.bindings)
    if not whole or names[0] != group.fields[0].name or len(set(names)) < len(names):
        return None
    arrays = passed_lists([FIELDS[n] for n in names], columns)
    return None if arrays is None else dict(zip(names, arrays, strict=True))


class _Memo:
    """The readings of one group by raw values."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._known: dict[Any, Result] = {}

    def read(self, columns: Sequence[pa.Array], remarks: Remarks) -> dict[str, pa.Array]:
        """Read the columns, each distinct value (or row of values) once."""
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        if len(columns) == 1 and not pa.types.is_nested(columns[0].type):
            return self._distinct(columns[0], remarks)
        rows = zip(*(_values(column) for column in columns), strict=True)
        results = [self._result(row) for row in rows]
        remarks += [(at, remark) for at, r in enumerate(results) for remark in r.remarks]
        return self._arrays(results)

    def _distinct(self, column: pa.Array, remarks: Remarks) -> dict[str, pa.Array]:
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        results = [self._result((raw,)) for raw in python_values(coded.dictionary)]
        arrays = self._arrays(results)
        remarked = np.array([bool(r.remarks) for r in results] + [False])
        if remarked.any():
            places = pc.fill_null(coded.indices.cast(pa.int64()), len(results)).to_numpy()
            rows = np.flatnonzero(remarked[places])
            remarks += [(int(at), m) for at in rows for m in results[places[at]].remarks]
        return {name: array.take(coded.indices) for name, array in arrays.items()}

    def _result(self, raws: tuple[Any, ...]) -> Result:
        found = self._known.get(raws)
        if found is None:
            found = self._known[raws] = self._group.read(raws)
        return found

    def _arrays(self, results: Iterable[Result]) -> dict[str, pa.Array]:
        results = list(results)
        return {
            field.name: pa.array([r.values[at] for r in results], field.type)
            for at, field in enumerate(self._group.fields)
        }


def _values(column: pa.Array) -> list[Any]:
    """The values of a column as Python objects that can be remembered."""
    found = python_values(column)
    return [_frozen(value) for value in found] if pa.types.is_nested(column.type) else found


def _frozen(value: Any) -> Any:  # noqa: ANN401 -- whatever Arrow holds
    if isinstance(value, list | tuple):
        return tuple(_frozen(element) for element in value)
    if isinstance(value, dict):
        return frozenset((name, _frozen(element)) for name, element in value.items())
    return value


@lru_cache(maxsize=256)
def _absent(kind: pa.DataType, size: int) -> pa.Array:
    return pa.nulls(size, kind)


@lru_cache(maxsize=64)
def _constant(value: object, kind: pa.DataType, size: int) -> pa.Array:
    if pa.types.is_string(kind):
        # A text that all rows share is written once.
        return pa.DictionaryArray.from_arrays(
            pa.repeat(pa.scalar(0, pa.int32()), size), pa.array([value], kind)
        )
    return pa.repeat(pa.scalar(value, kind), size)


def _filled(field: Field, column: pa.Array | None, value: object, size: int) -> pa.Array:
    if column is None or column.null_count == size:
        return _constant(value, field.type, size)
    if not column.null_count:
        return column
    return pc.fill_null(column.cast(field.type), pa.scalar(value, field.type))


def _carry_over(columns: dict[str, pa.Array | None], size: int) -> Remarks:
    """Carry the codes of the rows that state clinical ones over, in place."""
    stated = columns["code_system"]
    names = ("code_system", *crosswalks.WALKS, *crosswalks.SINGLES)
    if stated is None or stated is _constant(crosswalks.INSURANCE, pa.string(), size):
        return []
    clinical = pc.equal(stated.cast(pa.string()), crosswalks.CLINICAL)
    rows = np.flatnonzero(clinical.to_numpy(zero_copy_only=False))
    if not len(rows):
        return []
    lists = {
        name: [None] * size if (column := columns[name]) is None else column.to_pylist()
        for name in names
    }
    remarks: Remarks = []
    for at in rows:
        values = {name: lists[name][at] for name in names}
        for name in crosswalks.WALKS:
            values[name] = tuple(values[name] or ())
        remarks += [(int(at), remark) for remark in carry_over(values)]
        for name in names:
            lists[name][at] = values[name]
    for name in names:
        columns[name] = pa.array(lists[name], FIELDS[name].type)
    return remarks


_ORDER = {name: at for at, name in enumerate(FIELDS)}


def remark_table(remarks: Remarks, first_row: int) -> pa.Table:
    """Remarks as a table of ``ISSUE_SCHEMA``, by row and by field."""
    if not remarks:
        return ISSUE_SCHEMA.empty_table()
    ordered = sorted(
        remarks, key=lambda r: (r[0], _ORDER.get(r[1].field, -1), r[1].reason, r[1].value)
    )
    rows = pa.array([at + first_row for at, _ in ordered], pa.int64())
    texts = [
        pa.array([str(getattr(remark, name)) for _, remark in ordered], pa.string())
        for name in ISSUE_SCHEMA.names[1:]
    ]
    return pa.Table.from_arrays([rows, *texts], schema=ISSUE_SCHEMA)
