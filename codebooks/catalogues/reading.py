"""The rows of a catalogue file as a table; rows that cannot be read are kept apart with their faults."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from codebooks.catalogues.cells import CellParser
from codebooks.catalogues.forms import Kind
from codebooks.importers.cells import CellError
from codebooks.importers.report import TableRead

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codebooks.catalogues.columns import Table
    from codebooks.catalogues.forms import Form
    from codebooks.importers.notes import Notes

PLACES = (
    ("starts", pa.date32()),
    ("ends", pa.date32()),
    ("row", pa.int32()),
    ("sheet", pa.string()),
)
"""Beside the content: the row's own validity (``ends`` is the first day without it), and its place."""

LEFT_OUT = pa.schema(
    [
        ("key", pa.string()),
        ("code", pa.string()),
        ("sheet", pa.string()),
        ("row", pa.int32()),
        ("column", pa.string()),
        ("fault", pa.string()),
        ("found", pa.string()),
    ]
)
"""Rows that were left out, one line a fault; key and national code where they could be read."""


class _Fault(NamedTuple):
    at: int
    field: str | None
    code: str
    params: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a file.

    Attributes:
        rows: columns of the form's schema and :data:`PLACES`, each different row once.
        left_out: columns of :data:`LEFT_OUT`.
        rows_left_out: how many rows these are.
        tables: where the rows stood.
    """

    rows: pa.Table
    left_out: pa.Table
    rows_left_out: int
    tables: tuple[TableRead, ...]


def schema(form: Form) -> pa.Schema:
    """The columns of rows as they were read."""
    return pa.schema([*form.schema, *PLACES])


def read_tables(tables: Sequence[Table], form: Form, notes: Notes) -> Read:
    """Read the rows of all tables of a file.

    A row with a cell that cannot be read is left out whole: half of it would be a guess. Rows that
    repeat another whole are counted once.
    """
    parts = [schema(form).empty_table()]
    left: list[dict[str, object]] = []
    accounts = []
    gone = 0
    for table in tables:
        rows, faults, numbers = _read(table, form, notes)
        out = sorted({fault.at for fault in faults})
        gone += len(out)
        keep = np.ones(rows.num_rows, bool)
        keep[out] = False
        left += [_left(fault, rows, numbers, table, form) for fault in faults]
        parts.append(rows.filter(pa.array(keep)))
        place = table.where.sheet or table.where.file or ""
        header = table.sheet.first_row + table.header
        accounts.append(TableRead(form.kind, place, header, table.shown, int(keep.sum())))
    rows = _once(pa.concat_tables(parts), form, notes)
    if not rows.num_rows and not notes.refused:
        notes.error("IMPORT_TABLE_EMPTY", tables[0].where)
    return Read(rows, pa.Table.from_pylist(left, schema=LEFT_OUT), gone, tuple(accounts))


def _read(table: Table, form: Form, notes: Notes) -> tuple[pa.Table, list[_Fault], list[int]]:
    numbered = list(table.rows(notes))
    numbers = [number for number, _ in numbered]
    rows = [row for _, row in numbered]
    faults: list[_Fault] = []
    if not table.sheet.name:
        width = len(table.sheet.rows[table.header])
        faults += [
            _Fault(n, None, "IMPORT_ROW_WIDTH", {"found": len(row), "wanted": width})
            for n, row in enumerate(rows)
            if len(row) != width
        ]
    values = {
        field: _column(table, form, field, rows, faults)
        if field in table.at
        else [None] * len(rows)
        for field in form.fields
    }
    starts = values["valid_from"]
    ends = [
        min((day for day in pair if day is not None), default=None)
        for pair in zip(values["valid_last"], values["valid_to"], strict=True)
    ]
    faults += [
        _Fault(n, "valid_to", "CATALOGUE_PERIOD", {"start": start, "end": end})
        for n, (start, end) in enumerate(zip(starts, ends, strict=True))
        if start is not None and end is not None and end <= start
    ]
    _zero_prices(table, form, values, numbers, notes)
    faults.sort(key=lambda fault: fault.at)
    for fault in faults:
        notes.warning(fault.code, table.place(numbers[fault.at], fault.field), **fault.params)
    arrays: dict[str, Any] = {
        name: pa.array(values[name], type_)
        for name, type_ in zip(form.schema.names, form.schema.types, strict=True)
    }
    arrays["starts"], arrays["ends"] = pa.array(starts, pa.date32()), pa.array(ends, pa.date32())
    arrays["row"] = pa.array(numbers, pa.int32())
    arrays["sheet"] = pa.array([table.where.sheet] * len(rows), pa.string())
    return pa.table(arrays, schema=schema(form)), faults, numbers


def _column(
    table: Table,
    form: Form,
    field: str,
    rows: Sequence[Sequence[object]],
    faults: list[_Fault],
) -> list[Any]:
    parser = CellParser(form.fields[field], form.kind, percent=field in table.percent)
    read, at = parser.read, table.at[field]
    values: list[Any] = []
    for number, row in enumerate(rows):
        try:
            values.append(read(row[at] if at < len(row) else None))
        except CellError as error:
            faults.append(_Fault(number, field, error.code, error.params))
            values.append(None)
    return values


def _zero_prices(
    table: Table,
    form: Form,
    values: Mapping[str, list[Any]],
    numbers: Sequence[int],
    notes: Notes,
) -> None:
    """A price of nought is none: as a ceiling it would forbid every charge."""
    for field in form.content:
        if field.kind is not Kind.PRICE or field.name not in table.at:
            continue
        column = values[field.name]
        for at, value in enumerate(column):
            if value == 0 and value is not None:
                notes.warning("CATALOGUE_PRICE_ZERO", table.place(numbers[at], field.name))
                column[at] = None


def _left(
    fault: _Fault, rows: pa.Table, numbers: Sequence[int], table: Table, form: Form
) -> dict[str, object]:
    own = {name: rows[name][fault.at].as_py() for name in (form.key, "code")}
    place = table.place(numbers[fault.at], fault.field)
    return {
        "key": own[form.key],
        "code": own["code"],
        "sheet": place.sheet,
        "row": place.row,
        "column": place.column,
        "fault": fault.code,
        "found": str(fault.params.get("found", "")),
    }


def _once(rows: pa.Table, form: Form, notes: Notes) -> pa.Table:
    """Each different row once, the first of them."""
    names = [*form.schema.names, "starts", "ends"]
    first = (
        rows.select(names)
        .append_column("at", pa.array(range(rows.num_rows), pa.int64()))
        .group_by(names)
        .aggregate([("at", "min")])["at_min"]
        .to_numpy()
    )
    notes.mended("catalogue_repeat", rows.num_rows - len(first))
    return rows.take(pa.array(np.sort(first)))


def fault_counts(left_out: pa.Table) -> dict[str, int]:
    """How many faults of each kind rows were left out for."""
    return dict(sorted(Counter(left_out["fault"].to_pylist()).items()))
