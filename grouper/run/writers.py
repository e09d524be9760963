"""Result files: the input's own columns and the grouping beside them, as the ending says.

A file is written under another name and takes its own only when it is whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from codebooks.errors import Where
from grouper.case.layout import unique_names
from grouper.run.destinations import OutputError, part_of
from grouper.run.plain_values import LIST_SEPARATOR, flat_text, json_line, python_values
from grouper.schemes.protocol import RESULT_SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

_BOM = b"\xef\xbb\xbf"


class Writer(Protocol):
    """Writes batches to one file."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


def open_writer(path: Path, schema: pa.Schema) -> Writer:
    """A writer for a path by its ending: ``.parquet``, ``.csv``, ``.jsonl`` or ``.ndjson``.

    Raises:
        OutputError: ``OUTPUT_FORMAT`` for another ending.
    """
    makers: dict[str, type[_Parquet | _Csv | _JsonLines]] = {
        ".parquet": _Parquet,
        ".csv": _Csv,
        ".jsonl": _JsonLines,
        ".ndjson": _JsonLines,
    }
    maker = makers.get(path.suffix.lower())
    if maker is None:
        known = ", ".join(makers)
        raise OutputError("OUTPUT_FORMAT", Where(file=path.name), found=path.suffix, known=known)
    return maker(part_of(path), schema)


def output_schema(original: pa.Schema) -> pa.Schema:
    """The input's columns, then the result's; every name stands once.

    An input column of a result's name gets a suffix, a repeated one a number.
    """
    taken = {*original.names, *RESULT_SCHEMA.names}
    names = [_set_apart(n, taken) if n in RESULT_SCHEMA.names else n for n in original.names]
    fields = [f.with_name(n) for f, n in zip(original, unique_names(names), strict=True)]
    return pa.schema([*fields, *RESULT_SCHEMA])


def _set_apart(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_input"
    return name


class _Parquet:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        # Columns that come encoded stay so; for the others building a dictionary costs more time
        # than it saves room.
        encoded = [p for f in schema if (p := _encoded_path(f)) is not None]
        # Bit-packed indices hold nothing for a compressor to find.
        compression = {_leaf_path(f): "none" if _encoded_path(f) else "lz4" for f in schema}
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression=compression,
            write_statistics=False,
            use_dictionary=encoded,
        )

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()


class _Csv:
    """CSV in UTF-8 with a byte order mark, which spreadsheets need for Chinese; lists are joined."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = path.open("wb")
        self._file.write(_BOM)
        flat = pa.schema([(f.name, _flat_type(f.type)) for f in schema])
        self._writer = pacsv.CSVWriter(self._file, flat)
        self._schema = flat

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [
            _flat(column).cast(f.type) for column, f in zip(batch, self._schema, strict=True)
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()
        self._file.close()


class _JsonLines:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        del schema  # each line names its own fields
        self._file = path.open("w", encoding="utf-8")

    def write(self, batch: pa.RecordBatch) -> None:
        names = batch.schema.names
        for values in zip(*(python_values(column) for column in batch.columns), strict=True):
            self._file.write(json_line(dict(zip(names, values, strict=True))) + "\n")

    def close(self) -> None:
        self._file.close()


def _leaf_path(field: pa.Field) -> str:
    nested = pa.types.is_list(field.type)
    return f"{field.name}.list.element" if nested else str(field.name)


def _encoded_path(field: pa.Field) -> str | None:
    """The Parquet path of a dictionary column or of a list of dictionary values."""
    if pa.types.is_dictionary(field.type):
        return str(field.name)
    if pa.types.is_list(field.type) and pa.types.is_dictionary(field.type.value_type):
        return f"{field.name}.list.element"
    return None


def _flat_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _flat_type(kind.value_type)
    return kind if _is_cell(kind) else pa.string()


def _is_cell(kind: pa.DataType) -> bool:
    """Whether CSV has a form for single values of a type (bytes and spans of time have none)."""
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    when = pa.types.is_date(kind) or pa.types.is_time(kind) or pa.types.is_timestamp(kind)
    return bool(number or text or when or pa.types.is_boolean(kind))


def _flat(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        return _flat(column.dictionary_decode())
    if _is_cell(column.type):
        return column
    if _is_list_of_cells(column.type):
        items = column.values
        if pa.types.is_dictionary(items.type):
            items = items.dictionary_decode()
        items = pc.fill_null(items.cast(pa.string()), "")
        kind = type(column).from_arrays(column.offsets, items, mask=_nulls(column))
        return pc.binary_join(kind, LIST_SEPARATOR)
    return pa.array([flat_text(value) for value in python_values(column)], pa.string())


def _is_list_of_cells(kind: pa.DataType) -> bool:
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return False
    item = kind.value_type
    return _is_cell(item.value_type if pa.types.is_dictionary(item) else item)


def _nulls(column: pa.Array) -> pa.Array | None:
    return column.is_null() if column.null_count else None
